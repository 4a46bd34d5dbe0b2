"""One line that says where one is, from the whole to the part; each place on it can be clicked."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from mlwf_tui.tui.widgets.drawing import fit

BETWEEN = " › "
CUT = "…"
MIN_TITLE = 6


class CrumbLine(Widget):
    """Draws the places, the last one bold, and a note behind them; those in the middle give way first."""

    DEFAULT_CSS = """
    CrumbLine { height: 1; padding: 0 1; background: $panel; color: $text-muted; }
    """

    class Chosen(Message):
        """A person clicked the place of this number."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.titles: tuple[str, ...] = ()
        self.note = ""
        self._spans: list[tuple[int, int, int]] = []  # first column, column behind the last, place

    def show(self, titles: Sequence[str], note: str = "") -> None:
        """Draw these places."""
        if (tuple(titles), note) != (self.titles, self.note):
            self.titles, self.note = tuple(titles), note
            self.refresh()

    def render(self) -> Content:
        note = f"  {self.note}" if self.note else ""
        shown = choose_crumbs(self.titles, max(MIN_TITLE, self.content_size.width - cell_len(note)))
        parts: list[Content] = []
        self._spans = []
        column = 0
        for number, title in shown:
            if parts:
                parts.append(Content(BETWEEN))
                column += len(BETWEEN)
            is_last = number == len(self.titles) - 1
            parts.append(Content.styled(title, "bold $primary" if is_last else "$secondary"))
            if number >= 0:
                self._spans.append((column, column + cell_len(title), number))
            column += cell_len(title)
        return Content("").join([*parts, Content.styled(note, "$accent")])

    def on_click(self, event: events.Click) -> None:
        column = event.x - self.styles.padding.left
        for first, end, number in self._spans:
            if first <= column < end:
                self.post_message(self.Chosen(number))


def choose_crumbs(titles: Sequence[str], width: int) -> list[tuple[int, str]]:
    """Return what of the places fits, with their numbers; -1 is the sign that some are left out."""
    shown = list(enumerate(titles))
    left_out = 0
    while len(titles) - left_out > 2 and _measure(shown) > width:
        left_out += 1
        shown = [(0, titles[0]), (-1, CUT), *list(enumerate(titles))[1 + left_out :]]
    if _measure(shown) > width and shown:
        number, title = shown[-1]
        room = max(MIN_TITLE, width - _measure(shown[:-1]) - len(BETWEEN))
        shown[-1] = (number, fit(title, min(room, cell_len(title))))
    return shown


def _measure(shown: Sequence[tuple[int, str]]) -> int:
    return sum(cell_len(title) for _, title in shown) + len(BETWEEN) * max(0, len(shown) - 1)
