"""The page of all models: marks, stars, filters, columns, and several side by side."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlwf_tui.tui.screens.experiments import ModelsPane
from mlwf_tui.workspace import Workspace
from tests.tui.driving import SIZES, Driver, drive
from tests.tui.homes import add_model, fill_projects

pytestmark = pytest.mark.slow  # each goes through the app, or through processes, for seconds


@pytest.fixture
def trained_home(empty_home: Workspace, tmp_path: Path) -> Workspace:
    fill_projects(empty_home, tmp_path)
    for name, ref, map50, lr0 in (
        ("first", "cells@1", 0.5, "0.01"),
        ("second", "cells@2", 0.7, "0.02"),
        ("third", "cells@2", 0.6, "0.01"),
    ):
        add_model(empty_home, ref, name, metrics={"map50": map50}, more_params={"lr0": lr0})
    return empty_home


async def open_models(app: Driver) -> ModelsPane:
    await app.settle()
    await app.press("ctrl+e")
    await app.until_text("3 models")
    await app.settle()
    return app.main.query_one(ModelsPane)


@pytest.mark.parametrize("size", SIZES)
async def test_marked_models_are_compared_by_what_differs(
    trained_home: Workspace, size: tuple[int, int]
) -> None:
    async with drive(trained_home, size=size) as app:
        pane = await open_models(app)
        await app.press("space", "space", "d")
        await app.until_text("on cells@2")
        await app.until(lambda: pane.has_class("-comparing"), "the comparison")
        await app.press("G")
        await app.until_text("lr0")
        assert "0.02" in app.read_text()
        await app.press("escape")
        await app.until_text("2 marked")


async def test_models_are_filtered_sorted_starred_and_shown_with_other_columns(
    trained_home: Workspace,
) -> None:
    async with drive(trained_home) as app:
        pane = await open_models(app)
        await app.press("slash")
        await app.write("map50 > 0.5 and lr0 = 0.01")
        await app.press("enter")
        await app.until_text("1 model ")
        assert pane.entry is not None and pane.entry.ref == "third"
        await app.press("slash", "ctrl+u")
        await app.write("map50 >")
        await app.press("enter")
        await app.until_text("does not parse")
        await app.press("escape")
        await app.until_text("3 models")
        await app.press("asterisk")
        await app.until(lambda: trained_home.catalog.models.get("third").is_starred, "the star")
        await app.until_text("★  third")
        await app.press("comma", "c", "slash")
        await app.write("lr0")
        await app.press("enter", "enter")
        await app.until_text("✓ lr0")
        await app.press("escape")
        await app.until_text("0.02")


@pytest.mark.slow
async def test_nothing_is_done_to_a_model_that_a_filter_hides(trained_home: Workspace) -> None:
    async with drive(trained_home) as app:
        await open_models(app)
        await app.press("slash")
        await app.write("map50 > 2")
        await app.press("enter")
        await app.until_text("0 models")
        await app.press("D")
        await app.settle()
        assert app.top is app.main
        assert app.main.entry is None
    assert len(trained_home.catalog.models.list()) == 3


async def test_a_project_has_a_leaderboard_and_a_model_its_card(trained_home: Workspace) -> None:
    async with drive(trained_home) as app:
        await app.settle()
        await app.select("cells")
        app.main.action_perform("leaderboard")
        await app.until_text("Leaderboard of cells")
        await app.until_text("0.7000")
        await app.press("escape")
        await app.select("second")
        await app.press("F")
        await app.until_text("Card of second")
        await app.until_text("A model to find objects")
