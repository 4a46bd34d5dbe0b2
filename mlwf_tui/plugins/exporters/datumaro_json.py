"""Writes Datumaro's own format: annotations/SUBSET.json, and the images below images/SUBSET."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import msgspec

from mlwf_tui.entities.abilities import ANY_TAG, Abilities, keep
from mlwf_tui.entities.annotation import AnnotatedObject, GeometryKind, LabelSchema
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.entities.keypoints import list_visibility
from mlwf_tui.entities.run import Problem
from mlwf_tui.plugins.exporters.files import (
    Folders,
    JsonList,
    is_whole_number,
    iter_known,
    name_split_folder,
    number_edges,
    require_items,
    split_name,
)
from mlwf_tui.protocols.exporters import ExportedItem, ExportSummary
from mlwf_tui.protocols.observer import Observer

_IMAGE = 2  # Datumaro's media type
_KINDS = tuple(kind for kind in GeometryKind if kind is not GeometryKind.ORIENTED_BOX)


class DatumaroExporter:
    """Shapes with attributes and groups; tags of items as labels, their custom data as attributes."""

    name = "datumaro_json"
    summary = "Datumaro: annotations/SUBSET.json with every kind of annotation, images/"
    abilities = Abilities(
        geometries={**keep(*_KINDS), GeometryKind.ORIENTED_BOX: GeometryKind.POLYGON},
        has_visibility=True,
        object_tags=ANY_TAG,
        object_values="typed",
        item_tags=ANY_TAG,
        has_item_custom=True,
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
        folders, files = Folders(folder), dict[str, str]()
        labels = _Labels(schema)
        with ExitStack() as stack:
            documents: dict[Split, JsonList] = {}
            for exported in items:
                observer.check_cancelled()
                item = exported.item
                if item.split not in documents:
                    name = "default" if item.split is Split.NONE else item.split.value
                    path = folders.make("annotations") / f"{name}.json"
                    file = stack.enter_context(path.open("xb"))
                    documents[item.split] = _open_document(file, schema, labels)
                path_of_image = f"images/{name_split_folder(item.split, item.key)}"
                folders.place(exported, path_of_image)
                documents[item.split].add(labels.describe_item(item))
                files[path_of_image] = item.key
            for document in documents.values():
                document.file.write(b"\n]}\n")
        require_items(len(files))
        return ExportSummary(files=files, problems=tuple(labels.problems))


def _open_document(file: IO[bytes], schema: LabelSchema, labels: _Labels) -> JsonList:
    head = {
        "dm_format_version": "1.0",
        "media_type": _IMAGE,
        "infos": {},
        "categories": _describe_categories(schema, tuple(labels.ids)),
    }
    file.write(msgspec.json.encode(head)[:-1] + b',\n"items": [')
    return JsonList(file)


def _describe_categories(schema: LabelSchema, names: tuple[str, ...]) -> dict[str, Any]:
    labels = [{"name": name, "parent": "", "attributes": []} for name in names]
    colors = [
        {"label_id": number, **dict(zip("rgb", bytes.fromhex(c.color[1:]), strict=True))}
        for number, c in enumerate(schema.classes)
        if len(c.color) == 7
    ]
    skeletons = []
    for number, definition in enumerate(schema.classes):
        if definition.nodes:
            nodes = list(definition.nodes)
            skeletons.append({"label_id": number, "labels": nodes, "joints": number_edges(definition)})
    described: dict[str, Any] = {"label": {"labels": labels, "label_groups": [], "attributes": []}}
    described["mask"] = {"colormap": colors}
    if skeletons:
        described["points"] = {"items": skeletons}
    return described


@dataclass(slots=True)
class _Labels:
    """Numbers of the labels: classes first, then tags of items, which are labels as well."""

    schema: LabelSchema
    problems: list[Problem] = field(default_factory=list)
    ids: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        tags = (tag.name for tag in self.schema.tags if tag.target != "objects")
        names = dict.fromkeys((*self.schema.class_names, *tags))
        self.ids = {name: number for number, name in enumerate(names)}

    def describe_item(self, item: Item) -> dict[str, Any]:
        annotations: list[dict[str, Any]] = []
        for tag in item.annotation.tags:
            if tag.name in self.ids:
                annotations.append(
                    {**_start(len(annotations), "label", self.ids[tag.name]), "attributes": {}}
                )
            else:
                self.problems.append(Problem(item.key, f"has a tag {tag.name} that the project lacks"))
        for label_id, labelled in iter_known(item, self.ids, self.problems):
            head = _start(len(annotations), "", label_id)
            annotations.append({**head, **_describe_tags(labelled), **_describe_shape(labelled, item)})
        image = {"path": item.key, "size": [item.height_px, item.width_px]}
        id = f"{item.dataset}/{split_name(item.name)[0]}"
        return {"id": id, "annotations": annotations, "attr": dict(item.annotation.custom), "image": image}


def _start(number: int, kind: str, label_id: int) -> dict[str, Any]:
    return {"id": number, "type": kind, "group": 0, "label_id": label_id, "object_id": -1}


def _describe_tags(labelled: AnnotatedObject) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    group = 0
    for tag in labelled.tags:
        if tag.name == "group" and is_whole_number(tag.value) and tag.value and not group:
            group = int(tag.value)
        else:
            name = "is_crowd" if tag.name == "iscrowd" else tag.name
            attributes[name] = True if tag.value is None else tag.value
    return {"attributes": attributes, "group": group, "z_order": 0}


def _describe_shape(labelled: AnnotatedObject, item: Item) -> dict[str, Any]:
    geometry = labelled.geometry
    flat = [coordinate for point in geometry.points for coordinate in point]
    match geometry.kind:
        case GeometryKind.RECTANGLE:
            box = geometry.bounds
            return {"type": "bbox", "bbox": [box.left, box.top, box.width_px, box.height_px]}
        case GeometryKind.MASK:
            from mlwf_tui.plugins.exporters import runs  # numpy, which other shapes do without

            counts = runs.compress(runs.measure_columns(geometry, item.width_px, item.height_px))
            return {"type": "mask", "rle": {"counts": counts, "size": [item.height_px, item.width_px]}}
        case GeometryKind.POINT | GeometryKind.KEYPOINTS:
            return {"type": "points", "points": flat, "visibility": list(map(int, list_visibility(geometry)))}
        case _:
            return {"type": geometry.kind.value, "points": flat}
