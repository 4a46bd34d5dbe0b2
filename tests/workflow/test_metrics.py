"""Curves and standings of runs, read from their event files and kept once the run has finished."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from mlwf_tui import processes
from mlwf_tui.entities.mark import MarkKind
from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.errors import NotFound
from mlwf_tui.workflow.metrics import read_curves, read_outlooks
from mlwf_tui.workflow.running.events import FILE_NAME, EventWriter
from mlwf_tui.workflow.running.follow import read_rows
from mlwf_tui.workflow.running.jobs import queue_run
from mlwf_tui.workspace import Workspace


def add_run(workspace: Workspace, values: dict[str, list[float]], *, total: int | None = None) -> Run:
    """Enter a run of this very process with these curves, and a progress that goes with them."""
    recorder = queue_run(workspace, "train", {"name": "a"}, 0)
    run = workspace.catalog.runs.start(recorder.run_id)
    workspace.catalog.jobs.create(run.id, processes.identify_self())
    folder = workspace.run_folder(run.id)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / FILE_NAME).open("ab") as file, EventWriter(file) as writer:
        for key, curve in values.items():
            for step, value in enumerate(curve):
                writer.metric(key, value, step)
        if total is not None:
            writer.progress(total // 2, total, "half")
    return run


def finish(workspace: Workspace, run: Run) -> Run:
    workspace.catalog.runs.finish(run.id, RunState.DONE, result={})
    return workspace.catalog.runs.get(run.id)


def test_curves_are_read_by_id_prefix_and_key(workspace: Workspace) -> None:
    run = add_run(workspace, {"metrics/mAP50": [0.1, 0.5], "train/box_loss": [2.0, math.nan]})
    (all_of_it,) = read_curves(workspace, [run.id[:6]])
    assert [series.key for series in all_of_it.series] == ["metrics/mAP50", "train/box_loss"]
    (some,) = read_curves(workspace, [run.id], keys=["map50"])
    assert [(series.key, list(series.values)) for series in some.series] == [("metrics/mAP50", [0.1, 0.5])]


def test_a_key_or_a_run_that_nobody_knows_is_said(workspace: Workspace) -> None:
    run = add_run(workspace, {"loss": [1.0]})
    with pytest.raises(NotFound, match="metric like accuracy"):
        read_curves(workspace, [run.id], keys=["accuracy"])
    with pytest.raises(NotFound):
        read_curves(workspace, ["nothing"])


def test_a_running_run_is_told_as_its_file_is_now(workspace: Workspace) -> None:
    run = add_run(workspace, {"metrics/mAP50": [0.1, 0.5]}, total=100)
    outlook = read_outlooks(workspace, [run])[run.id]
    assert outlook.standing.main_summary is not None
    assert (outlook.standing.main, outlook.standing.main_summary.last) == ("metrics/mAP50", 0.5)
    assert outlook.progress is not None
    assert outlook.progress.step == 50
    assert outlook.time_left is None  # from one progress nobody can know
    assert workspace.catalog.standings.find([run.id]) == {}


def test_a_finished_run_is_known_without_its_file(workspace: Workspace) -> None:
    run = add_run(workspace, {"metrics/mAP50": [0.1, 0.9, 0.5], "train/loss": [1.0, math.nan]})
    done = finish(workspace, run)
    before = read_outlooks(workspace, [done])[run.id]
    (workspace.run_folder(run.id) / FILE_NAME).unlink()
    after = read_outlooks(workspace, [done])[run.id]
    assert after.standing.summaries["metrics/mAP50"] == before.standing.summaries["metrics/mAP50"]
    assert [mark.kind for mark in after.standing.marks] == [MarkKind.NOT_FINITE]
    assert after.standing.summaries["train/loss"].gap_count == 1


def test_what_is_written_after_the_end_is_noticed(workspace: Workspace) -> None:
    done = finish(workspace, add_run(workspace, {"loss": [1.0]}))
    read_outlooks(workspace, [done])
    with (workspace.run_folder(done.id) / FILE_NAME).open("ab") as file, EventWriter(file) as writer:
        writer.metric("loss", 0.5, 1)
    assert read_outlooks(workspace, [done])[done.id].standing.summaries["loss"].last == 0.5


def test_a_run_without_events_has_an_empty_standing(workspace: Workspace) -> None:
    recorder = queue_run(workspace, "train", {}, 0)
    outlook = read_outlooks(workspace, [recorder.run])[recorder.run_id]
    assert outlook.standing.main_summary is None
    assert outlook.standing.marks == ()


def test_a_torn_last_line_does_not_have_the_file_read_again_each_time(workspace: Workspace) -> None:
    run = add_run(workspace, {"loss": [1.0]})
    path = workspace.run_folder(run.id) / FILE_NAME
    with path.open("ab") as file:
        file.write(b'{"type":"metr')
    done = finish(workspace, run)
    read_outlooks(workspace, [done])
    assert workspace.catalog.standings.find([run.id])[run.id].size_bytes == path.stat().st_size


def test_rows_of_finished_and_of_running_runs_are_read_together(workspace: Workspace) -> None:
    done, running = finish(workspace, add_run(workspace, {})), add_run(workspace, {})
    rows = read_rows(workspace, [done.id, running.id])
    assert {run_id: row.state for run_id, row in rows.items()} == {
        done.id: RunState.DONE,
        running.id: RunState.RUNNING,
    }


def test_a_model_stands_for_the_run_that_made_it(workspace: Workspace, tmp_path: Path) -> None:
    from tests.tui.homes import add_model, fill_projects

    fill_projects(workspace, tmp_path / "source")
    model = add_model(workspace)
    (curves,) = read_curves(workspace, [model.name], keys=["train/*"])
    assert (curves.run.id, len(curves.series[0])) == (model.run_id, 20)
    once = read_curves(workspace, [model.run_id, model.name], keys=["train/*"])
    assert [one.run.id for one in once] == [model.run_id]
