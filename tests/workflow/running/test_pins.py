"""What waits or goes on means what it meant when it was given, whoever has the name by then."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlwf_tui.cli.queue import _format
from mlwf_tui.cli.search import format_search
from mlwf_tui.entities.project import Version
from mlwf_tui.entities.queue import Terms, Wants
from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.errors import NotFound
from mlwf_tui.workflow.apply import submit_apply
from mlwf_tui.workflow.benchmark import queue_benchmark
from mlwf_tui.workflow.benchmarking.after_training import Coming, plan_for
from mlwf_tui.workflow.calls import submit_call
from mlwf_tui.workflow.commit import commit
from mlwf_tui.workflow.copy import copy
from mlwf_tui.workflow.delete import delete
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.pipeline import Request, run_pipeline, submit_pipeline
from mlwf_tui.workflow.queue import list_queue, pause_queue, resume_queue
from mlwf_tui.workflow.rename import rename
from mlwf_tui.workflow.running.pins import name_call
from mlwf_tui.workflow.search import continue_search, read_search, submit_search
from mlwf_tui.workflow.searching.plans import read_plan
from mlwf_tui.workflow.show import show
from mlwf_tui.workflow.train import submit_train
from mlwf_tui.workspace import Workspace
from tests import jobs
from tests.fakes.observers import KeepingObserver
from tests.making import make_voc


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    boxes = {"a.jpg": [("cell", 2, 3, 20, 21)], "b.jpg": [("cell", 2, 3, 20, 21)]}
    make_voc(tmp_path / "voc", boxes, splits={"train": ["a"], "val": ["b"]})
    with jobs.open_job_home(tmp_path, monkeypatch) as workspace:
        import_folder(workspace, tmp_path / "voc", "base", observer=KeepingObserver())
        commit(workspace, "base", message="first")
        pause_queue(workspace)
        yield workspace


def give_name_away(home: Workspace, name: str = "base") -> None:
    """Rename a project to `old`, and give its name to another."""
    rename(home, name, "old")
    copy(home, "cells", name)


def find_version(home: Workspace, name: str) -> Version:
    return home.catalog.versions.list(home.catalog.projects.get(name).id)[0]


def list_read(home: Workspace, run: Run) -> list[str]:
    return [one.id for one in home.catalog.runs.get(run.id).inputs]


def make_call(ref: str, *, to: str = "out") -> dict[str, object]:
    return {"operation": "flip", "refs": [ref], "to": to, "params": {}, "seed": 3}


def show_queue(home: Workspace, run: Run) -> str:
    return next(line for line in _format(list_queue(home)).splitlines() if run.id in line)


def test_the_benchmark_after_a_training_is_of_the_version_that_was_trained_on(home: Workspace) -> None:
    base = find_version(home, "base")
    run = submit_train(home, "base@1", model="learner", params={})
    planned = plan_for(home, run, base, Coming(name="m", task="detect", class_names=("cell",)))
    assert not isinstance(planned, str)
    give_name_away(home)

    queued = queue_benchmark(home, planned)

    assert list_read(home, queued.run) == [base.id]
    assert queued.run.params["data"] == "old@1"


def test_a_search_goes_on_with_what_was_pinned_and_tells_its_present_name(
    home: Workspace,
) -> None:
    base = find_version(home, "base")
    run = submit_search(home, "base", model="learner", space={"x": "0.1,0.7"}, trials=1)
    give_name_away(home)

    assert read_plan(home, run).data == base.full_ref
    assert "of old@1, learner" in format_search(read_search(home, run.id))
    trial = submit_train(home, read_plan(home, run).data, model="learner", params={}, parent=run.id)
    assert (list_read(home, trial), trial.params["data"]) == ([base.id], "old@1")

    home.catalog.runs.finish(run.id, RunState.FAILED, result={}, error="It broke.", hint="Mend it.")
    assert "It broke. Mend it." in format_search(read_search(home, run.id))
    more = continue_search(home, run.id, more=2)
    assert list_read(home, more) == [base.id]


def test_a_failed_search_tells_how_its_trials_stand_and_not_what_it_noted_last(home: Workspace) -> None:
    run = submit_search(home, "base", model="learner", space={"x": "0.1,0.7"}, trials=2)
    trial = submit_train(home, "base@1", model="learner", params={}, parent=run.id)
    noted = {"summary": "0 of 2 trials, 1 running"}
    home.catalog.runs.finish(run.id, RunState.FAILED, result=noted, error="It broke.")
    home.catalog.runs.finish(trial.id, RunState.DONE, result={"metrics": {"map50": 0.5}})

    assert format_search(read_search(home, run.id)).splitlines()[1:3] == [
        "1 of 2 trials, best map50 0.5 (trial 1)", "It broke.",
    ]  # fmt: skip


@pytest.mark.parametrize("ref", ["base", "base@1"])
def test_a_waiting_transform_reads_what_was_there_when_it_was_given(home: Workspace, ref: str) -> None:
    base = find_version(home, "base")
    run = submit_call(home, "transform", make_call(ref))
    assert " base@1 " in show_queue(home, run)
    give_name_away(home)

    assert list_read(home, run) == [base.id]
    assert name_call(home, "transform", run.call)["refs"] == ["old@1"]
    assert run.params["refs"] == [ref]


def test_a_waiting_transform_in_place_reads_the_head_of_its_own_project_when_its_turn_has_come(
    home: Workspace,
) -> None:
    run = submit_call(home, "transform", make_call("base", to="base"))
    assert " (base) " in show_queue(home, run)
    give_name_away(home)

    assert list_read(home, run) == []
    assert " (old) " in show_queue(home, run)
    named = name_call(home, "transform", run.call)
    assert (named["refs"], named["to"]) == (["old"], "old")


def test_what_comes_after_others_reads_what_they_leave(home: Workspace, tmp_path: Path) -> None:
    first = submit_call(
        home, "import", {"path": str(tmp_path / "voc"), "project": "base", "dataset": "", "format": "auto"}
    )
    terms = Terms(wants=Wants(), after=(first.id,))
    run = submit_call(home, "export", {"ref": "base", "folder": str(tmp_path / "out"), "format": "yolo"},
                      terms=terms)  # fmt: skip
    coming = submit_call(home, "transform", make_call("coming@1"), terms=terms)
    give_name_away(home)

    assert name_call(home, "import", first.call)["project"] == "old"
    assert name_call(home, "export", run.call)["ref"] == "old"
    assert name_call(home, "transform", coming.call)["refs"] == ["coming@1"]


def test_a_waiting_checkout_of_a_project_that_was_deleted_says_so(home: Workspace, tmp_path: Path) -> None:
    run = submit_call(home, "checkout", {"ref": "base@1", "folder": str(tmp_path / "out"), "force": False})
    delete(home, "base")

    with pytest.raises(NotFound, match="'base' was deleted"):
        name_call(home, "checkout", run.call)


def test_a_waiting_pipeline_reads_and_writes_the_projects_that_were_meant(home: Workspace) -> None:
    text = (
        "name: p\nsources:\n  data: base@1\nsteps:\n  - name: f\n    operation: flip\n    from: data\n"
        "outputs:\n  - {from: f, project: base}\n"
    )
    run = submit_pipeline(home, Request(name="p.yaml", text=text))
    give_name_away(home)

    named = name_call(home, "pipeline", run.call)
    assert (named["sources"], named["to"]) == ({"data": "old@1"}, {"f": "old"})


class _Renaming(KeepingObserver):
    """Gives a name away as soon as the work is going on."""

    def __init__(self, home: Workspace) -> None:
        super().__init__()
        self._home = home

    def progress(self, step: int, total: int | None, message: str) -> None:
        super().progress(step, total, message)
        if self._home.catalog.projects.find("old", "default") is None:
            give_name_away(self._home)


def test_a_pipeline_that_goes_on_writes_to_the_project_that_was_there_as_it_began(home: Workspace) -> None:
    text = (
        "name: p\nsources:\n  data: base@1\nsteps:\n"
        "  - {name: f, operation: filter, params: {splits: [train]}}\n"
        "outputs:\n  - {from: f, project: base}\n"
    )
    run_pipeline(home, Request(name="p.yaml", text=text), observer=_Renaming(home))

    assert (find_version(home, "old").number, find_version(home, "base").number) == (2, 1)


def test_a_transform_is_done_with_what_was_meant(home: Workspace) -> None:
    base = find_version(home, "base")
    run = submit_call(home, "transform", make_call("base@1", to="base"))
    give_name_away(home)
    resume_queue(home)

    done = jobs.wait_for_end(home, run)

    assert done.state is RunState.DONE, done.error
    assert [one.id for one in done.inputs] == [base.id]
    assert find_version(home, "old").number == 2
    assert find_version(home, "base").number == 1


@pytest.mark.slow
def test_what_a_training_leaves_is_named_and_measured_as_its_project_is_called_then(
    home: Workspace, tmp_path: Path
) -> None:
    base = find_version(home, "base")
    gate = tmp_path / "gate"
    run = submit_train(
        home, "base@1", model="learner", params={"epochs": "2", "gate": str(gate)}, is_benchmarked=True
    )
    resume_queue(home)
    jobs.wait_until(lambda: home.catalog.runs.get(run.id).state is RunState.RUNNING, lambda: "it waits")
    jobs.wait_until((home.run_folder(run.id) / "fit" / "epoch").exists, lambda: "no epoch")
    give_name_away(home)
    gate.touch()

    done = jobs.wait_for_end(home, run)

    model = home.catalog.models.get(done.result["model"])
    assert model.description == "trained on old@1"
    card = show(home, model.id).facts["card"]
    assert f"mlwf benchmark {model.name} old" in card
    assert "base@" not in card
    measured = jobs.wait_for_end(home, home.catalog.runs.get(done.result["benchmark"]["run"]))
    assert measured.state is RunState.DONE, measured.error
    assert [one.id for one in measured.inputs] == [model.id, base.id]
    assert [report.version_ref for report in home.catalog.reports.list()] == ["old@1"]


@pytest.mark.slow
def test_a_model_is_applied_into_the_project_that_was_meant(home: Workspace) -> None:
    trained = submit_train(home, "base@1", model="learner", params={"epochs": "1"})
    resume_queue(home)
    model = jobs.wait_for_end(home, trained).result["model"]
    pause_queue(home)
    run = submit_apply(home, model, "base@1", to="base", params={})
    give_name_away(home)
    resume_queue(home)

    done = jobs.wait_for_end(home, run)

    assert done.state is RunState.DONE, done.error
    assert done.result["project"] == "old"
    assert find_version(home, "base").number == 1
