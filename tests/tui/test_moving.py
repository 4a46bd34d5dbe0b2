"""Getting around: panes, views, zoom, search, help, palette, sizes, leaving."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from textual.command import CommandPalette, DiscoveryHit
from textual.widgets import Input

from mlwf_tui.entities.run import RunState
from mlwf_tui.tui.commands import ActionProvider
from mlwf_tui.tui.keys import KEYS, KEYS_BY_ID, make_bindings
from mlwf_tui.tui.screens.browsing import BrowsePane
from mlwf_tui.tui.screens.choices import _list_kinds
from mlwf_tui.tui.screens.comparing import DiffPane
from mlwf_tui.tui.screens.experiments import ModelsPane
from mlwf_tui.tui.screens.foot import _shorten
from mlwf_tui.tui.screens.verbs.table import make_verbs
from mlwf_tui.tui.widgets import project_tree
from mlwf_tui.tui.widgets.confirm import Confirm
from mlwf_tui.tui.widgets.context_menu import ContextMenu
from mlwf_tui.tui.widgets.details import Details
from mlwf_tui.tui.widgets.entry import Branch, Entry, EntryKind
from mlwf_tui.tui.widgets.entry_list import EntryList
from mlwf_tui.tui.widgets.lineage_view import LineageView
from mlwf_tui.tui.widgets.message_list import MessageList
from mlwf_tui.tui.widgets.pane_grid import PaneGrid
from mlwf_tui.tui.widgets.report_view import ReportView
from mlwf_tui.tui.widgets.run_monitor import RunMonitor
from mlwf_tui.tui.widgets.stage import Stage
from mlwf_tui.tui.widgets.status_bar import StatusBar
from mlwf_tui.tui.widgets.welcome import Welcome
from mlwf_tui.workspace import Workspace
from tests.tui.driving import NARROW, SIZES, WIDE, Driver, drive
from tests.tui.homes import read_clock


async def test_every_key_has_an_id_a_label_a_help_text_and_something_to_do(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        done = {*make_verbs(app.main), *app.main.by_key}
    for key in KEYS:
        assert key.id and key.label and key.help
        assert key.id in done, key.id
    assert {binding.id for binding in make_bindings()} == {key.id for key in KEYS if key.keys}


def test_no_key_is_bound_twice() -> None:
    taken = [single for key in KEYS if key.keys for single in key.keys.split(",")]
    assert len(taken) == len(set(taken))


def test_what_a_key_acts_on_is_listed_as_it_is_said() -> None:
    assert _list_kinds(KEYS_BY_ID["tune"]) == "a project or a version"
    assert _list_kinds(KEYS_BY_ID["benchmark"]) == "a project, a version, a model or a run"
    assert all(_list_kinds(key) for key in KEYS if key.kinds)


async def test_every_action_is_in_the_palette(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.press("colon")
        await app.until(lambda: isinstance(app.top, CommandPalette))
        provider = ActionProvider(app.main)
        hits = [hit for key in KEYS async for hit in provider.search(key.label)]
        found = {hit.command.args[0] for hit in hits if isinstance(hit.command, partial)}
        assert found >= {key.id for key in KEYS}
        offered = [str(hit.display) async for hit in provider.discover() if isinstance(hit, DiscoveryHit)]
        assert offered[0] == "Undo  (u)"
        assert offered[-1] == "Theme"


@pytest.mark.parametrize("is_home", [False, True])
async def test_the_screen_is_saved_where_mlwf_was_started_or_else_in_the_home(
    full_home: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_home: bool
) -> None:
    started = tmp_path / "started"
    started.mkdir(mode=0o500 if is_home else 0o700)
    monkeypatch.chdir(started)
    if is_home:
        started.rmdir()  # as root writes into what is closed to others
    async with drive(full_home) as app:
        await app.press("colon")
        await app.until(lambda: isinstance(app.top, CommandPalette))
        await app.write(":screenshot")
        await app.until_text("Save the screen as an SVG")
        await app.press("enter")
        await app.until_text("The screen is in")
        (file,) = (full_home.home if is_home else started).glob("mlwf-*.svg")
        assert "Projects" in file.read_text()
        assert app.main.said[-1].text == f"The screen is in {file}."


async def test_the_palette_does_what_it_says(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.press("ctrl+p")
        await app.until(lambda: isinstance(app.top, CommandPalette))
        await app.write("zoom")
        await app.until_text("Give this pane the whole screen")
        await app.press("enter")
        await app.until(lambda: app.main.query_one(PaneGrid).is_zoomed)


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
async def test_digits_and_tab_go_through_the_panes(full_home: Workspace, size: tuple[int, int]) -> None:
    async with drive(full_home, size=size) as app:
        for digit, widget in (("2", LineageView), ("3", Details), ("1", type(app.tree))):
            await app.press(digit)
            assert isinstance(app.main.focused, widget)
        await app.press("tab")
        assert isinstance(app.main.focused, LineageView)
        await app.press("tab", "tab")
        assert app.tree.has_focus
        await app.press("shift+tab")
        assert app.main.query_one(Details).has_focus


async def test_a_narrow_screen_shows_one_pane_and_tabs(full_home: Workspace) -> None:
    async with drive(full_home, size=NARROW) as app:
        assert app.read_text().splitlines()[0].split() == ["1", "Projects", "2", "Lineage", "3", "Details"]
        assert app.tree.display
        assert not app.main.query_one(Details).display
        await app.press("3")
        assert not app.tree.display


@pytest.mark.parametrize("size", [(59, 24), (80, 14), (10, 3)])
async def test_a_tiny_window_says_so_and_recovers(full_home: Workspace, size: tuple[int, int]) -> None:
    async with drive(full_home, size=size) as app:
        assert not app.main.query_one(PaneGrid).display
        await app.pilot.resize_terminal(*WIDE)
        await app.until_text("1 Projects")


async def test_z_gives_a_pane_the_screen_and_esc_takes_it_back(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.press("z")
        assert app.tree.size.width > 100
        await app.press("escape")
        assert app.tree.size.width < 40


@pytest.mark.slow
async def test_brackets_turn_through_the_views_and_empty_ones_say_how_to_fill_them(
    full_home: Workspace,
) -> None:
    async with drive(full_home) as app:
        await app.press("2", *["right_square_bracket"] * 3)
        await app.until_text("Select a version or project and press v")
        await app.press(*["left_square_bracket"] * 2)
        app.main.action_perform("view_previous")
        app.main.action_perform("view_previous")  # in a burst: the lineage is hidden before it is focused
        await app.settle()
        await app.press("f")
        await app.settle()
        assert app.top is app.main, "the hidden lineage takes no keys"
        await app.press("right_square_bracket")
        await app.press(*["right_square_bracket"] * 3)
        await app.press(*["left_square_bracket"] * 3)
        assert app.main.query_one(Stage).active == "lineage"


@pytest.mark.slow
async def test_enter_opens_each_kind_in_its_view(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        for title, view in (
            ("cells-val-1", ReportView),
            ("train yolov10s-cells-1", RunMonitor),
            ("Runs", EntryList),
            ("cells", EntryList),
            ("parts", BrowsePane),
        ):
            await app.select(title)
            await app.press("enter")
            await app.until(lambda view=view: isinstance(app.main.query_one(Stage).shown, view), title)  # type: ignore[misc]


@pytest.mark.slow
async def test_esc_closes_the_view_and_goes_back_to_the_projects(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.select("cells-val-1")
        await app.press("enter")
        await app.until(lambda: isinstance(app.main.query_one(Stage).shown, ReportView))
        await app.press("escape")
        assert isinstance(app.main.query_one(Stage).shown, LineageView)
        assert app.main.focused is app.tree


@pytest.mark.slow
@pytest.mark.parametrize(("key", "opener"), [("ctrl+e", ModelsPane), ("J", EntryList)])
@pytest.mark.parametrize("way_back", ["escape", "q"])
async def test_the_way_back_leads_through_the_views_that_one_came_by(
    full_home: Workspace, key: str, opener: type[ModelsPane] | type[EntryList], way_back: str
) -> None:
    async with drive(full_home) as app:
        stage = app.main.query_one(Stage)
        await app.press(key)
        await app.until(lambda: isinstance(stage.shown, opener) and stage.shown.table.row_count > 0)
        await app.settle()
        is_zoomed = app.main.query_one(PaneGrid).is_zoomed
        await app.press("enter")
        await app.until(lambda: isinstance(stage.shown, RunMonitor))
        await app.settle()
        await app.press(way_back)
        assert isinstance(stage.shown, opener)
        assert stage.shown.table.has_focus
        assert app.main.query_one(PaneGrid).is_zoomed == is_zoomed
        await app.press(way_back)
        assert isinstance(stage.shown, LineageView)
        assert app.tree.has_focus


@pytest.mark.slow
async def test_the_way_back_ends_where_another_pane_or_tab_was_gone_to(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        stage = app.main.query_one(Stage)
        await app.press("J")
        await app.settle()
        await app.press("enter")
        await app.until(lambda: isinstance(stage.shown, RunMonitor))
        await app.select("cells-val-1")
        await app.press("enter")
        await app.until(lambda: isinstance(stage.shown, ReportView))
        await app.press("escape")
        assert isinstance(stage.shown, LineageView)
        assert app.tree.has_focus


@pytest.mark.slow
async def test_what_was_opened_on_the_graph_leads_back_to_the_graph(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.press("2", "slash")
        await app.write("cells-val-1")
        await app.press("enter", "enter")
        await app.until(lambda: isinstance(app.main.query_one(Stage).shown, ReportView))
        await app.press("escape")
        assert app.main.query_one(LineageView).has_focus


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
async def test_esc_leaves_a_view_before_it_clears_the_filter_of_the_tree(
    full_home: Workspace, size: tuple[int, int]
) -> None:
    async with drive(full_home, size=size) as app:
        await app.press("slash")
        await app.write("cells-val-1")
        await app.press("enter", "enter")
        await app.until(lambda: isinstance(app.main.query_one(Stage).shown, ReportView))
        await app.press("escape")
        assert isinstance(app.main.query_one(Stage).shown, LineageView)
        assert app.tree.has_focus
        assert "Projects  /cells-val-1" in app.read_text()
        await app.press("escape")
        assert "/cells-val-1" not in app.read_text()


@pytest.mark.slow
async def test_slash_in_a_list_filters_its_rows_and_esc_shows_all(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.press("J")
        shown = app.main.query_one(EntryList)
        await app.until(lambda: shown.table.row_count > 2)
        count = shown.table.row_count
        await app.press("slash")
        await app.write("PARTS done")
        await app.press("enter")
        await app.until_text(f"/PARTS done  1 of {count} runs")
        assert shown.entry is not None and shown.entry.title == "import parts"
        assert "Projects  /" not in app.read_text()
        app.main._views.renew_list()
        assert shown.table.row_count == 1
        await app.press("slash", "ctrl+u")
        await app.write("no such run")
        await app.press("enter")
        await app.until_text("Nothing listed is like that")
        await app.until(lambda: app.main.entry is None, "nothing selected")  # no key reaches what is hidden
        await app.press("escape")
        assert shown.table.row_count == count
        assert app.main.query_one(Stage).shown is shown


@pytest.mark.slow
async def test_n_in_a_view_without_matches_says_so(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.select("cells-val-1")
        await app.press("enter")
        await app.until(lambda: isinstance(app.main.query_one(Stage).shown, ReportView))
        await app.press("n")
        await app.until_text("Matches are on the graph")


@pytest.mark.slow
async def test_the_graph_goes_with_a_head_that_moves(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.select("cells")
        view = app.main.query_one(LineageView)
        before = view.selected
        await app.press("u")
        await app.until_text("Took back")
        await app.until(lambda: view.selected_node is not None and view.selected != before, "the new head")
        await app.settle()
        assert view.selected_node is not None and view.selected_node.detail == "13 items"
        assert "┃ 13 items" in app.read_text()


@pytest.mark.slow
async def test_ages_go_on_in_the_tree_on_the_graph_and_in_a_list(full_home: Workspace) -> None:
    later = timedelta()
    async with drive(full_home, size=(200, 40), clock=lambda: read_clock() + later) as app:
        for days, keys, view in ((1, "2", LineageView), (2, "Jz", EntryList)):
            await app.press(*keys)
            await app.until(lambda view=view: isinstance(app.main.query_one(Stage).shown, view))  # type: ignore[misc]
            later = timedelta(days=days)
            app.main._show_ages()
            await app.pilot.pause()
            shown = app.main.query_one(Stage).region
            lines = app.read_text().splitlines()[shown.y : shown.bottom]
            assert f"{days} d" in "\n".join(line[shown.x : shown.right] for line in lines)


@pytest.mark.slow
async def test_d_compares_a_version_with_the_one_before(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.open_versions("cells")
        await app.select("@2")
        await app.press("d")
        await app.until(lambda: isinstance(app.main.query_one(Stage).shown, DiffPane))
        assert "cells@1 → cells@2" in app.read_text()
        assert "+1 added" in app.read_text()


@pytest.mark.slow
async def test_d_compares_with_what_space_marked_older_first(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.open_versions("cells")
        await app.select("cells")
        await app.press("space")
        assert "◆ cells" in app.read_text()
        await app.select("@1")
        await app.press("d")
        await app.until_text("cells@1 → cells ")


@pytest.mark.slow
async def test_d_compares_a_first_version_with_nothing(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.open_versions("cells")
        await app.select("@1")
        await app.press("d")
        await app.until_text("nothing → cells@1   +12 added")


async def test_wherever_the_cursor_of_the_tree_goes_it_is_seen(full_home: Workspace) -> None:
    async with drive(full_home, size=(80, 15)) as app:
        await app.open_versions("cells")
        assert app.tree.last_line > app.tree.size.height
        for key in ("G", "g", "end", "home", *4 * ["ctrl+d"], *4 * ["ctrl+u"]):
            await app.press(key)
            assert 0 <= app.tree.cursor_line - app.tree.scroll_offset.y < app.tree.size.height, key


async def test_slash_filters_the_tree_as_it_is_typed_and_esc_clears(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.press("slash")
        await app.write("val")
        await app.until(lambda: "import parts" not in app.read_text())
        assert "cells-val-1" in app.read_text()
        await app.press("enter", "escape")
        assert "import parts" in app.read_text()


def read_tree(app: Driver) -> str:
    """Return the tree as it is drawn, whatever the ages in it are by now."""
    drawn = "\n".join(line[: app.tree.region.right] for line in app.read_text().splitlines()[:-1])
    return re.sub(r" +(now|\d+ (s|min))(?=\W)", " (age)", drawn)


@pytest.mark.parametrize("text", ["no such thing", "parts"])
async def test_after_a_filter_the_tree_is_as_it_was_before(full_home: Workspace, text: str) -> None:
    async with drive(full_home) as app:
        await app.open_versions("cells")
        await app.select("Runs")
        await app.press("h")
        await app.select("@1")
        before = read_tree(app)
        await app.press("slash")
        await app.write(text)
        await app.press("enter")
        assert "first plate" not in read_tree(app)
        await app.press("escape")
        if text != "parts":  # else the cursor stays on what was found
            assert app.tree.entry is not None and app.tree.entry.title.startswith("@1")
        assert read_tree(app) == before


async def test_a_filter_ends_on_a_match_and_not_on_the_heading_above_it(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.select("Reports")
        await app.press("slash")
        await app.write("val")
        await app.press("enter")
        assert app.tree.entry is not None
        assert app.tree.entry.title == "cells-val-1"


@pytest.mark.slow
async def test_what_was_opened_from_the_graph_is_selected(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.press("2", "slash")
        await app.write("cells-val-1")
        await app.press("enter", "enter")
        await app.until(lambda: isinstance(app.main.query_one(Stage).shown, ReportView))
        assert app.main.entry is not None
        assert app.main.entry.ref == "cells-val-1"


async def test_a_filter_without_a_match_says_so(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.press("slash")
        await app.write("no such thing")
        await app.until_text("No match  /no such thing")


@pytest.mark.slow
async def test_slash_on_the_graph_finds_and_n_goes_on(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.press("2", "slash")
        await app.write("commit")
        await app.press("enter")
        view = app.main.query_one(LineageView)
        await app.until(lambda: view.selected_node is not None and view.selected_node.title == "commit")
        first = view.selected
        await app.press("n")
        assert view.selected != first
        await app.press("N")
        assert view.selected == first


@pytest.mark.slow
async def test_slash_on_the_log_searches_it(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.select("train yolov10s-cells-1")
        await app.press("m")
        monitor = app.main.query_one(RunMonitor)
        await app.until(lambda: monitor.log_view.line_count == 13)
        monitor.log_view.focus()
        await app.pilot.pause()
        await app.press("slash")
        await app.write("epoch 1[0-3]")
        await app.press("enter")
        await app.until_text("/epoch 1[0-3] 4 of 4")


@pytest.mark.slow
async def test_help_begins_with_the_keys_of_the_focused_pane_and_runs_them(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.press("2", "question_mark")
        await app.until(lambda: isinstance(app.top, ContextMenu))
        text = app.read_text()
        assert text.index("made from it") < text.index("Name the head")
        await app.press("slash")
        await app.write("high contrast")
        await app.press("enter")
        await app.until(lambda: app.app.theme == "mlwf-light")


@pytest.mark.slow
async def test_ctrl_t_goes_through_our_own_themes(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.press("ctrl+t")
        assert app.app.theme == "mlwf-light"
        await app.press("ctrl+t", "ctrl+t")
        assert app.app.theme == "mlwf-dark"


async def test_messages_are_kept_and_can_be_copied(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.select("cells")
        await app.press("u")
        await app.until_text("Took back")
        await app.press("exclamation_mark")
        assert isinstance(app.top, MessageList)
        await app.press("y")
        assert "Took back" in app.app.clipboard or "tmux" in app.main.said[-1].text


async def test_the_footer_shows_what_the_selection_can_do(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.select("train yolov10s-cells-1")
        assert "s stop" in app.read_text().splitlines()[-1]
        await app.select("import parts")
        assert "s stop" not in app.read_text().splitlines()[-1]


async def test_a_page_key_does_nothing_where_the_palette_has_no_room_for_its_lines(
    full_home: Workspace,
) -> None:
    async with drive(full_home) as app:
        await app.select("cells")
        await app.press("colon")
        await app.until(lambda: app.top is not app.main, "the dialog")
        await app.pilot.pause(0.3)  # the palette's lines come one by one
        await app.pilot.resize_terminal(20, 3)
        await app.press("down", "pageup", "pagedown", "end", "pageup")
        await app.press("escape", "escape")
        await app.until(lambda: app.top is app.main, "the end of the dialog")


async def test_the_footer_says_help_however_little_room_there_is(full_home: Workspace) -> None:
    for size in SIZES:
        async with drive(full_home, size=size) as app:
            for title in ("cells", "train yolov10s-cells-1"):
                await app.select(title)
                assert "? help" in app.read_text().splitlines()[-1]
            await app.press("m")
            await app.until_text("esc back")  # of a pane that says keys of its own, the way out


def test_of_a_long_home_the_end_is_told() -> None:
    assert _shorten(Path("/scratch/users/ada/experiments/cells/home")) == "…/ada/experiments/cells/home"
    assert _shorten(Path("/a/folder-with-a-name-that-is-longer-than-the-room")).startswith("…/folder")
    assert _shorten(Path("/data/cells")) == "/data/cells"


async def test_help_begins_with_what_the_pane_alone_can_do(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.press("2", "question_mark")
        await app.until(lambda: isinstance(app.top, ContextMenu))
        assert isinstance(app.top, ContextMenu)
        own = [choice.label for choice in app.top.choices if choice.group == "This pane"]
        assert own[:2] == ["filter", "fold"]
        assert "made from it" in own
        assert not any(label.istitle() for label in own)  # Textual's: Page Left, Scroll Right


async def test_without_a_message_the_list_is_one_line(empty_home: Workspace) -> None:
    async with drive(empty_home) as app:
        await app.press("exclamation_mark")
        await app.until_text("Nothing was told yet")
        assert app.top.query_one("Vertical").size.height == 1


async def test_a_click_on_the_footer_does_what_its_key_does(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        column = app.read_text().splitlines()[-1].index("? help")
        await app.pilot.click(StatusBar, offset=(column, 0))
        await app.until(lambda: isinstance(app.top, ContextMenu))


async def test_a_right_click_opens_the_menu_of_its_line(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        row = next(n for n, line in enumerate(app.read_text().splitlines()) if "parts" in line)
        await app.pilot.mouse_down(app.tree, offset=(8, row - app.tree.region.y), button=3)
        await app.until(lambda: isinstance(app.top, ContextMenu))
        assert "╭─ parts ─" in app.read_text()


async def test_q_with_a_run_going_on_says_so_before_it_leaves(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.press("q")
        assert isinstance(app.top, Confirm)
        assert "1 run goes on without the app" in app.read_text()
        await app.press("y")
        await app.until(lambda: not app.app.is_running or app.app._exit)
    assert app.app.return_code == 0


async def test_the_runs_are_counted_anew_while_the_app_asks_whether_to_leave(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.press("q")
        assert "1 run goes on without the app" in app.read_text()
        (going,) = (run for run in full_home.catalog.runs.list() if not run.state.is_finished)
        full_home.catalog.runs.finish(going.id, RunState.DONE, result={})
        await app.until_text("No run goes on any more")
        await app.press("n")


async def test_q_without_runs_leaves_at_once(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.press("q")
        await app.until(lambda: app.app._exit)


async def test_an_empty_home_offers_three_things_to_do(empty_home: Workspace) -> None:
    async with drive(empty_home) as app:
        assert app.main.query_one(Welcome).display
        await app.press("j", "enter")
        await app.until_text("mlwf import")
        assert app.top.query(Input)


async def test_versions_are_looked_through_once_and_only_where_the_cursor_rests(
    projects_home: Workspace,
) -> None:
    async with drive(projects_home) as app:
        facts = app.main._selection.facts
        assert facts is not None
        await app.open_versions("cells")
        await app.settle()
        before = set(facts._known)
        passed = [node.data for node in app.tree._by_key.values() if node.data and node.data.target]
        for entry in passed:  # faster than anything is read
            app.main.select(entry)
        app.main.select(entry := next(e for e in passed if e.ref == "cells@2"))
        await app.settle()
        assert set(facts._known) - before == {entry.key}
        assert facts.find(entry) and not facts.is_busy  # known: nothing is read again


async def test_keys_typed_while_a_branch_is_first_read_mean_what_stands_below_it(
    full_home: Workspace,
) -> None:
    async with drive(full_home) as app:
        await app.select("cells")
        for key in ("right", "down", "down", "d"):  # in one burst, as over a slow line
            app.app.simulate_key(key)
        await app.until_text("cells@1 → cells@2")


async def test_keys_behind_a_branch_that_is_not_read_wait_no_longer_than_a_moment(
    projects_home: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project_tree, "BRANCH_WAIT_S", 0.01)
    async with drive(projects_home) as app:
        lost = Entry(kind=EntryKind.SECTION, key="lost:", ref="", title="lost")
        app.tree.show((Branch(lost, children=(), is_loaded=False, is_open=False),))
        await app.press("home", "right", "down")
        assert app.tree.entry is project_tree.PLACEHOLDER
