"""The diff as a person sees it: counts, the list of changes, and each item before and after."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlwf_tui.entities.change import ChangeKind
from mlwf_tui.tui.screens.comparing import DiffPane
from mlwf_tui.tui.widgets.change_preview import ChangePreview, Side
from mlwf_tui.tui.widgets.table import EntityTable
from mlwf_tui.workflow.commit import commit
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver
from tests.making import Box, make_voc
from tests.tui.driving import NARROW, SIZES, WIDE, Driver, drive

BEFORE: dict[str, list[Box]] = {
    "a.jpg": [("cell", 2, 2, 22, 22), ("spot", 30, 30, 40, 40)],
    "b.jpg": [("cell", 5, 5, 25, 25)],
    "c.jpg": [("spot", 4, 4, 14, 14)],
}
AFTER: dict[str, list[Box]] = {
    "a.jpg": [("cell", 4, 4, 24, 24), ("cell", 30, 30, 40, 40), ("spot", 50, 2, 60, 12)],  # moved, relabelled
    "b.jpg": [],
    "d.jpg": [("spot", 1, 1, 9, 9)],
}


@pytest.fixture
def edited_home(empty_home: Workspace, tmp_path: Path) -> Workspace:
    """`cells` with two versions: one item with objects of every kind of change, one emptied, one new."""
    observer = KeepingObserver()
    for name, boxes in (("before", BEFORE), ("after", AFTER)):
        import_folder(empty_home, make_voc(tmp_path / name, boxes), "cells", observer=observer)
        commit(empty_home, "cells", message=name)
    return empty_home


async def compare(app: Driver) -> DiffPane:
    await app.open_versions("cells")
    await app.select("@2")
    await app.press("d")
    await app.until_text("cells@1 → cells@2")
    await app.settle()
    return app.main.query_one(DiffPane)


@pytest.mark.parametrize("size", SIZES)
async def test_the_head_counts_by_item_class_and_dataset(
    edited_home: Workspace, size: tuple[int, int]
) -> None:
    async with drive(edited_home, size=size) as app:
        await compare(app)
        text = app.read_text()
        assert "+1 added" in text and "~2 changed" in text
        assert "classes  cell -1 ↔1 ≠1" in text
        assert "datasets main +1 ~2" in text


async def test_the_objects_of_the_selected_item_say_how_they_differ(edited_home: Workspace) -> None:
    async with drive(edited_home) as app:
        await compare(app)
        text = app.read_text()
        for words in ("moved", "relabelled", "spot→cell", "added"):
            assert words in text
        await app.press("n")
        await app.until_text("removed")
        await app.press("N")
        await app.until_text("relabelled")


async def test_both_sides_are_outlined_in_the_colours_of_their_changes(edited_home: Workspace) -> None:
    async with drive(edited_home) as app:
        preview = (await compare(app)).query_one(ChangePreview)
        sides = dict(preview.list_sides())
        assert set(sides) == {Side.BEFORE, Side.AFTER}
        old = preview.list_outlines(Side.BEFORE, sides[Side.BEFORE])
        new = preview.list_outlines(Side.AFTER, sides[Side.AFTER])
        assert (len(old), len(new)) == (2, 3)
        assert [outline.color for outline in old] == [outline.color for outline in new[:2]]
        assert len({outline.color for outline in new}) == 3
        for view in preview.pictures.values():
            assert view.picture is not None


async def test_w_goes_through_the_sides(edited_home: Workspace) -> None:
    async with drive(edited_home, size=WIDE) as app:
        preview = (await compare(app)).query_one(ChangePreview)
        seen = []
        for _ in range(3):
            await app.press("w")
            await app.settle()
            seen.append(tuple(side for side, _ in preview.list_sides()))
        assert seen == [(Side.BEFORE,), (Side.AFTER,), (Side.BEFORE, Side.AFTER)]


async def test_a_narrow_screen_shows_one_side_at_a_time(edited_home: Workspace) -> None:
    async with drive(edited_home, size=NARROW) as app:
        preview = (await compare(app)).query_one(ChangePreview)
        assert [side for side, _ in preview.list_sides()] == [Side.AFTER]
        await app.press("w")
        await app.settle()
        assert [side for side, _ in preview.list_sides()] == [Side.BEFORE]
        assert "cells@1  main/a.jpg" in app.read_text()


async def test_an_added_item_has_one_side_only(edited_home: Workspace) -> None:
    async with drive(edited_home) as app:
        pane = await compare(app)
        await app.press("G")
        await app.settle()
        await app.until_text("+  spot")
        assert [side for side, _ in pane.query_one(ChangePreview).list_sides()] == [Side.AFTER]


async def test_f_goes_through_the_kinds_and_esc_shows_all_again(edited_home: Workspace) -> None:
    async with drive(edited_home) as app:
        table = (await compare(app)).query_one("#diff-items", EntityTable)
        counts = [table.row_count]
        for _ in range(3):
            await app.press("f")
            counts.append(table.row_count)
        assert counts == [3, 1, 2, 3]
        await app.press("f")
        assert f"+ {ChangeKind.ADDED.value} only" in app.read_text()
        await app.press("escape")
        assert table.row_count == 3
        assert app.main.query_one(DiffPane).display


async def test_slash_keeps_the_changes_whose_names_hold_a_text(edited_home: Workspace) -> None:
    async with drive(edited_home) as app:
        table = (await compare(app)).query_one("#diff-items", EntityTable)
        await app.press("slash")
        await app.write("B.JPG")
        await app.press("enter")
        await app.until(lambda: table.row_count == 1)
        await app.press("slash")
        await app.write("zebra")
        await app.press("enter")
        await app.until_text("No change matches")


async def test_states_that_are_the_same_say_so(edited_home: Workspace) -> None:
    async with drive(edited_home) as app:
        await app.select("cells")
        await app.press("d")
        await app.until_text("The items are the same")
        assert "nothing differs" in app.read_text()


async def test_another_theme_draws_the_outlines_in_its_own_colours(edited_home: Workspace) -> None:
    async with drive(edited_home) as app:
        preview = (await compare(app)).query_one(ChangePreview)
        dark = preview.pictures[Side.AFTER].picture
        await app.press("ctrl+t")
        await app.settle()
        await app.until(lambda: preview.pictures[Side.AFTER].picture != dark)
