"""The tour: a step at a time, done by its keys, left, taken up again, and on a sample in an empty home."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlwf_tui.entities.sitting import Sitting
from mlwf_tui.tui.keys import KEYS_BY_ID, PLACE, write_keys
from mlwf_tui.tui.screens import browsing, checking, comparing, experiments, history, views
from mlwf_tui.tui.screens.tour_steps import STEPS, Scene, explain
from mlwf_tui.tui.widgets import details, lineage_view, log_view, metric_plots, report_view
from mlwf_tui.tui.widgets.tour_card import TourCard
from mlwf_tui.tui.widgets.welcome import Welcome
from mlwf_tui.workflow.personal.sittings import read_sitting
from mlwf_tui.workflow.projects import list_projects
from mlwf_tui.workspace import Workspace, open_workspace
from tests.tui.driving import NARROW, Driver, drive


def test_every_key_that_a_step_names_is_a_key_as_it_is_remapped() -> None:
    named = {id for step in STEPS for id in PLACE.findall(step.text)}
    assert len(STEPS) == 10
    assert named <= KEYS_BY_ID.keys()
    assert explain(3, Scene(has_projects=True), {"items": "f9"}).startswith("F9 looks through")
    assert explain(3, Scene(has_projects=True), {"items": ","}).startswith("v looks through")  # that is none


def test_what_a_step_needs_and_is_not_there_is_said() -> None:
    assert "i imports a folder" in explain(1, Scene(), {})
    assert "c makes the first" in explain(2, Scene(has_projects=True), {})
    assert "none yet" not in explain(2, Scene(has_projects=True, has_versions=True), {})


def test_every_empty_pane_says_which_key_fills_it_or_leads_on() -> None:
    named = {key.display for key in KEYS_BY_ID.values()} | {"esc", "⏎"}
    panes = (
        *views.EMPTY_HINTS.values(), browsing.EMPTY, browsing.NO_MATCH, checking.NO_PLACE, checking.SOUND,
        comparing.NO_MATCH, experiments.NO_MATCH, experiments.NO_MODEL, history.EMPTY,
        lineage_view.EMPTY, log_view.EMPTY, metric_plots.EMPTY, report_view.EMPTY,
        *(("", hint) for hint in details.MAKERS.values()),
    )  # fmt: skip
    for title, hint in panes:
        assert named & set(re.split(r"[\s:;,.]+", write_keys(hint, {}))), (title, hint)


async def test_an_empty_view_names_its_key_as_a_person_has_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "settings.toml").write_text('[keys]\nhistory = "f9"\n')
    with open_workspace(home) as workspace:
        async with drive(workspace) as app:
            app.main._views.show("history")
            await app.until_text("Select anything and press F9.")


async def _see(app: Driver, number: int) -> None:
    await app.until(lambda: app.main._tour.step == number, f"step {number}")
    if app.top is app.main:  # large dialogs cover the card
        await app.until_text(f"Tour {number} of 10" if number <= 10 else "That was the tour")


@pytest.mark.slow
async def test_each_step_waits_until_it_is_done_by_the_keys_that_it_names(full_home: Workspace) -> None:
    async with drive(full_home, size=NARROW) as app:
        await app.press("f2")
        await app.until_text("on my own home")
        await app.press("o")
        await _see(app, 1)
        await app.select("cells")
        await _see(app, 2)
        await app.open_versions("cells")
        await app.select("@2")
        await _see(app, 3)
        await app.press("v")
        await _see(app, 4)
        await app.press("escape")
        await app.until(lambda: app.tree.has_focus)
        await app.press("d")
        await _see(app, 5)
        await app.press("escape", "slash")
        await app.write("cells")
        await _see(app, 6)
        await app.press("enter", "escape")
        cells = next(project for project in app.main.snapshot.projects if project.name == "cells")
        app.tree.select(f"head:{cells.id}")
        await app.until(lambda: app.main.entry is not None and app.main.entry.ref == "cells")
        await app.press("o")
        await _see(app, 7)
        await app.press("escape")
        await app.until(lambda: app.top is app.main)
        await app.press("t")
        await _see(app, 8)
        await app.press("escape")
        await app.until(lambda: app.top is app.main)
        await app.press("2", "l", "l")
        await _see(app, 9)
        await app.press("z")
        await _see(app, 10)
        await app.press("question_mark")
        await _see(app, 11)
        assert not app.main.query_one(TourCard).display
        await app.until_text("F2 begins it again")


@pytest.mark.slow
async def test_it_is_left_and_taken_up_again_also_by_the_next_app(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.press("ctrl+n")
        await app.until_text("No tour goes on: F2 begins it")
        await app.press("f2")
        await app.until_text("on my own home")
        await app.press("o")
        await app.press("ctrl+n", "ctrl+n", "f2")
        await app.until_text("F2 goes on with step 3")
        assert not app.main.query_one(TourCard).display
        await app.press("f2")
        await _see(app, 3)
        await app.settle()
        app.app.exit()
    left = read_sitting(full_home.home, full_home.settings.author)
    assert (left.tour_step, left.is_touring) == (3, True)
    async with drive(full_home, left=left) as app:
        await _see(app, 3)
        await app.press(*["ctrl+n"] * 8)
        await _see(app, 11)
    async with drive(full_home, left=Sitting(tour_step=3)) as app:
        assert not app.main.query_one(TourCard).display


@pytest.mark.slow
async def test_an_empty_home_gets_a_sample_with_two_versions(empty_home: Workspace) -> None:
    async with drive(empty_home) as app:
        assert app.main.query_one(Welcome).display
        await app.press("f2")
        await app.until_text("There is no project in it yet")
        await app.press("s")
        await _see(app, 1)
        await app.until_text("60 @2")
    assert [(p.name, p.latest_version) for p in list_projects(empty_home)] == [("tour", 2)]
