"""The lineage of the app: its scopes and the way back out of them, filter, menu and palette."""

from __future__ import annotations

import pytest

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.store.manifests import write_manifest
from mlwf_tui.tui.widgets.context_menu import ContextMenu
from mlwf_tui.tui.widgets.crumb_line import CrumbLine
from mlwf_tui.tui.widgets.lineage_view import LineageView
from mlwf_tui.tui.widgets.prompt import Prompt
from mlwf_tui.workflow.commit import commit
from mlwf_tui.workflow.lint import fix_remarks
from mlwf_tui.workspace import Workspace
from tests.tui.driving import SIZES, Driver, drive


def read_titles(app: Driver) -> set[str]:
    return {node.title for node in app.main.query_one(LineageView).graph.nodes}


def read_place(app: Driver) -> str:
    line = app.main.query_one(CrumbLine)
    return f"{' › '.join(line.titles)}  {line.note}".strip() if line.display else ""


async def show_lineage(app: Driver, title: str) -> LineageView:
    await app.select(title)
    await app.press("L")
    await app.settle()
    view = app.main.query_one(LineageView)
    await app.until(lambda: view.has_focus and bool(view.lens.scopes), "the scope")
    await app.settle()
    return view


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
async def test_capital_l_draws_the_lineage_of_a_project_and_esc_all_of_it(
    projects_home: Workspace, size: tuple[int, int]
) -> None:
    async with drive(projects_home, size=size) as app:
        assert {"cells@1", "cells@2"} <= read_titles(app) or "parts" in read_titles(app)
        whole = read_titles(app)
        await show_lineage(app, "parts")
        assert "parts" in read_titles(app)
        assert not {title for title in read_titles(app) if title.startswith("cells")}
        assert read_place(app).startswith("Everything › default › parts")
        await app.press("escape")
        await app.settle()
        assert read_titles(app) == whole
        assert read_place(app) == ""


@pytest.mark.slow
async def test_scopes_lie_within_each_other_and_esc_leads_out_one_by_one(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await show_lineage(app, "cells")
        await show_lineage(app, "yolov10n-cells-1")
        await app.until(lambda: "cells › yolov10n-cells-1" in read_place(app), "both in the title")
        await app.press("escape")
        await app.settle()
        assert "yolov10n" not in read_place(app)
        await app.press("escape")
        await app.settle()
        assert read_place(app) == ""


async def test_a_workspace_has_its_lineage_in_its_menu(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.select("default")
        await app.press("x")
        assert isinstance(app.top, ContextMenu)
        await app.press("L")
        await app.until(lambda: "› default" in read_place(app), "the scope in the title")
        assert "yolov10n-cells-1" in read_titles(app)


@pytest.mark.slow
async def test_a_version_made_meanwhile_comes_into_the_scope_of_its_project(
    projects_home: Workspace,
) -> None:
    async with drive(projects_home) as app:
        await show_lineage(app, "cells")
        commit(projects_home, "cells", message="third plate")
        await app.press("f5")
        await app.until(lambda: "cells@3" in read_titles(app) or "cells" in read_titles(app), "the version")


@pytest.mark.slow
async def test_f_filters_and_a_mistake_says_what_can_be_written(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await show_lineage(app, "cells")
        await app.press("f")
        assert isinstance(app.top, Prompt)
        await app.write("kind:model")
        await app.press("enter")
        await app.settle()
        assert read_titles(app) == {"yolov10n-cells-1"}
        assert "cells  f kind:model · 1 of" in read_place(app)
        await app.press("f")
        await app.write("kind:model shape:round")
        await app.press("enter")
        await app.until_text("cannot be filtered by 'shape:round'")
        await app.press("escape", "escape")
        await app.settle()
        assert len(read_titles(app)) > 1


@pytest.mark.slow
async def test_keys_act_on_no_card_that_a_filter_hides(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        view = await show_lineage(app, "cells")
        view.select(next(node.id for node in view.graph.nodes if node.title == "cells@1"))
        await app.settle()
        assert app.main.entry is not None and app.main.entry.ref == "cells@1"
        await app.press("f")
        await app.write("kind:model")
        await app.press("enter")
        await app.settle()
        assert app.main.entry is not None and app.main.entry.title == "yolov10n-cells-1"
        await app.press("f")
        await app.write("zebra")
        await app.press("enter")
        await app.until_text("Nothing of the lineage is left")
        await app.settle()
        assert app.main.entry is None
        for key in ("D", "e", "x"):
            await app.press(key)
            await app.settle()
            assert app.top is app.main
        await app.press("escape")
        await app.settle()
        assert app.main.entry is not None and app.main.entry.title == "yolov10n-cells-1"


@pytest.mark.slow
async def test_search_finds_only_what_is_drawn(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await show_lineage(app, "parts")
        await app.press("slash")
        await app.write("yolov10n")
        await app.press("enter")
        await app.until_text("Nothing on the graph holds")


@pytest.mark.slow
async def test_the_palette_has_the_keys_of_the_lineage(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        view = await show_lineage(app, "cells")
        node = view.selected
        await app.press("colon")
        await app.write("hide it for now")
        await app.until_text("ide it for now")
        await app.press("enter")
        await app.until(lambda: node in view.lens.hidden, "the hidden node")


async def test_the_foot_says_how_much_is_described_until_all_is(projects_home: Workspace) -> None:
    async with drive(projects_home, size=(160, 45)) as app:
        assert "✎ 50%" in app.read_text().splitlines()[-1]
        fix_remarks(projects_home, ["undocumented"])
        await app.press("f5")
        await app.until(lambda: "✎" not in app.read_text().splitlines()[-1], "a foot without it")


async def test_what_no_run_has_touched_has_no_lineage(projects_home: Workspace) -> None:
    with projects_home.store.writer() as writer:
        made = write_manifest(writer, LabelSchema(), [])
    projects_home.catalog.projects.create("bare", workspace="default", manifest=made.digest, item_count=0)
    async with drive(projects_home) as app:
        await app.select("bare")
        await app.press("L")
        await app.until_text("No run has touched bare yet")
