"""Imports WIDER FACE: wider_face_split/*_bbx_gt.txt, which tells the faces of all images of a split."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from mlwf_tui.entities.annotation import AnnotatedObject, LabelSchema, Tag, define_classes
from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.folder import FolderListing, FoundFile
from mlwf_tui.entities.item import IMAGE_SUFFIXES, Split
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.files import (
    SPLIT_WORDS,
    Report,
    has_images,
    iter_fitting,
    read_lines,
    report_faults,
    show_path,
)
from mlwf_tui.plugins.importers.objects import make_box, read_number
from mlwf_tui.plugins.importers.tables import Entry, OfManyImages, Table
from mlwf_tui.protocols.importers import Detection, ImportedItem

LAYOUT: Final = frozenset({"images", "wider_train", "wider_val", "wider_test"})
CLASS_NAME: Final = "face"

_ENDING: Final = "_bbx_gt.txt"
_FACTS: Final = ("blur", "expression", "illumination", "invalid", "occluded", "pose")
_FLAGS: Final = frozenset({"expression", "illumination", "invalid", "pose"})  # 0 or 1; the others go to 2


class WiderFaceImporter(OfManyImages):
    """Faces with their attributes as tags."""

    name = "wider_face"
    summary = "WIDER FACE: *_bbx_gt.txt with the faces of all images, and their attributes"

    def detect(self, folder: FolderListing) -> Detection | None:
        """Return high confidence where there is such a file, and images."""
        source = next(iter(_choose_sources(folder)), None)
        if source is None or not has_images(folder):
            return None
        return Detection(0.97, f"{source.relative} tells WIDER's faces")

    def read_schema(self, folder: FolderListing) -> LabelSchema:
        """Return the one class."""
        return LabelSchema(define_classes((CLASS_NAME,)))

    def iter_items(self, folder: FolderListing, report: Report) -> Iterator[ImportedItem]:
        """Yield every image in path order; an event's folder is its dataset.

        Raises:
            InvalidInput: there is no file of faces that can be read.
        """
        report_faults(folder, IMAGE_SUFFIXES | {".txt"}, report)
        table = Table.of(folder)

        def read(source: FoundFile) -> None:
            _read_source(source, table, report)

        table.read_all(_choose_sources(folder), read, report, what=f"*{_ENDING}")
        yield from table.iter_items(LAYOUT, report)


def _choose_sources(folder: FolderListing) -> list[FoundFile]:
    files = iter_fitting(folder, {".txt"}, lambda page: _ENDING in page.names)
    return [file for file in files if file.name.endswith(_ENDING)]


def _read_source(source: FoundFile, table: Table, report: Report) -> None:
    """Enter a file: an image's path, how many faces it has, and as many lines, one of zeros for none."""
    words = source.name.removesuffix(_ENDING).split("_")
    split = next((SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS), Split.NONE)
    lines = iter(enumerate(read_lines(source.location), start=1))
    for number, name in lines:
        if not name:
            continue
        _, count = next(lines, (0, ""))
        if not count.isdecimal() or len(count) > 6:
            shown = show_path(count[:40])
            raise InvalidInput(f"line {number + 1} has {shown!r} where the number of faces should be")
        faces = list(islice(lines, max(1, int(count))))
        try:
            position = table.index.find(source, name)
            if position in table.entries:
                raise InvalidInput(f"{show_path(name)} is described already")
            entry = table.enter(position, source, split)
        except InvalidInput as error:
            report(Problem(source.relative, f"line {number}: {error.message}"))
            continue
        if int(count):
            _enter_faces(faces, entry, source, report)


def _enter_faces(faces: list[tuple[int, str]], entry: Entry, source: FoundFile, report: Report) -> None:
    for number, line in faces:
        try:
            entry.objects.append(_read_face(line.split()))
        except InvalidInput as error:
            report(Problem(source.relative, f"line {number} {error.message}"))


def _read_face(words: list[str]) -> AnnotatedObject:
    if len(words) not in (4, 10):
        raise InvalidInput(f"has {format_count(len(words), 'number')}, not a box and six attributes")
    left, top, width, height, *facts = (read_number(word, "number") for word in words)
    tags = tuple(
        Tag(name) if name in _FLAGS else Tag(name, value)
        for name, value in zip(_FACTS, facts, strict=bool(facts))
        if value
    )
    return AnnotatedObject(CLASS_NAME, make_box(left, top, left + width, top + height), tags=tags)
