"""What was written into forms and questions that were given up; it lasts as long as the app."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Resumable(Protocol):
    """A dialog that can open as it was left; what is alike in `identity` asks the same of the same thing."""

    unsent: Mapping[str, str]

    @property
    def identity(self) -> tuple[object, ...]:
        """What tells it from other dialogs."""

    def take_up(self, values: Mapping[str, str]) -> None:
        """Open with these values."""


class Unsent:
    """Offers it again where the same is asked."""

    def __init__(self) -> None:
        self._kept: dict[tuple[object, ...], Mapping[str, str]] = {}

    def offer(self, dialog: Resumable) -> None:
        """Let a dialog open as it was left the last time."""
        kept = self._kept.get(dialog.identity)
        if kept is not None:
            dialog.take_up(kept)

    def settle(self, dialog: Resumable) -> None:
        """Keep what a dialog was left with; one that was answered, or not written in, leaves nothing."""
        self._kept.pop(dialog.identity, None)
        if dialog.unsent:
            self._kept[dialog.identity] = dialog.unsent
