"""History, trace, lint and reproduce in the app."""

from __future__ import annotations

from rich.cells import cell_len

from mlwf_tui.entities.remark import LintResult, Remark, RemarkKind
from mlwf_tui.tui.screens.history import HistoryPane
from mlwf_tui.tui.screens.run_difference import _draw_row
from mlwf_tui.tui.screens.verbs.lineage import MAX_SHOWN, _count_described, _list_remarks
from mlwf_tui.tui.widgets.context_menu import ContextMenu
from mlwf_tui.tui.widgets.sheet import Sheet
from mlwf_tui.workflow.history import list_changes
from mlwf_tui.workflow.lint import lint
from mlwf_tui.workspace import Workspace
from tests.tui.driving import NARROW, drive


async def test_h_shows_what_was_ever_said_of_a_project(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.select("cells")
        await app.press("H")
        await app.until_text("History of cells")
        await app.until_text("first plate")
        assert isinstance(app.main._views.shown, HistoryPane)


async def test_trace_lists_what_came_of_a_project(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.select("cells")
        await app.press("K")
        await app.until(lambda: isinstance(app.top, Sheet))
        await app.until_text("Trace of cells")
        lines = [line.split("│")[1:-1] for line in app.read_text().splitlines() if "│" in line]
        told = [" ".join(line) for line in lines]
        here = next(number for number, line in enumerate(told) if "▸  project" in line)
        assert any(" -1  run " in line for line in told[:here])
        assert not any(" -1  run " in line for line in told[here:])


async def test_lint_names_what_it_found_and_puts_it_right_when_told_to(projects_home: Workspace) -> None:
    before = lint(projects_home)
    async with drive(projects_home) as app:
        await app.press("I")
        await app.until(lambda: isinstance(app.top, ContextMenu))
        await app.until_text("the project cells has no description of its own")
        await app.press("A")
        await app.until_text("right; history tells what was there before")
    assert lint(projects_home).coverage == 1.0 > before.coverage
    assert any(change.what == "description" for change in list_changes(projects_home, "cells"))


async def test_lint_puts_one_thing_right_and_lists_what_is_left(projects_home: Workspace) -> None:
    before = lint(projects_home)
    async with drive(projects_home) as app:
        await app.press("I")
        await app.until_text(f"{before.described} of {before.describable} things are described")
        await app.press("down", "enter")
        await app.until_text(f"{before.described + 1} of {before.describable} things are described")
    assert lint(projects_home).described == before.described + 1


async def test_a_home_without_fault_has_nothing_to_remark(empty_home: Workspace) -> None:
    async with drive(empty_home) as app:
        await app.press("I")
        await app.until_text("nothing to remark")


def test_remarks_that_are_not_listed_are_counted() -> None:
    remark = Remark(kind=RemarkKind.NOT_REPRODUCIBLE, ref="run", node="run:a", message="It lacks a seed.")
    found = LintResult(remarks=(remark,) * (MAX_SHOWN + 1), described=3, describable=4)
    assert len(list(_list_remarks(found))) == MAX_SHOWN
    assert _count_described(found) == "3 of 4 things are described; the first 500 of 501 remarks"


async def test_d_on_a_run_wants_another_run_marked_and_says_what_differs(full_home: Workspace) -> None:
    async with drive(full_home, size=NARROW) as app:
        await app.select("cells")
        await app.press("space")
        await app.select("train yolov10s-cells-1")
        await app.press("d")
        await app.until_text("Mark another run or model first")
        await app.press("space")
        await app.select("commit cells")
        await app.press("d")
        await app.until(lambda: isinstance(app.top, Sheet))
        await app.until_text("train yolov10s-cells-1 → commit cells")
        await app.until_text("parameters")


def test_a_line_of_a_difference_fits_on_80_columns_in_cells() -> None:
    line = _draw_row(("名前" * 20, "before" * 9, "after" * 9, "+1.235e+05")).plain
    assert cell_len(line) <= 74
    assert line.count("…") == 3
