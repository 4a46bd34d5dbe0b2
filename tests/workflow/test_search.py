"""Searches with real processes: their trials, what stops and kills them, and what is left."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlwf_tui import processes
from mlwf_tui.entities.queue import Terms, Wants
from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.entities.search import PRUNED, SearchPlan, TrialState
from mlwf_tui.errors import Conflict, InvalidInput, InvalidParameter, NotFound
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.models import list_models
from mlwf_tui.workflow.pause import pause_run
from mlwf_tui.workflow.resume import resume_run
from mlwf_tui.workflow.search import continue_search, read_search, submit_search
from mlwf_tui.workflow.searching.plans import check_plan, choose_metric, read_axes
from mlwf_tui.workflow.stop import stop_run
from mlwf_tui.workspace import Workspace
from tests import jobs
from tests.fakes.observers import KeepingObserver
from tests.making import make_voc

pytestmark = pytest.mark.slow  # each goes through the app, or through processes, for seconds

GRID = {"x": "0.1,0.7", "kind": "good,bad"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    with jobs.open_job_home(tmp_path, monkeypatch, "slots = 2\n") as workspace:
        make_voc(
            tmp_path / "voc",
            {"a.jpg": [("cell", 2, 3, 20, 21)], "b.jpg": [("cell", 2, 3, 20, 21)]},
            splits={"train": ["a"], "val": ["b"]},
        )
        import_folder(workspace, tmp_path / "voc", "seen", observer=KeepingObserver())
        yield workspace


def make_repository(folder: Path) -> str:
    """Return the commit of a new git repository with one empty commit."""
    who = ("-c", "user.name=ann", "-c", "user.email=ann@example.org")
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    subprocess.run(["git", *who, "commit", "-q", "--allow-empty", "-m", "one"], cwd=folder, check=True)
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def search(home: Workspace, space: dict[str, str], **options: Any) -> Run:
    return submit_search(home, "seen", model="learner", space=space, **options)


def finish(home: Workspace, run: Run) -> Run:
    done = jobs.wait_for_end(home, run)
    assert done.state is RunState.DONE, jobs.describe(home, run)
    return done


def list_trainings(home: Workspace, run: Run) -> list[Run]:
    return list(home.catalog.runs.list_parts(run.id))[::-1]


def wait_for_trainings(
    home: Workspace, run: Run, count: int, state: RunState = RunState.RUNNING
) -> list[Run]:
    def list_there() -> list[Run]:
        return [part for part in list_trainings(home, run) if part.state is state]

    jobs.wait_until(lambda: len(list_there()) >= count, lambda: jobs.describe(home, run))
    return list_there()


def wait_for_first_epochs(home: Workspace, run: Run, count: int) -> None:
    """Wait until so many trials have told a value; they then wait for their gate."""

    def are_there() -> bool:
        return sum(1 for trial in read_search(home, run.id).trials if trial.curve) >= count

    jobs.wait_until(are_there, lambda: jobs.describe(home, run))


def test_a_grid_tries_every_combination_once_and_names_the_best(
    home: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit_of_code = make_repository(tmp_path / "code")
    monkeypatch.chdir(tmp_path / "code")
    done = finish(home, search(home, GRID, sampler="grid", parallel=2, keep=1, params={"epochs": "2"}))
    trials = done.result["trials"]
    assert [trial["values"] for trial in trials] == [
        {"x": 0.1, "kind": "good"}, {"x": 0.1, "kind": "bad"},
        {"x": 0.7, "kind": "good"}, {"x": 0.7, "kind": "bad"},
    ]  # fmt: skip
    assert [trial["value"] for trial in trials] == pytest.approx([0.4, 0.2, 1.0, 0.5])
    assert {trial["state"] for trial in trials} == {"done"}
    best = done.result["best"]
    assert (best["number"], best["value"]) == (3, 1.0)
    assert [model.name for model in list_models(home)] == [best["model"]] == [done.result["model"]]
    assert sum(done.result["importance"].values()) == pytest.approx(1, abs=0.001)
    assert done.result["summary"] == "4 of 4 trials, best map50 1 (trial 3)"
    found = read_search(home, done.id)
    assert [len(trial.curve) for trial in found.trials] == [2, 2, 2, 2]
    parts = list_trainings(home, done)
    assert {part.parent for part in parts} == {done.id}
    assert {part.inputs for part in parts} == {done.inputs}
    assert {part.environment["commit"] for part in parts} == {commit_of_code}


@pytest.mark.slow
def test_the_same_seed_tries_the_same_values_and_another_seed_others(home: Workspace) -> None:
    space = {"x": "0..1", "kind": "good,bad"}
    options = {"sampler": "tpe", "trials": 7, "params": {"epochs": "1"}}
    runs = [finish(home, search(home, space, seed=seed, **options)) for seed in (1, 1, 2)]
    first, again, other = ([trial["values"] for trial in run.result["trials"]] for run in runs)
    assert first == again
    assert first != other
    assert len({trial["x"] for trial in first}) == 7


def test_a_search_that_is_killed_goes_on_and_does_no_trial_again(home: Workspace, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    params = {"epochs": "2", "gate": str(gate)}
    run = search(home, {"x": "0.1,0.2,0.3,0.7"}, sampler="grid", parallel=2, params=params)
    wait_for_first_epochs(home, run, 2)
    going = [part.id for part in wait_for_trainings(home, run, 2)]
    jobs.kill(jobs.find_worker(home, run))
    gate.touch()
    done = finish(home, run)
    assert [job.outcome for job in home.catalog.jobs.list_of(run.id)] == ["retry", "done"]
    parts = list_trainings(home, run)
    assert [part.params["x"] for part in parts] == [0.1, 0.2, 0.3, 0.7]
    assert [part.id for part in parts][:2] == going
    assert all(len(home.catalog.jobs.list_of(part.id)) == 1 for part in parts)
    assert done.result["best"]["values"] == {"x": 0.7}


def test_trials_that_are_all_killed_are_gone_on_with_and_not_counted_as_failed(
    home: Workspace, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    params = {"epochs": "2", "gate": str(gate)}
    run = search(home, {"x": "0.1,0.7"}, sampler="grid", parallel=2, params=params)
    wait_for_first_epochs(home, run, 2)
    for part in wait_for_trainings(home, run, 2):
        jobs.kill(jobs.find_worker(home, part))
    gate.touch()
    done = finish(home, run)
    assert [trial["state"] for trial in done.result["trials"]] == ["done", "done"]
    assert [len(home.catalog.jobs.list_of(part.id)) for part in list_trainings(home, run)] == [2, 2]


def test_a_search_that_dies_between_a_note_and_its_stop_still_prunes(home: Workspace, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    params = {"epochs": "2", "gate": str(gate)}
    run = search(home, {"x": "0.1,0.7"}, sampler="grid", parallel=2, is_pruning=True, params=params)
    wait_for_first_epochs(home, run, 2)
    first, _ = wait_for_trainings(home, run, 2)
    jobs.kill(jobs.find_worker(home, run))
    home.catalog.runs.note_result(first.id, {PRUNED: {"step": 1, "value": 0.1}})
    jobs.wait_until(
        lambda: home.catalog.runs.get(first.id).state is RunState.STOPPED, lambda: jobs.describe(home, run)
    )
    gate.touch()
    states = {trial["run"]: trial["state"] for trial in finish(home, run).result["trials"]}
    assert states.pop(first.id) == "pruned"
    assert list(states.values()) == ["done"]


def test_a_search_stops_with_all_of_its_trials_and_does_them_again_when_resumed(
    home: Workspace, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    params = {"epochs": "2", "gate": str(gate)}
    run = search(home, {"x": "0.1,0.2,0.3,0.7"}, sampler="grid", parallel=3, params=params)
    wait_for_first_epochs(home, run, 2)  # the third waits for a slot
    wait_for_trainings(home, run, 1, RunState.QUEUED)
    workers = [jobs.find_worker(home, part) for part in wait_for_trainings(home, run, 2)]
    assert stop_run(home, run.id).state is RunState.STOPPED
    assert not any(processes.is_alive(worker) for worker in workers)
    assert {part.state for part in list_trainings(home, run)} == {RunState.STOPPED}
    found = read_search(home, run.id)
    assert {trial.state for trial in found.trials} == {TrialState.DROPPED}
    gate.touch()
    resume_run(home, run.id)
    done = finish(home, run)
    assert [part.params["x"] for part in list_trainings(home, run)] == [0.1, 0.2, 0.3, 0.1, 0.2, 0.3, 0.7]
    assert done.result["counts"] == {"done": 4, "dropped": 3}


def test_a_search_pauses_with_its_trials_and_goes_on_with_them(home: Workspace, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    params = {"epochs": "3", "gate": str(gate)}
    run = search(home, {"x": "0.1,0.7"}, sampler="grid", parallel=2, params=params)
    wait_for_first_epochs(home, run, 2)
    pause_run(home, run.id, wait_s=jobs.PATIENCE_S)
    assert home.catalog.runs.get(run.id).state is RunState.PAUSED
    wait_for_trainings(home, run, 2, RunState.PAUSED)
    gate.touch()
    resume_run(home, run.id)
    done = finish(home, run)
    assert done.result["counts"] == {"done": 2}
    assert [len(home.catalog.jobs.list_of(part.id)) for part in list_trainings(home, run)] == [2, 2]
    assert [[step for step, _ in trial.curve] for trial in read_search(home, run.id).trials] == [
        [1, 2, 3]
    ] * 2


@pytest.mark.slow
def test_what_promises_little_is_pruned_and_its_model_is_not_kept(home: Workspace) -> None:
    values = ",".join(["0.7", "0.69", "0.71", "0.72", "0.68", "0.01"])
    params = {"epochs": "40"}
    run = search(
        home, {"x": values}, sampler="grid", params=params, is_pruning=True, prune_after=1, keep=9, trials=6
    )
    done = finish(home, run)
    states = [trial["state"] for trial in done.result["trials"]]
    assert states[:5] == ["done"] * 5
    pruned = list_trainings(home, run)[-1]
    if states[5] == "pruned":  # its forty epochs take less than a look at it where the machine is fast
        assert pruned.state is RunState.STOPPED
        assert "pruned after" in str(pruned.result["summary"])
    assert len(list_models(home)) == states.count("done")


@pytest.mark.slow
def test_a_search_is_continued_by_another_that_knows_its_trials(home: Workspace) -> None:
    space, params = {"x": "0..1"}, {"epochs": "1"}
    first = finish(home, search(home, space, sampler="random", trials=2, params=params, seed=4))
    more = finish(home, continue_search(home, first.id, more=2))
    whole = finish(home, search(home, space, sampler="random", trials=4, params=params, seed=4))
    values = [trial["values"] for trial in more.result["trials"]]
    assert values == [trial["values"] for trial in whole.result["trials"]]
    assert [trial["number"] for trial in more.result["trials"]] == [1, 2, 3, 4]
    assert len(list_trainings(home, more)) == 2
    assert home.catalog.runs.get(first.id).result == first.result


@pytest.mark.slow
def test_a_search_is_continued_by_two_at_once(home: Workspace, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    params = {"epochs": "2", "gate": str(gate)}
    first = finish(home, search(home, {"x": "0..1"}, sampler="random", trials=1, params=params))
    gate.unlink()

    both = [continue_search(home, first.id, more=1) for _ in range(2)]
    for run in both:
        wait_for_trainings(home, run, 1)
    gate.touch()

    names = {training.params["name"] for run in both for training in list_trainings(home, finish(home, run))}
    assert len(names) == 2


@pytest.mark.slow
def test_a_grid_that_is_tried_has_nothing_left(home: Workspace) -> None:
    done = finish(home, search(home, {"x": "0.1,0.7"}, sampler="grid", params={"epochs": "1"}))
    with pytest.raises(InvalidInput, match="nothing left"):
        continue_search(home, done.id, more=5)


@pytest.mark.slow
def test_trials_that_all_fail_end_the_search_with_their_reason(home: Workspace) -> None:
    run = search(home, {"x": "0..1"}, params={"kind": "broken"}, trials=9)
    failed = jobs.wait_for_end(home, run)
    assert failed.state is RunState.FAILED
    assert "it is broken" in failed.error
    assert len(list_trainings(home, run)) == 3


def test_a_trial_that_fails_leaves_the_others(home: Workspace) -> None:
    run = search(home, {"kind": "broken,good"}, sampler="grid", params={"epochs": "1"})
    done = finish(home, run)
    assert [trial["state"] for trial in done.result["trials"]] == ["failed", "done"]
    assert "it is broken" in done.result["trials"][0]["error"]


@pytest.mark.slow
def test_a_metric_that_no_trial_tells_ends_the_search(home: Workspace) -> None:
    run = search(home, {"x": "0..1"}, metric="beauty", params={"epochs": "1"})
    failed = jobs.wait_for_end(home, run)
    assert failed.state is RunState.FAILED
    assert "beauty" in failed.error
    counts = {"done": failed.result["counts"].get("done"), "trials": len(failed.result["trials"])}
    assert counts["done"] and counts["done"] <= counts["trials"]
    assert "running" not in failed.result["counts"]
    assert failed.result["summary"].startswith(f"{counts['trials']} of ")
    assert "map50" in failed.hint


def test_a_workspace_that_may_have_one_run_going_still_gets_its_trials_done(
    tmp_path: Path, home: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = "slots = 2\n[limits]\ndefault = 1\n"
    with jobs.open_job_home(tmp_path, monkeypatch, settings) as narrow:
        finish(narrow, search(narrow, {"x": "0.7"}, sampler="grid", params={"epochs": "1"}))


@pytest.mark.parametrize(
    ("space", "options", "error"),
    [
        ({}, {}, "parameter to try"),
        ({"x": "0..2"}, {}, "x"),
        ({"x": "0.1,nothing"}, {}, "x"),
        ({"kind": "good,odd"}, {}, "odd"),
        ({"x": "0..1"}, {"params": {"x": "0.3"}}, "given and searched"),
        ({"x": "0..1"}, {"trials": 0}, "at least one trial"),
        ({"x": "0..1"}, {"terms": Terms(wants=Wants(gpus=9))}, "GPUs"),
    ],
)
def test_a_search_that_cannot_be_done_is_refused_and_leaves_no_run(
    home: Workspace, space: dict[str, str], options: dict[str, Any], error: str
) -> None:
    before = home.catalog.runs.list(limit=None)
    with pytest.raises(InvalidParameter, match=error):
        search(home, space, **options)
    assert home.catalog.runs.list(limit=None) == before


@pytest.mark.parametrize(
    ("model", "metric"),
    [("yolov10p", "map50"), ("resnet18", "top1"), ("yolo11n-cls", "top1"), ("learner", "map50")],
)
def test_the_task_says_what_a_search_looks_at(home: Workspace, model: str, metric: str) -> None:
    assert choose_metric(home, model) == metric


@pytest.mark.parametrize(
    ("model", "metric", "is_told"),
    [
        ("yolov10p", "nope", False), ("yolov10p", "map50", True), ("yolov10p", "metrics/mAP50-95", True),
        ("yolov10p", "val/box_loss", True), ("yolov10p", "top1", False), ("yolo11n-seg", "box_map50", True),
        ("yolo11n-cls", "top1", True), ("yolo11n-cls", "map50", False), ("resnet18", "map50", False),
        ("resnet18", "top5", True),
    ],
)  # fmt: skip
def test_a_metric_that_the_trainer_does_not_tell_is_refused_at_once(
    home: Workspace, model: str, metric: str, is_told: bool
) -> None:
    axes = read_axes(home, model, {"epochs": "1,2"})
    plan = SearchPlan(data="seen", model=model, axes=axes, metric=metric)
    if is_told:
        assert check_plan(home, plan) == plan
    else:
        with pytest.raises(InvalidParameter, match=f"tells a metric like '{metric}'"):
            check_plan(home, plan)


def test_only_a_finished_search_is_continued(home: Workspace, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        search(home, {"x": "0..1"}, sampler="guess")
    with pytest.raises(InvalidInput, match="no search"):
        continue_search(home, jobs.act(home, "").id, more=1)
    run = search(home, {"x": "0..1"}, params={"gate": str(tmp_path / "gate")})
    with pytest.raises(Conflict, match="search"):
        continue_search(home, run.id, more=1)
    stop_run(home, run.id)
