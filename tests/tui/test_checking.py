"""The check as a person sees it: findings, where they are, and the fix that is one key away."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlwf_tui.tui.screens.checking import CheckPane
from mlwf_tui.tui.widgets.confirm import Confirm
from mlwf_tui.tui.widgets.item_preview import ItemPreview
from mlwf_tui.tui.widgets.table import EntityTable
from mlwf_tui.workflow import check as checking
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.projects import list_projects
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver
from tests.making import make_yolo
from tests.tui.driving import SIZES, Driver, drive

pytestmark = pytest.mark.slow  # each goes through the app, or through processes, for seconds

CELL = ("cell", 4.0, 4.0, 40.0, 40.0)
SPOT = ("cell", 44.0, 4.0, 60.0, 40.0)
DOT = ("cell", 2.0, 44.0, 4.0, 46.0)


@pytest.fixture
def flawed_home(empty_home: Workspace, tmp_path: Path) -> Workspace:
    """`cells`: one item with an object twice and a tiny one, a leak, a class without objects."""
    boxes = {"train/a.jpg": [SPOT, CELL, CELL, DOT], "train/b.jpg": [CELL], "val/c.jpg": [CELL]}
    folder = make_yolo(tmp_path / "yolo", boxes, class_names=["cell", "ghost"])
    copy = (folder / "images" / "train" / "b.jpg").read_bytes()
    (folder / "images" / "val" / "c.jpg").write_bytes(copy)
    import_folder(empty_home, folder, "cells", observer=KeepingObserver())
    return empty_home


async def check(app: Driver) -> CheckPane:
    await app.select("cells")
    await app.press("V")
    await app.until_text("1 error")
    await app.settle()
    return app.main.query_one(CheckPane)


@pytest.mark.parametrize("size", SIZES)
async def test_findings_stand_with_their_places(flawed_home: Workspace, size: tuple[int, int]) -> None:
    async with drive(flawed_home, size=size) as app:
        await check(app)
        text = app.read_text()
        assert "3 items, 6 objects" in text
        for name in ("leak", "duplicate object", "unused class"):
            assert name in text
        assert "val, same bytes as" in text
        await app.until_text("c.jpg")


async def test_a_place_points_at_its_object(flawed_home: Workspace) -> None:
    async with drive(flawed_home) as app:
        pane = await check(app)
        await app.press("down", "enter")  # the duplicate object, then its places
        await app.settle()
        preview = pane.query_one(ItemPreview)
        assert preview.item is not None and preview.item.key == "main/a.jpg"
        assert preview.objects.cursor == 2
        assert len(preview.list_outlines()) == 5  # four objects, and one again on top
        await app.press("enter")
        assert pane.has_class("-bare")
        await app.press("escape", "escape")
        assert pane.query_one("#check-findings", EntityTable).has_focus


async def test_a_fix_asks_says_what_it_did_and_checks_again(flawed_home: Workspace) -> None:
    async with drive(flawed_home) as app:
        await check(app)
        assert re.search(r"leak +1 +,f ", app.read_text()), "the key is that of the fix"
        await app.press("comma", "f")
        assert isinstance(app.top, Confirm)
        assert "$ mlwf check cells --fix leak" in app.read_text()
        await app.press("y")
        await app.until_text("Copies that were dropped")
        assert "main/c.jpg  kept: main/b.jpg" in app.read_text()
        await app.press("escape")
        await app.until_text("2 items, 5 objects")
        assert any("Made cells@2: 1 image dropped." in said.text for said in app.main.said)
    assert [project.item_count for project in list_projects(flawed_home)] == [2]


async def test_a_check_says_where_its_project_has_changed_since(flawed_home: Workspace) -> None:
    async with drive(flawed_home, size=SIZES[1]) as app:
        await check(app)
        assert "has changed since" not in app.read_text()
        await app.press("comma", "f", "y")
        await app.until_text("Copies that were dropped")
        await app.press("escape")
        await app.until_text("2 items, 5 objects")
        await app.press("u")
        await app.until_text("cells has changed since it was checked: V on it checks it again.")
        await app.press("V")
        await app.until_text("3 items, 6 objects")
        assert "has changed since" not in app.read_text()


async def test_what_needs_an_eye_says_so(flawed_home: Workspace) -> None:
    async with drive(flawed_home) as app:
        pane = await check(app)
        findings = pane.query_one("#check-findings", EntityTable)
        findings.cursor = findings.row_count - 1  # the tiny object
        await app.settle()
        await app.press("comma", "f")
        await app.until_text("needs a person's eye")


async def test_images_that_were_not_looked_at_are_looked_at_when_asked_for(
    flawed_home: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "QUICK_IMAGES", 0)
    async with drive(flawed_home) as app:
        await check(app)
        assert "2 images not compared by their looks" in app.read_text()
        await app.press("comma", "l")
        await app.until(lambda: "not compared" not in app.read_text())


async def test_a_sound_project_says_so(empty_home: Workspace, tmp_path: Path) -> None:
    folder = make_yolo(tmp_path / "yolo", {"train/a.jpg": [CELL]}, class_names=["cell"])
    import_folder(empty_home, folder, "cells", observer=KeepingObserver())
    async with drive(empty_home) as app:
        await app.select("cells")
        await app.press("V")
        await app.until_text("nothing suspicious")
        assert "No rule has found anything" in app.read_text()
