"""The app: themes, signals and the palette around the one main screen; run_app opens the home for it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.screen import Screen

from mlwf_tui.tui.screens.main import MainScreen
from mlwf_tui.tui.theme import DARK, THEMES
from mlwf_tui.workspace import Workspace, open_workspace

ENDING_SIGNALS = (signal.SIGHUP, signal.SIGTERM)


def _load_provider() -> type[Provider]:
    from mlwf_tui.tui.commands import ActionProvider  # noqa: PLC0415 - which the first paint need not wait for

    return ActionProvider


class MlwfApp(App[None]):
    """Shows one opened home. Ends with 128 + the signal's number where a signal ended it."""

    TITLE = "mlwf"
    COMMANDS = App.COMMANDS | {_load_provider}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "help_quit", "how to quit", show=False, system=True, id="app.how_to_quit"),
    ]
    CSS = """
    * { scrollbar-size-vertical: 1; scrollbar-size-horizontal: 1; }
    Toast { background: $boost; padding: 0 1; width: 56; max-width: 90%; }
    ToastRack { margin-bottom: 1; }
    """

    def __init__(self, workspace: Workspace, *, read_clock: Callable[[], datetime] | None = None) -> None:
        super().__init__()
        self._workspace = workspace
        self._read_clock = read_clock or _read_local_clock
        if "TEXTUAL_ANIMATIONS" not in os.environ:
            self.animation_level = "none"  # a page down is 6 KB instead of 71 over SSH
        for theme in THEMES:
            self.register_theme(theme)
        wanted = workspace.settings.theme
        self.theme = wanted if wanted in self.available_themes else DARK.name

    def get_default_screen(self) -> Screen[None]:
        return MainScreen(self._workspace, self._read_clock)

    def on_mount(self) -> None:
        if not self.is_headless:
            loop = asyncio.get_running_loop()
            for number in ENDING_SIGNALS:
                loop.add_signal_handler(number, self._end_by_signal, number)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Keep of the stock commands what the main screen does not say better itself."""
        wanted = ("Theme", "Screenshot")
        yield from (c for c in super().get_system_commands(screen) if c.title in wanted)

    def _end_by_signal(self, number: int) -> None:
        self.exit(return_code=128 + number)


def run_app(home: Path) -> int:
    """Open the home, run the app until a person leaves it, and return the exit code.

    Raises:
        StorageFailed: the home is not ours or cannot be written.
        CorruptData: the catalog or the store's index is damaged.
    """
    with open_workspace(home) as workspace:
        app = MlwfApp(workspace)
        app.run()
    return app.return_code if app.return_code is not None else 1


def _read_local_clock() -> datetime:
    return datetime.now().astimezone()
