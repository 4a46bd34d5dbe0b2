"""The screen stays true while runs go on and other processes change the home."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest

from mlwf_tui.entities.run import RunState
from mlwf_tui.tui.widgets.metric_plots import MetricPlots
from mlwf_tui.tui.widgets.run_monitor import RunMonitor
from mlwf_tui.workflow.running.events import FILE_NAME, EventWriter
from mlwf_tui.workflow.runs import list_runs
from mlwf_tui.workspace import Workspace
from tests.tui.driving import drive
from tests.tui.homes import add_running, write_images, write_run_files

ROOT = Path(__file__).parents[2]


async def test_a_running_run_shows_its_progress_in_the_tree(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.until_text("32%")


@pytest.mark.slow
async def test_the_monitor_shows_new_metrics_and_lines_as_they_come(full_home: Workspace) -> None:
    run = next(run for run in list_runs(full_home) if run.state is RunState.RUNNING)
    async with drive(full_home) as app:
        await app.select("train yolov10s-cells-1")
        await app.press("m")
        await app.until_text("32%  — left  epoch 13")
        write_run_files(full_home, run, epochs=20, total=40)
        await app.until_text("50%  — left  epoch 20")
        await app.until_text("epoch 20/40")


@pytest.mark.slow
async def test_the_monitor_notices_the_end_of_the_run(full_home: Workspace) -> None:
    run = next(run for run in list_runs(full_home) if run.state is RunState.RUNNING)
    async with drive(full_home) as app:
        await app.select("train yolov10s-cells-1")
        await app.press("m")
        await app.until(lambda: app.main.query_one(RunMonitor).run_id == run.id)
        full_home.catalog.runs.finish(
            run.id, RunState.FAILED, result={}, error="no memory left", hint="b = 4"
        )
        await app.until_text("✗ failed")
        await app.until_text("no memory left")
        await app.until(lambda: app.main.entry is not None and app.main.entry.state == "failed")
        await app.until(lambda: "running" not in app.read_text().splitlines()[-1])


@pytest.mark.slow
async def test_a_run_begun_before_the_app_is_found_again(projects_home: Workspace) -> None:
    run = add_running(projects_home)
    for _ in range(2):  # leave, and come back
        async with drive(projects_home) as app:
            await app.until_text("● 1 running")
            await app.select("train yolov10s-cells-1")
            await app.press("enter")
            await app.until(lambda: app.main.query_one(RunMonitor).run_id == run.id)


async def test_what_another_process_does_appears_and_the_selection_stays(
    projects_home: Workspace, tmp_path: Path
) -> None:
    folder = write_images(tmp_path / "late", {"train/late.jpg": 1})
    script = (
        "import sys; from pathlib import Path;"
        "from mlwf_tui.workspace import open_workspace; from mlwf_tui.workflow.import_ import import_folder;"
        "from tests.fakes.observers import KeepingObserver\n"
        "with open_workspace(Path(sys.argv[1])) as w:"
        " import_folder(w, Path(sys.argv[2]), 'aaa-late', observer=KeepingObserver())"
    )
    async with drive(projects_home) as app:
        await app.select("parts")
        await app.press("2")
        command = [sys.executable, "-c", script, str(projects_home.home), str(folder)]
        subprocess.run(command, cwd=ROOT, check=True, timeout=60)
        await app.until_text("aaa-late")
        await app.until(lambda: app.tree.entry is not None and app.tree.entry.title == "parts")


@pytest.mark.slow
async def test_a_version_committed_elsewhere_appears_in_the_open_branch(projects_home: Workspace) -> None:
    from mlwf_tui.workflow.commit import commit

    async with drive(projects_home) as app:
        await app.open_versions("cells")
        await app.select("@1")
        commit(projects_home, "cells", message="from elsewhere")
        await app.until_text("@3  from elsewhere")
        assert app.main.entry is not None
        assert app.main.entry.ref == "cells@1"


@pytest.mark.slow
async def test_runs_are_drawn_over_each_other_and_their_points_go_on(full_home: Workspace) -> None:
    run = next(run for run in list_runs(full_home) if run.state is RunState.RUNNING)
    async with drive(full_home) as app:
        await app.select("train yolov10n-cells-1")
        await app.press("m")
        await app.until_text("best 0.15 @20")
        await app.select("train yolov10s-cells-1")
        await app.press("O")
        await app.until_text("s-cells-1 0.2308")
        write_run_files(full_home, run, epochs=20, total=40)
        await app.until_text("s-cells-1 0.15")
        await app.press("O")
        await app.until(lambda: len(app.main.query_one(RunMonitor).run_ids) == 1)
        await app.until_text("best 0.15 @20")


@pytest.mark.slow
async def test_the_list_of_runs_has_curves_figures_and_marks_that_go_on(full_home: Workspace) -> None:
    run = next(run for run in list_runs(full_home) if run.state is RunState.RUNNING)
    async with drive(full_home) as app:
        await app.press("J")
        await app.until_text("▁")
        rows = [
            line for line in app.read_text().splitlines() if "yolov10n-cells-1" in line and "0.892" in line
        ]
        assert len(rows) == 1
        with (
            (full_home.run_folder(run.id) / FILE_NAME).open("ab") as file,
            EventWriter(file) as writer,
        ):
            writer.metric("metrics/mAP50-95(B)", 0.9876, 14)
            writer.metric("train/box_loss", math.nan, 14)
        await app.until_text("0.988")
        await app.until(
            lambda: any(
                mark.key == "train/box_loss" for mark in app.main.outlooks.find(run.id).standing.marks
            )
        )


@pytest.mark.slow
async def test_the_layout_of_the_monitor_is_there_again_after_a_restart(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.select("train yolov10n-cells-1")
        await app.press("m")
        await app.until_text("best 0.15 @20")
        app.main.query_one(MetricPlots).focus()
        await app.press("comma", "s", "comma", "e")
        await app.until_text("smoothed 0.6")
    async with drive(full_home) as app:
        await app.select("train yolov10n-cells-1")
        await app.press("m")
        await app.until_text("over epochs  ·  smoothed 0.6")
