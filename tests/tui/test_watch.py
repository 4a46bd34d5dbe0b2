"""Following many runs: only what is new is told, points only to those who look, rows as they change."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlwf_tui import processes
from mlwf_tui.entities.mark import MarkKind
from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.tui.screens.outlooks import Outlooks
from mlwf_tui.tui.screens.watch import RunWatch
from mlwf_tui.workflow.metrics import read_outlooks
from mlwf_tui.workflow.running.events import FILE_NAME, EventWriter
from mlwf_tui.workflow.running.jobs import queue_run
from mlwf_tui.workspace import Workspace, open_workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with open_workspace(tmp_path / "home") as opened:
        yield opened


def add_run(workspace: Workspace) -> Run:
    recorder = queue_run(workspace, "train", {}, 0)
    run = workspace.catalog.runs.start(recorder.run_id)
    workspace.catalog.jobs.create(run.id, processes.identify_self())
    workspace.run_folder(run.id).mkdir(parents=True)
    return workspace.catalog.runs.get(run.id)  # with the times of its job


def say(workspace: Workspace, run: Run, *values: float, start: int = 0) -> None:
    path = workspace.run_folder(run.id) / FILE_NAME
    with path.open("ab") as file, EventWriter(file) as writer:
        for step, value in enumerate(values, start):
            writer.metric("loss", value, step)
        writer.progress(start + len(values), 100, "")


def test_a_run_is_told_once_and_then_only_when_something_is_new(workspace: Workspace) -> None:
    run = add_run(workspace)
    watch = RunWatch(workspace)
    watch.follow([run.id])
    assert watch.poll()[run.id].run == run
    assert watch.poll() == {}
    say(workspace, run, 1.0)
    update = watch.poll()[run.id]
    assert update.progress is not None
    assert (update.progress.step, update.new_metrics) == (1, ())
    assert watch.poll() == {}


def test_a_run_in_focus_tells_all_points_and_one_that_is_new_there_from_its_beginning(
    workspace: Workspace,
) -> None:
    first, second = add_run(workspace), add_run(workspace)
    watch = RunWatch(workspace)
    watch.follow([first.id, second.id])
    say(workspace, first, 1.0, 2.0)
    say(workspace, second, 3.0)
    watch.poll()
    watch.focus([first.id])
    assert [p.value for p in watch.poll(in_focus_only=True)[first.id].new_metrics] == [1.0, 2.0]
    watch.focus([first.id, second.id])
    updates = watch.poll(in_focus_only=True)
    assert first.id not in updates or updates[first.id].new_metrics == ()
    assert [p.value for p in updates[second.id].new_metrics] == [3.0]
    say(workspace, first, 5.0, start=2)
    assert [p.value for p in watch.poll(in_focus_only=True)[first.id].new_metrics] == [5.0]


def test_the_end_of_a_run_is_told_with_how_it_stands(workspace: Workspace) -> None:
    run = add_run(workspace)
    watch = RunWatch(workspace)
    watch.follow([run.id])
    say(workspace, run, 1.0, math.nan)
    told = watch.poll()[run.id]
    assert told.standing is not None
    assert [mark.kind for mark in told.standing.marks] == [MarkKind.NOT_FINITE]
    workspace.catalog.runs.finish(run.id, RunState.FAILED, result={}, error="no memory")
    assert watch.poll()[run.id].run.state is RunState.FAILED


def test_a_run_that_ends_between_two_looks_is_read_once_more_at_its_end(workspace: Workspace) -> None:
    run = add_run(workspace)
    watch, outlooks = RunWatch(workspace), Outlooks()
    watch.follow([run.id])
    say(workspace, run, 1.0)
    outlooks.take(watch.poll())
    say(workspace, run, math.nan, start=1)
    workspace.catalog.runs.finish(run.id, RunState.DONE, result={})
    watch.follow([])  # a new list of runs came first: this one does not go on any more
    outlooks.take(watch.poll())
    ended = workspace.catalog.runs.get(run.id)
    assert outlooks.list_unknown([ended]) == [ended]
    outlooks.keep(read_outlooks(workspace, [ended]))
    assert [mark.kind for mark in outlooks.find(run.id).standing.marks] == [MarkKind.NOT_FINITE]
    assert outlooks.list_unknown([ended]) == []


def test_of_many_runs_all_are_looked_at_in_turn(workspace: Workspace) -> None:
    runs = [add_run(workspace) for _ in range(12)]
    for run in runs:
        say(workspace, run, 1.0)
    watch = RunWatch(workspace)
    watch.follow(run.id for run in runs)
    assessed: set[str] = set()
    for _ in range(5):
        assessed |= {run_id for run_id, update in watch.poll().items() if update.standing is not None}
    assert assessed == {run.id for run in runs}


def test_a_long_file_is_caught_up_with_in_several_polls(workspace: Workspace, tmp_path: Path) -> None:
    run = add_run(workspace)
    line = b'{"type":"metric","key":"loss","value":1.0,"step":%d,"at":1.0}\n'
    count = 100_000
    path = workspace.run_folder(run.id) / FILE_NAME
    path.write_bytes(b"".join(line % step for step in range(count)))
    watch = RunWatch(workspace)
    watch.focus([run.id])
    seen = len(watch.poll()[run.id].new_metrics)
    assert 0 < seen < count
    while watch.is_behind:
        seen += len(watch.poll(in_focus_only=True)[run.id].new_metrics)
    assert seen == count
