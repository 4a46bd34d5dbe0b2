"""The one line at the foot of the screen: the keys that matter now, and how things stand."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

GAP = 2
Hint = tuple[str, str, str]
"""Id of an action, its key, and what it is called."""


class StatusBar(Widget):
    """Draws as many hints as fit; the standing on the right comes first, the hints give way.

    Those of `kept` actions give way last: the way out, stopping, and help, which names all others.

    The stock Footer composes itself anew at each focus change, 30 KB over SSH; this is one line.
    """

    DEFAULT_CSS = """
    StatusBar { height: 1; dock: bottom; background: $panel; color: $text; padding: 0 1; }
    """

    class Chosen(Message):
        """A person clicked the hint of this action."""

        def __init__(self, action: str) -> None:
            super().__init__()
            self.action = action

    def __init__(self, *, kept: Collection[str] = (), id: str | None = None) -> None:
        super().__init__(id=id)
        self._kept = kept
        self._hints: tuple[Hint, ...] = ()
        self._standing = Content("")
        self._spans: list[tuple[int, int, str]] = []  # first column, last column, action

    def show_hints(self, hints: Sequence[Hint]) -> None:
        if tuple(hints) != self._hints:
            self._hints = tuple(hints)
            self.refresh()

    def show_standing(self, standing: Content) -> None:
        if standing.markup != self._standing.markup:
            self._standing = standing
            self.refresh()

    def render(self) -> Content:
        width = self.content_size.width
        room = width - self._standing.cell_length - GAP
        left = self._assemble_hints(room)
        padding = " " * max(GAP, width - left.cell_length - self._standing.cell_length)
        return Content.assemble(left, padding, self._standing)

    def on_click(self, event: events.Click) -> None:
        column = event.x - self.styles.padding.left
        for first, last, action in self._spans:
            if first <= column < last:
                self.post_message(self.Chosen(action))

    def _assemble_hints(self, room: int) -> Content:
        parts: list[Content] = []
        self._spans = []
        column = 0
        drawn = [(action, _draw_hint(key, label)) for action, key, label in self._hints]
        held = sum(hint.cell_length + GAP for action, hint in drawn if action in self._kept)
        for action, hint in drawn:
            if action in self._kept:
                held -= hint.cell_length + GAP
            if column + hint.cell_length + held > room:
                continue
            self._spans.append((column, column + hint.cell_length, action))
            parts.append(hint)
            column += hint.cell_length + GAP
        return Content(" " * GAP).join(parts)


def _draw_hint(key: str, label: str) -> Content:
    return Content.assemble((key, "$accent bold"), " ", (label, "$text-muted"))
