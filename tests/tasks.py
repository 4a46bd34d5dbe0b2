"""Small data for each task that can be trained: dark noise with white shapes, and what there is to learn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from mlwf_tui.entities.annotation import (
    AnnotatedObject,
    Annotation,
    ClassDefinition,
    Geometry,
    GeometryKind,
    LabelSchema,
    Tag,
)
from mlwf_tui.entities.item import Split
from mlwf_tui.params import build_params
from mlwf_tui.plugins.exporters.class_folders import make_classify
from mlwf_tui.plugins.exporters.yolo import YoloExporter, make_obb, make_pose, make_segment
from mlwf_tui.plugins.trainers.ultralytics import UltralyticsTrainer
from mlwf_tui.protocols.exporters import ExportedItem, Exporter
from mlwf_tui.protocols.operations import SourceItem
from mlwf_tui.protocols.trainers import FitRequest
from tests.fakes.observers import KeepingObserver
from tests.making import Box, make_item

CLASSES = ("cat", "dog")
NODES = ("left_ear", "right_ear", "nose")
TINY: Mapping[str, str] = {
    "detect": "yolo11n", "segment": "yolo11n-seg", "pose": "yolo11n-pose", "obb": "yolo11n-obb",
    "classify": "yolo11n-cls",
}  # fmt: skip
"""By task, the smallest architecture that is quick to build."""
PARAMS = {"preset": "quick", "epochs": 1, "imgsz": 64, "batch": 4, "device": "cpu"}


def make_exporter(task: str) -> Exporter:
    """Return the exporter that writes what a task is trained on."""
    makers: Mapping[str, Callable[[], Exporter]] = {
        "detect": YoloExporter, "segment": make_segment, "pose": make_pose, "obb": make_obb,
        "classify": make_classify,
    }  # fmt: skip
    return makers[task]()


def make_schema(task: str) -> LabelSchema:
    nodes = NODES if task == "pose" else ()
    return LabelSchema(tuple(ClassDefinition(name, nodes=nodes) for name in CLASSES))


def make_items(task: str, *, train: int = 12, val: int = 4) -> list[SourceItem]:
    """Return items of two classes in turn, the shape of each painted white where it is a box."""
    return list(_iter_items(task, train, val))


def _iter_items(task: str, train: int, val: int) -> Iterator[SourceItem]:
    for number in range(train + val):
        name = CLASSES[number % 2]
        left, top = 4 + number % 5 * 4, 4 + number % 3 * 5
        width = 30 if name == "cat" else 16
        box: Box = (name, left, top, left + width, top + 20)
        source = make_item(
            f"{number:02}.png", [box], split=Split.TRAIN if number < train else Split.VAL, seed=number
        )
        yield SourceItem(replace(source.item, annotation=_annotate(task, box)), source.read_image)


def _annotate(task: str, box: Box) -> Annotation:
    name, left, top, right, bottom = box
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    middle = ((left + right) / 2, (top + bottom) / 2)
    match task:
        case "detect":
            geometry = Geometry.rectangle(left, top, right, bottom)
        case "segment":
            geometry = Geometry(GeometryKind.POLYGON, corners)
        case "obb":
            geometry = Geometry(GeometryKind.ORIENTED_BOX, corners)
        case "pose":
            geometry = Geometry(GeometryKind.KEYPOINTS, (corners[0], corners[1], middle), names=NODES)
        case _:
            return Annotation(tags=(Tag(name),))
    return Annotation(objects=(AnnotatedObject(name, geometry),))


def write_data(task: str, folder: Path) -> tuple[Path, dict[str, str]]:
    """Write what a task is trained on; return the folder, and the key of each image in it."""
    folder.mkdir(parents=True)
    items = (ExportedItem(source.item, source.read_image) for source in make_items(task))
    written = make_exporter(task).write(items, make_schema(task), folder, KeepingObserver())
    return folder, dict(written.files)


def make_fit(task: str, data: Path, folder: Path, *, architecture: str = "", **params: Any) -> FitRequest:
    """Return the request of a tiny training."""
    folder.mkdir(parents=True, exist_ok=True)
    names = ("seed", "weights", "continues", "more_epochs", "is_resumed", "extra", "files")
    values: dict[str, Any] = {"seed": 0, "extra": {}}
    values |= {key: params.pop(key) for key in names if key in params}
    return FitRequest(
        architecture=architecture or TINY[task],
        data=data,
        class_names=CLASSES,
        folder=folder,
        params=build_params(UltralyticsTrainer.params_type, {**PARAMS, **params}),
        task=task,
        **values,
    )
