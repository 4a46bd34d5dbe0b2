"""What a grid of metric plots shows: curves of runs grouped into panels, each with its title and legend."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from rich.cells import cell_len

from mlwf_tui.entities.layout import XAxis
from mlwf_tui.entities.mark import Mark
from mlwf_tui.entities.metric import EPOCH_KEY, MetricSeries
from mlwf_tui.tui.widgets.curve_axis import (
    Clock,
    choose_time_axis,
    cut_window,
    find_nearest,
    find_range,
    write_x,
)
from mlwf_tui.tui.widgets.curve_plot import MARKERS, MIN_HEIGHT, Curve, Plotted, draw_curves
from mlwf_tui.tui.widgets.drawing import SERIES_ROLES, Line, fit, fit_tail, measure_line
from mlwf_tui.tui.widgets.plot import choose_whole_axis

LEADERS = ("metrics/mAP50", "train/box_loss", "metrics/mAP50-95", "train/cls_loss")
"""What a person looks at first: how good it is, and whether it still learns."""

GROUPS = ("metrics", "train", "val", "lr", "speed")
"""The order of the other panels by what stands before the slash of a key; others follow by name."""

SHARED_GROUPS = frozenset({"lr"})  # drawn into one panel: their lines mean little apart
SMOOTH_LIMIT = 20_000  # points that one drawing smooths at most: some 10 ms
MARK_GLYPH = "⚠"
NAME_WIDTH = 44
MIN_LEGEND = 14  # cells of one curve's marker, name and value in a legend
MIN_PLOT_ROWS = MIN_HEIGHT + 2  # with its title, and a blank row
Window = tuple[float, float]


@dataclass(slots=True)
class RunLines:
    """One run's curves, by key."""

    run_id: str
    title: str
    started_s: float = 0.0  # seconds since the epoch; 0 where it has not begun
    series: dict[str, MetricSeries] = field(default_factory=dict)
    marks: Mapping[str, Mark] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlotView:
    """How all panels are to be drawn. `cursor_s` is a moment of the first run."""

    runs: Sequence[RunLines]
    clocks: Mapping[str, Clock]
    x_axis: XAxis = XAxis.STEP
    smoothing: float = 0.0
    window: Window | None = None  # the part of each panel's range, 0–1
    cursor_s: float | None = None
    is_patient: bool = False  # a curve that has grown by less than a dot may stay as it was drawn


class CurveOf(NamedTuple):
    """One curve of a panel: whose, of what, and how it looks."""

    run: RunLines
    series: MetricSeries
    role: str
    marker: str


class _End(NamedTuple):
    """How far a curve had come as it was drawn."""

    version: int
    dot: int  # of the drawn field, two a cell, below which it ends


@dataclass(slots=True)
class Panel:
    """One plot of the grid, and the picture last drawn with what it was drawn for."""

    title: str
    keys: tuple[str, ...]
    window: Window | None = None  # of the x axis, in its units, where this panel has been zoomed
    is_log: bool = False
    drawn_for: object = None
    drawn_ends: tuple[_End, ...] = ()
    plotted: Plotted = field(default_factory=lambda: Plotted([]))
    is_smoothed: bool = True  # to the end; else the next drawing goes on
    is_behind: bool = False  # something was told that a patient view has left out

    def list_curves(self, view: PlotView) -> list[CurveOf]:
        """Return the panel's curves, all of one key before those of the next."""
        curves = []
        for number, key in enumerate(self.keys):
            for place, run in enumerate(view.runs):
                if key in run.series:
                    colour = place if len(view.runs) > 1 else number
                    marker = MARKERS[(number * len(view.runs) + place) % len(MARKERS)]
                    curves.append(
                        CurveOf(run, run.series[key], SERIES_ROLES[colour % len(SERIES_ROLES)], marker)
                    )
        return curves

    def find_limits(self, view: PlotView) -> Window | None:
        """Return the part of the x axis that is shown, in its units, or None where there is no point."""
        full = self.find_full(view)
        if full is None:
            return None
        if self.window is not None:
            low, high = self.window
            return low, full[1] if math.isinf(high) else high
        if view.window is not None:
            span = full[1] - full[0]
            return full[0] + view.window[0] * span, full[0] + view.window[1] * span
        return full

    def find_full(self, view: PlotView) -> Window | None:
        """Return the first and the last x of all curves."""
        found = [find_range(c.series, view.clocks[c.run.run_id]) for c in self.list_curves(view)]
        ranges = [one for one in found if one is not None]
        return (min(r[0] for r in ranges), max(r[1] for r in ranges)) if ranges else None

    def find_cursor(self, view: PlotView) -> float | None:
        """Return the x of the cursor's moment on this panel's axis."""
        if view.cursor_s is None:
            return None
        for curve in self.list_curves(view):
            clock = view.clocks[curve.run.run_id]
            if view.x_axis is not XAxis.STEP:
                return clock.find_x(view.cursor_s)
            place = find_nearest_time(curve.series, view.cursor_s)
            if place is not None:
                return curve.series.steps[place]
        return None

    def plot(self, view: PlotView, width: int, height: int) -> bool:
        """Draw the plot for this size; return whether it had to be drawn anew."""
        curves = self.list_curves(view)
        limits, cursor = self.find_limits(view), self.find_cursor(view)
        is_exact = self.window is not None or view.window is not None
        wanted = (
            tuple(c.run.run_id for c in curves), limits if is_exact else None, cursor, width, height,
            view.smoothing, view.x_axis, self.is_log,
        )  # fmt: skip
        if wanted == self.drawn_for and self.is_smoothed:
            ends = self._find_ends(curves, view)
            self.is_behind = ends != self.drawn_ends
            is_near = [end.dot for end in ends] == [end.dot for end in self.drawn_ends]
            if not self.is_behind or (view.is_patient and is_near):
                return False
        self.drawn_for, self.is_behind = wanted, False
        self._draw(curves, view, limits, cursor, (width, height), is_exact=is_exact)
        self.drawn_ends = self._find_ends(curves, view)
        return True

    def forget_plot(self) -> None:
        """Take it that nothing is drawn: where figures alone are told, no curve is smoothed or behind."""
        self.drawn_for, self.plotted = None, Plotted([])
        self.is_smoothed, self.is_behind = True, False

    def _draw(
        self,
        curves: Sequence[CurveOf],
        view: PlotView,
        limits: Window | None,
        cursor: float | None,
        size: tuple[int, int],
        *,
        is_exact: bool,
    ) -> None:
        if limits is None:
            self.plotted = draw_curves((), *size, x_limits=(0.0, 1.0))
            return
        self.is_smoothed = True
        self.plotted = draw_curves(
            [drawn for c in curves for drawn in self._cut(c, view, limits, size[0], len(curves) > 1)],
            *size,
            x_limits=limits,
            is_exact=is_exact,
            is_log_y=self.is_log,
            cursor=cursor,
            choose_x=choose_time_axis if view.x_axis is XAxis.TIME else choose_whole_axis,
        )

    def _find_ends(self, curves: Sequence[CurveOf], view: PlotView) -> tuple[_End, ...]:
        """Return how far each curve has come, in the field as it was drawn."""
        ends = []
        dots_a_unit = 2 * self.plotted.columns / (self.plotted.high - self.plotted.low)
        for curve in curves:
            found = find_range(curve.series, view.clocks[curve.run.run_id])
            dot = int((found[1] - self.plotted.low) * dots_a_unit) if found is not None else 0
            ends.append(_End(curve.series.version, dot))
        return tuple(ends)

    def draw_title(self, view: PlotView, width: int, *, is_selected: bool) -> Line:
        """Return the title with as many facts behind it as there is room for."""
        facts = self._describe(view)
        while facts and measure_line(facts) + min(cell_len(self.title), 16) + 1 > width:
            facts.pop()
        mark = ("▌", "accent") if is_selected else (" ", "text")
        title = fit(self.title, width - 1 - measure_line(facts))
        return [mark, (title, "heading" if is_selected else "strong"), *facts]

    def draw_figures(self, view: PlotView, width: int, *, is_selected: bool) -> Line:
        """Return the title with its facts, or, of several curves, with their values, in one line."""
        if not self.has_legend(view):
            return self.draw_title(view, width, is_selected=is_selected)
        room = max(width // 2, width - 1 - cell_len(self.title))
        title = self.draw_title(view, width - room, is_selected=is_selected)
        return [*title, *self.draw_legend(view, room)]

    def draw_legend(self, view: PlotView, width: int) -> Line:
        """Return the curves' markers, names and values in one line, as many as there is room for."""
        curves = self.list_curves(view)
        shown = curves[: max(1, min(len(curves), (width - len(" +99")) // MIN_LEGEND))]
        room = (width - (len(" +99") if len(shown) < len(curves) else 0)) // len(shown)
        line: Line = []
        for curve in shown:
            value = f" {self._find_value(curve, view):.4g}"
            name = self._name(curve, view)
            name_width = max(1, min(cell_len(name), room - len(value) - 3))
            line += [
                (f" {curve.marker} ", curve.role),
                (fit_tail(name, name_width), "text"),
                (value, "muted"),
            ]
        if len(shown) < len(curves):
            line.append((f" +{len(curves) - len(shown)}", "muted"))
        return line

    def iter_table(self, view: PlotView, width: int) -> Iterator[Line]:
        """Yield a line for each curve with all its figures, and each mark with what to do."""
        cursor = self.find_cursor(view)
        at = "last" if cursor is None else f"at {write_x(cursor, view.x_axis)}"
        yield [(fit(f"   {'curve':<{NAME_WIDTH}} {at:>12} {'best':>12} {'last':>12}", width), "muted")]
        for curve in self.list_curves(view):
            best = curve.series.find_best()
            best_text = "" if best is None else f"{best[0]:.4g} @{best[1]}"
            name = f"{curve.run.title}  {curve.series.key}" if len(view.runs) > 1 else curve.series.key
            figures = (
                f"{self._find_value(curve, view):>12.5g} {best_text:>12} {curve.series.values[-1]:>12.5g}"
            )
            text = f"{fit(name, NAME_WIDTH)} {figures}"
            yield [(f" {curve.marker} ", curve.role), (fit(text, width - 3), "text")]
        for curve in self.list_curves(view):
            mark = curve.run.marks.get(curve.series.key)
            if mark is not None:
                yield [
                    (f" {MARK_GLYPH} ", "warning"),
                    (fit(f"{mark.message} {mark.hint}", width - 3), "text"),
                ]

    def has_legend(self, view: PlotView) -> bool:
        return len(self.list_curves(view)) > 1

    def _cut(
        self, curve: CurveOf, view: PlotView, limits: Window, width: int, has_marker: bool
    ) -> Iterator[Curve]:
        """Yield what to draw of a curve: the raw values, faint behind the smoothed ones."""
        clock, series = view.clocks[curve.run.run_id], curve.series
        marker = curve.marker if has_marker else ""
        x, y = cut_window(series, series.samples, clock, *limits, 2 * width)
        if not view.smoothing or len(series) < 3:
            yield Curve(x, y, curve.role, marker)
            return
        yield Curve(x, y, "faint")
        smoothed = series.smooth(view.smoothing, limit=SMOOTH_LIMIT)
        self.is_smoothed = self.is_smoothed and len(smoothed) == len(series)
        yield Curve(*cut_window(series, smoothed, clock, *limits, 2 * width), curve.role, marker)

    def _describe(self, view: PlotView) -> Line:
        """Return what looks wrong, then the value at the cursor or the last and the best one."""
        curves = self.list_curves(view)
        has_mark = any(c.series.key in c.run.marks for c in curves)
        facts: Line = [(f" {MARK_GLYPH}", "warning")] if has_mark else []
        if self.is_log:
            facts.append((" log", "muted"))
        cursor = self.find_cursor(view)
        if cursor is not None:
            facts.append((f" at {write_x(cursor, view.x_axis)}", "accent"))
        if len(curves) != 1 or not len(curves[0].series):
            return facts
        series = curves[0].series
        facts.append((f" {self._find_value(curves[0], view):.4g}", curves[0].role))
        best = series.find_best() if cursor is None else None
        if best is not None:
            facts.append((f"  best {best[0]:.4g} @{best[1]}", "muted"))
        if series.gap_count:
            facts.append((f"  {series.gap_count:,} not finite", "warning"))
        return facts

    def _find_value(self, curve: CurveOf, view: PlotView) -> float:
        """Return the value at the cursor, or the last; not a number where there is none."""
        if not len(curve.series):
            return math.nan
        cursor = self.find_cursor(view)
        if cursor is None:
            return curve.series.values[-1]
        place = find_nearest(curve.series, view.clocks[curve.run.run_id], cursor)
        return math.nan if place is None else curve.series.values[place]

    def _name(self, curve: CurveOf, view: PlotView) -> str:
        """Return what tells the curve from the panel's others: its run, its key, or both."""
        key = curve.series.key.rpartition("/")[2]
        if len(view.runs) == 1:
            return key
        return curve.run.title if len(self.keys) == 1 else f"{curve.run.title} {key}"


def find_nearest_time(series: MetricSeries, at_s: float) -> int | None:
    """Return the place of the point that was told nearest to a moment."""
    return find_nearest(series, Clock(XAxis.TIME, {}, 0.0), at_s)


def build_panels(
    keys: Iterable[str], wanted: Sequence[Sequence[str]] = (), hidden: Iterable[str] = ()
) -> list[Panel]:
    """Return the panels for all keys: first as they are wanted, then groups in their order."""
    unseen = set(hidden)
    known = {key: None for key in keys if key not in unseen and key != EPOCH_KEY}
    groups: list[tuple[str, ...]] = []
    for group in wanted:
        found = tuple(key for key in group if key in known)
        for key in found:
            del known[key]
        groups += [found] if found else []
    shared: dict[str, list[str]] = {}
    for key in sorted(known, key=_find_rank):
        group_name = key.partition("/")[0]
        shared.setdefault(group_name if group_name in SHARED_GROUPS else key, []).append(key)
    groups += [tuple(found) for found in shared.values()]
    return [Panel(name_panel(group), group) for group in groups]


def name_panel(keys: Sequence[str]) -> str:
    """Return a panel's title: its key, the group that all of its keys are of, or its keys."""
    if len(keys) == 1:
        return keys[0]
    prefixes = {key.partition("/")[0] for key in keys}
    if len(prefixes) == 1 and prefixes <= SHARED_GROUPS:
        return prefixes.pop()
    return " + ".join(keys)


def has_curves(height: int) -> bool:
    """Whether so many rows have room for a plot; figures alone are told in fewer."""
    return height >= MIN_PLOT_ROWS


def choose_grid(width: int, height: int, count: int) -> tuple[int, int]:
    """Return (columns, rows) of plots that fit: one column below 60 cells, two below 140, else three.

    Where there is no room for curves, each has a row for its figures.
    """
    columns = min(1 if width < 60 else 2 if width < 140 else 3, max(1, count))
    wanted_rows = -(-count // columns)
    rows = max(1, min(height // 9 if has_curves(height) else height, wanted_rows))
    return columns, rows


def _find_rank(key: str) -> tuple[int, str]:
    if key in LEADERS:
        return LEADERS.index(key) - len(LEADERS), ""
    group = key.partition("/")[0]
    return (GROUPS.index(group), "") if group in GROUPS else (len(GROUPS), group)
