"""What is typed while a dialog is still being opened waits for it, and then comes key by key.

A key goes to the widget with the focus and rises from there to the app, queue by queue, before it does what
it is bound to; the keys behind it are on their way to the same widget by then. Knows nothing of dialogs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from textual import events
from textual.app import App
from textual.dom import DOMNode
from textual.message import Message
from textual.screen import ModalScreen, Screen

Typed = events.Key | events.Paste
LEAVING_KEYS = ("ctrl+c", "ctrl+q")  # which wait for nothing
FENCE_LIMIT_S = 5.0  # what a fence was sent behind may be gone, and the fence with it


class Fence(Message):
    """Rises to the app behind all that was sent to a widget before it, and not before that is mounted."""

    def __init__(self, screen: Screen[Any]) -> None:
        super().__init__()
        self.screen = screen


class HeldKeys:
    """Holds keys as long as a dialog is on its way, or asked for and being read for.

    `forward` sends a key to what has the focus. A screen says by `is_dialog_awaited` that it reads for one.
    """

    def __init__(self, app: App[Any], forward: Callable[[Typed], Awaitable[None]]) -> None:
        self._app = app
        self._forward = forward
        self._strays: deque[Typed] = deque()  # that were sent to what had the focus before
        self._waiting: deque[Typed] = deque()
        self._fences: set[Fence] = set()
        self._let_go: Typed | None = None
        self._depth = 0

    @property
    def is_holding(self) -> bool:
        """Whether a key that is typed now waits."""
        return bool(self._fences or self._strays or self._waiting) or self._is_awaited()

    def take(self, event: Typed) -> bool:
        """Hold a key that has come from the terminal or has risen to the app; False where it goes on."""
        if not self._fences and not self._is_awaited():
            self.forget()  # a dialog that has not come for long holds no key for ever
        if event is self._let_go or not self.is_holding:
            return False
        if isinstance(event, events.Key) and event.key in LEAVING_KEYS:
            return False
        (self._strays if event.is_forwarded else self._waiting).append(_copy(event))
        return True

    def see_screen(self, screen: Screen[Any]) -> None:
        """Hold keys until a dialog that was put over another screen can take them."""
        stack = self._app.screen_stack
        is_new = len(stack) > self._depth
        self._depth = len(stack)
        self._fences = {fence for fence in self._fences if fence.screen in stack}
        if is_new and isinstance(screen, ModalScreen):
            below = stack[-2]
            self._put_fence(below.focused or below, below)
            self._put_fence(screen, screen)
        elif self._strays or self._waiting:
            self._put_fence(screen, screen)

    async def go_on(self, fence: Fence) -> None:
        """Let the next key go once nothing is on its way before it."""
        self._fences.discard(fence)
        if not self._app.screen_stack or self._fences or self._is_awaited():
            return
        held = self._strays or self._waiting
        if held:
            self._let_go = key = held.popleft()
            await self._forward(key)
            self._put_fence(self._app.focused or self._app.screen, self._app.screen)

    def forget(self) -> None:
        """Drop what was typed for a dialog that has not come."""
        if not self._fences:
            self._strays.clear()
            self._waiting.clear()

    def _is_awaited(self) -> bool:
        return getattr(self._app.screen, "is_dialog_awaited", False)

    def _put_fence(self, behind: DOMNode, screen: Screen[Any]) -> None:
        fence = Fence(screen)
        self._fences.add(fence)
        behind.post_message(fence)
        self._app.set_timer(FENCE_LIMIT_S, partial(self.go_on, fence))


def _copy(event: Typed) -> Typed:
    """Return it as it came from the terminal, so that it is sent once more."""
    if isinstance(event, events.Key):
        return events.Key(event.key, event.character)
    return events.Paste(event.text)
