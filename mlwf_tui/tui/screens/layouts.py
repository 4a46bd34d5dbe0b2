"""Remembers the layout of the monitor a moment after its last change, and as the app ends."""

from __future__ import annotations

from functools import partial
from typing import Any

from textual.screen import Screen
from textual.timer import Timer

from mlwf_tui.entities.layout import MonitorLayout
from mlwf_tui.tui.screens.work import Work
from mlwf_tui.workflow.personal.layouts import write_layout
from mlwf_tui.workspace import Workspace

DELAY_S = 0.3  # a drag of the mouse changes the layout twenty times a second


class LayoutKeeper:
    """Writes in a thread; called on the loop."""

    def __init__(self, screen: Screen[Any], workspace: Workspace, work: Work) -> None:
        self._screen = screen
        self._workspace = workspace
        self._work = work
        self._pending: MonitorLayout | None = None
        self._timer: Timer | None = None

    def keep(self, layout: MonitorLayout) -> None:
        """Remember this layout soon, if no other follows."""
        self._pending = layout
        if self._timer is None:
            self._timer = self._screen.set_timer(DELAY_S, self._write)

    def flush(self) -> None:
        """Write at once what is still pending."""
        if self._pending is not None:
            write_layout(self._workspace, self._pending)
            self._pending = None

    def _write(self) -> None:
        layout, self._pending, self._timer = self._pending, None, None
        if layout is not None:
            work = partial(write_layout, self._workspace, layout)
            self._work.start("layout", work, lambda _: None)
