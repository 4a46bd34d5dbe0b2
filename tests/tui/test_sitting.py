"""The app comes back to where it was left, as far as that is still there."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from mlwf_tui.entities.evidence import Pick, Verdict
from mlwf_tui.entities.layout import Arrangement
from mlwf_tui.entities.measurement import Thresholds
from mlwf_tui.entities.sitting import KeptScope, Sitting
from mlwf_tui.tui.screens.evidence import EvidencePane
from mlwf_tui.tui.widgets.entry_list import EntryList
from mlwf_tui.tui.widgets.lineage_view import LineageView
from mlwf_tui.tui.widgets.pane_grid import PaneGrid
from mlwf_tui.tui.widgets.report_view import ReportView
from mlwf_tui.tui.widgets.stage import Stage
from mlwf_tui.workflow.delete import delete
from mlwf_tui.workflow.personal.sittings import read_sitting
from mlwf_tui.workspace import Workspace
from tests.tui.driving import NARROW, Driver, drive
from tests.workflow.reporting import add_model, add_report, fill_val, predict

LOW = (120, 24)


def read_left(workspace: Workspace) -> Sitting:
    return read_sitting(workspace.home, workspace.settings.author)


async def leave(app: Driver) -> None:
    await app.settle()
    app.app.exit()


@pytest.mark.slow
async def test_it_comes_back_to_the_report_its_place_and_the_branches(full_home: Workspace) -> None:
    async with drive(full_home, size=LOW) as app:
        await app.open_versions("cells")
        await app.select("cells-val-1")
        await app.press("enter")
        await app.until(lambda: isinstance(app.main.query_one(Stage).shown, ReportView))
        report = app.main.query_one("#report", ReportView)
        await app.press("1", "backslash", "2", "pagedown")
        top = report.scroll_offset.y
        assert top > 0
        await leave(app)
    left = read_left(full_home)
    assert left.source and left.places["report"].top == top

    async with drive(full_home, size=LOW, left=left) as app:
        report = app.main.query_one("#report", ReportView)
        await app.until(lambda: report.scroll_offset.y == top, "the same place in the report")
        assert app.main.query_one(Stage).shown is report
        assert report.has_focus
        assert not app.tree.display
        assert app.main.entry is not None and app.main.entry.ref == "cells-val-1"
        assert replace(app.main._sitting.describe(), places={}) == replace(left, places={})
        await leave(app)


async def test_it_comes_back_to_the_lineage_as_it_was_narrowed(full_home: Workspace) -> None:
    async with drive(full_home, size=NARROW) as app:
        await app.select("cells-val-1")
        await app.press("L")
        await app.until_text("cells-val-1")
        await app.settle()
        await app.press("h", "z")
        view = app.main.query_one(LineageView)
        node, place = view.selected, view.scroll_offset
        await leave(app)
    left = read_left(full_home)
    assert left.node == node and left.scopes

    async with drive(full_home, size=NARROW, left=left) as app:
        view = app.main.query_one(LineageView)
        await app.until(lambda: view.has_focus and view.scroll_offset == place)
        assert view.selected == node
        assert [scope.title for scope in view.lens.scopes] == ["cells-val-1"]
        assert app.main.query_one(PaneGrid).is_zoomed


@pytest.mark.slow
async def test_it_comes_back_to_the_row_of_a_list(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.select("Runs")
        await app.press("enter")
        await app.until(lambda: isinstance(app.main.query_one(Stage).shown, EntryList))
        await app.press("j", "j")
        key = app.main.query_one("#list", EntryList).table.cursor_key
        await leave(app)
    async with drive(full_home, left=read_left(full_home)) as app:
        table = app.main.query_one("#list", EntryList).table
        await app.until(lambda: table.has_focus and table.cursor_key == key)
        assert app.main.entry is not None and app.main.entry.key == key


@pytest.mark.parametrize(
    "left",
    [
        Sitting(view="run", source=("gone",), pane="stage", selected="run:gone", node="run:gone"),
        Sitting(view="items", source=("cells@99",), pane="details", focus="gone", opened=("head:gone",)),
        Sitting(view="diff", source=("only one",), graph_filter="no:such", pane="no such"),
        Sitting(
            view="no such view", arrangements={"huge": Arrangement(side=3)}, scopes=(KeptScope(title="x"),)
        ),
    ],
    ids=["run", "items", "diff", "view"],
)
async def test_what_is_gone_is_passed_over_without_a_word(full_home: Workspace, left: Sitting) -> None:
    async with drive(full_home, left=left) as app:
        assert app.main.query_one(Stage).active == "lineage"
        assert app.main.said == []
        await app.press("1", "j")
        assert app.main.entry is not None


async def test_a_sitting_that_cannot_be_read_is_as_none(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await leave(app)
    file = next(full_home.home.glob("users/*/sitting.json"))
    file.write_text('{"pane": 3')
    assert read_left(full_home) == Sitting()


@pytest.mark.slow
async def test_a_project_that_was_deleted_meanwhile_leaves_the_rest(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.select("parts")
        await app.press("v")
        await app.until_text("1 of ")
        await leave(app)
    left = read_left(full_home)
    assert (left.view, left.source) == ("items", ("parts",))
    delete(full_home, "parts")
    async with drive(full_home, left=left) as app:
        assert app.main.query_one(Stage).active == "lineage"
        assert app.main.said == []


@pytest.mark.slow
@pytest.mark.parametrize("is_kept", [True, False])
async def test_it_comes_back_to_the_images_behind_a_number_or_to_their_report(
    empty_home: Workspace, tmp_path: Path, is_kept: bool
) -> None:
    fill_val(empty_home, tmp_path / "val")
    report = add_report(empty_home, add_model(empty_home, "new"), predict(empty_home, skips=2))
    async with drive(empty_home) as app:
        await app.select(report.name)
        await app.press("enter")
        await app.until(lambda: isinstance(app.main.query_one(Stage).shown, ReportView))
        view = app.main.query_one("#report", ReportView)
        await app.until(lambda: view.is_drawn)
        view.post_message(ReportView.TargetOpened(view, Pick(verdict=Verdict.MISSED), Thresholds(0.25)))
        await app.until_text("missed  2 images")
        await app.press("n")
        await app.until_text("difference  001.png")
        await leave(app)
    left = read_left(empty_home)
    if not is_kept:
        left = replace(left, source=(report.id, "verdict=strange", "null"))

    async with drive(empty_home, left=left) as app:
        stage = app.main.query_one(Stage)
        await app.until(lambda: isinstance(stage.shown, EvidencePane if is_kept else ReportView))
        if is_kept:
            await app.until_text("missed  2 images")
            await app.until_text("difference  001.png")
            await app.until_text("confidence 0.250")
            await app.press("escape")
        await app.until(lambda: isinstance(stage.shown, ReportView))
        await app.until_text("▲ new  on  ◆ cells@1")
        await app.until(lambda: app.main.query_one("#report").has_focus)
