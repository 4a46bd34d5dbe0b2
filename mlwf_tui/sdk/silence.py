"""The observer of a program that does not look."""

from __future__ import annotations


class Silent:
    """Says nothing and never asks for a stop; Ctrl-C raises KeyboardInterrupt by itself."""

    def progress(self, step: int, total: int | None, message: str) -> None:
        """Nobody looks."""

    def metric(self, key: str, value: float, step: int) -> None:
        """Nobody looks."""

    def check_cancelled(self) -> None:
        """Nobody asks."""


SILENT = Silent()
