"""The home is changed or damaged underneath the app: it says so and goes on."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from mlwf_tui.entities.run import RunState
from mlwf_tui.tui.widgets.run_monitor import RunMonitor
from mlwf_tui.workflow.delete import delete
from mlwf_tui.workflow.rename import rename
from mlwf_tui.workflow.running.follow import log_path
from mlwf_tui.workflow.runs import list_runs
from mlwf_tui.workspace import Workspace
from tests.tui.driving import drive


@pytest.mark.slow
async def test_a_project_that_was_renamed_elsewhere_keeps_the_selection(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.select("parts")
        rename(projects_home, "parts", "pieces")
        await app.until(lambda: app.main.entry is not None and app.main.entry.ref == "pieces")
        await app.press("c")
        await app.write("by its new name")
        await app.press("enter")
        await app.until_text("Committed pieces@1.")


async def test_a_verb_on_a_project_deleted_elsewhere_says_so(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.select("parts")
        await app.press("c")
        delete(projects_home, "parts")
        await app.write("too late")
        await app.press("enter")
        await app.until_text("✗ 1")
        await app.until(lambda: "parts" not in "".join(app.read_text().splitlines()[1:6]), "parts to go")
        assert app.main.is_current


@pytest.mark.slow
async def test_what_is_gone_is_no_longer_selected(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.select("parts")
        await app.press("2")  # the selection is not the tree's any more
        delete(projects_home, "parts")
        await app.until(
            lambda: app.main.entry is None or app.main.entry.title != "parts", "another selection"
        )


async def test_a_home_that_was_moved_ends_the_app_which_makes_no_new_one(
    empty_home: Workspace, tmp_path: Path
) -> None:
    async with drive(empty_home) as app:
        empty_home.home.rename(tmp_path / "moved")
        await app.until(lambda: app.app.failure is not None, "the app to notice")
    assert app.app.failure is not None
    assert "not there any more" in app.app.failure.message
    assert app.app.return_code == 1
    assert not empty_home.home.exists()
    (tmp_path / "moved").rename(empty_home.home)


async def test_a_damaged_report_is_told_and_the_rest_goes_on(full_home: Workspace) -> None:
    report = full_home.catalog.reports.list()[0]
    with sqlite3.connect(full_home.home / "catalog.sqlite") as catalog:
        catalog.execute("UPDATE report SET evaluation = ? WHERE id = ?", ("0" * 64, report.id))
    async with drive(full_home) as app:
        await app.select("cells-val-1")
        await app.press("enter")
        await app.until_text("✗ 1")
        await app.press("1", "g")
        await app.settle()


async def test_a_run_whose_log_was_deleted_says_that_there_is_none(full_home: Workspace) -> None:
    run = next(run for run in list_runs(full_home) if run.verb == "train" and run.state is RunState.DONE)
    log_path(full_home, run.id).unlink()
    async with drive(full_home) as app:
        await app.select("train yolov10n-cells-1")
        await app.press("m")
        await app.until(lambda: app.main.query_one(RunMonitor).run_id == run.id)
        await app.until_text("there is no log")
        await app.until_text("mAP50-95")  # its metrics are still drawn


@pytest.mark.slow
async def test_m_follows_the_newest_run_whatever_is_selected(full_home: Workspace) -> None:
    run = next(run for run in list_runs(full_home) if run.state is RunState.RUNNING)
    async with drive(full_home) as app:
        await app.select("cells")
        await app.press("m")
        await app.until(lambda: app.main.query_one(RunMonitor).run_id == run.id)


async def test_a_first_commit_gives_the_project_a_branch_to_open(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.select("parts")
        await app.press("c")
        await app.write("first")
        await app.press("enter")
        await app.until_text("▸ parts")
        await app.press("l")
        await app.until_text("@1  first")


@pytest.mark.slow
async def test_sections_open_by_themselves_when_they_first_hold_something(
    empty_home: Workspace, tmp_path: Path
) -> None:
    from tests.tui.homes import fill_home

    async with drive(empty_home) as app:
        fill_home(empty_home, tmp_path / "source")
        for title in ("▾ Models", "▾ Reports", "▾ Runs"):
            await app.until_text(title)
