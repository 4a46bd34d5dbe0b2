"""One plot as ink, drawn by plotext: axes with nice limits that rarely move, lines, bars; no widget."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mlwf_tui.tui.widgets.drawing import Line, fit

ESCAPE = re.compile(r"\x1b\[([\d;]*)m")
AXIS_ROLE = "muted"
MIN_WIDTH = 12
MIN_HEIGHT = 4
LIMITS_PER_STEP = 5
MAX_DIGITS = 4  # behind the point of a tick with a power of ten: its plot needs room as well


@dataclass(frozen=True, slots=True)
class Series:
    """A line to draw; x ascending. NaN and infinite values are gaps."""

    x: Sequence[float]
    y: Sequence[float]
    role: str  # of drawing.ROLE_STYLES
    symbol: str = ""  # of points, which may lie anywhere; without one it is a line


@dataclass(frozen=True, slots=True)
class Axis:
    """Limits, and ticks with their labels; all values as they are plotted."""

    low: float
    high: float
    ticks: tuple[float, ...]
    labels: tuple[str, ...]


def draw_plot(
    series: Sequence[Series],
    width: int,
    height: int,
    *,
    x_limits: tuple[float, float] | None = None,
    y_limits: tuple[float, float] | None = None,
    x_axis: Axis | None = None,
    is_log_y: bool = False,
    is_bar: bool = False,
) -> list[Line]:
    """Return `height` lines of `width` cells; limits that are not given follow the data.

    An `x_axis` is drawn as it is. With `is_log_y` values up to zero are gaps; with `is_bar` each value is a
    bar from zero up.
    """
    pieces = [piece for one in series for piece in _split_at_gaps(one, is_log_y=is_log_y)]
    if width < MIN_WIDTH or height < MIN_HEIGHT or not (pieces or (x_limits and y_limits)):
        note = "no values yet" if not pieces else "too small"
        return [
            [(fit(note if row == height // 2 else "", width, "center"), "faint")] for row in range(height)
        ]
    if x_axis is None:
        x_axis = choose_axis(*(x_limits or _find_range([p.x for p in pieces])), max(2, width // 12))
    y_low, y_high = y_limits or _find_range([p.y for p in pieces])
    choose = choose_log_axis if is_log_y else choose_axis
    y_axis = choose(0.0 if is_bar else y_low, y_high, max(2, height // 3))
    figure = _prepare_figure(width, height)
    roles = [AXIS_ROLE]
    for piece in pieces:
        if piece.role not in roles:
            roles.append(piece.role)
        _draw_piece(figure, piece, roles.index(piece.role), width, is_bar=is_bar)
    for name, axis in (("x", x_axis), ("y", y_axis)):  # last: bars bring ticks of their own
        figure.ruler(name).lim(axis.low, axis.high)
        figure.ruler(name).ticks(list(axis.ticks), labels=list(axis.labels))
    return [list(_parse(row, roles)) for row in figure.build().string().rstrip("\n").split("\n")]


def warm_up() -> None:
    """Import what draws: a quarter of a second, which a thread can bear better than the first frame."""
    import plotext  # noqa: F401, PLC0415 - only to have it loaded


def choose_axis(low: float, high: float, max_ticks: int, *, least_step: float = 0.0) -> Axis:
    """Return an axis around `low`…`high` whose ticks are multiples of 1, 2 or 5 times a power of ten.

    Its limits are multiples of a fifth of that step: new points move them rarely, and then visibly.
    """
    if high - low <= abs(low) * 1e-9:
        margin = abs(low) * 0.1
        low, high = (low - margin, high + margin) if margin else (0.0, 1.0)  # nothing was below zero
    step = max(least_step, _choose_step((high - low) / max(1, max_ticks)))
    part = step / LIMITS_PER_STEP
    low, high = math.floor(low / part + 1e-9) * part, math.ceil(high / part - 1e-9) * part
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    ticks = tuple(step * number for number in range(first, last + 1))
    decimals = -math.floor(math.log10(step) + 1e-9)  # below 0 where ticks are tens, hundreds, …
    return Axis(low, high, ticks, tuple(_write_tick(tick, decimals) for tick in ticks))


def choose_whole_axis(low: float, high: float, max_ticks: int) -> Axis:
    """Return an axis of what is counted, such as steps: whole numbers, unless one looks from near by."""
    if low == high:
        low, high = (low - 1, high + 1) if low >= 1 else (low, low + 1)
    return choose_axis(low, high, max_ticks, least_step=1.0 if high - low >= 1 else 0.0)


def choose_log_axis(low: float, high: float, max_ticks: int) -> Axis:
    """Return an axis for logarithms: `low` and `high` are log10 already, the labels are not."""
    first, last = math.floor(low + 1e-9), math.ceil(high - 1e-9)
    last = max(last, first + 1)
    stride = max(1, math.ceil((last - first + 1) / max(2, max_ticks)))
    ticks = tuple(float(power) for power in range(first, last + 1, stride))
    return Axis(float(first), float(last), ticks, tuple(f"1e{int(tick)}" for tick in ticks))


def smooth(values: Sequence[float], weight: float = 0.7) -> list[float]:
    """Return the exponential moving average, corrected for its start; what is not finite is passed over."""
    result: list[float] = []
    average = share = 0.0
    for value in values:
        if math.isfinite(value):
            average = weight * average + (1 - weight) * value
            share = weight * share + (1 - weight)
            result.append(average / share)
        else:
            result.append(value)
    return result


def thin_out(x: Sequence[float], y: Sequence[float], columns: int) -> tuple[list[float], list[float]]:
    """Return the first and last point, and of every column the lowest and the highest, in order.

    Every spike is kept, and a plot of a million points costs what one of a few hundred does.
    """
    if len(x) <= 2 * columns:
        return list(x), list(y)
    span = (x[-1] - x[0]) or 1.0
    keep = {0, len(x) - 1}
    start = 0
    for column in range(1, columns + 1):
        end = len(x) if column == columns else bisect_left(x, x[0] + span * column / columns, start)
        if end > start:
            keep.add(min(range(start, end), key=y.__getitem__))
            keep.add(max(range(start, end), key=y.__getitem__))
        start = end
    kept = sorted(keep)
    return [x[index] for index in kept], [y[index] for index in kept]


def _split_at_gaps(series: Series, *, is_log_y: bool) -> Iterator[Series]:
    """Yield the stretches of finite values, as logarithms where asked; plotext itself dies of a NaN."""
    x: list[float] = []
    y: list[float] = []
    for at, value in zip(series.x, series.y, strict=True):
        if math.isfinite(value) and math.isfinite(at) and (value > 0 or not is_log_y):
            x.append(at)
            y.append(math.log10(value) if is_log_y else value)
        elif x:
            yield Series(x, y, series.role, series.symbol)
            x, y = [], []
    if x:
        yield Series(x, y, series.role, series.symbol)


def _find_range(columns: Sequence[Sequence[float]]) -> tuple[float, float]:
    return min(min(values) for values in columns), max(max(values) for values in columns)


def _choose_step(raw: float) -> float:
    power = 10.0 ** math.floor(math.log10(raw))
    return next(step * power for step in (1.0, 2.0, 5.0, 10.0) if step * power >= raw * (1 - 1e-9))


def _write_tick(value: float, decimals: int) -> str:
    if decimals > 4 or abs(value) >= 1e6:
        return _write_power(value, decimals) if value else "0"
    if decimals <= 0 and abs(value) >= 10_000:
        return f"{value / 1000:.10g}k"
    return f"{value:.{max(0, decimals)}f}"


def _write_power(value: float, decimals: int) -> str:
    """Return a value with a power of ten, and as many digits before it as ticks differ by."""
    digits = max(0, math.floor(math.log10(abs(value)) + 1e-9) + decimals)
    mantissa, _, power = f"{value:.{min(digits, MAX_DIGITS)}e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.') if '.' in mantissa else mantissa}e{power}"


def _prepare_figure(width: int, height: int) -> Any:
    """Return plotext's one figure, cleared, with two axes and no colour of its own."""
    import plotext  # noqa: PLC0415 - see warm_up

    plotext.terminal.limit(False, False)
    figure = plotext.figure
    figure.clear()
    figure.plot_size(width, height)
    figure.theme("colorless")
    figure.canvas("default")
    figure.axes(False, side="upper", axis="x")
    figure.axes(False, side="right", axis="y")
    return figure


def _draw_piece(figure: Any, piece: Series, color: int, width: int, *, is_bar: bool) -> None:
    """Draw a stretch; `color` is a palette number that only stands for a role."""
    import plotext  # noqa: PLC0415 - see warm_up

    symbol = "hd" if is_bar else piece.symbol or "braille"
    marker = plotext.marker(symbol, plotext.pixel(foreground=color))
    if is_bar:
        figure.draw(figure.bar(list(piece.x), list(piece.y), marker=marker, width=1.0))
        return
    if piece.symbol:
        figure.draw(figure.signal(list(piece.x), list(piece.y), marker=marker))
        return
    x, y = thin_out(piece.x, piece.y, width)
    figure.draw(figure.signal(x, y, marker=marker).lines(True))


def _parse(row: str, roles: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield plotext's runs of one row; a palette number in them is an index into `roles`."""
    role = AXIS_ROLE
    end = 0
    for match in ESCAPE.finditer(row):
        if match.start() > end:
            yield row[end : match.start()], role
        parts = match[1].split(";")
        role = roles[int(parts[2])] if parts[:2] == ["38", "5"] else AXIS_ROLE
        end = match.end()
    if end < len(row):
        yield row[end:], role
