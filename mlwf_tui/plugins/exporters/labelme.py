"""Writes LabelMe: a JSON file beside each image; a split is a folder above the datasets."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from mlwf_tui.entities.abilities import ANY_TAG, Abilities, keep
from mlwf_tui.entities.annotation import AnnotatedObject, Geometry, GeometryKind, LabelSchema, Tag
from mlwf_tui.entities.item import Item
from mlwf_tui.plugins.exporters.files import (
    FileNames,
    Folders,
    is_whole_number,
    name_split_folder,
    require_items,
    split_name,
)
from mlwf_tui.protocols.exporters import ExportedItem, ExportSummary
from mlwf_tui.protocols.observer import Observer

VERSION = "5.5.0"  # of LabelMe, whose files look so

_SHAPE_TYPES = {
    GeometryKind.RECTANGLE: "rectangle",
    GeometryKind.POLYGON: "polygon",
    GeometryKind.MASK: "mask",
    GeometryKind.POLYLINE: "linestrip",
    GeometryKind.POINT: "point",
    GeometryKind.KEYPOINTS: "points",
    GeometryKind.ORIENTED_BOX: "oriented_rectangle",
}


class LabelMeExporter:
    """Shapes with flags and groups; image data is not embedded."""

    name = "labelme"
    summary = "LabelMe: a JSON file beside each image, with shapes, flags and groups"
    abilities = Abilities(
        geometries=keep(*_SHAPE_TYPES),
        has_free_keypoints=True,
        has_keypoint_names=False,
        object_tags=ANY_TAG,
        valued_tags=("group",),
        item_tags=ANY_TAG,
        has_confidence=True,
        custom_texts=("description",),
        has_datasets=True,
        split_folders="without",
    )

    def write(
        self, items: Iterable[ExportedItem], schema: LabelSchema, folder: Path, observer: Observer
    ) -> ExportSummary:
        """Write all items.

        Raises:
            InvalidInput: there are no items.
        """
        folders, names, files = Folders(folder), FileNames(), dict[str, str]()
        for exported in items:
            observer.check_cancelled()
            item = exported.item
            where, stem, suffix = _choose_name(item, names)
            path = f"{where}/{stem}{suffix}"
            folders.place(exported, path)
            document = msgspec.json.encode(_describe(item, f"{stem}{suffix}"))
            (folder / f"{where}/{stem}.json").write_bytes(msgspec.json.format(document))
            files[path] = item.key
        require_items(len(files))
        return ExportSummary(files=files, renamed_count=names.renamed_count)

    def count_renamed(self, items: Iterable[Item]) -> int:
        """Return how many items get another name; see the contract `RenamingExporter.count_renamed`."""
        names = FileNames()
        for item in items:
            _choose_name(item, names)
        return names.renamed_count


def _choose_name(item: Item, names: FileNames) -> tuple[str, str, str]:
    """Return the folder of an item's files, their stem, and its image's suffix."""
    stem, suffix = split_name(item.name)
    where = name_split_folder(item.split, item.dataset)
    return where, names.choose(where, stem, suffix, item), suffix


def _describe(item: Item, file_name: str) -> dict[str, Any]:
    return {
        "version": VERSION,
        "flags": _describe_flags(item.annotation.tags),
        "shapes": [_describe_shape(labelled) for labelled in item.annotation.objects],
        "imagePath": file_name,
        "imageData": None,
        "imageHeight": item.height_px,
        "imageWidth": item.width_px,
    }


def _describe_shape(labelled: AnnotatedObject) -> dict[str, Any]:
    geometry = labelled.geometry
    groups = [tag for tag in labelled.tags if tag.name == "group" and is_whole_number(tag.value)]
    shape: dict[str, Any] = {
        "label": labelled.class_name,
        "points": geometry.points,
        "group_id": int(groups[0].value or 0) if groups else None,
        "description": labelled.custom.get("description", ""),
        "shape_type": _SHAPE_TYPES[geometry.kind],
        "flags": _describe_flags(tuple(tag for tag in labelled.tags if tag not in groups)),
        "mask": None,
    }
    if geometry.kind is GeometryKind.MASK:
        shape |= _describe_mask(geometry)
    if labelled.confidence is not None:
        shape["score"] = labelled.confidence
    return shape


def _describe_mask(geometry: Geometry) -> dict[str, Any]:
    """Return a mask's picture, and its corners: the right bottom pixel belongs to it."""
    from mlwf_tui.media.bitmaps import encode_mask  # numpy, which other shapes do without

    left, top, right, bottom = geometry.bounds
    picture = encode_mask(int(right - left), int(bottom - top), geometry.runs)
    points = [(left, top), (right - 1, bottom - 1)]
    return {"points": points, "mask": b64encode(picture).decode()}


def _describe_flags(tags: tuple[Tag, ...]) -> dict[str, bool]:
    return {tag.name: True for tag in tags}
