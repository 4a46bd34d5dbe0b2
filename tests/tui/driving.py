"""Drives the app in tests: opens it on a home, waits for what is expected, reads the screen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from time import monotonic
from unittest.mock import patch

from textual import events
from textual.pilot import Pilot
from textual.screen import Screen

from mlwf_tui.entities.sitting import Sitting
from mlwf_tui.tui.app import MlwfApp
from mlwf_tui.tui.screens.main import MainScreen
from mlwf_tui.tui.widgets.lineage_view import LineageView
from mlwf_tui.tui.widgets.project_tree import ProjectTree
from mlwf_tui.tui.widgets.stage import Stage
from mlwf_tui.workspace import Workspace
from tests.tui.homes import read_clock

WIDE, NARROW, VERY_WIDE = (120, 40), (80, 24), (160, 45)
LEAST = (60, 15)
SIZES = (WIDE, NARROW)
LIMIT_S = 60.0  # the machine may be busy; nothing here is slow by itself


class Driver:
    """One running app with its pilot."""

    def __init__(self, app: MlwfApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def main(self) -> MainScreen:
        """The main screen, whatever dialog stands over it."""
        return next(screen for screen in self.app.screen_stack if isinstance(screen, MainScreen))

    @property
    def top(self) -> Screen[object]:
        """The screen that gets the keys now."""
        return self.app.screen

    @property
    def tree(self) -> ProjectTree:
        return self.main.query_one(ProjectTree)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def write(self, text: str) -> None:
        """Paste a text into what has the focus, as a terminal does."""
        focused = self.top.focused
        assert focused is not None
        focused.post_message(events.Paste(text))
        await self.pilot.pause()

    async def until(self, holds: Callable[[], bool], what: str = "") -> None:
        """Let the app work until `holds`; fail where it never does."""
        deadline = monotonic() + LIMIT_S
        while not holds():
            assert monotonic() < deadline, f"waited in vain for {what}\n{self.read_text()}"
            await self.pilot.pause()
            await asyncio.sleep(0)

    async def until_text(self, text: str) -> None:
        """Let the app work until `text` can be read on the screen."""
        await self.until(lambda: text in self.read_text(), repr(text))

    async def select(self, title: str) -> None:
        """Put the tree's cursor on the first entry that begins with `title`, opening what hides it."""
        await self.press("1")
        await self.until(lambda: self._find(title) is not None, f"{title} in the tree")
        found = self._find(title)
        assert found is not None
        self.tree.select(found)
        await self.until(
            lambda: self.main.entry is not None and self.main.entry.key == found, f"{title} selected"
        )

    async def open_versions(self, project: str) -> None:
        """Open a project's branch and wait for its versions."""
        await self.select(project)
        await self.press("l")
        await self.until(lambda: self._find("@1") is not None, f"versions of {project}")

    def _find(self, title: str) -> str | None:
        nodes = self.tree._by_key.values()
        return next(
            (n.data.key for n in nodes if n.data is not None and n.data.title.startswith(title)), None
        )

    def read_text(self) -> str:
        """Return the screen as text, one line a row, without blanks at the ends."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)

    async def settle(self) -> None:
        """Wait until nothing is being read or laid out, so that the screen is final."""
        await self.until(lambda: not (self.main.is_busy or self.app._held.is_holding), "a quiet app")
        if self.main.snapshot.graph.nodes:
            await self.until(lambda: not self.main.query_one(LineageView).is_laying_out, "the drawn graph")
        await self.pilot.pause()


@asynccontextmanager
async def drive(
    workspace: Workspace,
    *,
    size: tuple[int, int] = WIDE,
    clock: Callable[[], datetime] = read_clock,
    theme: str = "mlwf-dark",
    left: Sitting | None = None,
    makes_ahead: bool = False,
) -> AsyncIterator[Driver]:
    """Run the app on a home and hand it over once everything is read.

    Views that nobody looks at are made ahead only where asked for: they are a third of most tests' time.
    """
    app = MlwfApp(workspace.home, lambda: workspace, theme=theme, left=left, read_clock=clock)
    whole = Stage.is_whole if makes_ahead else property(lambda _: True)
    with patch.object(Stage, "is_whole", whole):
        async with app.run_test(size=size, notifications=True) as pilot:
            driver = Driver(app, pilot)
            await driver.until(
                lambda: any(isinstance(s, MainScreen) for s in app.screen_stack), "the main screen"
            )
            await driver.until(lambda: driver.main.is_loaded, "the first snapshot")
            await driver.settle()
            yield driver
