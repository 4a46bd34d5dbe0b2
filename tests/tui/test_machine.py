"""The screen of the machine: opened by a key, alive while it is open, closed again."""

from __future__ import annotations

import pytest

from mlwf_tui.tui.screens.machine import MachineScreen
from mlwf_tui.tui.widgets.machine_view import MachineView
from mlwf_tui.workspace import Workspace
from tests.tui.driving import SIZES, drive


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_machine_is_shown_with_its_past_and_closed_again(
    projects_home: Workspace, size: tuple[int, int]
) -> None:
    async with drive(projects_home, size=size) as app:
        await app.press("E")
        await app.until(lambda: isinstance(app.top, MachineScreen), "the machine's screen")
        await app.until_text("Processors and memory")
        await app.until(lambda: len(app.main._machine.history) >= 2, "a second reading")
        await app.until_text(" cores")
        await app.press("G", "escape")
        await app.until(lambda: app.top is app.main, "the main screen")


async def test_the_machine_is_found_by_the_palette_and_keeps_reading_while_closed(
    projects_home: Workspace,
) -> None:
    async with drive(projects_home) as app:
        assert any(choice.id == "machine" and not choice.reason for choice in app.main.list_choices())
        await app.until(lambda: bool(app.main._machine.history), "a reading")
        app.main.action_perform("machine")
        await app.until(lambda: isinstance(app.top, MachineScreen), "the machine's screen")
        await app.until_text("Processors and memory")
        assert app.top.focused is app.top.query_one(MachineView)
