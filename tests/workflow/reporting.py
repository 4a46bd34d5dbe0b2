"""Makes models and reports of them without a training: what a model said is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlwf_tui.entities.annotation import AnnotatedObject
from mlwf_tui.entities.item import Split
from mlwf_tui.entities.model import Checkpoint, Model, Report
from mlwf_tui.entities.part import Part
from mlwf_tui.protocols.trainers import EvaluateResult, ItemPrediction
from mlwf_tui.store.manifests import iter_items
from mlwf_tui.workflow.benchmark import BenchmarkParams, keep_benchmark
from mlwf_tui.workflow.commit import commit
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.refs import resolve_version
from mlwf_tui.workflow.running.recorder import record
from mlwf_tui.workspace import Workspace
from tests.evaluation.worlds import make_box
from tests.fakes.observers import KeepingObserver
from tests.making import Box, make_yolo

CLASSES = ("cell", "spot")


def fill_val(
    workspace: Workspace,
    folder: Path,
    *,
    images: int = 12,
    project: str = "cells",
    classes: Sequence[str] = CLASSES,
) -> None:
    """Commit a project with that many annotated images in the val split, and one to train on."""
    boxes: dict[str, list[Box]] = {"train/z.png": [("cell", 4, 4, 30, 30)]}
    for number in range(images):
        boxes[f"val/{number:03d}.png"] = [("cell", 4, 4, 24, 24), ("spot", 34, 30, 50 + number % 6, 46)]
    import_folder(
        workspace, make_yolo(folder, boxes, class_names=tuple(classes)), project, observer=KeepingObserver()
    )
    commit(workspace, project, message="measured on")


def add_model(
    workspace: Workspace,
    name: str,
    *,
    ref: str = "cells@1",
    classes: Sequence[str] = CLASSES,
    size: int = 7,
    task: str = "detect",
    params: Mapping[str, Any] | None = None,
) -> Model:
    """Enter a model as a training of the version would."""
    asked = {"data": ref, "model": "yolov10n", "name": name, **(params or {})}
    with record(workspace, "train", params=asked, seed=0) as run:
        run.read_version(ref)
        with workspace.store.writer() as writer:
            checkpoint = Checkpoint("best.pt", writer.put(name.encode() * size), len(name) * size)
        return run.write_model(
            name=name,
            description="",
            architecture="yolov10n",
            task=task,
            trainer="ultralytics",
            class_names=tuple(classes),
            image_size_px=64,
            checkpoints=(checkpoint,),
            metrics={},
        )


def predict(
    workspace: Workspace, *, ref: str = "cells@1", skips: int = 0, shift_px: float = 0.0
) -> dict[str, list[AnnotatedObject]]:
    """Return the truths of the val split as predictions, moved, without those of the first `skips` images."""
    version = resolve_version(workspace, ref)
    items = [item for item in iter_items(workspace.store, version.manifest) if item.split is Split.VAL]
    return {
        item.key: []
        if place < skips
        else [
            make_box(
                of.class_name,
                of.geometry.bounds.left + shift_px,
                of.geometry.bounds.top,
                of.geometry.bounds.width_px,
                0.9 - place / 100,
            )
            for of in item.annotation.objects
        ]
        for place, item in enumerate(items)
    }


def add_report(
    workspace: Workspace,
    model: Model,
    predictions: Mapping[str, Sequence[AnnotatedObject]],
    *,
    ref: str = "cells@1",
    images_per_second: float | None = 50.0,
    evaluator: str = "",
    part: Part | None = None,
    speed: str = "quick",
) -> Report:
    """Enter a benchmark in which the model said this, of the val split if no part is given."""
    version = resolve_version(workspace, ref)
    result = EvaluateResult(
        predictions=tuple(
            ItemPrediction(key=key, objects=tuple(found)) for key, found in predictions.items()
        ),
        speed={} if images_per_second is None else {"images_per_second": images_per_second},
    )
    with record(workspace, "benchmark", params={"model": model.name, "data": ref, "split": "val"}) as run:
        run.read_model(model.id)
        run.read_version(ref)
        params = BenchmarkParams(evaluator=evaluator, speed=speed)
        return keep_benchmark(
            run, version, model, part or Split.VAL, result, KeepingObserver(), params=params
        )
