"""What a page of plots looks like: where each stands, its rows, and which of them differ; no widget."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.geometry import Region, Size

from mlwf_tui.tui.widgets.drawing import Line, measure_line, pad_line
from mlwf_tui.tui.widgets.metric_panels import Panel, PlotView

GUTTER = 2  # blank cells between two columns of plots
MIN_TABLE_ROWS, MIN_PLOT_ROWS = 3, 8

Placed = tuple[Region, Panel]
Draw = Callable[[Panel, Region], list[Line]]


class PlotSheet:
    """The rows of the screen as they were drawn last."""

    def __init__(self) -> None:
        self.placed: Sequence[Placed] = ()
        self._rows: dict[int, list[tuple[int, Line]]] = {}  # (column, what is drawn from there)
        self._size = Size(0, 0)

    @property
    def is_smoothed(self) -> bool:
        """Whether no curve is still to be smoothed further."""
        return all(panel.is_smoothed for _, panel in self.placed)

    @property
    def is_behind(self) -> bool:
        """Whether a curve has grown by less than was worth drawing."""
        return any(panel.is_behind for _, panel in self.placed)

    def clear(self) -> None:
        """Have everything drawn anew."""
        self._rows = {}

    def is_drawn(self, size: Size) -> bool:
        """Whether the rows are there and fit the size."""
        return bool(self._rows) and self._size == size

    def fill(self, size: Size, lines: Sequence[Line]) -> None:
        """Show lines in place of plots."""
        self.placed, self._size = (), size
        self._rows = {row: [(0, line)] for row, line in enumerate(lines)}

    def draw(self, size: Size, placed: Sequence[Placed], draw: Draw, footer: Line) -> None:
        """Draw all plots, and the last row."""
        self.placed, self._size = placed, size
        self._rows = {}
        for region, panel in placed:
            for number, line in enumerate(draw(panel, region)):
                self._rows.setdefault(region.y + number, []).append((region.x, line))
        self._rows[size.height - 1] = [(0, footer)]

    def renew(self, draw: Draw) -> list[Region]:
        """Draw the plots, or the rows of each that `draw` returns; return where something differs now."""
        changed = []
        for region, panel in self.placed:
            for number, line in enumerate(draw(panel, region)):
                if self._put(region.y + number, region.x, line):
                    changed.append(Region(region.x, region.y + number, region.width, 1))
        return changed

    def _put(self, row: int, column: int, line: Line) -> bool:
        pieces = self._rows.setdefault(row, [])
        if (column, line) in pieces:
            return False
        pieces[:] = sorted([*(p for p in pieces if p[0] != column), (column, line)], key=_column_of)
        return True

    def build_row(self, y: int) -> Line:
        """Return a row of the screen."""
        line: Line = []
        column = 0
        for start, piece in self._rows.get(y, ()):
            line += [(" " * (start - column), "text"), *piece]
            column = start + measure_line(piece)
        return line

    def find(self, x: int, y: int) -> Placed | None:
        """Return the plot at a cell, with its place."""
        return next((placed for placed in self.placed if placed[0].contains(x, y)), None)


def place_panels(panels: Sequence[Panel], width: int, height: int, grid: tuple[int, int]) -> list[Placed]:
    """Return where the panels of one page stand, in a grid of columns and rows."""
    columns, rows = grid
    panel_width = (width - GUTTER * (columns - 1)) // columns
    placed = []
    for number, panel in enumerate(panels):
        row, column = divmod(number, columns)
        top, bottom = height * row // rows, height * (row + 1) // rows
        placed.append((Region(column * (panel_width + GUTTER), top, panel_width, bottom - top), panel))
    return placed


def draw_panel(panel: Panel, view: PlotView, region: Region, *, is_selected: bool) -> list[Line]:
    """Return a plot of a grid: title, legend of several curves, curves; in one row its figures."""
    head = draw_head(panel, view, region, is_selected=is_selected)
    if region.height == 1:
        panel.forget_plot()
        return head
    panel.plot(view, region.width, region.height - len(head) - 1)
    return [*head, *(pad_line(line, region.width) for line in (*panel.plotted.lines, []))]


def draw_head(panel: Panel, view: PlotView, region: Region, *, is_selected: bool) -> list[Line]:
    """Return of a plot of a grid the lines that hold figures."""
    if region.height == 1:
        return [pad_line(panel.draw_figures(view, region.width, is_selected=is_selected), region.width)]
    head = [panel.draw_title(view, region.width, is_selected=is_selected)]
    if panel.has_legend(view):
        head.append(panel.draw_legend(view, region.width))
    return [pad_line(line, region.width) for line in head]


def draw_large(panel: Panel, view: PlotView, region: Region, *, is_selected: bool) -> list[Line]:
    """Return the one plot with a table of its curves below, as many as leave the plot its room."""
    width, height = region.width, region.height - 1
    table = list(panel.iter_table(view, width))
    rows = max(MIN_TABLE_ROWS, min(len(table), height - MIN_PLOT_ROWS)) if len(table) > 1 else 0
    rows = 0 if height - rows < MIN_PLOT_ROWS else rows
    panel.plot(view, width, height - rows)
    table = [*table[:rows], *([[]] * (rows - len(table)))]
    title = panel.draw_title(view, width, is_selected=is_selected)
    return [title, *(pad_line(line, width) for line in (*panel.plotted.lines, *table))]


def _column_of(piece: tuple[int, Line]) -> int:
    return piece[0]
