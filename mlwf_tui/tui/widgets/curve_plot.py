"""Curves as ink in braille, drawn cell by cell: axes, gaps, markers, a cursor. No widget, no library.

plotext draws the reports. Here six plots are drawn twice a second beside everything else, and each
cell must be ours: to mark gaps, to tell curves apart without colour, to find the value below the cursor.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mlwf_tui.tui.widgets.drawing import Line, fit
from mlwf_tui.tui.widgets.plot import Axis, choose_axis, choose_log_axis, choose_whole_axis

MARKERS = "●■▲◆○□△◇"
"""One for each curve where there are several; with the colours they tell 24 apart."""

MARKER_CELLS = 14  # between two markers of a curve
GAP_GLYPH = "×"
CURSOR_GLYPH = "│"
MIN_WIDTH, MIN_HEIGHT = 16, 4
DOT_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # by row and column of a cell
UPRIGHT_BITS = tuple(
    tuple(
        tuple(sum(DOT_BITS[3 - up][side] for up in range(low, high + 1)) for high in range(4))
        for low in range(4)
    )
    for side in range(2)
)
"""The dots of a cell on one side from one height to another, counted from below."""

AXIS_ROLE = "muted"
GAP_ROLE = "error"
CURSOR_ROLE = "faint"


@dataclass(frozen=True, slots=True)
class Curve:
    """Points to join by a line, x ascending; a value that is not finite is a gap."""

    x: Sequence[float]
    y: Sequence[float]
    role: str  # of drawing.ROLE_STYLES
    marker: str = ""  # drawn along the curve


@dataclass(frozen=True, slots=True)
class Plotted:
    """A drawn plot, and where its cells are: `columns` cells from `left` stand for `low` to `high`."""

    lines: list[Line]
    left: int = 0
    columns: int = 0
    low: float = 0.0
    high: float = 1.0

    def find_x(self, column: int) -> float | None:
        """Return the x in the middle of a column of the whole plot, or None outside of its field."""
        place = column - self.left
        if not 0 <= place < self.columns:
            return None
        return self.low + (self.high - self.low) * (place + 0.5) / self.columns


@dataclass(slots=True)
class _Field:
    """The cells between the axes. Pixels are two by four a cell, counted from the lower left."""

    columns: int
    rows: int
    low: float
    high: float
    bottom: float
    top: float
    bits: list[int] = field(init=False)
    roles: list[str] = field(init=False)
    glyphs: dict[int, tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bits = [0] * (self.columns * self.rows)
        self.roles = [""] * (self.columns * self.rows)

    def find_pixel(self, x: float, y: float) -> tuple[float, float]:
        across = (x - self.low) / (self.high - self.low) * (2 * self.columns - 1)
        up = (y - self.bottom) / (self.top - self.bottom) * (4 * self.rows - 1)
        return across, min(max(up, -4.0 * self.rows), 8.0 * self.rows)

    def find_cell(self, pixel: tuple[float, float]) -> tuple[int, int]:
        """Return the column and the row, from the top, of the cell that a pixel lies in."""
        return int(pixel[0] + 0.5) // 2, self.rows - 1 - int(pixel[1] + 0.5) // 4

    def draw_line(self, x0: float, y0: float, x1: float, y1: float, role: str) -> None:
        """Set the pixels from one place to another. Written for speed: it is half of a plot's cost."""
        if int(x0 + 0.5) == int(x1 + 0.5):
            self._draw_upright(int(x0 + 0.5), int(min(y0, y1) + 0.5), int(max(y0, y1) + 0.5), role)
            return
        columns, rows, bits, roles = self.columns, self.rows, self.bits, self.roles
        right, top = 2 * columns, 4 * rows
        steps = max(abs(round(x1) - round(x0)), abs(round(y1) - round(y0)), 1)
        step_x, step_y = (x1 - x0) / steps, (y1 - y0) / steps
        for step in range(steps + 1):
            px, py = int(x0 + step * step_x + 0.5), int(y0 + step * step_y + 0.5)
            if 0 <= px < right and 0 <= py < top:
                cell = (rows - 1 - (py >> 2)) * columns + (px >> 1)
                bits[cell] |= DOT_BITS[3 - (py & 3)][px & 1]
                roles[cell] = role

    def _draw_upright(self, px: int, low: int, high: int, role: str) -> None:
        """Set the pixels of one column, four to a cell: in a long curve most lines are such."""
        low, high = max(low, 0), min(high, 4 * self.rows - 1)
        if not 0 <= px < 2 * self.columns:
            return
        for row in range(low >> 2, (high >> 2) + 1):
            cell = (self.rows - 1 - row) * self.columns + (px >> 1)
            self.bits[cell] |= UPRIGHT_BITS[px & 1][max(low - 4 * row, 0)][min(high - 4 * row, 3)]
            self.roles[cell] = role

    def set_glyph(self, column: int, row: int, glyph: str, role: str) -> None:
        if 0 <= column < self.columns and 0 <= row < self.rows:
            self.glyphs[row * self.columns + column] = (glyph, role)


def draw_curves(
    curves: Sequence[Curve],
    width: int,
    height: int,
    *,
    x_limits: tuple[float, float],
    is_exact: bool = False,
    is_log_y: bool = False,
    cursor: float | None = None,
    choose_x: Callable[[float, float, int], Axis] = choose_whole_axis,
) -> Plotted:
    """Return `height` lines of `width` cells; y follows what can be seen between the x limits.

    The x limits are widened to nice ones unless they are exact, as a zoom's are. With `is_log_y` values
    up to zero are gaps.
    """
    if is_log_y:
        curves = [Curve(c.x, [_log(value) for value in c.y], c.role, c.marker) for c in curves]
    y_limits = _find_y_limits(curves, x_limits)
    if width < MIN_WIDTH or height < MIN_HEIGHT or y_limits is None:
        return Plotted(_draw_note(curves, width, height))
    y_axis = (choose_log_axis if is_log_y else choose_axis)(*y_limits, max(2, height // 2))
    label_width = max(len(label) for label in y_axis.labels)
    columns, rows = width - label_width - 1, height - 2
    x_axis = choose_x(*x_limits, max(2, columns // 12))
    low, high = x_limits if is_exact and x_limits[1] > x_limits[0] else (x_axis.low, x_axis.high)
    canvas = _Field(columns, rows, low, high, y_axis.low, y_axis.high)
    for number, curve in enumerate(curves):
        _draw_curve(canvas, curve, phase=number * MARKER_CELLS // max(1, len(curves)))
    if cursor is not None:
        _draw_cursor(canvas, cursor)
    lines = [*_frame(canvas, y_axis, label_width), *_draw_x_axis(x_axis, low, high, label_width, columns)]
    return Plotted(lines, label_width + 1, columns, low, high)


def _log(value: float) -> float:
    return math.log10(value) if value > 0 and math.isfinite(value) else math.nan


def _find_y_limits(curves: Sequence[Curve], x_limits: tuple[float, float]) -> tuple[float, float] | None:
    low, high = x_limits
    seen = [y for c in curves for x, y in zip(c.x, c.y, strict=True) if low <= x <= high and math.isfinite(y)]
    return (min(seen), max(seen)) if seen else None


def _draw_note(curves: Sequence[Curve], width: int, height: int) -> list[Line]:
    if not any(len(curve.x) for curve in curves):
        note = "no values yet"
    elif width < MIN_WIDTH or height < MIN_HEIGHT:
        note = "too small"
    else:
        note = "no finite value here"
    return [[(fit(note if row == height // 2 else "", width, "center"), "faint")] for row in range(height)]


def _draw_curve(canvas: _Field, curve: Curve, *, phase: int) -> None:
    """Draw the lines from point to point, marks where values are missing, and the curve's own marker."""
    before: tuple[float, float] | None = None
    marked = phase - MARKER_CELLS  # the column of the last marker
    right = 2 * canvas.columns - 1
    for x, y in zip(curve.x, curve.y, strict=True):
        if not math.isfinite(y):
            column, bottom = canvas.find_cell(canvas.find_pixel(x, canvas.bottom))
            canvas.set_glyph(column, bottom, GAP_GLYPH, GAP_ROLE)
            before = None
            continue
        here = canvas.find_pixel(x, y)
        start = before or here
        if here[0] > right or start[0] < 0:
            clipped = _clip(start, here, right)
            if clipped is not None:
                canvas.draw_line(*clipped, curve.role)
        else:
            canvas.draw_line(*start, *here, curve.role)
        before = here
        if curve.marker:
            column, row = canvas.find_cell(here)
            if column >= marked + MARKER_CELLS and 0 <= column < canvas.columns:
                canvas.set_glyph(column, row, curve.marker, curve.role)
                marked = column
    if curve.marker and before is not None:
        canvas.set_glyph(*canvas.find_cell(before), curve.marker, curve.role)


def _clip(
    start: tuple[float, float], end: tuple[float, float], right: float
) -> tuple[float, float, float, float] | None:
    """Cut what lies left and right of the field off a line that goes from left to right; None: all of it."""
    (x0, y0), (x1, y1) = start, end
    if x1 < 0 or x0 > right:
        return None
    slope = (y1 - y0) / (x1 - x0) if x1 > x0 else 0.0
    if x0 < 0:
        x0, y0 = 0.0, y0 - x0 * slope
    if x1 > right:
        x1, y1 = right, y1 - (x1 - right) * slope
    return x0, y0, x1, y1


def _draw_cursor(canvas: _Field, x: float) -> None:
    column, _ = canvas.find_cell(canvas.find_pixel(x, canvas.bottom))
    for row in range(canvas.rows):
        cell = row * canvas.columns + column
        if 0 <= column < canvas.columns and not canvas.bits[cell] and cell not in canvas.glyphs:
            canvas.set_glyph(column, row, CURSOR_GLYPH, CURSOR_ROLE)


def _frame(canvas: _Field, axis: Axis, label_width: int) -> list[Line]:
    """Return the rows of the field, each behind its label or the bare axis."""
    labels = {
        canvas.find_cell(canvas.find_pixel(canvas.low, tick))[1]: label
        for tick, label in zip(axis.ticks, axis.labels, strict=True)
    }
    lines = []
    for row in range(canvas.rows):
        label = labels.get(row)
        edge = f"{label:>{label_width}}┤" if label is not None else " " * label_width + "│"
        lines.append([(edge, AXIS_ROLE), *_join_cells(canvas, row)])
    return lines


def _join_cells(canvas: _Field, row: int) -> Line:
    """Return one row of the field, neighbours of one role as one text."""
    line: Line = []
    start = row * canvas.columns
    for cell in range(start, start + canvas.columns):
        glyph = canvas.glyphs.get(cell)
        if glyph is not None:
            text, role = glyph
        elif canvas.bits[cell]:
            text, role = chr(0x2800 + canvas.bits[cell]), canvas.roles[cell]
        else:
            text, role = " ", line[-1][1] if line else "text"
        if line and line[-1][1] == role:
            line[-1] = (line[-1][0] + text, role)
        else:
            line.append((text, role))
    return line


def _draw_x_axis(axis: Axis, low: float, high: float, label_width: int, columns: int) -> list[Line]:
    edge = ["─"] * columns
    labels = [" "] * (columns + label_width + 1)
    free = 0  # the first cell of the labels' row that no label has taken
    for tick, label in zip(axis.ticks, axis.labels, strict=True):
        column = int((tick - low) / (high - low) * (2 * columns - 1)) // 2
        if not 0 <= column < columns or not low <= tick <= high:
            continue
        edge[column] = "┬"
        start = min(max(0, label_width + 1 + column - len(label) // 2), len(labels) - len(label))
        if start >= free:
            labels[start : start + len(label)] = label
            free = start + len(label) + 1
    return [[(" " * label_width + "└" + "".join(edge), AXIS_ROLE)], [("".join(labels), AXIS_ROLE)]]
