"""Writes Pascal VOC: an XML file for each image, with masks two PNGs as well, and the splits in ImageSets.

VOC has one folder of images and tells them apart by stem, so datasets become a part of the file's name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import msgspec

from mlwf_tui.entities.abilities import Abilities
from mlwf_tui.entities.annotation import AnnotatedObject, GeometryKind, LabelSchema
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.entities.run import Problem
from mlwf_tui.plugins.exporters.files import (
    FileNames,
    Folders,
    escape_xml,
    flatten,
    require_items,
    split_name,
)
from mlwf_tui.plugins.exporters.voc_masks import Painter
from mlwf_tui.protocols.exporters import ExportedItem, ExportSummary
from mlwf_tui.protocols.observer import Observer

_NO_SPLIT = "default"  # other tools take a folder without any list for none of VOC's
FLAGS = ("truncated", "difficult", "occluded")

_WITH_AREA = (
    GeometryKind.RECTANGLE,
    GeometryKind.POLYGON,
    GeometryKind.MASK,
    GeometryKind.ORIENTED_BOX,
)


class VocExporter:
    """Objects with their pose and flags; coordinates of boxes as they are, which may be fractions."""

    name = "voc"
    summary = "Pascal VOC: an XML file for each image, splits in ImageSets/Main"
    abilities = Abilities(
        geometries=dict.fromkeys(_WITH_AREA, GeometryKind.RECTANGLE),
        object_tags=(*FLAGS, "pose"),
        valued_tags=("pose",),
    )

    def __init__(self, *, has_masks: bool = False) -> None:
        self._has_masks = has_masks
        if has_masks:
            self.name = "voc-segmentation"
            self.summary = "Pascal VOC: SegmentationClass/ and SegmentationObject/ with a PNG for each image"
            self.abilities = msgspec.structs.replace(
                self.abilities,
                geometries=dict.fromkeys(_WITH_AREA, GeometryKind.MASK),
                is_clipped=True,
                is_closed=True,
                is_flat=True,
                has_unused_classes=True,
                precision="whole pixels",
            )

    def write(
        self, items: Iterable[ExportedItem], schema: LabelSchema, folder: Path, observer: Observer
    ) -> ExportSummary:
        """Write all items; those without a split are in the list `default`, as Datumaro has it.

        Raises:
            InvalidInput: there are no items.
        """
        folders, names, files, problems = Folders(folder), FileNames(), dict[str, str](), list[Problem]()
        annotations = folders.make("Annotations")
        painter = Painter(folders, schema) if self._has_masks else None
        with ExitStack() as stack:
            lists: dict[str, IO[str]] = {}
            for exported in items:
                observer.check_cancelled()
                item = exported.item
                stem, suffix = _choose_name(item, names)
                path = f"JPEGImages/{stem}{suffix}"
                folders.place(exported, path)
                if painter is not None:
                    item = painter.paint(item, stem, problems)
                text = "".join(_iter_lines(item, f"{stem}{suffix}", is_segmented=self._has_masks))
                (annotations / f"{stem}.xml").write_text(text, "utf-8")
                subset = _NO_SPLIT if item.split is Split.NONE else item.split.value
                if subset not in lists:
                    kind = "Segmentation" if self._has_masks else "Main"
                    path_of_list = folders.make(f"ImageSets/{kind}") / f"{subset}.txt"
                    lists[subset] = stack.enter_context(path_of_list.open("x", encoding="utf-8"))
                lists[subset].write(f"{stem}\n")
                files[path] = item.key
        require_items(len(files))
        return ExportSummary(files=files, problems=tuple(problems), renamed_count=names.renamed_count)

    def count_renamed(self, items: Iterable[Item]) -> int:
        """Return how many items get another name; see the contract `RenamingExporter.count_renamed`."""
        names = FileNames()
        for item in items:
            _choose_name(item, names)
        return names.renamed_count


def make_segmentation() -> VocExporter:
    """Return the exporter of masks, which writes their boxes as well."""
    return VocExporter(has_masks=True)


def _choose_name(item: Item, names: FileNames) -> tuple[str, str]:
    """Return the stem of an item's files, and its image's suffix."""
    suffix = split_name(item.name)[1]
    return names.choose("", flatten(item), suffix, item), suffix


def _iter_lines(item: Item, file_name: str, *, is_segmented: bool) -> Iterator[str]:
    yield "<annotation>\n"
    yield f"  <folder>JPEGImages</folder>\n  <filename>{escape_xml(file_name)}</filename>\n"
    yield f"  <size><width>{item.width_px}</width><height>{item.height_px}</height><depth>3</depth></size>\n"
    yield f"  <segmented>{int(is_segmented)}</segmented>\n"
    for labelled in item.annotation.objects:
        yield from _iter_object_lines(labelled)
    yield "</annotation>\n"


def _iter_object_lines(labelled: AnnotatedObject) -> Iterator[str]:
    tags = {tag.name: tag.value for tag in labelled.tags}
    yield f"  <object>\n    <name>{escape_xml(labelled.class_name)}</name>\n"
    yield f"    <pose>{escape_xml(tags.get('pose') or 'Unspecified')}</pose>\n"
    for flag in FLAGS:
        yield f"    <{flag}>{int(flag in tags)}</{flag}>\n"
    edges = zip(("xmin", "ymin", "xmax", "ymax"), labelled.geometry.bounds, strict=True)
    box = "".join(f"<{name}>{escape_xml(edge)}</{name}>" for name, edge in edges)
    yield f"    <bndbox>{box}</bndbox>\n  </object>\n"
