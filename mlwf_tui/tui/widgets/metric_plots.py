"""Live plots of a run's metrics in a grid that fits the screen; redrawn only where something is new."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from mlwf_tui.entities.run import MetricPoint
from mlwf_tui.tui.widgets.drawing import (
    INK_CLASSES,
    Line,
    build_strip,
    draw_message,
    fit,
    pad_line,
    write_ink_css,
)
from mlwf_tui.tui.widgets.metric_panels import MetricSeries, Panel, build_panels, choose_grid, cut_page
from mlwf_tui.tui.widgets.plot import warm_up

MIN_REDRAW_S = 0.25
GUTTER = 2  # blank cells between two columns of plots
EMPTY = ("No metrics yet", "Curves appear here after the first epoch")


class MetricPlots(Widget, can_focus=True):
    """One plot a metric, a page at a time; one of them may fill the screen."""

    COMPONENT_CLASSES: ClassVar[set[str]] = INK_CLASSES
    DEFAULT_CSS = "MetricPlots { height: 1fr; background: $background; }\n" + write_ink_css("MetricPlots")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "turn_page(-1)", "previous page", show=False, id="metrics.previous_page"),
        Binding("right", "turn_page(1)", "next page", show=False, id="metrics.next_page"),
        Binding("up,k", "move(-1)", "previous plot", show=False, id="metrics.previous"),
        Binding("down,j", "move(1)", "next plot", show=False, id="metrics.next"),
        Binding("g,home", "move_to(0)", "first plot", show=False, id="metrics.first"),
        Binding("G,end", "move_to(-1)", "last plot", show=False, id="metrics.last"),
        Binding("enter", "toggle_maximized", "one plot", id="metrics.maximize"),
        Binding("s", "toggle_smooth", "smooth", id="metrics.smooth"),
        Binding("l", "toggle_log", "log scale", id="metrics.log"),
    ]

    cursor: reactive[int] = reactive(0, init=False)
    """The number of the selected plot."""
    is_smooth: reactive[bool] = reactive(False)
    is_log: reactive[bool] = reactive(False)
    is_maximized: reactive[bool] = reactive(False)

    def __init__(
        self,
        *,
        empty: tuple[str, str] = EMPTY,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._empty = empty
        self._series: dict[str, MetricSeries] = {}
        self._panels: list[Panel] = []
        self._lines: list[Line] = []
        self._drawn_at = 0.0
        self._is_redraw_due = False

    @property
    def page(self) -> int:
        """The number of the page that holds the selected plot."""
        columns, rows = self._choose_grid()
        return self.cursor // (columns * rows)

    @property
    def page_count(self) -> int:
        columns, rows = self._choose_grid()
        return max(1, -(-len(self._panels) // (columns * rows)))

    def show_metrics(self, points_by_key: Mapping[str, Sequence[MetricPoint]]) -> None:
        """Show these points and no others."""
        self._series = {}
        self._panels = []
        self._take(point for points in points_by_key.values() for point in points)
        self.set_reactive(MetricPlots.cursor, self.validate_cursor(self.cursor))
        self._request_redraw()

    def add_points(self, points: Iterable[MetricPoint]) -> None:
        """Append points; drawn at most four times a second, and only the plots that they belong to."""
        self._take(points)
        self._request_redraw()

    def render_line(self, y: int) -> Strip:
        if y == 0 or not self._lines:
            self._lines = self._draw()
        line = self._lines[y] if y < len(self._lines) else []
        return build_strip(line, self._find_style, self.size.width)

    def on_show(self) -> None:
        self.run_worker(warm_up, thread=True, name="load the plot library")

    def on_resize(self, event: events.Resize) -> None:
        self._lines = []

    def on_click(self, event: events.Click) -> None:
        content = event.get_content_offset(self)
        if content is None or not self._panels or self.is_maximized:
            return
        columns, rows = self._choose_grid()
        cell = (
            content.y * rows // max(1, self._plot_rows)
        ) * columns + content.x * columns // self.size.width
        number = self.page * columns * rows + cell
        if number < len(self._panels):
            self.cursor = number
            if event.chain == 2:
                self.is_maximized = True

    def validate_cursor(self, cursor: int) -> int:
        return max(0, min(cursor, len(self._panels) - 1))

    def watch_cursor(self) -> None:
        self._lines = []

    def watch_is_smooth(self) -> None:
        self._lines = []

    def watch_is_log(self) -> None:
        self._lines = []

    def watch_is_maximized(self) -> None:
        self._lines = []

    def action_turn_page(self, step: int) -> None:
        if self.is_maximized:
            self.cursor += step
            return
        columns, rows = self._choose_grid()
        page = max(0, min(self.page_count - 1, self.page + step))
        if page != self.page:
            self.cursor = page * columns * rows

    def action_move(self, step: int) -> None:
        self.cursor += step

    def action_move_to(self, number: int) -> None:
        self.cursor = number if number >= 0 else len(self._panels) - 1

    def action_toggle_maximized(self) -> None:
        self.is_maximized = not self.is_maximized and bool(self._panels)

    def action_toggle_smooth(self) -> None:
        self.is_smooth = not self.is_smooth

    def action_toggle_log(self) -> None:
        self.is_log = not self.is_log

    @property
    def _plot_rows(self) -> int:
        """Rows for plots: all but the last, which tells the page where there is more than one."""
        return max(1, self.size.height - 1)

    def _take(self, points: Iterable[MetricPoint]) -> None:
        changed = set()
        count = len(self._series)
        for point in points:
            series = self._series.setdefault(point.key, MetricSeries(point.key))
            series.add(point)
            changed.add(point.key)
        if len(self._series) != count or not self._panels:
            self._panels = build_panels(self._series.values())
        for panel in self._panels:
            panel.version += any(series.key in changed for series in panel.series)

    def _request_redraw(self) -> None:
        """Redraw now, or when a quarter of a second has passed since the last time."""
        wait_s = self._drawn_at + MIN_REDRAW_S - time.monotonic()
        if not self.is_mounted or wait_s <= 0:
            self._redraw()
        elif not self._is_redraw_due:
            self._is_redraw_due = True
            self.set_timer(wait_s, self._redraw)

    def _redraw(self) -> None:
        self._is_redraw_due = False
        self._drawn_at = time.monotonic()
        self._lines = []
        self.refresh()

    def _choose_grid(self) -> tuple[int, int]:
        return choose_grid(self.size.width, self._plot_rows, len(self._panels))

    def _draw(self) -> list[Line]:
        width, height = self.size
        if not self._panels:
            return draw_message(*self._empty, width, height)
        if self.is_maximized:
            return [*self._draw_panel(self._panels[self.cursor], width, height - 1), self._draw_footer(width)]
        columns, rows = self._choose_grid()
        panels = cut_page(self._panels, self.page, columns * rows)
        panel_width = (width - GUTTER * (columns - 1)) // columns
        lines: list[Line] = []
        for row in range(rows):
            panel_height = self._plot_rows * (row + 1) // rows - self._plot_rows * row // rows
            shown = panels[row * columns : (row + 1) * columns]
            drawn = [self._draw_panel(panel, panel_width, panel_height) for panel in shown]
            lines += [_join(parts, panel_width) for parts in zip(*drawn, strict=True)]
        lines += [[] for _ in range(self._plot_rows - len(lines))]
        return [*lines, self._draw_footer(width)]

    def _draw_panel(self, panel: Panel, width: int, height: int) -> list[Line]:
        is_selected = self.has_focus and panel is self._panels[self.cursor]
        return panel.draw(
            width, height, is_smooth=self.is_smooth, is_log=self.is_log, is_selected=is_selected
        )

    def _draw_footer(self, width: int) -> Line:
        """Return which page this is, and what is not as in the file: smoothed, logarithmic."""
        parts = []
        if self.page_count > 1:
            dots = " ".join("●" if page == self.page else "○" for page in range(self.page_count))
            parts.append(f"{dots}  {len(self._panels)} plots, ← → turn the page")
        if self.is_smooth:
            parts.append("smoothed, raw faint")
        if self.is_log:
            parts.append("logarithmic")
        return [(fit("  ·  ".join(parts), width, "center"), "muted")]

    def _find_style(self, role: str) -> Style:
        return self.get_component_rich_style(f"ink--{role}")


def _join(parts: Iterable[Line], width: int) -> Line:
    """Return the lines of plots side by side as one."""
    line: Line = []
    for part in parts:
        if line:
            line.append((" " * GUTTER, "text"))
        line.extend(pad_line(part, width))
    return line
