"""Makes homes for the app's tests: through the workflow, and the catalog where only a training would."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from mlwf_tui import processes
from mlwf_tui.entities.model import Checkpoint, ClassMetrics, Curve, Evaluation, ItemOutcome, Model
from mlwf_tui.entities.project import Version
from mlwf_tui.entities.run import Run
from mlwf_tui.workflow.commit import commit
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.running.jobs import queue_run
from mlwf_tui.workflow.running.recorder import Recorder, record
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver
from tests.making import Box, make_yolo

CLASSES = ("cell", "clump")
METRICS = {"map": 0.612, "map50": 0.874, "map75": 0.655, "precision": 0.91, "recall": 0.83, "f1": 0.868}


def write_images(folder: Path, names: Mapping[str, int]) -> Path:
    """Write a YOLO folder; `names` maps SPLIT/NAME to how many cells the image has."""
    boxes: dict[str, list[Box]] = {
        key: [
            *(("cell", 4.0 + 8 * n, 4.0, 10.0 + 8 * n, 12.0) for n in range(count)),
            ("clump", 2.0, 20.0, 30.0, 40.0),
        ]
        for key, count in names.items()
    }
    return make_yolo(folder, boxes, class_names=CLASSES)


def fill_projects(workspace: Workspace, folder: Path) -> None:
    """Make `cells` with two versions and a changed head, and `parts`, which was never committed."""
    observer = KeepingObserver()
    first = {f"train/cell-{n:02d}.jpg": 1 + n % 3 for n in range(8)} | {
        f"val/cell-{n:02d}.jpg": 2 for n in range(8, 12)
    }
    import_folder(workspace, write_images(folder / "first", first), "cells", observer=observer)
    commit(workspace, "cells", message="first plate")
    second = {f"train/cell-{n:02d}.jpg": 4 for n in range(3)} | {"train/cell-20.jpg": 1}
    import_folder(workspace, write_images(folder / "second", second), "cells", observer=observer)
    commit(workspace, "cells", message="relabelled by Ada")
    third = {"test/cell-30.jpg": 2}
    import_folder(workspace, write_images(folder / "third", third), "cells", observer=observer)
    import_folder(
        workspace, write_images(folder / "parts", {"train/bolt.jpg": 1}), "parts", observer=observer
    )


def add_model(
    workspace: Workspace,
    ref: str = "cells@2",
    name: str = "yolov10n-cells-1",
    *,
    metrics: Mapping[str, float] = METRICS,
    more_params: Mapping[str, str | float] = {},
) -> Model:
    """Enter a finished training of `ref` with its log and metrics, as the worker would."""
    params = {"data": ref, "model": "yolov10n", "name": name, "epochs": 20, "imgsz": 320, **more_params}
    with record(workspace, "train", params=params, seed=0) as run:
        run.read_version(ref)
        write_run_files(workspace, run.run, epochs=20)
        with workspace.store.writer() as writer:
            checkpoint = Checkpoint("best.pt", writer.put(b"weights"), 7)
        return run.write_model(
            name=name,
            description="",
            architecture="yolov10n",
            task="detect",
            trainer="ultralytics",
            class_names=CLASSES,
            image_size_px=320,
            checkpoints=(checkpoint,),
            metrics=metrics,
        )


def add_report(workspace: Workspace, model: Model, version: Version, name: str = "cells-val-1") -> None:
    """Enter a finished benchmark of a model."""
    params = {"model": model.name, "data": version.ref, "split": "val"}
    with record(workspace, "benchmark", params=params, seed=0) as run:
        run.read_model(model.id)
        run.read_version(version.ref)
        with workspace.store.writer() as writer:
            body = writer.put(msgspec.json.encode(make_evaluation()))
        run.write_report(
            name=name,
            description="",
            model_id=model.id,
            version_id=version.id,
            split="val",
            metrics=METRICS,
            speed={
                "preprocess_ms": 0.8,
                "inference_ms": 11.2,
                "postprocess_ms": 0.6,
                "images_per_second": 79.4,
            },
            evaluation=body,
        )


def add_running(workspace: Workspace, ref: str = "cells@2") -> Run:
    """Enter a training that goes on in this very process, so that nobody takes it for lost."""
    params = {"data": ref, "model": "yolov10s", "name": "yolov10s-cells-1", "epochs": 40}
    recorder: Recorder = queue_run(workspace, "train", params, 0)
    recorder.read_version(ref)
    run = workspace.catalog.runs.start(recorder.run_id)
    workspace.catalog.jobs.create(run.id, processes.identify_self())
    write_run_files(workspace, run, epochs=13, total=40)
    return run


def write_run_files(workspace: Workspace, run: Run, *, epochs: int, total: int | None = None) -> None:
    """Write the log and the event file of a run that has come this far."""
    folder = workspace.run_folder(run.id)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log").open("a") as log, (folder / "events.jsonl").open("a") as events:
        for epoch in range(1, epochs + 1):
            log.write(f"epoch {epoch}/{total or epochs}: box_loss {3 / epoch:.3f}, 12 images\n")
            values = {
                "train/box_loss": 3 / epoch,
                "metrics/mAP50-95(B)": 1 - math.exp(-epoch / 9),
                "lr": 0.01 / epoch,
            }
            for key, value in values.items():
                point = {"type": "metric", "key": key, "value": value, "step": epoch, "at": 1e9 + epoch}
                events.write(json.dumps(point) + "\n")
        said = {
            "type": "progress",
            "step": epochs,
            "total": total or epochs,
            "message": f"epoch {epochs}",
            "at": 1e9,
        }
        events.write(json.dumps(said) + "\n")


def make_evaluation() -> Evaluation:
    """Return a small evaluation of two classes."""
    x = tuple(n / 20 for n in range(21))
    falling = tuple(1 - value**3 for value in x)
    by_confidence = {"precision": x, "recall": falling, "f1": falling}
    histogram = {"true positives": x, "false positives": falling}
    classes = tuple(
        ClassMetrics(
            name=name, truth_count=count, prediction_count=count + 1, map=value, map50=value + 0.2,
            precision=0.9, recall=0.8, f1=0.85,
        )
        for name, count, value in (("cell", 18, 0.64), ("clump", 4, 0.58))
    )  # fmt: skip
    return Evaluation(
        metrics=METRICS | {"confidence": 0.31, "mean_iou": 0.79},
        classes=classes,
        pr_curves=(
            Curve(name="all", x=x, y=falling),
            Curve(name="cell", x=x, y=falling),
            Curve(name="clump", x=x, y=falling),
        ),
        confidence_curves=tuple(Curve(name=name, x=x, y=y) for name, y in by_confidence.items()),
        confusion=((16, 1, 2), (0, 3, 1), (2, 0, 0)),
        confidence_histogram=tuple(Curve(name=name, x=x[1:], y=y[1:]) for name, y in histogram.items()),
        iou_histogram=Curve(name="matched", x=x[10:], y=x[10:]),
        items=(ItemOutcome(key="main/cell-08.jpg", true_positives=3, false_positives=1, false_negatives=0),),
    )


def fill_finished(workspace: Workspace, folder: Path) -> None:
    """Make the same projects, a model and a report of it; nothing goes on."""
    fill_projects(workspace, folder)
    model = add_model(workspace)
    version = workspace.catalog.versions.get(workspace.catalog.projects.get("cells").id, 2)
    add_report(workspace, model, version)


def fill_home(workspace: Workspace, folder: Path) -> None:
    """Make a home in which something of every kind is there to be seen, one run going on."""
    fill_finished(workspace, folder)
    add_running(workspace)


def read_clock() -> datetime:
    """Return the present in UTC, so that screens do not depend on where the tests run."""
    return datetime.now(UTC)
