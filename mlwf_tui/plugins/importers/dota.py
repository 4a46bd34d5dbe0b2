"""Imports DOTA: a text file of oriented boxes for each image, four corners in pixels and a class a line."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation, LabelSchema, Tag
from mlwf_tui.entities.folder import FolderListing, FoundFile
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.files import (
    Report,
    check_class_name,
    count_images,
    has_images,
    iter_fitting,
    read_bytes,
    read_lines,
    split_lines,
)
from mlwf_tui.plugins.importers.objects import make_oriented_box, make_tags, parse_value, read_number
from mlwf_tui.plugins.importers.pairs import iter_by_stem
from mlwf_tui.protocols import Description, Detection, ImportedItem

FOLDERS: Final = frozenset({"labeltxt", "labeltxt-v1.0", "labeltxt-v1.5", "annfiles"})
LAYOUT: Final = FOLDERS | {"images"}

_LOOKED_AT = 5
_HEADERS: Final = ("imagesource", "gsd", "acquisition dates")


class DotaImporter:
    """Oriented boxes of DOTA, corners in the file's order."""

    name = "dota"
    summary = "DOTA: labelTxt/ with a text file for each image, four corners, class and difficulty a line"

    def detect(self, folder: FolderListing) -> Detection | None:
        """Return high confidence where labelTxt holds lines of four corners and a class."""
        files = iter_fitting(folder, {".txt"}, lambda page: _is_label_folder(page.folder))
        first = next((file for file in islice(files, _LOOKED_AT) if _is_dota(file)), None)
        if first is None or not has_images(folder):
            return None
        where = f"{first.relative} has four corners and a class a line"
        return Detection(0.95, f"{where}, there are {count_images(folder)}")

    def read_schema(self, folder: FolderListing) -> LabelSchema:
        """Return nothing: the format declares no classes."""
        return LabelSchema()

    def iter_items(self, folder: FolderListing, report: Report) -> Iterator[ImportedItem]:
        """Yield every image in path order, with its text file.

        Raises:
            InvalidInput: there is none.
        """
        yield from iter_by_stem(
            folder, LAYOUT, {".txt"}, report, what="labelTxt of DOTA", is_source=_is_source
        )

    def read_key(self, folder: FolderListing) -> None:
        """Return nothing: a text file says all by itself."""

    def read_annotation(
        self, source: FoundFile, key: None, width_px: int, height_px: int, report: Report
    ) -> Description:
        """Return the objects of a text file; what its first lines say of the image is custom.

        Raises:
            InvalidInput: it is not text.
        """
        objects, custom = [], {}
        for number, line in enumerate(split_lines(read_bytes(source.location)), start=1):
            name, colon, value = line.partition(":")
            if colon and name.strip().lower() in _HEADERS:
                if value.strip().lower() not in ("", "null", "none"):
                    custom[name.strip().lower()] = parse_value(value.strip())
                continue
            try:
                if line:
                    objects.append(_read_line(line.split()))
            except InvalidInput as error:
                report(Problem(source.relative, f"line {number} {error.message}"))
        return Description(Annotation(tuple(objects), custom=custom))


def _is_source(file: FoundFile) -> bool:
    return _is_label_folder(file.folder)


def _is_label_folder(folder: str) -> bool:
    return folder.rpartition("/")[2].lower() in FOLDERS


def _is_dota(file: FoundFile) -> bool:
    try:
        lines = [line for line in read_lines(file.location) if line and ":" not in line]
        return bool(lines) and bool(_read_line(lines[0].split()))
    except InvalidInput:
        return False


def _read_line(words: list[str]) -> AnnotatedObject:
    """Return the object of a line: eight numbers, a class, and mostly how difficult it is."""
    if len(words) not in (9, 10):
        raise InvalidInput(f"has {len(words)} words, not four corners, a class and a difficulty")
    numbers = [read_number(word, "coordinate") for word in words[:8]]
    box = make_oriented_box(zip(numbers[::2], numbers[1::2], strict=True))
    difficulty = read_number(words[9], "difficulty") if len(words) == 10 else 0.0
    tags = make_tags({"difficult": True}) if difficulty == 1 else ()
    if difficulty not in (0, 1):
        tags = (Tag("difficult", difficulty),)
    return AnnotatedObject(check_class_name(words[8]), box, tags=tags)
