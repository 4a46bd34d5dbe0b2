"""Panes: their borders moved by keys and by the mouse, hidden and shown again, for each size of screen."""

from __future__ import annotations

import pytest
from textual.widget import Widget

from mlwf_tui.tui.widgets.details import Details
from mlwf_tui.tui.widgets.notice import Notice
from mlwf_tui.tui.widgets.pane_grid import PaneGrid
from mlwf_tui.tui.widgets.stage import Stage
from mlwf_tui.workspace import Workspace
from tests.tui.driving import NARROW, WIDE, Driver, drive
from tests.tui.styled_nodes import StyledNodes

LARGE = (170, 45)


async def _drag(app: Driver, start: tuple[int, int], end: tuple[int, int]) -> None:
    await app.pilot.mouse_down(app.main, offset=start)
    await app.pilot.hover(app.main, offset=end)
    await app.pilot.mouse_up(app.main, offset=end)
    await app.pilot.pause()


async def test_no_view_is_styled_anew_where_panes_are_lit_zoomed_and_laid_out_for_another_size(
    full_home: Workspace,
) -> None:
    async with drive(full_home) as app:
        stage = app.main.query_one(Stage)
        others = {widget for widget in stage.query("*").results(Widget) if not widget.can_focus}
        styled = StyledNodes.begin(app.app)
        await app.press("2")
        assert stage.has_class("-focused")
        assert not app.tree.has_class("-focused")
        await app.press("z", "z", "1")
        assert app.tree.has_class("-focused")
        await app.pilot.resize_terminal(*NARROW)
        await app.pilot.resize_terminal(50, 12)
        assert not app.main.query_one(PaneGrid).display
        await app.pilot.resize_terminal(*WIDE)
        assert app.main.query_one(PaneGrid).display
        assert not styled & others
        assert {app.tree, stage} <= styled


async def test_no_view_is_styled_anew_where_a_notice_stands_in_for_all(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        stage = app.main.query_one(Stage)
        views = set(stage.query(".view"))
        styled = StyledNodes.begin(app.app)
        stage.show_alone(Notice("Reading the home…", ""))
        assert not stage.tabs.display
        await app.until_text("Reading the home…")
        stage.show("lineage")
        assert stage.tabs.display
        await app.pilot.pause()
        assert not styled & views


@pytest.mark.slow
async def test_borders_are_moved_by_keys_and_by_the_mouse_and_kept_for_each_size(
    full_home: Workspace,
) -> None:
    async with drive(full_home) as app:
        tree = app.tree
        stage, details = app.main.query_one(Stage), app.main.query_one(Details)
        await app.press("1", "ctrl+right", "ctrl+right")
        assert tree.region.width == 36 + 8
        assert stage.region.x == details.region.x == 44
        await app.press("2", "ctrl+up")
        assert details.region.height == 13 + 2
        await app.press("f8")
        assert (tree.region.width, details.region.height) == (40, 13)

        await _drag(app, (39, 5), (59, 5))
        assert tree.region.width == 60
        assert not tree.has_class("-dragged")
        await _drag(app, (90, details.region.y), (90, details.region.y - 6))
        assert details.region.height == 19
        await _drag(app, (59, 5), (119, 5))
        assert stage.region.width == 30, "the other pane keeps some room"

        await app.pilot.resize_terminal(*LARGE)
        await app.pilot.pause()
        assert (tree.region.width, details.region.width) == (38, 46), "another size has another arrangement"
        await app.press("3", "ctrl+left")
        assert details.region.width == 50
        await _drag(app, (120, 9), (100, 9))
        assert details.region.width == 70
        await app.pilot.resize_terminal(*WIDE)
        await app.pilot.pause()
        assert tree.region.width == 90
        await app.press("tilde")
        assert (tree.region.width, details.region.height) == (36, 13)


@pytest.mark.slow
async def test_a_pane_is_hidden_and_its_digit_shows_it_again(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        stage, details = app.main.query_one(Stage), app.main.query_one(Details)
        await app.press("3", "backslash")
        assert not details.display
        assert app.main.query_one(PaneGrid).current == "stage"
        assert stage.region.height == 39
        await app.until_text("3 shows it again")
        await app.press("1", "backslash")
        assert stage.region.width == 120
        await app.press("escape", "tab")
        assert not app.tree.display, "neither the way back nor tab shows what was hidden"
        await app.press("backslash")
        await app.until_text("the only pane that is left")
        await app.press("3")
        assert details.display and details.has_focus
        await app.press("1")
        assert app.tree.region.height == 39

        await app.pilot.resize_terminal(*NARROW)
        await app.pilot.pause()
        await app.press("3", "backslash")
        assert app.read_text().splitlines()[0].split() == ["1", "Projects", "2", "Lineage"]
        await app.press("ctrl+left")
        await app.until_text("room for one pane at a time")
        await app.pilot.resize_terminal(*WIDE)
        await app.pilot.pause()
        assert details.display, "hidden where the screen is narrow only"
