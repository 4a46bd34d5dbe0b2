"""Models as points: accuracy against what an image and a copy of the model cost; no widget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from mlwf_tui.tui.widgets.drawing import Line, fit
from mlwf_tui.tui.widgets.plot import Series, draw_plot

MAX_WIDTH = 110
HEIGHT = 12
SIGNS = "123456789abcdefghijklmnopqrstuvwxyz"
"""What stands for models in plots, in their order."""


class Point(NamedTuple):
    """A model with what it is worth and what it costs; None where that is not known."""

    name: str
    value: float
    image_ms: float | None
    size_mib: float | None
    is_on_front: bool  # none is better in all three


def draw_points(points: Sequence[Point], figure: str, width: int) -> list[Line]:
    """Return a plot over speed and one over size, below a line of which sign is which model."""
    names = [
        f"{SIGNS[place]} {'◆' if of.is_on_front else ''}{of.name}"
        for place, of in enumerate(points[: len(SIGNS)])
    ]
    lines: list[Line] = [[(fit(f" {name}", width), "text")] for name in names]
    plot_width = min(width - 1, MAX_WIDTH)
    for label, find in (
        ("ms an image", lambda of: of.image_ms), ("MiB of weights", lambda of: of.size_mib),
    ):  # fmt: skip
        lines += [[], *draw_cost(points, find, figure, label, plot_width, HEIGHT)]
    return lines


def draw_cost(
    points: Sequence[Point],
    find: Callable[[Point], float | None],
    figure: str,
    label: str,
    width: int,
    height: int,
) -> list[Line]:
    """Return the points over one of their costs, the front joined by a line."""
    known = [
        (place, of, cost) for place, of in enumerate(points[: len(SIGNS)]) if (cost := find(of)) is not None
    ]
    if not known:
        return [[], [(fit(f"Nothing is known of {label}.", width, "center"), "muted")]]
    on_front = sorted((cost, of.value) for _, of, cost in known if of.is_on_front)
    series = [Series([x for x, _ in on_front], [y for _, y in on_front], "faint")] if on_front else []
    for place, of, cost in reversed(known):  # the first ones last, over the others
        series.append(
            Series((cost,), (of.value,), "series-1" if of.is_on_front else "series-0", SIGNS[place])
        )
    costs, values = [cost for *_, cost in known], [of.value for _, of, _ in known]
    plot = draw_plot(series, width, height - 1, x_limits=_widen(costs), y_limits=_widen(values))
    note = f"{figure}  over  {label}; the line: ◆, none better in accuracy, speed and size"
    return [*plot, [(fit(note, width, "center"), "faint")]]


def _widen(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = max((high - low) * 0.12, abs(high) * 0.05) or 0.1
    return low - margin, high + margin
