"""Writes COCO: annotations/instances_SPLIT.json with boxes, polygons, masks, keypoints, and images/SPLIT."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from mlwf_tui.entities.abilities import ANY_TAG, Abilities, keep
from mlwf_tui.entities.annotation import (
    AnnotatedObject,
    Geometry,
    GeometryKind,
    LabelSchema,
)
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.entities.keypoints import find_extent, list_visibility
from mlwf_tui.entities.outlines import measure_area
from mlwf_tui.entities.run import Problem
from mlwf_tui.plugins.exporters.coco_documents import Document, describe_box, open_document
from mlwf_tui.plugins.exporters.files import (
    Folders,
    name_split_folder,
    require_items,
)
from mlwf_tui.protocols.exporters import ExportedItem, ExportSummary
from mlwf_tui.protocols.observer import Observer

_KINDS = (GeometryKind.RECTANGLE, GeometryKind.POLYGON, GeometryKind.MASK, GeometryKind.KEYPOINTS)


class CocoExporter:
    """Objects with boxes, polygons, masks or keypoints; further tags of objects as `attributes`."""

    name = "coco"
    summary = "COCO: instances_SPLIT.json with boxes, polygons, run-length masks and keypoints"
    abilities = Abilities(
        geometries={**keep(*_KINDS), GeometryKind.ORIENTED_BOX: GeometryKind.POLYGON},
        has_visibility=True,
        has_keypoint_boxes=True,
        object_tags=ANY_TAG,
        object_values="typed",
        has_confidence=True,
        is_closed=True,
        has_unused_classes=True,
        has_class_colors=True,
        has_edges=True,
        has_datasets=True,
        split_folders="without",
        precision="exact; right and bottom edges to a billionth of a pixel",
    )

    def write(
        self, items: Iterable[ExportedItem], schema: LabelSchema, folder: Path, observer: Observer
    ) -> ExportSummary:
        """Write all items; an object of an undeclared class is reported.

        Raises:
            InvalidInput: there are no items.
        """
        folders, files, problems = Folders(folder), dict[str, str](), list[Problem]()
        with ExitStack() as stack:
            documents: dict[Split, Document] = {}
            for exported in items:
                observer.check_cancelled()
                item = exported.item
                if item.split not in documents:
                    documents[item.split] = open_document(stack, folders, "instances", item.split, schema)
                path = f"images/{name_split_folder(item.split, item.key)}"
                folders.place(exported, path)
                _add(documents[item.split], item, problems)
                files[path] = item.key
            for document in documents.values():
                document.finish()
        require_items(len(files))
        return ExportSummary(files=files, problems=tuple(problems))


def _add(document: Document, item: Item, problems: list[Problem]) -> None:
    image_id = document.add_image(item)
    for category_id, labelled in document.iter_known(item, problems):
        head = {"id": document.entries.count + 1, "image_id": image_id, "category_id": category_id}
        document.entries.add({**head, **describe_object(labelled, item)})


def describe_object(labelled: AnnotatedObject, item: Item) -> dict[str, Any]:
    """Return an object as an entry has it, but for its ids."""
    described = _describe_geometry(labelled, item)
    described["iscrowd"] = int(any(tag.name == "iscrowd" for tag in labelled.tags))
    if labelled.confidence is not None:
        described["score"] = labelled.confidence
    attributes = {t.name: True if t.value is None else t.value for t in labelled.tags if t.name != "iscrowd"}
    if attributes:
        described["attributes"] = attributes
    return described


def _describe_geometry(labelled: AnnotatedObject, item: Item) -> dict[str, Any]:
    geometry = labelled.geometry
    match geometry.kind:
        case GeometryKind.POLYGON:
            ring = [coordinate for point in geometry.points for coordinate in point]
            area = abs(measure_area(geometry.points))
            return {"bbox": describe_box(geometry.bounds), "area": area, "segmentation": [ring]}
        case GeometryKind.MASK:
            return _describe_mask(geometry, item.width_px, item.height_px)
        case GeometryKind.KEYPOINTS:
            return _describe_keypoints(labelled)
        case _:
            box = geometry.bounds
            area = box.width_px * box.height_px
            return {"bbox": describe_box(box), "area": area, "segmentation": []}


def _describe_mask(geometry: Geometry, width_px: int, height_px: int) -> dict[str, Any]:
    from mlwf_tui.plugins.exporters import runs  # numpy, which other shapes do without

    counts = runs.measure_columns(geometry, width_px, height_px)
    segmentation = {"size": [height_px, width_px], "counts": runs.compress(counts)}
    area = sum(counts[1::2])
    return {"bbox": describe_box(geometry.bounds), "area": area, "segmentation": segmentation}


def _describe_keypoints(labelled: AnnotatedObject) -> dict[str, Any]:
    seen = list_visibility(labelled.geometry)
    numbers: list[float] = []
    for (x, y), visibility in zip(labelled.geometry.points, seen, strict=True):
        numbers += (x, y, int(visibility)) if visibility else (0, 0, 0)
    box = find_extent(labelled)
    return {
        "bbox": describe_box(box),
        "area": box.width_px * box.height_px,
        "keypoints": numbers,
        "num_keypoints": sum(1 for visibility in seen if visibility),
    }
