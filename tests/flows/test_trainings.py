"""Trainings by their jobs: other tasks, a model of one's own to start from, and more epochs afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import onnxruntime
import pytest

from mlwf_tui.entities.annotation import GeometryKind
from mlwf_tui.entities.model import FileRole
from mlwf_tui.entities.run import ArtifactKind, Run, RunState
from mlwf_tui.protocols.trainers import STATE_NAME
from mlwf_tui.store.manifests import iter_items, read_summary
from mlwf_tui.workflow.apply import submit_apply
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.refs import resolve_manifest
from mlwf_tui.workflow.reproduce import submit_again
from mlwf_tui.workflow.run_diff import diff_runs
from mlwf_tui.workflow.runs import get_run
from mlwf_tui.workflow.show import show
from mlwf_tui.workflow.train import submit_continued, submit_train
from mlwf_tui.workspace import Workspace
from tests import jobs
from tests.fakes.observers import KeepingObserver
from tests.tasks import CLASSES, PARAMS, TINY, write_data

PATIENCE_S = 300.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    with jobs.open_job_home(tmp_path, monkeypatch) as workspace:
        yield workspace


def bring(home: Workspace, task: str, folder: Path) -> None:
    """Import what a task is trained on as the project of its name."""
    data, _ = write_data(task, folder / task)
    import_folder(home, data, task, observer=KeepingObserver())


def finish(home: Workspace, run: Run) -> Run:
    def is_over() -> bool:
        return get_run(home, run.id).state.is_finished

    jobs.wait_until(is_over, lambda: jobs.describe(home, run), patience_s=PATIENCE_S)
    ended = jobs.wait_for_end(home, run)
    assert ended.state is RunState.DONE, jobs.describe(home, ended)
    return ended


@pytest.mark.parametrize("task", ["segment", "classify"])
def test_a_model_of_any_task_is_trained_and_applied(home: Workspace, tmp_path: Path, task: str) -> None:
    bring(home, task, tmp_path)

    trained = finish(home, submit_train(home, task, model=TINY[task], params=PARAMS))

    model = home.catalog.models.get(trained.result["model"])
    assert (model.task, model.class_names) == (task, CLASSES)
    finish(home, submit_apply(home, model.name, task, to="seen", params={"confidence": "0.0005"}))
    manifest = resolve_manifest(home, "seen")[1]
    items = list(iter_items(home.store, manifest))
    assert read_summary(home.store, manifest).schema.class_names == CLASSES
    if task == "classify":
        assert all(item.annotation.tags[0].name in CLASSES for item in items)
        assert all(isinstance(item.annotation.tags[0].value, float) for item in items)
    else:
        found = {labelled.geometry.kind for item in items for labelled in item.annotation.objects}
        assert found == {GeometryKind.MASK}


def test_a_model_is_kept_as_onnx_where_that_was_asked_for(home: Workspace, tmp_path: Path) -> None:
    bring(home, "detect", tmp_path)

    trained = finish(
        home, submit_train(home, "detect", model="yolov10p", params={**PARAMS, "export": "onnx"})
    )

    model = home.catalog.models.get(trained.result["model"])
    (kept,) = model.find_files(FileRole.PACKAGE)
    path = tmp_path / kept.name
    home.store.write_file(kept.blob, path)
    session = onnxruntime.InferenceSession(path)
    assert session.get_inputs()[0].shape == [1, 3, 64, 64]
    assert trained.result["notes"] == []


def test_a_training_goes_on_and_is_started_from_and_done_again(home: Workspace, tmp_path: Path) -> None:
    bring(home, "detect", tmp_path)
    first = finish(home, submit_train(home, "detect", model="yolov10p", params=PARAMS, name="first"))

    longer = finish(home, submit_continued(home, first.id, params={"epochs": "+1"}))
    tuned = finish(home, submit_train(home, "detect", model="first", params=PARAMS))
    again = finish(home, submit_again(home, longer.id, observer=KeepingObserver()))

    assert STATE_NAME in [found.name for found in home.catalog.models.get("first").checkpoints]
    for run in (longer, tuned, again):
        assert "first" in [found.title for found in run.inputs if found.kind is ArtifactKind.MODEL]
        assert run.environment["manifest"] == first.environment["manifest"]
        assert run.environment["split train"].endswith("(12 items)")
    assert (longer.params["continues"], longer.params["more_epochs"]) == (first.id, 1)
    assert again.result["metrics"] == longer.result["metrics"]
    told = show(home, longer.id).facts["environment"]
    assert {"torch", "torchvision", "ultralytics", "numpy", "threads", "device"} <= set(told)
    differs = {change.name for change in diff_runs(home, first, longer).params}
    assert {"continues", "more_epochs", "name"} <= differs
    assert [found.kind for found in diff_runs(home, first, longer).inputs] == ["model"]
