"""Imports Open Images: CSV files of boxes and image labels, class names beside them.

Boxes are told in shares of an image, so each image that has one is looked at for its size. For masks see
open_images_masks.py.
"""

from __future__ import annotations

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
from mlwf_tui.errors import InvalidInput, NotFound
from mlwf_tui.plugins.importers.files import (
    SPLIT_WORDS,
    Report,
    check_class_name,
    has_images,
    iter_numbered,
    report_faults,
)
from mlwf_tui.plugins.importers.objects import make_box, read_number
from mlwf_tui.plugins.importers.open_images_masks import OpenImagesMasksImporter
from mlwf_tui.plugins.importers.open_images_tables import (
    LAYOUT,
    Sizes,
    is_mask,
    iter_rows,
    read_names,
    tell_missing,
)
from mlwf_tui.plugins.importers.tables import OfManyImages, Table
from mlwf_tui.protocols.importers import Detection, ImportedItem

VARIANT: Final = "segmentation"

_BOXES: Final = re.compile(r"(?:.*[-_])?(train|validation|test)[-_]annotations[-_]bbox\.csv")
_LABELS: Final = re.compile(r"(?:.*[-_])?(train|validation|test)[-_]annotations.*labels?.*\.csv")
_FLAGS: Final = {
    "IsOccluded": "occluded", "IsTruncated": "truncated", "IsGroupOf": "group_of",
    "IsDepiction": "depiction", "IsInside": "inside",
}  # fmt: skip


class OpenImagesImporter(OfManyImages):
    """Boxes and image labels of Open Images."""

    name = "open_images"
    summary = "Open Images: CSV files of boxes and of image labels, with class descriptions"
    variants = (VARIANT,)

    def choose(self, variant: str) -> OpenImagesMasksImporter:
        """Return the importer of the masks.

        Raises:
            NotFound: there is no such variant.
        """
        if variant != VARIANT:
            raise NotFound(
                f"There is no format 'open_images:{variant}'.",
                hint=f"After open_images: can stand {VARIANT} alone.",
            )
        return OpenImagesMasksImporter()

    def detect(self, folder: FolderListing) -> Detection | None:
        """Return high confidence where a CSV file is called so, and there are images.

        The masks are taken where there is no table but theirs.
        """
        sources, masks = _choose_sources(folder), OpenImagesMasksImporter().detect(folder)
        if not sources or not has_images(folder):
            return masks
        told = f"; {OpenImagesMasksImporter.name} would read the masks" if masks else ""
        return Detection(0.95, f"{sources[0].relative} is a table of Open Images{told}")

    def read_schema(self, folder: FolderListing) -> LabelSchema:
        """Return the described classes in the order of their file; those of images as tags, too."""
        names = tuple(dict.fromkeys(read_names(folder).values()))
        has_labels = any(_LABELS.fullmatch(file.name) for file in _choose_sources(folder))
        tags = tuple(TagDefinition(name, target="items") for name in names) if has_labels else ()
        return LabelSchema(define_classes(names, geometry=None), tags)

    def iter_items(self, folder: FolderListing, report: Report) -> Iterator[ImportedItem]:
        """Yield every image in path order.

        Raises:
            InvalidInput: there is no table that can be read.
        """
        report_faults(folder, IMAGE_SUFFIXES | {".csv"}, report)
        table, names = Table.of(folder), read_names(folder)

        def read(source: FoundFile) -> None:
            _Source(source, table, names, report).read()

        table.read_all(_choose_sources(folder), read, report, what="table of Open Images")
        yield from table.iter_items(LAYOUT, report, is_image=lambda image: not is_mask(image))
        if masks := sum(is_mask(image) for _, image in iter_numbered(folder, {".png"})):
            told = f"{masks:,} masks are not read: {OpenImagesMasksImporter.name} does"
            report(Problem(OpenImagesMasksImporter.title, told))


def _choose_sources(folder: FolderListing) -> list[FoundFile]:
    files = (file for _, file in iter_numbered(folder, {".csv"}))
    return [file for file in files if _BOXES.fullmatch(file.name) or _LABELS.fullmatch(file.name)]


class _Source:
    """One table that is being read; rows of one image stand together, mostly."""

    def __init__(self, source: FoundFile, table: Table, names: Mapping[str, str], report: Report) -> None:
        self._source, self._table, self._names, self._report = source, table, names, report
        boxes, labels = _BOXES.fullmatch(source.name), _LABELS.fullmatch(source.name)
        word = (boxes or labels or ["", ""])[1]
        self._is_boxes, self._split = boxes is not None, SPLIT_WORDS.get(str(word), Split.NONE)
        self._sizes = Sizes(table.finder)
        self._missing = 0

    def read(self) -> None:
        """Enter the rows; those of images that are not in the folder are counted, not told one by one."""
        for number, row in iter_rows(self._source, ("ImageID", "LabelName")):
            try:
                self._enter(row)
            except InvalidInput as error:
                self._report(Problem(self._source.relative, f"line {number} {error.message}"))
        if self._missing:
            self._report(Problem(self._source.relative, tell_missing(self._missing)))

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
        width, height = self._sizes.read(position)
        left, right, top, bottom = (read_number(row.get(n), n) for n in ("XMin", "XMax", "YMin", "YMax"))
        tags = tuple(Tag(name) for column, name in _FLAGS.items() if row.get(column) == "1")
        box = make_box(left * width, top * height, right * width, bottom * height)
        return AnnotatedObject(class_name, box, tags=tags)
