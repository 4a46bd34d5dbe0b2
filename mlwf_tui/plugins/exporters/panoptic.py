"""Writes COCO panoptic: annotations/panoptic_SPLIT.json, a PNG of segments for each image, images/SPLIT."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from mlwf_tui.entities.abilities import Abilities
from mlwf_tui.entities.annotation import AnnotatedObject, GeometryKind, LabelSchema
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.entities.run import Problem
from mlwf_tui.plugins.exporters.coco_documents import Document, describe_box, name_document, open_document
from mlwf_tui.plugins.exporters.files import (
    FileNames,
    Folders,
    flatten,
    name_split_folder,
    require_items,
)
from mlwf_tui.protocols.exporters import ExportedItem, ExportSummary
from mlwf_tui.protocols.observer import Observer

_WITH_AREA = (
    GeometryKind.RECTANGLE,
    GeometryKind.POLYGON,
    GeometryKind.MASK,
    GeometryKind.ORIENTED_BOX,
)


class PanopticExporter:
    """Masks as segments of an image, no two on one pixel; all classes are things."""

    name = "coco_panoptic"
    summary = "COCO panoptic: JSON with segments, and a PNG of their ids for each image"
    abilities = Abilities(
        geometries=dict.fromkeys(_WITH_AREA, GeometryKind.MASK),
        is_clipped=True,
        is_flat=True,
        object_tags=("iscrowd",),
        is_closed=True,
        has_unused_classes=True,
        has_class_colors=True,
        has_datasets=True,
        split_folders="without",
        precision="whole pixels",
    )

    def write(
        self, items: Iterable[ExportedItem], schema: LabelSchema, folder: Path, observer: Observer
    ) -> ExportSummary:
        """Write all items; an object of an undeclared class is reported.

        Raises:
            InvalidInput: there are no items.
        """
        folders, names, files, problems = Folders(folder), FileNames(), dict[str, str](), list[Problem]()
        with ExitStack() as stack:
            documents: dict[Split, Document] = {}
            for exported in items:
                observer.check_cancelled()
                item = exported.item
                name = name_document("panoptic", item.split)
                if item.split not in documents:
                    document = open_document(stack, folders, "panoptic", item.split, schema, isthing=1)
                    documents[item.split] = document
                path = f"images/{name_split_folder(item.split, item.key)}"
                folders.place(exported, path)
                picture = f"{names.choose(name, flatten(item), '.png', item)}.png"
                content = _add(documents[item.split], item, picture, problems)
                (folders.make(f"annotations/{name}") / picture).write_bytes(content)
                files[path] = item.key
            for document in documents.values():
                document.finish()
        require_items(len(files))
        return ExportSummary(files=files, problems=tuple(problems))


def _add(document: Document, item: Item, picture: str, problems: list[Problem]) -> bytes:
    """Describe an item, and return its PNG of segments, which are numbered from 1 on."""
    from mlwf_tui.media.label_pictures import encode_colors, paint_masks  # numpy

    segments, masks = [], []
    for number, (category_id, labelled) in enumerate(document.iter_known(item, problems), start=1):
        segments.append({"id": number, "category_id": category_id, **_describe_segment(labelled)})
        masks.append((number, labelled.geometry))
    entry = {"image_id": document.add_image(item), "file_name": picture, "segments_info": segments}
    document.entries.add(entry)
    return encode_colors(paint_masks(masks, item.width_px, item.height_px))


def _describe_segment(labelled: AnnotatedObject) -> dict[str, Any]:
    mask = labelled.geometry
    return {
        "bbox": describe_box(mask.bounds),
        "area": sum(mask.runs[1::2]),
        "iscrowd": int(any(tag.name == "iscrowd" for tag in labelled.tags)),
    }
