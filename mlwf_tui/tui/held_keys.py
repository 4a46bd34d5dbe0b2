"""What is typed while a dialog is still being opened waits for it, and in a dialog keys come one by one.

Letters that are written into a field need not: none of them leads out of it.

A key goes to the widget with the focus and rises from there to the app, queue by queue, before it does what
it is bound to; the keys behind it are on their way to the same widget by then. Knows nothing of dialogs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from itertools import takewhile
from time import monotonic
from typing import Any

from textual import events
from textual.app import App
from textual.dom import DOMNode
from textual.message import Message
from textual.screen import ModalScreen, Screen
from textual.timer import Timer
from textual.widgets import Input

Typed = events.Key | events.Paste
LEAVING_KEYS = ("ctrl+c", "ctrl+q")  # which wait for nothing
FENCE_LIMIT_S = 5.0  # a widget that has not come to a key by then hinders no others
LOOK_INTERVAL_S = 0.1  # for fences that went with the widget that they were sent to


class Fence(Message):
    """Rises to the app behind all that was sent to a widget before it, and not before that is mounted."""

    def __init__(self, behind: DOMNode, screen: Screen[Any]) -> None:
        super().__init__()
        self.behind = behind
        self.screen = screen
        self.sent_at = monotonic()

    @property
    def is_lost(self) -> bool:
        """Whether it will not come, or not in time."""
        is_gone = self.behind is not self.screen and not self.behind.is_attached
        return is_gone or monotonic() - self.sent_at > FENCE_LIMIT_S


class HeldKeys:
    """Holds keys as long as a dialog is on its way, or asked for and being read for.

    `forward` sends a key to what has the focus. A screen says by `is_dialog_awaited` that it reads for one.
    """

    def __init__(self, app: App[Any], forward: Callable[[Typed], Awaitable[None]]) -> None:
        self._app = app
        self._forward = forward
        self._strays: list[Typed] = []  # that were sent to what had the focus before
        self._waiting: list[Typed] = []
        self._sent: set[Typed] = set()  # by us, and perhaps not risen yet
        self._fences: set[Fence] = set()
        self._depth = 0
        self._look: Timer | None = None

    @property
    def is_holding(self) -> bool:
        """Whether a key that is typed now waits."""
        return bool(self._fences or self._strays or self._waiting) or self._is_awaited()

    async def take(self, event: Typed) -> bool:
        """Take a key that has come from the terminal or has risen to the app; False where it goes on."""
        if isinstance(event, events.Key) and event.key in LEAVING_KEYS:
            return False
        if event in self._sent and not self._is_awaited():
            return False
        if not self._fences and not self._is_awaited():
            self.forget()  # a dialog that has not come for long holds no key for ever
        if self.is_holding:
            (self._strays if event.is_forwarded else self._waiting).append(_copy(event))
        elif event.is_forwarded or not self._is_alone(event):
            return False
        else:
            await self._send([event])
        return True

    def see_screen(self, screen: Screen[Any]) -> None:
        """Hold keys until a dialog that was put over another screen can take them."""
        stack = self._app.screen_stack
        is_new = len(stack) > self._depth
        self._depth = len(stack)
        self._fences = {fence for fence in self._fences if fence.screen in stack}
        if is_new and isinstance(screen, ModalScreen):
            self._sent.clear()  # what has not risen yet was typed for the dialog
            below = stack[-2]
            self._put_fence(below.focused or below, below)
            self._put_fence(screen, screen)
        elif self._strays or self._waiting:
            self._put_fence(screen, screen)

    async def go_on(self, fence: Fence) -> None:
        """Let the next keys go once nothing is on its way before them."""
        self._fences.discard(fence)
        if not self._app.screen_stack or self._fences or self._is_awaited():
            return
        self._sent.clear()
        held = [*self._strays, *self._waiting]
        keys = list(takewhile(lambda key: not self._is_alone(key), held)) or held[:1]
        self._strays, self._waiting = held[len(keys) :], []
        if keys:
            await self._send(keys)

    def forget(self) -> None:
        """Drop what was typed for a dialog that has not come."""
        if not self._fences:
            self._strays.clear()
            self._waiting.clear()

    async def _send(self, keys: Sequence[Typed]) -> None:
        self._sent.update(keys)
        for key in keys:
            await self._forward(key)
        self._put_fence(self._app.focused or self._app.screen, self._app.screen)

    def _is_alone(self, key: Typed) -> bool:
        """Whether what follows waits until it is answered: in a dialog, if it is no letter of a text."""
        is_letter = isinstance(key, events.Key) and key.is_printable
        is_text = is_letter and isinstance(self._app.focused, Input)
        return isinstance(self._app.screen, ModalScreen) and not is_text

    def _is_awaited(self) -> bool:
        return getattr(self._app.screen, "is_dialog_awaited", False)

    def _put_fence(self, behind: DOMNode, screen: Screen[Any]) -> None:
        fence = Fence(behind, screen)
        self._fences.add(fence)
        behind.post_message(fence)
        if self._look is None:
            self._look = self._app.set_interval(LOOK_INTERVAL_S, self._see_lost)
        self._look.resume()

    async def _see_lost(self) -> None:
        """Go on without the fences that went with what they were sent to."""
        for fence in [fence for fence in self._fences if fence.is_lost]:
            await self.go_on(fence)
        if not self._fences and self._look is not None:
            self._look.pause()


def _copy(event: Typed) -> Typed:
    """Return it as it came from the terminal, so that it is sent once more."""
    if isinstance(event, events.Key):
        return events.Key(event.key, event.character)
    return events.Paste(event.text)
