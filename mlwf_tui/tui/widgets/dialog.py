"""What every dialog is: a modal screen that opens without holding the loop."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from textual import events, on
from textual.await_complete import AwaitComplete
from textual.screen import ModalScreen

T = TypeVar("T")


class Dialog(ModalScreen[T]):
    """A modal screen that lets others have their turn between being styled, laid out, resized and painted.

    Textual does all of that in one go, which for a form of thirty fields is 0.13 s.
    """

    _is_opened = False

    @on(events.ScreenResume)
    def _spare_styles(self, event: events.ScreenResume) -> None:
        """Come before Textual's own handler, which would style anew what was styled as it was mounted."""
        event.refresh_styles &= self._is_opened
        self._is_opened = True

    def dismiss(self, result: T | None = None) -> AwaitComplete:
        """Close the dialog, once: of two ⏎ in a burst the second would close what stands behind it."""
        return super().dismiss(result) if self.is_current else AwaitComplete()

    @on(events.ScreenResume)
    @on(events.Resize)
    @on(events.Show)
    async def _give_way(self) -> None:
        await asyncio.sleep(0)
