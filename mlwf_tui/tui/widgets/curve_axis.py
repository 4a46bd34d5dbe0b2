"""What stands on the x axis of curves: steps, epochs or time; and windows cut from long ones."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence

from mlwf_tui.entities.layout import XAxis
from mlwf_tui.entities.metric import EPOCH_KEY, MetricSeries, Samples
from mlwf_tui.tui.widgets.plot import Axis

TIME_STEPS_S = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200,
)  # fmt: skip
DAY_S = 86_400
EDGE_POINTS = 1  # beyond a window's edges, so that lines go on to them


class Clock:
    """Turns the points of one run into places on the axis that was chosen."""

    def __init__(self, kind: XAxis, series: Mapping[str, MetricSeries], started_s: float) -> None:
        self.kind = kind
        first_s = min((one.times[0] for one in series.values() if len(one)), default=0.0)
        self._origin_s = started_s if 0 < started_s <= first_s else first_s
        self._at = array("d", [self._origin_s])
        self._epochs = array("d", [0.0])
        if kind is XAxis.EPOCH:
            self._learn(series)

    @property
    def has_epochs(self) -> bool:
        """Whether anything tells when the epochs of this run ended."""
        return len(self._at) > 1

    def list_sources(self, series: MetricSeries) -> array[float]:
        """Return what `find_source` gives a place in: the steps, or the times."""
        return series.steps if self.kind is XAxis.STEP else series.times

    def find_source(self, x: float) -> float:
        """Return the step or the time (seconds since the epoch) that stands at `x`."""
        match self.kind:
            case XAxis.STEP:
                return x
            case XAxis.TIME:
                return self._origin_s + x
            case XAxis.EPOCH:
                return _interpolate(self._epochs, self._at, x)

    def find_x(self, source: float) -> float:
        """Return where a step or a time stands."""
        match self.kind:
            case XAxis.STEP:
                return source
            case XAxis.TIME:
                return source - self._origin_s
            case XAxis.EPOCH:
                return _interpolate(self._at, self._epochs, source)

    def _learn(self, series: Mapping[str, MetricSeries]) -> None:
        """Learn when epochs ended: from what counts them, else from a score that is told once an epoch."""
        told = series.get(EPOCH_KEY)
        scores = [one for key, one in series.items() if key.startswith("metrics/")]
        if told is not None:
            pairs = zip(told.times, told.values, strict=True)
        elif scores:
            longest = max(scores, key=len)
            pairs = zip(longest.times, longest.steps, strict=True)
        else:
            return
        for at, epoch in pairs:
            if math.isfinite(epoch) and epoch > self._epochs[-1] and at > self._at[-1]:
                self._at.append(at)
                self._epochs.append(epoch)


def cut_window(
    series: MetricSeries, samples: Samples, clock: Clock, low: float, high: float, columns: int
) -> tuple[list[float], list[float]]:
    """Return (x, y) of what is worth drawing between `low` and `high`, at most four points a column.

    The lowest and the highest value of every column are among them, and one gap where it has any.
    """
    sources = clock.list_sources(series)
    count = len(samples)
    edges = [clock.find_source(low + (high - low) * column / columns) for column in range(columns + 1)]
    bounds = [min(count, bisect_left(sources, edge)) for edge in edges]
    bounds[-1] = min(count, bisect_right(sources, edges[-1]))
    first, last = max(0, bounds[0] - EDGE_POINTS), min(count, bounds[-1] + EDGE_POINTS)
    places = [*range(first, bounds[0]), *samples.choose(bounds), *range(bounds[-1], last)]
    return [clock.find_x(sources[place]) for place in places], [samples.values[place] for place in places]


def find_range(series: MetricSeries, clock: Clock) -> tuple[float, float] | None:
    """Return the first and the last x of a curve, or None of an empty one."""
    sources = clock.list_sources(series)
    return (clock.find_x(sources[0]), clock.find_x(sources[-1])) if sources else None


def find_nearest(series: MetricSeries, clock: Clock, x: float) -> int | None:
    """Return the place of the point nearest to `x`, or None of an empty curve."""
    sources = clock.list_sources(series)
    if not sources:
        return None
    wanted = clock.find_source(x)
    place = bisect_left(sources, wanted)
    around = [n for n in (place - 1, place) if 0 <= n < len(sources)]
    return min(around, key=lambda n: abs(sources[n] - wanted))


def choose_time_axis(low: float, high: float, max_ticks: int) -> Axis:
    """Return an axis of seconds whose ticks are whole seconds, minutes, hours or days."""
    span = max(1.0, high - low)
    step = next((s for s in TIME_STEPS_S if s * max_ticks >= span), 0)
    if not step:
        step = DAY_S * math.ceil(span / max_ticks / DAY_S)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    ticks = tuple(float(number * step) for number in range(first, last + 1))
    part = step / 5
    return Axis(
        math.floor(low / part + 1e-9) * part,
        max(math.ceil(high / part - 1e-9) * part, math.floor(low / part) * part + part),
        ticks,
        tuple(_write_time(tick) for tick in ticks),
    )


def write_x(x: float, kind: XAxis) -> str:
    """Return a place on the axis as a person says it: a step, "epoch 3.5", "1h05"."""
    match kind:
        case XAxis.STEP:
            return f"{x:.0f}"
        case XAxis.EPOCH:
            return f"epoch {x:.3g}" if x < 100 else f"epoch {x:.0f}"
        case XAxis.TIME:
            return _write_time(x)


def _write_time(seconds: float) -> str:
    if abs(seconds) < 60:
        return f"{seconds:.0f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02d}" if rest else f"{minutes}m"
    hours, minutes = divmod(minutes, 60)
    if hours < 48 and (hours % 24 or minutes):
        return f"{hours}h{minutes:02d}" if minutes else f"{hours}h"
    return f"{hours // 24}d{hours % 24:02d}h" if hours % 24 else f"{hours // 24}d"


def _interpolate(xs: Sequence[float], ys: Sequence[float], x: float) -> float:
    """Return y at x on the line through all points; beyond its ends it goes on as it did there."""
    if len(xs) < 2:
        return ys[0]
    place = min(max(bisect_right(xs, x), 1), len(xs) - 1)
    x0, x1, y0, y1 = xs[place - 1], xs[place], ys[place - 1], ys[place]
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
