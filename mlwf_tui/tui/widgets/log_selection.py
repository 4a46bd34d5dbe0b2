"""Selecting lines of a log by keys and by the mouse, over as many as there are; no widget."""

from __future__ import annotations

from collections.abc import Sequence

from mlwf_tui.tui.widgets.drawing import Line
from mlwf_tui.tui.widgets.log_page import LogPage

Rows = Sequence[tuple[int, Line]]  # as a window lists them


class LogSelection:
    """From an anchor to a cursor, both in the page, which draws them."""

    def __init__(self, page: LogPage) -> None:
        self._page = page

    @property
    def is_on(self) -> bool:
        return self._page.anchor >= 0

    def begin(self, line: int) -> None:
        self._page.anchor = self._page.cursor = line

    def move(self, lines: int) -> int:
        """Move the cursor by so many lines that are shown; return its place among them."""
        place = max(0, min(len(self._page) - 1, self._page.find_place(self._page.cursor) + lines))
        self._page.cursor = self._page.find_line(place)
        return place

    def press(self, rows: Rows, y: int) -> bool:
        """Begin on the row that the mouse is on; return whether there is one."""
        if y >= len(rows):
            return False
        self.begin(rows[y][0])
        return True

    def drag(self, rows: Rows, y: int) -> bool:
        """Go on to the row that the mouse is on, or the nearest; return whether anything is selected."""
        if not self.is_on or not rows:
            return False
        self._page.cursor = rows[max(0, min(len(rows) - 1, y))][0]
        return True

    def release(self) -> bool:
        """Return whether it was a click, which only ends a selection."""
        is_click = self._page.anchor == self._page.cursor
        if is_click:
            self._page.end_selection()
        return is_click

    def take(self, rows: Rows) -> str:
        """Return the selected lines, without a selection the one gone to, or those on the screen; end it."""
        page = self._page
        lines = page.list_selected() or ([page.current] if page.current >= 0 else [])
        lines = lines or sorted({number for number, _ in rows})
        text = "\n".join(page.read_line(number).text for number in lines)
        page.end_selection()
        return text
