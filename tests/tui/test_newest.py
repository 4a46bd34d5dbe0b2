"""A person is left where they have gone meanwhile: late answers change nothing."""

from __future__ import annotations

import threading

import pytest

from mlwf_tui.errors import NotFound, StorageFailed
from mlwf_tui.tui.screens.comparing import DiffPane
from mlwf_tui.tui.screens.history import HistoryPane
from mlwf_tui.tui.screens.newest import Newest
from mlwf_tui.tui.screens.view_host import LIST
from mlwf_tui.workflow.commit import commit
from mlwf_tui.workflow.show import Shown
from mlwf_tui.workflow.undo import undo
from mlwf_tui.workspace import Workspace
from tests.tui.driving import LIMIT_S, drive


def test_only_the_answer_to_the_newest_question_is_taken() -> None:
    newest, taken = Newest(), list[str]()
    first, second = newest.take(taken.append), newest.take(taken.append)
    second("second")
    first("first")
    assert taken == ["second"]
    third = newest.take(taken.append)
    newest.forget()
    third("third")
    assert taken == ["second"]


async def test_what_is_read_too_late_does_not_come_over_the_view_that_was_gone_to(
    projects_home: Workspace,
) -> None:
    may_end, opened = threading.Event(), list[bool]()
    async with drive(projects_home) as app:
        views = app.main._views
        views._ask("something slow", lambda: may_end.wait(LIMIT_S), opened.append)
        await app.press("J")
        await app.until(lambda: views.active == LIST, "the list of runs")
        may_end.set()
        await app.settle()
        assert not opened
        views._ask("something quick", lambda: True, opened.append)
        await app.until(lambda: opened == [True], "what nobody has gone away from")


async def test_the_cursor_of_a_history_stays_on_its_change_when_another_comes(
    projects_home: Workspace,
) -> None:
    async with drive(projects_home) as app:
        await app.select("cells")
        await app.press("H")
        await app.until_text("History of cells")
        await app.settle()
        await app.press("j")
        pane = app.main.query_one(HistoryPane)
        chosen, count = pane.entry, pane.table.row_count
        assert chosen is not None
        commit(projects_home, "cells", message="by another process")
        app.main.reload()
        await app.until(lambda: pane.table.row_count > count, "the new version")
        assert pane.entry == chosen
        await app.select("parts")
        await app.press("H")
        await app.until_text("History of parts")
        assert pane.table.cursor == 0


async def test_u_on_a_state_of_a_history_is_of_its_project_and_the_page_tells_it(
    projects_home: Workspace,
) -> None:
    async with drive(projects_home) as app:
        await app.select("cells")
        await app.press("H")
        await app.until_text("History of cells")
        await app.press("u")
        await app.until_text("import undone, now @2 with 13")
        await app.settle()
        await app.press("L", "U")
        await app.until_text("again: 14 items now")
        await app.settle()
        app.main._views.show("history")
        await app.until_text("import redone, now @2")


async def test_of_details_of_what_was_deleted_meanwhile_nothing_is_said(
    full_home: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def miss(_: Workspace, ref: str) -> Shown:
        asked.append(ref)
        raise NotFound("The project was deleted.")

    monkeypatch.setattr("mlwf_tui.tui.screens.facts.show", miss)
    async with drive(full_home) as app:
        await app.select("parts")
        await app.until(lambda: bool(asked), "the reading of the details")
        await app.settle()
        assert app.main.said == []


async def test_a_diff_that_cannot_be_read_anew_is_told_once(
    full_home: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> object:
        raise StorageFailed("the disk says nothing")

    async with drive(full_home) as app:
        await app.select("cells")
        await app.press("d")
        await app.settle()
        pane = app.main._views.shown
        assert isinstance(pane, DiffPane)
        monkeypatch.setattr("mlwf_tui.tui.screens.diff_view.diff", fail)
        undo(full_home, "cells")
        for _ in range(3):
            await app.press("f5")
            await app.settle()
        assert app.main._views.shown is pane
        assert [said.text for said in app.main.said] == ["the disk says nothing"]
