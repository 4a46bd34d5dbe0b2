"""Homes of more runs than the tree holds: all are counted, listed and found."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.errors import StorageFailed
from mlwf_tui.tui.screens.outline import OLDER_RUNS
from mlwf_tui.tui.widgets.entry_list import EntryList
from mlwf_tui.workflow.runs import count_runs
from mlwf_tui.workspace import Workspace
from tests.tui.driving import Driver, drive
from tests.tui.homes import add_running

MORE = 120


@pytest.fixture
def long_home(full_home: Workspace) -> Workspace:
    add_commits(full_home, MORE)
    return full_home


def add_commits(workspace: Workspace, count: int) -> None:
    for number in range(count):
        run = workspace.catalog.runs.create(
            "commit",
            params={"project": "cells", "message": f"plate {number}"},
            seed=None,
            author="ada",
            workspace="default",
            environment={},
        )
        workspace.catalog.runs.finish(run.id, RunState.DONE, result={})


def read_runs(app: Driver) -> list[str]:
    keys = list(app.tree._by_key)
    return keys[keys.index("section:runs") :]


async def test_all_runs_are_counted_and_listed_and_the_tree_leads_to_them(long_home: Workspace) -> None:
    total = count_runs(long_home)
    async with drive(long_home) as app:
        runs = app.tree.find("section:runs")
        assert runs is not None
        assert runs.note == f"{total}"
        older = app.tree.find(OLDER_RUNS)
        assert older is not None
        assert older.title == f"{total - len(app.main.snapshot.runs)} older"
        app.tree.select(OLDER_RUNS)
        await app.press("enter")
        view = app.main.query_one(EntryList)
        await app.until(lambda: view.table.row_count == total, "all runs")
        await app.until_text(f"Runs  {total} runs")
        await app.press("slash")
        await app.write("import parts")
        await app.press("enter")
        await app.until(lambda: view.table.row_count == 1, "the oldest run")
        add_commits(long_home, 1)
        await app.press("f5")
        await app.settle()
        await app.press("escape")
        await app.until(lambda: view.table.row_count == total + 1, "the newest run beside the oldest ones")


async def test_older_runs_that_could_not_be_read_are_read_at_the_next_look(
    long_home: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Workspace, __: int | None) -> Sequence[Run]:
        raise StorageFailed("the disk says nothing")

    total = count_runs(long_home)
    async with drive(long_home) as app:
        with monkeypatch.context() as broken:
            broken.setattr("mlwf_tui.tui.screens.older_runs.list_runs", fail)
            app.tree.select(OLDER_RUNS)
            await app.press("enter")
            await app.until_text("the disk says nothing")
        view = app.main.query_one(EntryList)
        add_commits(long_home, 1)
        await app.press("f5")
        await app.until(lambda: view.table.row_count == total + 1, "all runs")


async def test_what_goes_on_is_there_however_old_it_is(full_home: Workspace) -> None:
    run = add_running(full_home)
    add_commits(full_home, MORE)
    async with drive(full_home) as app:
        assert read_runs(app)[1:].index(f"run:{run.id}") < 2, "those that go on stand above all others"


async def test_a_filter_counts_what_is_left_and_says_what_it_does_not_look_through(
    long_home: Workspace,
) -> None:
    total = count_runs(long_home)
    async with drive(long_home) as app:
        await app.press("slash")
        await app.write("train")
        await app.until_text("older not searched")
        runs, older = app.tree.find("section:runs"), app.tree.find(OLDER_RUNS)
        assert runs is not None
        assert runs.note == f"1 of {total}"
        assert older is not None
        assert older.title.endswith("not searched")
        await app.press("ctrl+u")
        await app.write("no such thing")
        await app.until_text("No match  /no such thing")


async def test_a_filter_ends_on_its_first_match_from_the_top(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.select("import parts")
        await app.press("slash")
        await app.write("parts")
        await app.press("enter")
        assert app.tree.entry is not None
        assert app.tree.entry.title == "parts"


async def test_marks_go_on_to_the_next_and_from_the_last_nowhere(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.select("cells-val-1")
        await app.press("space")
        assert app.tree.entry is not None
        assert app.tree.entry.title == "cells-val-1"
        await app.select("cells")
        await app.press("space")
        assert app.tree.entry.title == "parts"
