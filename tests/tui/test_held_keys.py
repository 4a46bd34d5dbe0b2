"""Keys in one burst, as by tmux, a paste or a slow line: those behind one that asks go into its dialog."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable

import pytest
from textual import events
from textual.command import CommandPalette
from textual.keys import _character_to_key
from textual.widgets import Input, Static

from mlwf_tui.entities.ids import ProjectId
from mlwf_tui.errors import StorageFailed
from mlwf_tui.tui import held_keys
from mlwf_tui.tui.screens.picking import OperationPicker
from mlwf_tui.tui.screens.snapshot import Snapshot, read_snapshot
from mlwf_tui.tui.screens.view_host import LINEAGE
from mlwf_tui.tui.widgets.form import Form
from mlwf_tui.tui.widgets.lineage_view import LineageView
from mlwf_tui.tui.widgets.prompt import Prompt
from mlwf_tui.workflow.commit import commit
from mlwf_tui.workflow.import_ import list_formats
from mlwf_tui.workflow.undo import undo
from mlwf_tui.workspace import Workspace
from tests.tui.driving import Driver, drive

READ_SNAPSHOT = "mlwf_tui.tui.screens.reader.read_snapshot"
LIST_FORMATS = "mlwf_tui.tui.screens.verbs.making.list_formats"


def burst(app: Driver, *keys: str) -> None:
    for key in keys:
        character = key if len(key) == 1 else None
        app.app.post_message(events.Key(_character_to_key(key) if character else key, character))


def read_field(app: Driver) -> str:
    focused = app.top.focused
    return focused.value if isinstance(focused, Input) else ""


async def test_what_follows_the_key_of_the_palette_is_searched_for(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        burst(app, *":stats")
        await app.until(lambda: read_field(app) == "stats", "what was typed")
        assert isinstance(app.top, CommandPalette)
        await app.until_text("How much there is")
        burst(app, "enter")
        await app.until(lambda: not isinstance(app.top, CommandPalette), "the command")


async def test_what_follows_the_key_of_the_filter_filters(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        burst(app, *"/parts", "enter")
        await app.until(lambda: app.main._navigation.filter == "parts", "the filter")
        await app.until(lambda: app.top is app.main, "the end of the prompt")
        assert app.tree.entry is not None
        assert app.tree.entry.title == "parts"


async def test_what_follows_the_key_of_an_import_is_its_path(
    full_home: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_read = threading.Event()

    def list_late(workspace: Workspace) -> tuple[str, ...]:
        is_read.wait()
        return list_formats(workspace)

    monkeypatch.setattr(LIST_FORMATS, list_late)
    async with drive(full_home) as app:
        await app.select("train")
        burst(app, *"i/tmp/sD")
        await app.pilot.pause()
        burst(app, *"ata")
        await app.until_text("⧗ formats")
        assert app.top is app.main, "s and D would open dialogs"
        is_read.set()
        await app.until(lambda: read_field(app) == "/tmp/sData", "the path")
        assert isinstance(app.top, Form)
        await app.press("escape")


async def test_what_follows_a_key_that_reads_the_home_first_goes_into_its_dialog(
    projects_home: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_read = threading.Event()

    def read_late(workspace: Workspace, opened: Iterable[ProjectId]) -> Snapshot:
        is_read.wait()
        return read_snapshot(workspace, opened)

    commit(projects_home, "cells", message="all of it")
    async with drive(projects_home) as app:
        await app.select("cells")
        monkeypatch.setattr(READ_SNAPSHOT, read_late)
        undo(projects_home, "cells")
        burst(app, "c", *"Dsz")
        await app.until(lambda: app.main.is_dialog_awaited, "the reading of the home")
        await app.pilot.pause()
        assert app.top is app.main, "s and D would open dialogs"
        is_read.set()
        await app.until(lambda: read_field(app).endswith("Dsz"), "the message")


async def test_keys_do_not_wait_for_a_home_that_cannot_be_read(
    projects_home: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Workspace, __: Iterable[ProjectId]) -> Snapshot:
        raise StorageFailed("no home here")

    commit(projects_home, "cells", message="all of it")
    async with drive(projects_home) as app:
        await app.select("cells")
        monkeypatch.setattr(READ_SNAPSHOT, fail)
        await app.press("c")
        await app.until_text("no home here")
        assert not app.main.is_dialog_awaited


@pytest.mark.parametrize("key", ["x", "f", "?", ","])
async def test_a_key_pressed_again_opens_no_second_dialog_over_its_own(
    full_home: Workspace, key: str
) -> None:
    async with drive(full_home) as app:
        await app.select("cells")
        app.main._views.show(LINEAGE)
        await app.settle()
        app.main.query_one(LineageView).focus()
        burst(app, *(key * 4))
        await app.settle()
        assert len(app.app.screen_stack) <= app.app.screen_stack.index(app.main) + 2


class Leaver(Static, can_focus=True):
    """Goes away with the first key, and with it what was sent behind that."""

    async def on_key(self) -> None:
        self.remove()
        await asyncio.sleep(0.1)


async def test_keys_go_on_where_what_they_were_sent_to_is_gone(
    full_home: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_keys, "FENCE_LIMIT_S", 3600.0)
    async with drive(full_home) as app:
        await app.main.mount(leaver := Leaver())
        leaver.focus()
        await app.pilot.pause()
        burst(app, *"a:s")
        await app.until(lambda: read_field(app) == "s", "the palette")


async def test_keys_are_let_go_where_no_dialog_comes(
    full_home: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_read = threading.Event()

    def fail_late(_: Workspace) -> tuple[str, ...]:
        is_read.wait()
        raise OSError("no formats")

    monkeypatch.setattr(LIST_FORMATS, fail_late)
    async with drive(full_home) as app:
        await app.select("cells")
        burst(app, *"iD")
        is_read.set()
        await app.until_text("no formats")
        await app.pilot.pause()
        assert app.top is app.main
        burst(app, *"jj")
        await app.until(lambda: app.tree.entry is not None and app.tree.entry.title != "cells", "keys again")


async def test_a_burst_goes_through_several_dialogs(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.select("cells")
        burst(app, "o", *"flip", "enter")
        await app.until(lambda: isinstance(app.top, Form), "the form of the operation")
        burst(app, "escape")
        await app.until(lambda: isinstance(app.top, OperationPicker), "the picker")
        await app.press("escape", "escape")
        burst(app, "R", *"nuclei", "enter")
        await app.until(lambda: app.tree.entry is not None and app.tree.entry.title.endswith("nuclei"))
        assert not isinstance(app.top, Prompt)
