"""Folders, and what looks after the home: checkout, status, sync, verify, collect, backup and stats."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlwf_tui.entities.threeway import Side
from mlwf_tui.protocols.observer import SILENT
from mlwf_tui.store.manifests import iter_items
from mlwf_tui.tui.widgets.confirm import Confirm
from mlwf_tui.tui.widgets.conflicts import ConflictChooser
from mlwf_tui.tui.widgets.entry import EntryKind
from mlwf_tui.tui.widgets.form import Form
from mlwf_tui.tui.widgets.sheet import Sheet
from mlwf_tui.workflow.checkout import checkout
from mlwf_tui.workflow.projects import list_projects
from mlwf_tui.workflow.sync import sync
from mlwf_tui.workspace import Workspace, open_workspace
from tests.tui.driving import Driver, drive

pytestmark = pytest.mark.slow  # each goes through the app, or through processes, for seconds


async def check_out(app: Driver, folder: Path) -> None:
    await app.open_versions("cells")
    await app.select("@1")
    await app.press("W")
    assert isinstance(app.top, Form)
    await app.write(str(folder))
    assert "$ mlwf checkout cells@1" in app.read_text()
    await app.press("enter")
    await app.until(lambda: any("cells@1 lies in" in said.text for said in app.main.said))
    await app.until(lambda: app.top is app.main)
    await app.settle()


async def test_a_version_goes_out_as_a_folder_and_its_edits_come_back(
    projects_home: Workspace, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    async with drive(projects_home) as app:
        await check_out(app, folder)
        victims = sorted((folder / "main" / "img").iterdir())
        (folder / "main" / "ann" / f"{victims[5].name}.json").unlink()
        victims[5].unlink()
        app.main.action_perform("status")
        await app.until_text(f"$ mlwf status {folder}")  # the last one is offered
        await app.press("enter")
        await app.until(lambda: isinstance(app.top, Sheet))
        await app.until_text("-1 removed")
        assert "- main/cell-05.jpg" in app.read_text()
        await app.press("y")
        await app.until_text(f"$ mlwf sync {folder}")
        await app.press("enter")
        await app.until(lambda: any("Synced with cells" in said.text for said in app.main.said))
    assert {p.name: p.item_count for p in list_projects(projects_home)}["cells"] == 13


async def test_what_both_sides_changed_is_asked_for_one_by_one(
    projects_home: Workspace, tmp_path: Path
) -> None:
    for folder, split in ((tmp_path / "theirs", "test"), (tmp_path / "out", "val")):
        checkout(projects_home, "cells@1", folder, observer=SILENT)
        for path in sorted((folder / "main" / "ann").iterdir())[:2]:
            path.write_text(json.dumps({**json.loads(path.read_text()), "split": split}))
        if split == "test":
            sync(projects_home, folder, policy=Side.THEIRS, observer=SILENT)
    async with drive(projects_home) as app:
        app.main.action_perform("sync")
        await app.until_text(f"$ mlwf sync {tmp_path / 'out'}")
        await app.press("enter")
        await app.until(lambda: isinstance(app.top, ConflictChooser))
        await app.settle()
        assert "the folder into cells" in app.read_text()
        await app.press("o", "t", "a")
        await app.until(lambda: any("Synced with cells" in said.text for said in app.main.said))
        assert "What did not come in and was in the way is in" in app.main.said[-1].text
    head = projects_home.catalog.projects.get("cells").manifest
    splits = [item.split.value for item in iter_items(projects_home.store, head)]
    assert splits[:2] == ["test", "val"]


async def test_status_of_what_is_no_checkout_says_so_and_asks_again(
    projects_home: Workspace, tmp_path: Path
) -> None:
    async with drive(projects_home) as app:
        app.main.action_perform("status")
        await app.until_text("$ mlwf status")
        await app.write(str(tmp_path))
        await app.press("enter")
        await app.until(lambda: any(said.is_error for said in app.main.said))
        await app.until_text(f"$ mlwf status {tmp_path}")


async def test_verify_says_that_everything_is_sound(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        app.main.action_perform("verify")
        await app.until_text("$ mlwf verify")
        await app.press("enter")
        await app.until(lambda: any("everything is sound" in said.text for said in app.main.said))


async def test_verify_lists_what_is_damaged(projects_home: Workspace) -> None:
    pack = max((projects_home.home / "store" / "packs").glob("*.pack"), key=lambda p: p.stat().st_size)
    body = bytearray(pack.read_bytes())
    body[len(body) // 2] ^= 0xFF
    pack.chmod(0o600)
    pack.write_bytes(body)
    async with drive(projects_home) as app:
        app.main.action_perform("verify")
        await app.until_text("$ mlwf verify")
        await app.press("enter")
        await app.until(lambda: isinstance(app.top, Sheet))
        await app.until_text("What verify found")
        assert any("problem" in said.text for said in app.main.said)


async def test_collect_says_first_what_it_would_free(projects_home: Workspace) -> None:
    with projects_home.store.writer() as writer:
        writer.put(b"nobody needs this" * 1000)
    async with drive(projects_home) as app:
        app.main.action_perform("collect")
        await app.until(lambda: isinstance(app.top, Confirm))
        assert "can be freed" in app.read_text()
        before = len(list((projects_home.home / "store" / "packs").glob("*.pack")))
        await app.press("y")
        await app.until(lambda: any("Freed" in said.text for said in app.main.said))
    assert len(list((projects_home.home / "store" / "packs").glob("*.pack"))) < before


async def test_collect_with_nothing_to_free_asks_nothing(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        app.main.action_perform("collect")
        await app.until(lambda: any("Nothing can be freed" in said.text for said in app.main.said))
        await app.until(lambda: app.top is app.main)


async def test_backup_makes_a_home_that_opens(projects_home: Workspace, tmp_path: Path) -> None:
    async with drive(projects_home) as app:
        app.main.action_perform("backup")
        await app.until_text("$ mlwf backup")
        await app.write(str(tmp_path / "copy"))
        await app.press("enter")
        await app.until(lambda: any("Backed up to" in said.text for said in app.main.said))
    with open_workspace(tmp_path / "copy") as copied:
        assert {project.name for project in list_projects(copied)} == {"cells", "parts"}


async def test_stats_are_shown_by_project(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        app.main.action_perform("stats")
        await app.until(lambda: isinstance(app.top, Sheet))
        text = app.read_text()
        assert "on disk" in text
        assert "2 versions" in text
        assert "parts  (default)" in text
        await app.press("escape")
        assert app.top is app.main


async def test_the_menu_of_a_workspace_offers_what_concerns_the_home(projects_home: Workspace) -> None:
    async with drive(projects_home, size=(120, 50)) as app:
        await app.select("default")
        assert app.main.entry is not None and app.main.entry.kind is EntryKind.WORKSPACE
        await app.press("x")
        text = app.read_text()
        for name in ("import", "status", "sync", "stats", "verify", "collect", "backup"):
            assert f" {name}  " in text
