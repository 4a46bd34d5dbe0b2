"""Leaving the app: what goes on without it, what is lost, and whether a person means it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from textual.screen import Screen

from mlwf_tui.entities.counts import format_count
from mlwf_tui.tui.screens.snapshot import Snapshot
from mlwf_tui.tui.screens.work import LongWork
from mlwf_tui.tui.widgets.confirm import Confirm

T = TypeVar("T")


class Host(Protocol):
    """What leaving needs of the screen."""

    @property
    def snapshot(self) -> Snapshot:
        """What was read last."""

    def put(self, dialog: Screen[T | None], then: Callable[[T], None]) -> None:
        """Show a dialog and hand on what it returns, unless it was closed without an answer."""

    def leave(self, last_words: str) -> None:
        """End the app; the words are printed behind it."""


class Leaving:
    """Ends the app, at once or when a person has confirmed it."""

    def __init__(self, host: Host, long: LongWork) -> None:
        self._host = host
        self._long = long

    def ask(self) -> None:
        """Leave; ask before where something goes on."""
        if self._long.task is not None:
            text = f"{self._long.task.title} goes on in this app and is cancelled when you leave."
            self._host.put(Confirm("Leave?", text, yes="Leave", is_dangerous=True), self._leave_if)
        elif self._host.snapshot.active_runs:
            self._host.put(Confirm("Leave?", self._describe, yes="Leave"), self._leave_if)
        else:
            self.leave()

    def leave(self) -> None:
        """Leave at once, and say what goes on; a verb that is cancelled takes its own run along."""
        goes_on = bool(self._host.snapshot.active_runs) and self._long.task is None
        self._long.cancel()
        self._host.leave(self._describe() if goes_on else "")

    def _leave_if(self, is_wanted: bool) -> None:
        if is_wanted:
            self.leave()

    def _describe(self) -> str:
        count = len(self._host.snapshot.active_runs)
        if not count:
            return "No run goes on any more."
        verb = "goes" if count == 1 else "go"
        return f"{format_count(count, 'run')} {verb} on without the app; mlwf finds them again."
