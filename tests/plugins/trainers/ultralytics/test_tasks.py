"""A tiny real training of each task: what it leaves, what it says of images, and how it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mlwf_tui.entities.annotation import GeometryKind
from mlwf_tui.entities.item import Split
from mlwf_tui.errors import Paused
from mlwf_tui.plugins.trainers.ultralytics import UltralyticsTrainer
from mlwf_tui.protocols.trainers import STATE_NAME, EvaluateRequest, FitResult, PredictRequest
from tests.fakes.observers import KeepingObserver, PausingObserver
from tests.tasks import CLASSES, NODES, TINY, make_fit, make_items, write_data

pytestmark = pytest.mark.slow

TRAINER = UltralyticsTrainer()
SHAPES = {
    "detect": GeometryKind.RECTANGLE, "segment": GeometryKind.MASK, "pose": GeometryKind.KEYPOINTS,
    "obb": GeometryKind.ORIENTED_BOX,
}  # fmt: skip
OF_BOXES = {"map", "map50", "precision", "recall"}
STEADY = {"lrf": 1.0, "warmup_epochs": 0, "keep_state": True}  # the learning rate is that of every epoch
FAMILIES = ("yolov8n-rtdetr", "yolov3-tiny", "yolov6n", "yolov9t", "yolo12n", "yolo26n")


@pytest.mark.parametrize("task", list(TINY))
def test_each_task_is_trained_measured_and_applied(task: str, tmp_path: Path) -> None:
    data, files = write_data(task, tmp_path / "data")

    fitted = TRAINER.fit(make_fit(task, data, tmp_path / "fit"), KeepingObserver())

    assert (fitted.task, fitted.class_names, fitted.is_stopped) == (task, CLASSES, False)
    assert [path.name for path in fitted.checkpoints] == ["best.pt", "last.pt", STATE_NAME]
    expected = {"top1", "top5"} if task == "classify" else OF_BOXES
    assert expected <= set(fitted.metrics)
    beside = {name for name in fitted.metrics if name.startswith("box_")}
    assert bool(beside) is (task in ("segment", "pose"))
    _check_evaluation(task, fitted, data, files, tmp_path)
    _check_predictions(task, fitted, tmp_path)


def _check_evaluation(
    task: str, fitted: FitResult, data: Path, files: Mapping[str, str], folder: Path
) -> None:
    evaluated = TRAINER.evaluate(
        EvaluateRequest(
            weights=fitted.checkpoints[0], data=data, files=files, split=Split.VAL,
            folder=folder / "evaluate", image_size_px=64,
        ),
        KeepingObserver(),
    )  # fmt: skip
    assert len(evaluated.predictions) == 4
    assert set(evaluated.library_metrics) == set(fitted.metrics)


def _check_predictions(task: str, fitted: FitResult, folder: Path) -> None:
    use = PredictRequest(
        weights=fitted.checkpoints[0], image_size_px=64, confidence=0.0005, folder=folder / "predict"
    )
    said = list(TRAINER.predict(use, make_items(task)[:3], KeepingObserver()))
    assert [one.problem for one in said] == ["", "", ""]
    if task == "classify":
        assert all(one.tags and {tag.name for tag in one.tags} <= set(CLASSES) for one in said)
        return
    found = [labelled for one in said for labelled in one.objects]
    assert found and {labelled.geometry.kind for labelled in found} == {SHAPES[task]}
    assert {labelled.class_name for labelled in found} <= set(CLASSES)
    if task == "pose":
        assert {labelled.geometry.names for labelled in found} == {NODES}


@pytest.mark.parametrize("architecture", FAMILIES)
def test_every_family_can_be_trained_from_its_definition(architecture: str, tmp_path: Path) -> None:
    data, _ = write_data("detect", tmp_path / "data")

    fitted = TRAINER.fit(
        make_fit("detect", data, tmp_path / "fit", architecture=architecture, keep_state=False),
        KeepingObserver(),
    )

    assert [path.name for path in fitted.checkpoints] == ["best.pt", "last.pt"]
    assert set(fitted.metrics) == OF_BOXES


@pytest.mark.parametrize("task", [task for task in TINY if task != "detect"])
def test_a_resumed_fit_comes_to_the_same_as_one_that_was_left_alone(task: str, tmp_path: Path) -> None:
    data, _ = write_data(task, tmp_path / "data")
    calm, before, after = KeepingObserver(), PausingObserver(looks_left=2), KeepingObserver()
    whole = TRAINER.fit(make_fit(task, data, tmp_path / "calm", epochs=2), calm)

    with pytest.raises(Paused):
        TRAINER.fit(make_fit(task, data, tmp_path / "torn", epochs=2), before)
    resumed = TRAINER.fit(make_fit(task, data, tmp_path / "torn", epochs=2, is_resumed=True), after)

    assert read_weights(resumed.checkpoints[1]) == read_weights(whole.checkpoints[1])
    assert resumed.metrics == whole.metrics
    assert read_curves(before) + read_curves(after) == read_curves(calm)


def test_a_finished_fit_that_goes_on_is_one_long_fit(tmp_path: Path) -> None:
    data, _ = write_data("detect", tmp_path / "data")
    whole = TRAINER.fit(
        make_fit("detect", data, tmp_path / "whole", architecture="yolov10p", epochs=3, **STEADY),
        KeepingObserver(),
    )
    first = TRAINER.fit(
        make_fit("detect", data, tmp_path / "first", architecture="yolov10p", epochs=1, **STEADY),
        KeepingObserver(),
    )

    heard = KeepingObserver()
    longer = make_fit(
        "detect", data, tmp_path / "longer", architecture="yolov10p", continues=first.checkpoints[0].parent,
        more_epochs=2, **STEADY,
    )  # fmt: skip
    went_on = TRAINER.fit(longer, heard)

    assert read_weights(went_on.checkpoints[1]) == read_weights(whole.checkpoints[1])
    assert [step for key, _, step in heard.metrics if key == "metrics/mAP50"] == [2, 3]
    assert {total for _, total, _ in heard.steps} == {9}


def test_a_fit_starts_from_the_weights_of_a_model_with_other_classes(tmp_path: Path) -> None:
    data, _ = write_data("segment", tmp_path / "data")
    first = TRAINER.fit(make_fit("segment", data, tmp_path / "first"), KeepingObserver())

    tuned = TRAINER.fit(
        make_fit("segment", data, tmp_path / "tuned", weights=first.checkpoints[0], lr0=1e-7, epochs=1),
        KeepingObserver(),
    )

    before, after = (read_tensors(one.checkpoints[1]) for one in (first, tuned))
    name = "model.0.conv.weight"  # which one epoch with almost no learning rate leaves nearly as it was
    assert abs(before[name].float() - after[name].float()).max() < 0.01


def test_checkpoints_of_every_few_epochs_are_kept_the_newest_alone(tmp_path: Path) -> None:
    data, _ = write_data("classify", tmp_path / "data")

    fitted = TRAINER.fit(
        make_fit("classify", data, tmp_path / "fit", epochs=5, save_period=1, keep=2, keep_state=False),
        KeepingObserver(),
    )

    names = [path.name for path in fitted.checkpoints]
    assert names == ["best.pt", "last.pt", "epoch4.pt", "epoch3.pt"]
    assert len({path.stat().st_size // 100_000 for path in fitted.checkpoints}) == 1  # no optimizer in any


def read_tensors(path: Path) -> dict[str, Any]:
    import torch

    saved = torch.load(path, map_location="cpu", weights_only=False)
    return dict(saved["model"].state_dict())


def read_weights(path: Path) -> dict[str, bytes]:
    return {name: value.numpy().tobytes() for name, value in read_tensors(path).items()}


def read_curves(observer: KeepingObserver) -> list[tuple[str, float, int]]:
    kinds = ("train/", "val/", "metrics/", "lr")
    return [point for point in observer.metrics if point[0].startswith(kinds)]
