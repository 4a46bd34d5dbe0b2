"""What differs between two states, looked through item by item, and what has no diff."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from mlwf_tui.tui.screens.comparing import DiffPane
from mlwf_tui.tui.widgets.picture_view import PictureView
from mlwf_tui.workflow.rename import rename
from mlwf_tui.workflow.restore import restore
from mlwf_tui.workflow.undo import undo
from mlwf_tui.workspace import Workspace
from tests.tui.driving import Driver, drive

pytestmark = pytest.mark.slow  # each goes through the app, or through processes, for seconds


async def open_diff(app: Driver) -> DiffPane:
    await app.open_versions("cells")
    await app.select("@2")
    await app.press("d")
    await app.until_text("cells@1 → cells@2")
    await app.settle()
    return app.main.query_one(DiffPane)


def seen_sides(pane: DiffPane) -> list[str]:
    return [side.value for side, picture in pane._preview.pictures.items() if picture.is_on_screen]


async def test_the_keys_stay_with_the_large_pictures_whichever_is_seen(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        pane = await open_diff(app)
        await app.press("enter")
        await app.until(lambda: isinstance(app.main.focused, PictureView), "the pictures have the keys")
        for wanted in ("before", "after", "both", "before"):
            await app.press("w")
            assert seen_sides(pane) == (["before", "after"] if wanted == "both" else [wanted])
            assert isinstance(app.main.focused, PictureView) and app.main.focused.is_on_screen
        await app.press("n", "n", "n")  # to the item that was added, which has no side before
        await app.until_text("added  ")
        await app.press("N")
        await app.until_text("changed  ")
        assert pane._table.cursor == 2
        await app.press("w")
        assert seen_sides(pane) == ["after"]


async def test_d_on_an_item_or_a_dataset_compares_what_it_lies_in(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.open_versions("cells")
        await app.select("@2")
        await app.press("v")
        await app.until_text("read-only")
        await app.press("d")
        await app.until_text("cells@1 → cells@2")
        await app.select("Datasets")
        await app.press("l", "j", "d")
        await app.until_text("cells@2 → cells ")
        assert not [said for said in app.main.said if said.is_error]


async def test_the_diff_of_a_head_is_read_anew_when_the_head_moves(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.select("cells")
        await app.press("d")
        await app.until_text("cells@2 → cells   +1 added")
        await app.settle()
        pane = app.main.query_one(DiffPane)
        await app.press("f")  # added only
        await app.press("u")
        await app.until_text("nothing differs")
        await app.settle()
        assert "The items are the same" in app.read_text() and "The objects" not in app.read_text()
        await app.press("L", "U")  # while another view is seen
        await app.settle()
        app.main._views.show("diff")
        await app.until_text("cells@2 → cells   +1 added")
        restore(projects_home, "cells@1")  # as another app does it
        rename(projects_home, "cells", "plates")
        app.main.reload()
        await app.until_text("plates@4 → plates   nothing differs")
        undo(projects_home, "plates")
        app.main.reload()
        await app.until(lambda: pane._diff is not None and len(pane._diff.items) > 1, "what differs from @4")


async def test_the_cursor_of_a_diff_stays_on_its_item_when_another_comes(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        pane = await open_diff(app)
        await app.select("cells")
        await app.press("space")
        await app.select("@1")
        await app.press("d")
        await app.until_text("cells@1 → cells ")
        await app.settle()
        await app.press("j", "j", "j")
        count, key = len(pane._rows), pane._rows.changes[pane._table.cursor].key
        undo(projects_home, "cells")
        app.main.reload()
        await app.until(lambda: len(pane._rows) == count - 1, "one item less")
        assert pane._rows.changes[pane._table.cursor].key == key


async def test_what_is_not_read_yet_is_not_said_to_be_the_same(projects_home: Workspace) -> None:
    may_end = threading.Event()
    async with drive(projects_home) as app:
        start = app.main.work.start

        def start_slowly(what: str, work: Any, *args: Any, **options: Any) -> None:
            start(
                what, (lambda: may_end.wait(60.0) and work()) if what == "objects" else work, *args, **options
            )

        app.main.work.start = start_slowly  # type: ignore[method-assign]
        await app.select("cells")
        await app.press("d")
        await app.until_text("cells@2 → cells   +1 added")
        assert "The objects are the same" not in app.read_text()
        may_end.set()
        await app.until_text("added  3 objects")
