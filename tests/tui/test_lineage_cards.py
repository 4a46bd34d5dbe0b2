"""What is done with cards of the lineage in the app, and the way between its parts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlwf_tui.tui.screens.history import HistoryPane
from mlwf_tui.tui.widgets.context_menu import ContextMenu
from mlwf_tui.tui.widgets.crumb_line import CrumbLine
from mlwf_tui.tui.widgets.form import Form
from mlwf_tui.tui.widgets.lineage_view import LineageView
from mlwf_tui.tui.widgets.sheet import Sheet
from mlwf_tui.workflow.hide import hide, list_hidden
from mlwf_tui.workflow.versions import list_versions
from mlwf_tui.workspace import Workspace
from tests.tui.driving import Driver, drive


async def walk_to(app: Driver, title: str, kind: str) -> LineageView:
    """Put the cursor of the lineage on a card."""
    await app.press("2")
    view = app.main.query_one(LineageView)
    node = next(n for n in view.graph.nodes if n.kind == kind and n.title.startswith(title))
    view.select(node.id)
    await app.until(lambda: app.main.entry is not None and app.main.entry.key == node.id, title)
    return view


@pytest.mark.slow
async def test_a_folder_opens_as_what_lies_in_it_is_named_tagged_hidden_and_found_again(
    projects_home: Workspace,
) -> None:
    async with drive(projects_home) as app:
        view = await walk_to(app, "", "folder")
        folder = app.main.entry
        assert folder is not None and Path(folder.ref).is_absolute()
        await app.press("enter")
        await app.until(lambda: isinstance(app.top, Sheet) or "any more" in app.read_text(), "the contents")
        await app.press("escape")
        await app.press("R")
        await app.until_text("Rename")
        await app.press("ctrl+u")
        await app.write("plates")
        await app.press("enter")
        await app.until(lambda: "plates" in {n.title for n in view.graph.nodes}, "its title")
        await app.press("number_sign")
        await app.write("raw")
        await app.press("enter")
        await app.until_text("#raw")
        await app.press("underscore")
        await app.until(lambda: bool(list_hidden(projects_home)), "the hidden card")
        await app.until(lambda: folder.key not in {n.id for n in view.graph.nodes}, "a graph without it")
        await app.press("f")
        await app.write("hidden:yes tag:raw")
        await app.press("enter")
        await app.until(lambda: [n.id for n in view.graph.nodes] == [folder.key], "it alone")
        await app.press("g", "underscore")
        await app.until(lambda: not list_hidden(projects_home), "it to be shown again")
        hide(projects_home, [folder.key])
        await app.until(lambda: app.main.snapshot.has_hidden, "what another process has hidden")
        await app.press("colon")
        await app.write("show hidden")
        await app.until_text("Show all cards again")
        await app.press("enter")
        await app.until_text("1 card shown again")
        assert not list_hidden(projects_home)


@pytest.mark.slow
async def test_a_run_tells_its_results_and_its_lineage_is_written_to_a_file(
    full_home: Workspace, tmp_path: Path
) -> None:
    async with drive(full_home) as app:
        await walk_to(app, "train", "run")
        await app.press("apostrophe")
        await app.until(lambda: isinstance(app.top, Sheet), "the results")
        await app.until_text("yolov10n-cells-1  model")
        await app.press("escape", "ctrl+s")
        await app.until(lambda: isinstance(app.top, Form), "the form")
        form = app.top
        assert isinstance(form, Form)
        await app.until_text("mlwf graph")
        file = tmp_path / "lineage.json"
        form.fill("format", "json")
        form.fill("file", str(file))
        form.action_submit()
        await app.until(file.exists, "the file")
        assert json.loads(file.read_text())["nodes"]


async def test_a_state_between_versions_comes_back_from_the_page_of_history(projects_home: Workspace) -> None:
    before = len(list_versions(projects_home, "cells"))
    async with drive(projects_home) as app:
        await app.select("cells")
        await app.press("H")
        await app.until(lambda: isinstance(app.main._views.shown, HistoryPane), "the page")
        page = app.main._views.shown
        assert isinstance(page, HistoryPane)
        await app.until_text("@1")
        await app.until(lambda: page.table.has_focus, "the focus")
        minor = (
            next(n for n, row in enumerate(page._history.changes) if "." in row.ref) if page._history else 0
        )
        page.table.cursor = minor
        await app.until(lambda: app.main.entry is not None and "." in app.main.entry.ref, "the state")
        assert "cells@" in app.read_text()
        entry = app.main.entry
        assert entry is not None
        await app.press("r")
        await app.until_text("Restore")
        await app.press("y")
        await app.until(lambda: len(list_versions(projects_home, "cells")) > before, "the version")
        await app.until_text("@3")


@pytest.mark.slow
async def test_places_are_gone_to_by_a_click_and_by_a_key(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        view = await walk_to(app, "train", "run")
        await app.press("L")
        line = app.main.query_one(CrumbLine)
        await app.until(lambda: line.display and len(line.titles) == 3, "the crumbs")
        assert line.titles[:2] == ("Everything", "default")
        await app.pilot.click(CrumbLine, offset=(16, 0))
        await app.until(lambda: line.titles == ("Everything", "default"), "the workspace")
        await app.press("semicolon")
        assert isinstance(app.top, ContextMenu)
        await app.until_text("Around the selection")
        await app.press("0")
        await app.until(lambda: not view.lens.scopes and not line.display, "everything")


@pytest.mark.slow
async def test_what_is_folded_is_said_and_selected_as_the_card_it_is_folded_into(
    projects_home: Workspace,
) -> None:
    async with drive(projects_home) as app:
        view = await walk_to(app, "second", "folder")
        folder = view.selected
        await app.press("comma", "f")
        await app.until_text("1 folded")
        await app.settle()
        await app.select("parts")
        await app.until(lambda: view.selected != folder, "another node")
        await app.open_versions("cells")
        await app.select("@2")
        await app.until(lambda: view.selected == folder and view.selected_node is not None, "its card")
