"""What a grid of metric plots shows: series by key, grouped into panels; drawing is plot.py's."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len

from mlwf_tui.entities.run import MetricPoint
from mlwf_tui.tui.widgets.drawing import SERIES_ROLES, Line, fit, measure_line
from mlwf_tui.tui.widgets.plot import Series, draw_plot, smooth

LEADERS = ("metrics/mAP50", "train/box_loss", "metrics/mAP50-95", "train/cls_loss")
"""What a person looks at first: how good it is, and whether it still learns."""

GROUPS = ("metrics", "train", "val", "lr", "speed")
"""The order of the other panels by what stands before the slash of a key; others follow by name."""

SHARED_GROUPS = frozenset({"lr"})  # drawn into one panel: their lines mean little apart


@dataclass(slots=True)
class MetricSeries:
    """The points of one metric, in the order of their steps; 16 bytes a point."""

    key: str
    steps: array[float] = field(default_factory=lambda: array("d"))
    values: array[float] = field(default_factory=lambda: array("d"))
    gaps: int = 0  # values that are not finite

    def add(self, point: MetricPoint) -> None:
        """Append a point; of one step the last counts, and one from before the last step is left out."""
        if self.steps and point.step == self.steps[-1]:
            self.gaps -= not math.isfinite(self.values[-1])
            self.values[-1] = point.value
        elif self.steps and point.step < self.steps[-1]:
            return
        else:
            self.steps.append(point.step)
            self.values.append(point.value)
        self.gaps += not math.isfinite(point.value)

    @property
    def is_better_low(self) -> bool:
        """Whether the lowest value is the best one, as of losses and times."""
        return "loss" in self.key or self.key.endswith("_ms")

    def find_best(self) -> tuple[float, float] | None:
        """Return (value, step) of the best finite value, or None; learning rates have no best."""
        finite = [(v, s) for v, s in zip(self.values, self.steps, strict=True) if math.isfinite(v)]
        if not finite or self.key.startswith("lr"):
            return None
        return min(finite) if self.is_better_low else max(finite, key=lambda pair: (pair[0], -pair[1]))


@dataclass(slots=True)
class Panel:
    """One plot of the grid: its series, and the picture last drawn with what it was drawn for."""

    title: str
    series: list[MetricSeries] = field(default_factory=list)
    version: int = 0  # grows with every new point
    drawn_for: tuple[object, ...] = ()
    lines: list[Line] = field(default_factory=list)

    def draw(
        self, width: int, height: int, *, is_smooth: bool, is_log: bool, is_selected: bool
    ) -> list[Line]:
        """Return the title, the plot and a blank line; what has not changed is not drawn again."""
        wanted = (self.version, width, height, is_smooth, is_log)
        if self.drawn_for != wanted:
            plot = draw_plot(list(self._iter_series(is_smooth=is_smooth)), width, height - 2, is_log_y=is_log)
            self.lines = [*plot, [(" " * width, "text")]]
            self.drawn_for = wanted
        return [self._draw_title(width, is_selected=is_selected), *self.lines]

    def _iter_series(self, *, is_smooth: bool) -> Iterable[Series]:
        for index, series in enumerate(self.series):
            role = SERIES_ROLES[index % len(SERIES_ROLES)]
            if is_smooth and len(series.values) > 2:
                yield Series(series.steps, series.values, "faint")
                yield Series(series.steps, smooth(series.values), role)
            else:
                yield Series(series.steps, series.values, role)

    def _draw_title(self, width: int, *, is_selected: bool) -> Line:
        """Return the title with as many facts behind it as there is room for."""
        facts = self._describe()
        while facts and measure_line(facts) + cell_len(self.title) + 1 > width:
            facts.pop()
        mark = ("▌", "accent") if is_selected else (" ", "text")
        title = fit(self.title, width - 1 - measure_line(facts))
        return [mark, (title, "heading" if is_selected else "strong"), *facts]

    def _describe(self) -> Line:
        """Return the last and the best value; for a shared panel its lines' names in their colours."""
        if len(self.series) > 1:
            names = [series.key.rpartition("/")[2] for series in self.series]
            return [(f" ━{name}", SERIES_ROLES[i % len(SERIES_ROLES)]) for i, name in enumerate(names)]
        series = self.series[0]
        facts: Line = [(f" {series.values[-1]:.4g}", "series-0")]
        best = series.find_best()
        if best is not None:
            facts.append((f"  best {best[0]:.4g} @{best[1]:.0f}", "muted"))
        if series.gaps:
            facts.append((f"  {series.gaps} not finite", "warning"))
        return facts


def build_panels(series: Iterable[MetricSeries]) -> list[Panel]:
    """Return the panels for all series, groups in their order, keys of a group as they came."""
    panels: dict[str, Panel] = {}
    for one in sorted(series, key=_find_rank):
        group = one.key.partition("/")[0]
        title = group if group in SHARED_GROUPS else one.key
        panels.setdefault(title, Panel(title)).series.append(one)
    return list(panels.values())


def choose_grid(width: int, height: int, count: int) -> tuple[int, int]:
    """Return (columns, rows) of plots that fit: one column below 60 cells, two below 140, else three."""
    columns = min(1 if width < 60 else 2 if width < 140 else 3, max(1, count))
    wanted_rows = -(-count // columns)
    rows = max(1, min(height // 9, wanted_rows))
    return columns, rows


def cut_page(panels: Sequence[Panel], page: int, size: int) -> Sequence[Panel]:
    """Return the panels of one page."""
    return panels[page * size : (page + 1) * size]


def _find_rank(series: MetricSeries) -> tuple[int, str]:
    if series.key in LEADERS:
        return LEADERS.index(series.key) - len(LEADERS), ""
    group = series.key.partition("/")[0]
    return (GROUPS.index(group), "") if group in GROUPS else (len(GROUPS), group)
