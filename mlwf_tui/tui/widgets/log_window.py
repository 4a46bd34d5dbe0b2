"""What of a log is on the screen: its rows, or why there are none, and the line below; no widget."""

from __future__ import annotations

from textual.geometry import Size

from mlwf_tui.tui.widgets.drawing import Line, draw_message_row
from mlwf_tui.tui.widgets.log_page import LogPage
from mlwf_tui.tui.widgets.log_reader import LogReader
from mlwf_tui.tui.widgets.log_searches import LogSearches
from mlwf_tui.tui.widgets.log_status import Standing, draw_status

UNREADABLE = "The log cannot be read"
NOTHING = ("No such line", "Esc shows all lines again")


class LogWindow:
    """Draws the rows from `top` down, and keeps them until they are to be forgotten."""

    def __init__(
        self, page: LogPage, reader: LogReader, searches: LogSearches, empty: tuple[str, str]
    ) -> None:
        self._page = page
        self._reader = reader
        self._searches = searches
        self._empty = empty
        self._rows: list[tuple[int, Line]] = []  # (line number, ink) of the screen's rows

    def forget(self) -> None:
        """Have the rows drawn anew."""
        self._rows = []

    def list_rows(self, top: int, size: Size) -> list[tuple[int, Line]]:
        """Return the number of each row's line, and its ink."""
        if not self._rows and len(self._page):
            self._rows = self._page.draw(top, max(1, size.width), count_rows(size))
        return self._rows

    def find_origin(self, top: int, size: Size) -> int:
        """Return the line from which the next match is looked for: where one is, else the screen's last."""
        rows = {number for number, _ in self.list_rows(top, size)}
        if self._page.current in rows:
            return self._page.current
        self._page.current = -1
        return max(rows, default=self._reader.line_count - 1)

    def draw_row(self, y: int, top: int, size: Size) -> Line:
        """Return a row of lines, or of the words that stand in their place."""
        rows = self.list_rows(top, size)
        if self._page.fault or not self._reader.line_count:
            fault = self._page.fault
            words = (UNREADABLE, f"{self._reader.path}: {fault}") if fault else self._empty
            return draw_message_row(y, *words, *size)
        if not len(self._page):
            hunt = self._searches.get("filter")
            words = NOTHING if hunt.is_complete else ("Looking", f"{hunt.share:.0%} of the log")
            return draw_message_row(y, *words, size.width, count_rows(size))
        return rows[y][1] if y < len(rows) else []

    def draw_status(self, top: int, size: Size, *, is_following: bool, new_count: int) -> Line:
        """Return the line below; `new_count` lines came since following ceased."""
        log = self._page.log
        assert log is not None
        standing = Standing(
            is_following=is_following,
            is_opening=self._reader.is_scanning,
            new_count=new_count,
            line=max((number for number, _ in self.list_rows(top, size)), default=0) + 1,
            line_count=self._reader.line_count,
            size_bytes=log.end,
            selected_count=len(self._page.list_selected()),
        )
        search, filter = self._searches.describe("search"), self._searches.describe("filter")
        return draw_status(standing, search, filter, size.width)


def count_rows(size: Size) -> int:
    """Return the rows for lines; the one below says how things stand, where there is room for it."""
    return size.height - 1 if size.height > 2 else size.height
