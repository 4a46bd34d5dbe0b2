"""Imports KITTI's object detection: label_2/ with a text file for each image of image_2/.

The box is the object; truncation and occlusion are tags; what is said of it in three dimensions is custom.
"""

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
from mlwf_tui.plugins.importers.objects import make_box, read_number
from mlwf_tui.plugins.importers.pairs import iter_by_stem
from mlwf_tui.protocols import Description, Detection, ImportedItem

FOLDERS: Final = frozenset({"label_2", "label_3"})
LAYOUT: Final = FOLDERS | {"image_2", "image_3"}

_LOOKED_AT = 5
_FACTS: Final = ("alpha", "height_m", "width_m", "length_m", "x_m", "y_m", "z_m", "rotation_y")
_UNKNOWN: Final = (-10.0, -1.0, -1.0, -1.0, -1000.0, -1000.0, -1000.0, -10.0)


class KittiImporter:
    """Boxes of KITTI's labels, coordinates exactly as the files have them."""

    name = "kitti"
    summary = "KITTI detection: label_2/ with a text file for each image of image_2/"

    def detect(self, folder: FolderListing) -> Detection | None:
        """Return high confidence where label_2 holds lines as KITTI has them."""
        files = iter_fitting(folder, {".txt"}, lambda page: _is_label_folder(page.folder))
        first = next((file for file in islice(files, _LOOKED_AT) if _is_kitti(file)), None)
        if first is None or not has_images(folder):
            return None
        return Detection(0.95, f"{first.relative} has KITTI's lines, there are {count_images(folder)}")

    def read_schema(self, folder: FolderListing) -> LabelSchema:
        """Return nothing: the format declares no classes."""
        return LabelSchema()

    def iter_items(self, folder: FolderListing, report: Report) -> Iterator[ImportedItem]:
        """Yield every image in path order, with its text file.

        Raises:
            InvalidInput: there is none.
        """
        yield from iter_by_stem(
            folder, LAYOUT, {".txt"}, report, what="label_2 of KITTI", is_source=_is_source
        )

    def read_key(self, folder: FolderListing) -> None:
        """Return nothing: a text file says all by itself."""

    def read_annotation(
        self, source: FoundFile, key: None, width_px: int, height_px: int, report: Report
    ) -> Description:
        """Return the objects of a text file.

        Raises:
            InvalidInput: it is not text.
        """
        objects = []
        for number, line in enumerate(split_lines(read_bytes(source.location)), start=1):
            try:
                if words := line.split():
                    objects.append(_read_line(words))
            except InvalidInput as error:
                report(Problem(source.relative, f"line {number} {error.message}"))
        return Description(Annotation(tuple(objects)))


def _is_source(file: FoundFile) -> bool:
    return _is_label_folder(file.folder)


def _is_label_folder(folder: str) -> bool:
    return folder.rpartition("/")[2].lower() in FOLDERS


def _is_kitti(file: FoundFile) -> bool:
    try:
        lines = [line for line in read_lines(file.location) if line]
        return bool(lines) and bool(_read_line(lines[0].split()))
    except InvalidInput:
        return False


def _read_line(words: list[str]) -> AnnotatedObject:
    """Return the object of a line: class, truncation, occlusion, angle, box, size, place, rotation, score."""
    if len(words) not in (15, 16):
        raise InvalidInput(f"has {len(words)} words, not 15, or 16 with a score")
    truncated, occluded, alpha, left, top, right, bottom, *space = (
        read_number(word, "number") for word in words[1:]
    )
    tags = []
    if truncated > 0:
        tags.append(Tag("truncated", truncated))
    if occluded > 0:
        tags.append(Tag("occluded", occluded))
    told = zip(_FACTS, (alpha, *space[:7]), _UNKNOWN, strict=True)
    custom = {name: value for name, value, unknown in told if value != unknown}
    confidence = min(max(space[7], 0.0), 1.0) if len(space) > 7 else None
    box = make_box(left, top, right, bottom)
    return AnnotatedObject(check_class_name(words[0]), box, confidence, tags=tuple(tags), custom=custom)
