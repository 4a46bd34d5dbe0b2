"""Writes Pascal VOC: an XML file of boxes for each image, and the splits in ImageSets/Main.

VOC has one folder of images and tells them apart by stem, so datasets become a part of the file's name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from mlwf_tui.entities.abilities import Abilities
from mlwf_tui.entities.annotation import AnnotatedObject, GeometryKind, LabelSchema
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.plugins.exporters.files import (
    FileNames,
    Folders,
    escape_xml,
    flatten,
    require_items,
    split_name,
)
from mlwf_tui.protocols import ExportedItem, ExportSummary, Observer

FLAGS = ("truncated", "difficult", "occluded")

_BOX = GeometryKind.RECTANGLE
_WITH_AREA = (_BOX, GeometryKind.POLYGON, GeometryKind.MASK, GeometryKind.ORIENTED_BOX)


class VocExporter:
    """Boxes with their pose and flags; coordinates as they are, which may be fractions."""

    name = "voc"
    summary = "Pascal VOC: an XML file for each image, splits in ImageSets/Main"
    abilities = Abilities(
        geometries=dict.fromkeys(_WITH_AREA, _BOX), object_tags=(*FLAGS, "pose"), valued_tags=("pose",)
    )

    def write(
        self, items: Iterable[ExportedItem], schema: LabelSchema, folder: Path, observer: Observer
    ) -> ExportSummary:
        """Write all items; those without a split are in no list.

        Raises:
            InvalidInput: there are no items.
        """
        folders, names, files = Folders(folder), FileNames(), dict[str, str]()
        annotations = folders.make("Annotations")
        with ExitStack() as stack:
            lists: dict[Split, IO[str]] = {}
            for exported in items:
                observer.check_cancelled()
                item = exported.item
                suffix = split_name(item.name)[1]
                stem = names.choose("", flatten(item), suffix, item)
                path = f"JPEGImages/{stem}{suffix}"
                folders.place(exported, path)
                text = "".join(_iter_lines(item, f"{stem}{suffix}"))
                (annotations / f"{stem}.xml").write_text(text, "utf-8")
                if item.split is not Split.NONE:
                    if item.split not in lists:
                        path_of_list = folders.make("ImageSets/Main") / f"{item.split}.txt"
                        lists[item.split] = stack.enter_context(path_of_list.open("x", encoding="utf-8"))
                    lists[item.split].write(f"{stem}\n")
                files[path] = item.key
        require_items(len(files))
        return ExportSummary(files=files, renamed_count=names.renamed_count)


def _iter_lines(item: Item, file_name: str) -> Iterator[str]:
    yield "<annotation>\n"
    yield f"  <folder>JPEGImages</folder>\n  <filename>{escape_xml(file_name)}</filename>\n"
    yield f"  <size><width>{item.width_px}</width><height>{item.height_px}</height><depth>3</depth></size>\n"
    yield "  <segmented>0</segmented>\n"
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
