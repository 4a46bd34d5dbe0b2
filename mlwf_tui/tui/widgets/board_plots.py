"""A group of reports as plots: the main figure in time, and accuracy against speed and size; no widget."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mlwf_tui.entities.comparison import RankedReport, ReportGroup
from mlwf_tui.tui.widgets.drawing import Line, fit
from mlwf_tui.tui.widgets.plot import Axis, Series, draw_plot

MAX_WIDTH = 110
SIGNS = "123456789abcdefghijklmnopqrstuvwxyz"
"""What stands for reports in plots: the first by rank is 1."""

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
    return _draw_cost(group, width, height, "ms an image", lambda of: of.image_ms)


def draw_size(group: ReportGroup, width: int, height: int) -> list[Line]:
    """Return the main figure over the size of the weights."""

    def find_megabytes(of: RankedReport) -> float | None:
        return None if of.size_bytes is None else of.size_bytes / 1e6

    return _draw_cost(group, width, height, "MB of weights", find_megabytes)


PLOTS: Mapping[str, Plot] = {
    "trend": draw_trend, "accuracy over speed": draw_speed, "accuracy over size": draw_size,
}  # fmt: skip


def _draw_cost(
    group: ReportGroup, width: int, height: int, label: str, find: Callable[[RankedReport], float | None]
) -> list[Line]:
    front = group.list_front()
    known = [(place, of, cost) for place, of in enumerate(group.reports) if (cost := find(of)) is not None][
        : len(SIGNS)
    ]
    if not known:
        return _say(f"No report says anything of {label}.", width)
    on_front = sorted((cost, of.value) for _, of, cost in known if of.report_id in front)
    series = [Series([x for x, _ in on_front], [y for _, y in on_front], "faint")] if on_front else []
    for place, of, cost in reversed(known):  # the best ones last, over the others
        role = "series-1" if of.report_id in front else "series-0"
        series.append(Series((cost,), (of.value,), role, SIGNS[place]))
    costs, values = [cost for *_, cost in known], [of.value for _, of, _ in known]
    plot = draw_plot(
        series, min(width, MAX_WIDTH), height - 1, x_limits=_widen(costs), y_limits=_widen(values)
    )
    note = f"{group.metric_name}  over  {label}; the line: ◆, none better in accuracy, speed and size"
    return [*plot, [(fit(note, min(width, MAX_WIDTH), "center"), "faint")]]


def _widen(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = max((high - low) * 0.12, abs(high) * 0.05) or 0.1
    return low - margin, high + margin


def _count_fitting(width: int) -> int:
    return max(2, width // 6)


def _shorten(of: RankedReport, room: int) -> str:
    return fit(of.model, max(3, min(room, 14))).strip()


def _say(text: str, width: int) -> list[Line]:
    return [[], [(fit(text, width, "center"), "muted")]]
