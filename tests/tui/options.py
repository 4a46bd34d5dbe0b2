"""Chooses options of a pane that stands alone in a test, where nothing opens their menu."""

from __future__ import annotations

from typing import Any

from textual.pilot import Pilot
from textual.widget import Widget

from mlwf_tui.tui.screens.choices import OWN, list_pane_options


async def choose(pilot: Pilot[Any], *letters: str, widget: Widget | None = None) -> None:
    """Do what stands in the options of the focused widget at each of these letters."""
    for letter in letters:
        focused = widget or pilot.app.screen.focused
        assert focused is not None
        option = next(one for one in list_pane_options(focused) if one.key == letter)
        for node in focused.ancestors_with_self:
            if await pilot.app.run_action(option.id.removeprefix(OWN), node):
                break
        await pilot.pause()
