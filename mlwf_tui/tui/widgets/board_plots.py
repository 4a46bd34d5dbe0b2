"""A group of reports as plots: the main figure in time, and accuracy against speed and size; no widget."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mlwf_tui.entities.comparison import RankedReport, ReportGroup
from mlwf_tui.entities.sizes import MIB
from mlwf_tui.tui.widgets.drawing import Line, fit, fit_middle
from mlwf_tui.tui.widgets.plot import Axis, Series, draw_plot
from mlwf_tui.tui.widgets.point_plots import MAX_WIDTH, Point, draw_cost

Plot = Callable[[ReportGroup, int, int], list[Line]]
"""Draws a group into so many columns and rows."""


def draw_trend(group: ReportGroup, width: int, height: int) -> list[Line]:
    """Return the main figure of each model with its interval, over the order in which they were made."""
    course = group.list_trend()[-_count_fitting(width) :]
    if not course:
        return _say("No model of these reports is there any more.", width)
    series: list[Series] = []
    for place, of in enumerate(course):
        if of.interval is not None:
            x = (place + 1.0, place + 1.0 + 1e-6)
            series.append(Series(x, (of.interval.low, of.interval.high), "series-0"))
    places = [place + 1.0 for place in range(len(course))]
    series.append(Series(places, [of.value for of in course], "faint"))
    series.append(Series(places, [of.value for of in course], "series-1", "●"))
    labels = tuple(_shorten(of, width // (len(course) + 1)) for of in course)
    axis = Axis(0.5, len(course) + 0.5, tuple(places), labels)
    low = min([of.value for of in course] + [of.interval.low for of in course if of.interval])
    high = max([of.value for of in course] + [of.interval.high for of in course if of.interval])
    margin = (high - low) * 0.1 or 0.05
    plot = draw_plot(
        series, min(width, MAX_WIDTH), height - 1, x_axis=axis, y_limits=(low - margin, high + margin)
    )
    label = f"{group.metric_name}, line: 95 % interval  over  models, the oldest on the left"
    return [*plot, [(fit(label, min(width, MAX_WIDTH), "center"), "faint")]]


def draw_speed(group: ReportGroup, width: int, height: int) -> list[Line]:
    """Return the main figure over the time that an image takes."""
    return _draw(group, lambda of: of.image_ms, "ms an image", width, height)


def draw_size(group: ReportGroup, width: int, height: int) -> list[Line]:
    """Return the main figure over the size of the weights."""
    return _draw(group, lambda of: of.size_mib, "MiB of weights", width, height)


def _draw(
    group: ReportGroup, find: Callable[[Point], float | None], label: str, width: int, height: int
) -> list[Line]:
    front = group.list_front()
    points = [
        Point(
            of.model, of.value, of.image_ms, None if of.size_bytes is None else of.size_bytes / MIB,
            of.report_id in front,
        )
        for of in group.reports
    ]  # fmt: skip
    return draw_cost(points, find, group.metric_name, label, min(width, MAX_WIDTH), height)


PLOTS: Mapping[str, Plot] = {
    "trend": draw_trend, "accuracy over speed": draw_speed, "accuracy over size": draw_size,
}  # fmt: skip


def _count_fitting(width: int) -> int:
    return max(2, width // 6)


def _shorten(of: RankedReport, room: int) -> str:
    return fit_middle(of.model, max(3, min(room, 14))).strip()


def _say(text: str, width: int) -> list[Line]:
    return [[], [(fit(text, width, "center"), "muted")]]
