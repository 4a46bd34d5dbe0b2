"""The lines of a log that are shown, and their ink: filtered, marked, selected, wrapped; no widget."""

from __future__ import annotations

import re

from rich.cells import cell_len

from mlwf_tui.logs.levels import Level, LevelReader
from mlwf_tui.logs.line_set import LineSet
from mlwf_tui.logs.log_file import LogFile
from mlwf_tui.logs.patience import find_spans
from mlwf_tui.logs.query import LOOK_BACK_LINES
from mlwf_tui.logs.terminal import Shown
from mlwf_tui.tui.widgets.drawing import Line
from mlwf_tui.tui.widgets.log_drawing import MAX_COLUMNS, cut_line, draw_line, wrap_line

MARK_LIMIT_S = 0.02  # of CPU time, to mark what was found in one line: the screen waits for it
MAX_COPIED_LINES = 5000


class LogPage:
    """What a view shows of a log. A *place* is where a line stands among those that the filter lets through;
    without a filter it is the line's number.
    """

    def __init__(self) -> None:
        self.log: LogFile | None = None
        self.fault = ""  # why the log cannot be read, though it is there; nothing is read until it is gone
        self.filter: LineSet | None = None
        self.is_wrapping = False
        self.left = 0  # first cell shown of each line
        self.expression: re.Pattern[str] | None = None  # None where nothing is to be marked
        self.current = -1  # the line that was gone to last, -1 for none
        self.anchor = -1  # the first line selected, -1 for none
        self.cursor = -1  # the last one

    def __len__(self) -> int:
        """Return how many lines are shown."""
        if self.filter is not None:
            return len(self.filter)
        return len(self.log) if self.log is not None else 0

    def forget(self) -> None:
        """Forget where one was, what was selected and marked."""
        self.left = 0
        self.current = self.anchor = self.cursor = -1
        self.expression = None

    def note_fault(self, error: OSError) -> None:
        """Remember why the log could not be read."""
        self.fault = error.strerror or str(error)

    def end_selection(self) -> None:
        self.anchor = self.cursor = -1

    def find_line(self, place: int) -> int:
        """Return the number of the line at a place among those that are shown."""
        return self.filter.get(place) if self.filter is not None else place

    def find_place(self, number: int) -> int:
        """Return the place of a line, or of the next one where the filter hides it."""
        return self.filter.count_before(number) if self.filter is not None else number

    def draw(self, top: int, width: int, height: int) -> list[tuple[int, Line]]:
        """Return the rows of the screen, from the top line down."""
        rows: list[tuple[int, Line]] = []
        reader: LevelReader | None = None
        for place in range(top, min(len(self), top + height)):
            shown = self.read_line(self.find_line(place))
            if reader is None:
                reader = LevelReader(self._read_before(place, shown))
            number = self.find_line(place)
            line = self._draw_line(number, shown, reader.read(shown.text), width)
            if self.is_wrapping:
                rows += [(number, row) for row in wrap_line(line, width)]
            else:
                rows.append((number, cut_line(line, self.left, width)))
            if len(rows) >= height:
                break
        return rows[:height]

    def _draw_line(self, number: int, shown: Shown, level: Level, width: int) -> Line:
        if self.anchor >= 0 and self._is_selected(number):
            return [(shown.text or " ", "log--selected")]
        if not self.is_wrapping and len(shown.text) > MAX_COLUMNS + width:
            end = MAX_COLUMNS + width
            shown = Shown(shown.text[:end], tuple(span for span in shown.colours if span[0] < end))
        mark = "log--current" if number == self.current else "log--match"
        line = draw_line(shown, level, self._find_marks(shown.text), mark)
        if number == self.current and self.expression is None:
            return [(text, "log--current") for text, _ in line]
        return line

    def _find_marks(self, text: str) -> list[tuple[int, int]]:
        if self.expression is None:
            return []
        try:
            return find_spans(self.expression, text, MARK_LIMIT_S)
        except TimeoutError:
            self.expression = None  # such an expression would hold up every screen
            return []

    def read_line(self, number: int) -> Shown:
        """Return a line as a terminal shows it; nothing where it cannot be read, of which `fault` tells."""
        if self.log is None or self.fault:
            return Shown("")
        try:
            return self.log.read_line(number)
        except OSError as error:
            self.note_fault(error)
            return Shown("")

    def _read_before(self, place: int, shown: Shown) -> list[str]:
        """Return the lines above the screen that decide whether its first lies in a traceback."""
        before: list[str] = []
        while shown.text[:1] in (" ", "\t") and place > 0 and len(before) < LOOK_BACK_LINES:
            place -= 1
            shown = self.read_line(self.find_line(place))
            before.append(shown.text)
        return before[::-1]

    def find_end_top(self, width: int, height: int) -> int:
        """Return the place that stands on top when the last one is on the screen.

        A row of the scroll range is a line even where lines are wrapped: how many rows a line takes is
        known only by reading it.
        """
        count = len(self)
        if not self.is_wrapping:
            return max(0, count - height)
        top, rows = count, 0
        while top > 0:
            rows += max(1, -(-cell_len(self.read_line(self.find_line(top - 1)).text) // width))
            if rows > height and top < count:
                break
            top -= 1
        return top

    def _is_selected(self, number: int) -> bool:
        return min(self.anchor, self.cursor) <= number <= max(self.anchor, self.cursor)

    def list_selected(self) -> list[int]:
        if self.anchor < 0:
            return []
        first, last = sorted((self.find_place(self.anchor), self.find_place(self.cursor)))
        return [self.find_line(place) for place in range(first, min(last + 1, first + MAX_COPIED_LINES))]
