"""Whoever watches long work."""

from __future__ import annotations

from typing import Protocol


class Observer(Protocol):
    """Whoever watches a long verb: a progress bar, an event file, a test."""

    def progress(self, step: int, total: int | None, message: str) -> None:
        """Say how far the work has come; cheap to call for every item."""

    def metric(self, key: str, value: float, step: int) -> None:
        """Report one measured value."""

    def check_cancelled(self) -> None:
        """Raise Cancelled if the work should stop; called at least once an item or a batch."""


class Silent:
    """Says nothing and never asks for a stop; Ctrl-C raises KeyboardInterrupt by itself."""

    def progress(self, step: int, total: int | None, message: str) -> None:
        """Nobody looks."""

    def metric(self, key: str, value: float, step: int) -> None:
        """Nobody looks."""

    def check_cancelled(self) -> None:
        """Nobody asks."""


SILENT = Silent()
