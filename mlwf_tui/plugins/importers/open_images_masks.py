"""Imports the masks of Open Images: CSV files that name a PNG for each object.

A PNG may be of another size than its image; its pixels are stretched to it then.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from mlwf_tui.entities.annotation import (
    AnnotatedObject,
    Annotation,
    Geometry,
    LabelSchema,
    define_classes,
)
from mlwf_tui.entities.folder import FileFinder, FolderListing, FoundFile
from mlwf_tui.entities.item import IMAGE_SUFFIXES, Split
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.files import (
    SPLIT_WORDS,
    Report,
    check_bare_name,
    check_class_name,
    has_images,
    iter_numbered,
    read_bytes,
    report_faults,
)
from mlwf_tui.plugins.importers.objects import read_number
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

_TABLE: Final = re.compile(
    r"(?:.*[-_])?(train|validation|test)[-_]annotations[-_]object[-_]segmentation\.csv"
)


class _Row(NamedTuple):
    """A mask that is still to be read."""

    class_name: str
    position: int  # of its PNG
    custom: dict[str, str | float | bool]


class OpenImagesMasksImporter(OfManyImages):
    """A mask for each row."""

    name = "open_images:segmentation"
    summary = "Open Images: CSV files of masks, and a PNG for each object"
    title = "annotations-object-segmentation.csv"

    def detect(self, folder: FolderListing) -> Detection | None:
        """Return high confidence where a CSV file is called so, and there are images."""
        sources = _choose_sources(folder)
        if not sources or not has_images(folder):
            return None
        return Detection(0.95, f"{sources[0].relative} is a table of Open Images' masks", self.name)

    def read_schema(self, folder: FolderListing) -> LabelSchema:
        """Return the described classes in the order of their file."""
        return LabelSchema(define_classes(tuple(dict.fromkeys(read_names(folder).values())), geometry=None))

    def iter_items(self, folder: FolderListing, report: Report) -> Iterator[ImportedItem]:
        """Yield every image in path order, with its masks, which are read then.

        Raises:
            InvalidInput: there is no table that can be read.
        """
        report_faults(folder, IMAGE_SUFFIXES | {".csv"}, report)
        table, names = Table.of(folder), read_names(folder)
        rows: dict[int, list[_Row]] = {}
        masks = _Masks(folder, table.finder)

        def read(source: FoundFile) -> None:
            _read_table(source, table, masks, names, rows, report)

        table.read_all(_choose_sources(folder), read, report, what="table of Open Images' masks")
        sizes = Sizes(table.finder)
        items = table.iter_items(LAYOUT, report, is_image=lambda image: not is_mask(image))
        for item in items:
            position = table.finder.find(item.image.folder, item.image.name)
            of_image = rows.pop(position, []) if position is not None else []
            objects = masks.read(of_image, sizes, position, report) if position is not None else ()
            yield ImportedItem(
                image=item.image,
                dataset=item.dataset,
                name=item.name,
                split=item.split,
                annotation=Annotation(objects),
            )


def _choose_sources(folder: FolderListing) -> list[FoundFile]:
    return [file for _, file in iter_numbered(folder, {".csv"}) if _TABLE.fullmatch(file.name)]


def _read_table(
    source: FoundFile,
    table: Table,
    masks: _Masks,
    names: Mapping[str, str],
    rows: dict[int, list[_Row]],
    report: Report,
) -> None:
    """Note the rows of images that are in the folder; the others are counted."""
    named = _TABLE.fullmatch(source.name)
    split = SPLIT_WORDS.get(named[1] if named else "", Split.NONE)
    missing = 0
    for number, row in iter_rows(source, ("ImageID", "LabelName", "MaskPath")):
        try:
            position = table.index.find_stem(source, row["ImageID"])
        except (InvalidInput, KeyError):
            missing += 1
            continue
        table.enter(position, source, split)
        try:
            label = row.get("LabelName", "")
            class_name = names.get(label) or check_class_name(label)
            mask = masks.find(row.get("MaskPath", ""))
            rows.setdefault(position, []).append(_Row(class_name, mask, _read_facts(row)))
        except InvalidInput as error:
            report(Problem(source.relative, f"line {number} {error.message}"))
    if missing:
        report(Problem(source.relative, tell_missing(missing)))


def _read_facts(row: Mapping[str, str]) -> dict[str, str | float | bool]:
    facts: dict[str, str | float | bool] = {}
    if row.get("BoxID"):
        facts["box_id"] = row["BoxID"]  # which may look like a number
    if row.get("PredictedIoU"):
        facts["predicted_iou"] = read_number(row["PredictedIoU"], "PredictedIoU")
    return facts


class _Masks:
    """Finds and reads the PNGs of objects, which lie in folders of any name."""

    def __init__(self, folder: FolderListing, finder: FileFinder) -> None:
        self._finder = finder
        pages = (page for page in folder.pages if page.list_ending({".png"}))
        self._folders = tuple(dict.fromkeys(page.folder for page in pages))

    def find(self, name: str) -> int:
        """Return the position of a PNG.

        Raises:
            InvalidInput: the name is a path, or there is none of it.
        """
        check_bare_name(name)
        for folder in self._folders:
            position = self._finder.find(folder, name)
            if position is not None:
                return position
        raise InvalidInput(f"names the mask {name}, which is missing")

    def read(
        self, rows: list[_Row], sizes: Sizes, position: int, report: Report
    ) -> tuple[AnnotatedObject, ...]:
        """Return the objects of the image at a position; a mask that cannot be used is reported."""
        objects = []
        for row in rows:
            png = self._finder.get(row.position)
            try:
                geometry = _decode(png, sizes.read(position))
                objects.append(AnnotatedObject(row.class_name, geometry, custom=row.custom))
            except InvalidInput as error:
                report(Problem(png.relative, error.message))
        return tuple(objects)


def _decode(png: FoundFile, size: tuple[int, int]) -> Geometry:
    """Return the pixels of a PNG that are not black, stretched to an image's size (width, height)."""
    import numpy as np

    from mlwf_tui.plugins.importers.label_maps import decode_map, make_mask, pack_colors

    pixels = pack_colors(decode_map(read_bytes(png.location))) != 0  # (h, w)
    height_px, width_px = pixels.shape
    rows = ((np.arange(size[1]) + 0.5) * height_px / size[1]).astype(int)  # the nearest row of each
    columns = ((np.arange(size[0]) + 0.5) * width_px / size[0]).astype(int)
    return make_mask(pixels[rows][:, columns])
