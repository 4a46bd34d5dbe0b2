"""The lineage graph in small: where its nodes stand and which part of it is seen; a corner of the view."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from mlwf_tui.tui.widgets.drawing import Line
from mlwf_tui.tui.widgets.graph_routing import GraphLayout

COLUMNS, ROWS = 24, 6  # of the map within its frame, in cells
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))  # braille: two dots across, four down
_BLANK = 0x2800


class GraphMap(msgspec.Struct, frozen=True):
    """The dots of a layout, drawn once; `width` and `height` are the layout's, in cells."""

    width: int
    height: int
    rows: tuple[str, ...]  # ROWS strings of COLUMNS braille characters

    @property
    def line_count(self) -> int:
        """How many rows the map takes with its frame."""
        return ROWS + 2

    def draw_line(self, number: int, left: int, top: int, width: int, height: int) -> Line:
        """Return one line of the framed map; the part that is seen is told apart by more than colour."""
        if number in (0, ROWS + 1):
            first, last = ("╭", "╮") if number == 0 else ("╰", "╯")
            return [(first + "─" * COLUMNS + last, "box--line")]
        row = number - 1
        first_row, last_row = _span(top, height, self.height, ROWS)
        first_column, last_column = _span(left, width, self.width, COLUMNS)
        text = self.rows[row]
        if not first_row <= row <= last_row:
            return [("│", "box--line"), (text, "faint"), ("│", "box--line")]
        seen = text[first_column : last_column + 1].replace(chr(_BLANK), "·")
        return [
            ("│", "box--line"), (text[:first_column], "faint"), (seen, "heat-4"),
            (text[last_column + 1 :], "faint"), ("│", "box--line"),
        ]  # fmt: skip


def draw_map(layout: GraphLayout) -> GraphMap:
    """Return the map of a layout; 10,000 nodes take some ms, which is no work for the event loop."""
    cells = [[0] * COLUMNS for _ in range(ROWS)]
    for x, y in _iter_middles(layout):
        column = min(COLUMNS * 2 - 1, x * COLUMNS * 2 // max(1, layout.width))
        row = min(ROWS * 4 - 1, y * ROWS * 4 // max(1, layout.height))
        cells[row // 4][column // 2] |= _DOTS[column % 2][row % 4]
    rows = tuple("".join(chr(_BLANK + dots) for dots in row) for row in cells)
    return GraphMap(layout.width, layout.height, rows)


def _iter_middles(layout: GraphLayout) -> Iterator[tuple[int, int]]:
    for box in layout.boxes:
        yield box.x + box.width // 2, box.middle


def _span(start: int, length: int, whole: int, cells: int) -> tuple[int, int]:
    """Return the first and last cell of the map that a part of the layout lies in."""
    whole = max(1, whole)
    return min(cells - 1, start * cells // whole), min(cells - 1, (start + length - 1) * cells // whole)
