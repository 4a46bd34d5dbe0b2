from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.errors import InvalidInput, NotFound
from mlwf_tui.workflow.delete import delete
from mlwf_tui.workflow.metrics import find_run
from mlwf_tui.workflow.queue import pause_queue
from mlwf_tui.workflow.reproduce import VERBS, find_lacks, judge, reproduce_now, submit_again
from mlwf_tui.workflow.run import add_input, finish_run, start_run
from mlwf_tui.workflow.running.recorder import record
from mlwf_tui.workflow.train import submit_train
from mlwf_tui.workflow.transform import transform
from mlwf_tui.workspace import Workspace
from tests import jobs
from tests.fakes.observers import KeepingObserver
from tests.tui.homes import add_model, fill_projects
from tests.workflow.reporting import fill_val

OBSERVER = KeepingObserver()


def find_newest(workspace: Workspace, verb: str) -> Run:
    return next(run for run in workspace.catalog.runs.list(limit=None) if run.verb == verb)


@pytest.mark.parametrize(("operation", "params"), [("noise", {}), ("sample", {"n": 3})])
def test_an_operation_is_done_again_to_the_digest(
    imported: Workspace, operation: str, params: dict[str, float]
) -> None:
    transform(imported, operation, ["cells"], to="out", params=params, seed=5, observer=OBSERVER)
    run = find_newest(imported, "transform")
    found = reproduce_now(imported, run.id, observer=OBSERVER)
    assert found.is_same
    assert found.outputs[0].before == found.outputs[0].after
    again = imported.catalog.runs.get(found.again)
    assert not again.result["cached"], "it was made anew, not found"
    assert {project.name for project in imported.catalog.projects.list()} == {"cells", "out"}


def test_a_difference_stays_to_be_looked_at(imported: Workspace) -> None:
    transform(imported, "noise", ["cells"], to="out", params={}, seed=5, observer=OBSERVER)
    transform(imported, "noise", ["cells"], to="other", params={}, seed=6, observer=OBSERVER)
    second, first = [r for r in imported.catalog.runs.list(limit=None) if r.verb == "transform"][:2]
    found = judge(imported, first, second)
    assert not found.is_same
    assert found.outputs[0].before != found.outputs[0].after


def test_other_versions_of_what_changes_pixels_are_told_beside_the_verdict(imported: Workspace) -> None:
    transform(imported, "noise", ["cells"], to="out", params={}, seed=5, observer=OBSERVER)
    run = find_newest(imported, "transform")
    assert {"albumentations", "opencv", "numpy"} <= set(run.environment)
    assert run.environment["opencv"][0].isdigit()
    older = msgspec.structs.replace(run, environment={**run.environment, "opencv": "3.1"})
    assert judge(imported, older, run).notes == (f"opencv was 3.1 and is {run.environment['opencv']}",)
    assert judge(imported, run, run).notes == ()


def test_what_a_run_lacks_is_said_before_anything_is_done(imported: Workspace) -> None:
    transform(imported, "flip", ["cells"], to="out", params={}, observer=OBSERVER)
    run = find_newest(imported, "transform")
    assert find_lacks(imported, run) == ()
    delete(imported, "cells@1", is_forced=True)
    before = len(imported.catalog.runs.list(limit=None))
    with pytest.raises(InvalidInput, match="cells@1 was deleted"):
        reproduce_now(imported, run.id, observer=OBSERVER)
    assert len(imported.catalog.runs.list(limit=None)) == before
    with pytest.raises(NotFound):
        reproduce_now(imported, "0" * 12, observer=OBSERVER)


def test_a_program_of_somebody_else_lacks_its_commit_and_seed(workspace: Workspace) -> None:
    run = finish_run(workspace, start_run(workspace, "tool", arguments=["./tool", "--fast"]))
    lacks = find_lacks(workspace, workspace.catalog.runs.get(run.id))
    assert "its program is not mlwf's to start" in lacks
    assert "its seed was not noted" in lacks
    with pytest.raises(InvalidInput) as raised:
        reproduce_now(workspace, run.id, observer=OBSERVER)
    assert "./tool --fast" in raised.value.hint


@pytest.mark.parametrize("verb", VERBS)
def test_a_program_that_calls_what_it_does_as_a_verb_is_not_done_again_as_one(
    imported: Workspace, verb: str
) -> None:
    run = start_run(imported, verb, seed=1, arguments=["./train.py"])
    add_input(imported, run, "project", "cells")
    finish_run(imported, run)
    before = len(imported.catalog.runs.list(limit=None))
    again = reproduce_now if verb == "transform" else submit_again
    with pytest.raises(InvalidInput, match="not mlwf's to start"):
        again(imported, run.id, observer=OBSERVER)
    assert len(imported.catalog.runs.list(limit=None)) == before


def test_trainings_are_compared_within_a_tolerance(workspace: Workspace, tmp_path: Path) -> None:
    fill_projects(workspace, tmp_path)
    for name in ("first", "second"):
        add_model(workspace, "cells@1", name)
    runs = []
    for map50 in (0.80, 0.805, 0.9):
        with record(workspace, "train", params={}, seed=0) as recorder:
            recorder.result = {"metrics": {"map50": map50}}
        runs.append(workspace.catalog.runs.get(recorder.run_id))
    assert judge(workspace, runs[0], runs[1]).is_same
    assert not judge(workspace, runs[0], runs[1], tolerance=0.001).is_same
    assert not judge(workspace, runs[0], runs[2]).is_same
    curves = judge(workspace, find_run(workspace, "first"), find_run(workspace, "second"))
    assert curves.is_same
    assert {output.name for output in curves.outputs} == {"train/box_loss", "metrics/mAP50-95(B)"}
    assert not judge(workspace, runs[0], find_run(workspace, "first")).is_same, (
        "each has told what the other has not"
    )
    failed = workspace.catalog.runs.create(
        "train", params={}, seed=0, author="", workspace="default", environment={}, state=RunState.FAILED
    )
    with pytest.raises(InvalidInput):
        judge(workspace, runs[0], failed)


@pytest.mark.slow
def test_a_training_is_done_again_twice_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with jobs.open_job_home(tmp_path, monkeypatch) as home:
        fill_val(home, tmp_path / "val", images=2, project="seen")
        run = submit_train(home, "seen@1", model="counter", params={"epochs": 1}, name="kept")
        assert jobs.wait_for_end(home, run).state is RunState.DONE
        pause_queue(home)

        again = [submit_again(home, run.id, observer=OBSERVER) for _ in range(2)]

        assert [one.params["name"] for one in again] == ["kept-again-1", "kept-again-2"]
