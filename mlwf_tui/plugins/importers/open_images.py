"""Imports Open Images: CSV files of boxes and image labels, class names beside them; masks are not read.

Boxes are told in shares of an image, so each image that has one is looked at for its size.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from typing import Final

from mlwf_tui.entities.annotation import (
    AnnotatedObject,
    LabelSchema,
    Tag,
    TagDefinition,
    define_classes,
)
from mlwf_tui.entities.folder import FolderListing, FoundFile
from mlwf_tui.entities.item import IMAGE_SUFFIXES, Split
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.media.probe import probe_image
from mlwf_tui.plugins.importers.files import (
    SPLIT_WORDS,
    Report,
    check_class_name,
    has_images,
    iter_numbered,
    read_bytes,
    report_faults,
    show_path,
)
from mlwf_tui.plugins.importers.objects import make_box, read_number
from mlwf_tui.plugins.importers.tables import OfManyImages, Table
from mlwf_tui.protocols import Detection, ImportedItem

LAYOUT: Final = frozenset({"images", "annotations"})

_BOXES: Final = re.compile(r"(?:.*[-_])?(train|validation|test)[-_]annotations[-_]bbox\.csv")
_LABELS: Final = re.compile(r"(?:.*[-_])?(train|validation|test)[-_]annotations.*labels?.*\.csv")
_NAMES: Final = re.compile(r".*class-descriptions.*\.csv")
_FLAGS: Final = {
    "IsOccluded": "occluded", "IsTruncated": "truncated", "IsGroupOf": "group_of",
    "IsDepiction": "depiction", "IsInside": "inside",
}  # fmt: skip
_MAX_IMAGE_BYTES: Final = 1 << 30


class OpenImagesImporter(OfManyImages):
    """Boxes and image labels of Open Images."""

    name = "open_images"
    summary = "Open Images: CSV files of boxes and of image labels, with class descriptions"

    def detect(self, folder: FolderListing) -> Detection | None:
        """Return high confidence where a CSV file is called so, and there are images."""
        sources = _choose_sources(folder)
        if not sources or not has_images(folder):
            return None
        return Detection(0.95, f"{sources[0].relative} is a table of Open Images")

    def read_schema(self, folder: FolderListing) -> LabelSchema:
        """Return the described classes in the order of their file; those of images as tags, too."""
        names = tuple(dict.fromkeys(_read_names(folder).values()))
        has_labels = any(_LABELS.fullmatch(file.name) for file in _choose_sources(folder))
        tags = tuple(TagDefinition(name, target="items") for name in names) if has_labels else ()
        return LabelSchema(define_classes(names, geometry=None), tags)

    def iter_items(self, folder: FolderListing, report: Report) -> Iterator[ImportedItem]:
        """Yield every image in path order.

        Raises:
            InvalidInput: there is no table that can be read.
        """
        report_faults(folder, IMAGE_SUFFIXES | {".csv"}, report)
        table, names = Table.of(folder), _read_names(folder)

        def read(source: FoundFile) -> None:
            _Source(source, table, names, report).read()

        table.read_all(_choose_sources(folder), read, report, what="table of Open Images")
        yield from table.iter_items(LAYOUT, report)


def _choose_sources(folder: FolderListing) -> list[FoundFile]:
    files = (file for _, file in iter_numbered(folder, {".csv"}))
    return [file for file in files if _BOXES.fullmatch(file.name) or _LABELS.fullmatch(file.name)]


def _read_names(folder: FolderListing) -> Mapping[str, str]:
    """Return the classes' names by their ids (`/m/01g317`); a bad line names none."""
    names: dict[str, str] = {}
    for _, file in iter_numbered(folder, {".csv"}):
        if not _NAMES.fullmatch(file.name):
            continue
        try:
            for row in _iter_rows(file):
                if len(row) >= 2 and row[0] != "LabelName":
                    names.setdefault(row[0], check_class_name(row[1]))
        except InvalidInput:
            continue  # its classes go by their ids
    return names


def _iter_rows(file: FoundFile) -> Iterator[list[str]]:
    """Yield the rows of a CSV file, which may be larger than the memory.

    Raises:
        InvalidInput: it is no CSV; the message follows its name.
    """
    try:
        with file.path.open(encoding="utf-8", newline="") as lines:
            yield from csv.reader(lines)
    except OSError as error:
        raise InvalidInput(f"cannot be read: {error.strerror}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise InvalidInput(f"is not CSV: {error}") from error


class _Source:
    """One table that is being read; rows of one image stand together, mostly."""

    def __init__(self, source: FoundFile, table: Table, names: Mapping[str, str], report: Report) -> None:
        self._source, self._table, self._names, self._report = source, table, names, report
        boxes, labels = _BOXES.fullmatch(source.name), _LABELS.fullmatch(source.name)
        word = (boxes or labels or ["", ""])[1]
        self._is_boxes, self._split = boxes is not None, SPLIT_WORDS.get(str(word), Split.NONE)
        self._sizes: dict[int, tuple[int, int]] = {}
        self._missing = 0

    def read(self) -> None:
        """Enter the rows; those of images that are not in the folder are counted, not told one by one."""
        rows = _iter_rows(self._source)
        header = {name: at for at, name in enumerate(next(rows, []))}
        if not {"ImageID", "LabelName"} <= header.keys():
            raise InvalidInput("has no columns ImageID and LabelName")
        for number, row in enumerate(rows, start=2):
            try:
                values = {name: row[at] for name, at in header.items() if at < len(row)}
                self._enter(values)
            except InvalidInput as error:
                self._report(Problem(self._source.relative, f"line {number} {error.message}"))
        if self._missing:
            self._report(
                Problem(
                    self._source.relative, f"{self._missing:,} rows are of images that are not in the folder"
                )
            )

    def _enter(self, row: Mapping[str, str]) -> None:
        try:
            position = self._table.index.find_stem(self._source, row.get("ImageID", ""))
        except InvalidInput:
            self._missing += 1
            return
        label = row.get("LabelName", "")
        class_name = self._names.get(label) or check_class_name(label)
        entry = self._table.enter(position, self._source, self._split)
        if self._is_boxes:
            entry.objects.append(self._read_box(row, class_name, position))
        elif read_number(row.get("Confidence") or "1", "confidence") > 0:  # 0: verified not to be there
            entry.tags.append(Tag(class_name))

    def _read_box(self, row: Mapping[str, str], class_name: str, position: int) -> AnnotatedObject:
        width, height = self._read_size(position)
        left, right, top, bottom = (read_number(row.get(n), n) for n in ("XMin", "XMax", "YMin", "YMax"))
        tags = tuple(Tag(name) for column, name in _FLAGS.items() if row.get(column) == "1")
        box = make_box(left * width, top * height, right * width, bottom * height)
        return AnnotatedObject(class_name, box, tags=tags)

    def _read_size(self, position: int) -> tuple[int, int]:
        if position not in self._sizes:
            image = self._table.finder.get(position)
            try:
                facts = probe_image(read_bytes(image.location, _MAX_IMAGE_BYTES))
            except InvalidInput as error:
                raise InvalidInput(f"is of {show_path(image.relative)}, which {error.message}") from error
            self._sizes[position] = facts.width_px, facts.height_px
        return self._sizes[position]
