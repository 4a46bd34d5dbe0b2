"""Writes COCO: annotations/instances_SPLIT.json with boxes, polygons, masks and keypoints, and images/SPLIT.

The one JSON file of a split is written in parts: its images as they come, its objects to a file without a
name that is put behind them at the end.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import msgspec

from mlwf_tui.entities.abilities import ANY_TAG, Abilities, keep
from mlwf_tui.entities.annotation import (
    AnnotatedObject,
    Bounds,
    ClassDefinition,
    Geometry,
    GeometryKind,
    LabelSchema,
)
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.entities.outlines import measure_area
from mlwf_tui.entities.run import Problem
from mlwf_tui.plugins.exporters.files import (
    Folders,
    JsonList,
    find_keypoint_box,
    list_seen,
    name_split_folder,
    require_items,
)
from mlwf_tui.protocols import ExportedItem, ExportSummary, Observer

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
        has_datasets=True,
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
            documents: dict[Split, _Document] = {}
            for exported in items:
                observer.check_cancelled()
                item = exported.item
                if item.split not in documents:
                    documents[item.split] = _open_document(stack, folders, item.split, schema)
                path = f"images/{name_split_folder(item.split, item.key)}"
                folders.place(exported, path)
                documents[item.split].add(item, problems)
                files[path] = item.key
            for document in documents.values():
                document.finish()
        require_items(len(files))
        return ExportSummary(files=files, problems=tuple(problems))


@dataclass(slots=True)
class _Document:
    """The JSON file of one split while it is written."""

    file: IO[bytes]
    spool: IO[bytes]  # holds the objects until all images are written
    category_ids: dict[str, int]
    images: JsonList = field(init=False)
    objects: JsonList = field(init=False)

    def __post_init__(self) -> None:
        self.images, self.objects = JsonList(self.file), JsonList(self.spool)

    def add(self, item: Item, problems: list[Problem]) -> None:
        image_id = self.images.count + 1
        size = {"width": item.width_px, "height": item.height_px}
        self.images.add({"id": image_id, "file_name": item.key, **size})
        for number, labelled in enumerate(item.annotation.objects, start=1):
            category_id = self.category_ids.get(labelled.class_name)
            if category_id is None:
                title = f"object {number} ({labelled.class_name})"
                problems.append(Problem(item.key, f"{title} has a class that the project lacks"))
                continue
            head = {"id": self.objects.count + 1, "image_id": image_id, "category_id": category_id}
            self.objects.add({**head, **describe_object(labelled, item)})

    def finish(self) -> None:
        self.file.write(b'\n],\n"annotations": [')
        self.spool.seek(0)
        shutil.copyfileobj(self.spool, self.file, 1 << 20)
        self.file.write(b"\n]}\n")


def _open_document(stack: ExitStack, folders: Folders, split: Split, schema: LabelSchema) -> _Document:
    name = "default" if split is Split.NONE else split.value
    path = folders.make("annotations") / f"instances_{name}.json"
    file = stack.enter_context(path.open("xb"))
    spool = stack.enter_context(TemporaryFile(dir=folders.root))  # noqa: SIM115 - the stack closes it
    categories = [_describe_class(number, c) for number, c in enumerate(schema.classes, start=1)]
    head = msgspec.json.encode(categories)
    file.write(b'{"info": {"description": "written by mlwf"},\n"categories": ' + head + b',\n"images": [')
    return _Document(file, spool, {c.name: number for number, c in enumerate(schema.classes, start=1)})


def _describe_class(number: int, definition: ClassDefinition) -> dict[str, Any]:
    described: dict[str, Any] = {"id": number, "name": definition.name, "supercategory": ""}
    if len(definition.color) == 7:
        described["color"] = list(bytes.fromhex(definition.color[1:]))
    if definition.nodes:
        places = {name: place for place, name in enumerate(definition.nodes, start=1)}
        described["keypoints"] = list(definition.nodes)
        described["skeleton"] = [[places[a], places[b]] for a, b in definition.edges]
    return described


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
            return {"bbox": _describe_box(geometry.bounds), "area": area, "segmentation": [ring]}
        case GeometryKind.MASK:
            return _describe_mask(geometry, item.width_px, item.height_px)
        case GeometryKind.KEYPOINTS:
            return _describe_keypoints(labelled)
        case _:
            box = geometry.bounds
            area = box.width_px * box.height_px
            return {"bbox": _describe_box(box), "area": area, "segmentation": []}


def _describe_mask(geometry: Geometry, width_px: int, height_px: int) -> dict[str, Any]:
    from mlwf_tui.plugins.exporters import runs  # numpy, which other shapes do without

    counts = runs.measure_columns(geometry, width_px, height_px)
    segmentation = {"size": [height_px, width_px], "counts": runs.compress(counts)}
    area = sum(counts[1::2])
    return {"bbox": _describe_box(geometry.bounds), "area": area, "segmentation": segmentation}


def _describe_keypoints(labelled: AnnotatedObject) -> dict[str, Any]:
    seen = list_seen(labelled.geometry)
    numbers: list[float] = []
    for (x, y), visibility in zip(labelled.geometry.points, seen, strict=True):
        numbers += (x, y, int(visibility)) if visibility else (0, 0, 0)
    box = find_keypoint_box(labelled)
    return {
        "bbox": _describe_box(box),
        "area": box.width_px * box.height_px,
        "keypoints": numbers,
        "num_keypoints": sum(1 for visibility in seen if visibility),
    }


def _describe_box(box: Bounds) -> list[float]:
    return [box.left, box.top, box.width_px, box.height_px]
