"""What is there everywhere: help, palette, messages, progress, the theme, and drawing all anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Protocol

from textual.app import App
from textual.widget import Widget

from mlwf_tui.tui.screens.choices import (
    OWN,
    list_help,
    list_pane_keys,
    list_pane_options,
    list_signs,
    relabel,
)
from mlwf_tui.tui.screens.telling import Teller
from mlwf_tui.tui.screens.work import LongWork
from mlwf_tui.tui.svg import write_svg
from mlwf_tui.tui.theme import THEMES
from mlwf_tui.tui.widgets.context_menu import ContextMenu
from mlwf_tui.tui.widgets.message_list import MessageList
from mlwf_tui.workspace import Workspace


class Host(Protocol):
    """What the services need of their screen."""

    workspace: Workspace
    read_clock: Callable[[], datetime]

    @property
    def app(self) -> App[object]:
        """The app that the screen is of."""

    @property
    def focused(self) -> Widget | None:
        """What gets the keys."""

    def ask(self, what: str, work: Callable[[], Path], done: Callable[[Path], None]) -> None:
        """Do `work` in a thread and hand its result to `done`."""

    def copy(self, text: str) -> None:
        """Copy to the person's clipboard and say which way it went."""

    def action_perform(self, name: str) -> None:
        """Do the action of this id."""


class Services:
    """Does the keys that act on the app itself; `by_key` has them by their ids."""

    def __init__(self, host: Host, teller: Teller, long_work: LongWork) -> None:
        self._host = host
        self._teller = teller
        self._long = long_work
        self.by_key: Mapping[str, Callable[[], object]] = {
            "help": self.show_help,
            "options": self.show_options,
            "messages": self.show_messages,
            "palette": lambda: host.app.action_command_palette(),
            "progress": self.show_progress,
            "screenshot": self.save_screenshot,
            "theme": self.change_theme,
        }

    def show_help(self) -> None:
        """List the keys of the focused pane, then all others; ⏎ does what the line says."""
        choices = [
            *list_pane_keys(self._host.focused),
            *relabel(list_help(), self._host.workspace.settings.keys),
            *list_signs(),
        ]
        self._host.app.push_screen(
            ContextMenu("Keys", choices, is_wide=True),
            lambda name: self.perform(name) if name is not None else None,
        )

    def show_options(self) -> None:
        """List what the pane does at a letter behind this key; the letter does it."""
        choices = list_pane_options(self._host.focused)
        if not choices:
            self._teller.refuse("This pane has no options of its own.")
            return
        self._host.app.push_screen(
            ContextMenu("Options of this pane", choices),
            lambda name: self.perform(name) if name is not None else None,
        )

    def perform(self, name: str) -> None:
        """Do an action of the screen, or one of the pane that has the focus."""
        if name.startswith(OWN):
            self._host.app.call_later(self._perform_own, name.removeprefix(OWN))
        else:
            self._host.action_perform(name)

    def show_messages(self) -> None:
        """Show what was said; what a person takes from it is copied."""
        self._host.app.push_screen(
            MessageList(self._teller.said), lambda text: self._host.copy(text) if text is not None else None
        )

    def show_progress(self) -> None:
        """Show the long verb that goes on behind."""
        if not self._long.show():
            self._teller.refuse("Nothing long goes on here.")

    def save_screenshot(self) -> None:
        """Write what is seen into the folder that the app was started in, or else into the home."""
        name = f"mlwf-{self._host.read_clock():%Y-%m-%d-%H%M%S}.svg"
        svg = self._host.app.export_screenshot(title="mlwf")
        work = partial(write_svg, svg, name, (Path(), self._host.workspace.home))
        self._host.ask("screenshot", work, lambda file: self._teller.say(f"The screen is in {file}."))

    def change_theme(self) -> None:
        """Go on to the next of our own themes: dark, light, high contrast."""
        app = self._host.app
        names = [theme.name for theme in THEMES]
        place = names.index(app.theme) if app.theme in names else -1
        app.theme = names[(place + 1) % len(names)]

    async def _perform_own(self, action: str) -> None:
        focused = self._host.focused
        for node in focused.ancestors_with_self if focused is not None else ():
            if await self._host.app.run_action(action, node):
                return
