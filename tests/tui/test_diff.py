"""What differs between two states, looked through item by item, and what has no diff."""

from __future__ import annotations

import pytest

from mlwf_tui.tui.screens.comparing import DiffPane
from mlwf_tui.tui.widgets.picture_view import PictureView
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
