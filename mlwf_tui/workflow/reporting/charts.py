"""Charts as SVG text that needs nothing else: lines, bars and tables of counts. Every axis is labelled."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape

from mlwf_tui.entities.card import show_safely
from mlwf_tui.entities.measurement import Interval
from mlwf_tui.entities.model import Curve

NO_XML = {0xFFFE: None, 0xFFFF: None}  # of what show_safely lets through
COLORS = ("#0e7490", "#be185d", "#15803d", "#b45309", "#6d28d9", "#475569", "#b91c1c", "#1d4ed8")
DASHES = ("", "6 3", "2 2", "8 3 2 3")  # lines are told apart without colours too
WIDTH, HEIGHT = 420, 300  # pixels, as all below
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 26, 42
ROW, LABEL_WIDTH = 18, 130
MAX_ROWS = 60
MAX_CELLS = 24

STYLE = """
.chart text{font:11px system-ui,sans-serif;fill:#334155}
.chart .name{paint-order:stroke;stroke:#fff;stroke-width:3px}
.chart .title{font-weight:600;font-size:12px;fill:#0f172a}
.chart .axis{stroke:#94a3b8}.chart .grid{stroke:#e2e8f0}.chart .line{fill:none;stroke-width:1.8}
.chart .whisker{stroke:#0f172a;stroke-width:1}
"""


def draw_lines(
    curves: Sequence[Curve], *, title: str, x_label: str, y_label: str, x_range: tuple[float, float] = (0, 1)
) -> str:
    """Return curves over one another, y from 0 to what the largest asks for; a name beside each colour."""
    top = max((max(curve.y, default=0) for curve in curves), default=0)
    y_range = (0.0, 1.0 if top <= 1 else round_up(top))
    parts = [*draw_frame(title, x_label, y_label, x_range, y_range)]
    for place, curve in enumerate(curves):
        points = " ".join(
            f"{scale(x, x_range, LEFT, WIDTH - RIGHT):.1f},{scale(y, y_range, HEIGHT - BOTTOM, TOP):.1f}"
            for x, y in zip(curve.x, curve.y, strict=True)
        )
        color, dash = COLORS[place % len(COLORS)], DASHES[place // len(COLORS) % len(DASHES)]
        parts.append(f'<polyline class="line" stroke="{color}" stroke-dasharray="{dash}" points="{points}"/>')
        if len(curves) > 1:
            y = TOP + 14 + place * 13
            place_there = f'x="{WIDTH - RIGHT - 6}" y="{y}" text-anchor="end" style="fill:{color}"'
            parts.append(f'<text class="name" {place_there}>{show(curve.name)}</text>')
    return wrap(parts, WIDTH, HEIGHT)


def draw_bars(
    names: Sequence[str],
    values: Sequence[float | None],
    *,
    title: str,
    x_label: str,
    intervals: Sequence[Interval | None] = (),
    x_range: tuple[float, float] = (0, 1),
) -> str:
    """Return a bar for each name, with the interval as a whisker; those beyond the first 60 are counted."""
    shown = len(names) if len(names) <= MAX_ROWS else MAX_ROWS
    height = TOP + shown * ROW + BOTTOM
    right = WIDTH - RIGHT
    zero = scale(0, x_range, LABEL_WIDTH, right)
    parts = [f'<text class="title" x="6" y="16">{show(title)}</text>']
    for row, name in enumerate(names[:shown]):
        y = TOP + row * ROW
        parts.append(f'<text x="{LABEL_WIDTH - 6}" y="{y + 13}" text-anchor="end">{show(name, 20)}</text>')
        value = values[row]
        if value is None:
            parts.append(f'<text x="{zero + 4:.1f}" y="{y + 13}">nothing to measure</text>')
            continue
        end = scale(value, x_range, LABEL_WIDTH, right)
        low, width = min(zero, end), abs(end - zero)
        parts.append(f'<rect x="{low:.1f}" y="{y + 3}" width="{width:.1f}" height="{ROW - 6}" '
                     f'fill="{COLORS[0] if value >= 0 else COLORS[1]}" opacity=".75"/>')  # fmt: skip
        interval = intervals[row] if row < len(intervals) else None
        if interval is not None:
            ends = [scale(of, x_range, LABEL_WIDTH, right) for of in (interval.low, interval.high)]
            middle = y + ROW / 2
            parts.append(
                f'<path class="whisker" d="M{ends[0]:.1f} {middle}H{ends[1]:.1f}'
                f'M{ends[0]:.1f} {middle - 3}v6M{ends[1]:.1f} {middle - 3}v6"/>'
            )
    bottom = TOP + shown * ROW
    parts.append(f'<path class="axis" d="M{LABEL_WIDTH} {bottom}H{right}"/>')
    for value in _list_ticks(x_range):
        x = scale(value, x_range, LABEL_WIDTH, right)
        parts.append(f'<text x="{x:.1f}" y="{bottom + 14}" text-anchor="middle">{value:g}</text>')
    more = f"; {len(names) - shown:,} more are not drawn" if len(names) > shown else ""
    parts.append(f'<text x="{(LABEL_WIDTH + right) / 2}" y="{bottom + 32}" text-anchor="middle">'
                 f"{show(x_label)}{more}</text>")  # fmt: skip
    return wrap(parts, WIDTH, height)


def draw_counts(names: Sequence[str], counts: Sequence[Sequence[int]], *, title: str) -> str:
    """Return a table of counts, rows predicted and columns truth, darker where there are more.

    Where there are many, those with the most truths and predictions are drawn; the last name stays.
    """
    weight = [sum(row) + sum(line[at] for line in counts) for at, row in enumerate(counts)]
    order = sorted(range(len(names) - 1), key=lambda at: (-weight[at], at))[: MAX_CELLS - 1]
    chosen = [*sorted(order), len(names) - 1]
    cell, left, top = 26, LABEL_WIDTH, 100
    largest = max((counts[row][column] for row in chosen for column in chosen), default=0)
    left_out = len(names) - len(chosen)
    more = f" ({left_out:,} classes are not drawn)" if left_out else ""
    parts = [f'<text class="title" x="6" y="16">{show(title)}{more}</text>']
    for place, at in enumerate(chosen):
        x, y = left + place * cell, top + place * cell
        parts.append(f'<text x="{left - 6}" y="{y + 17}" text-anchor="end">{show(names[at], 20)}</text>')
        parts.append(
            f'<text transform="translate({x + 17},{top - 6}) rotate(-60)">{show(names[at], 16)}</text>'
        )
    for row, predicted in enumerate(chosen):
        for column, truth in enumerate(chosen):
            count = counts[predicted][truth]
            x, y = left + column * cell, top + row * cell
            strength = (count / largest) ** 0.5 if largest else 0
            ink = "#fff" if strength > 0.6 else "#334155"
            tip = f"{show(names[predicted])} predicted, {show(names[truth])} in truth: {count:,}"
            parts.append(
                f'<g><title>{tip}</title><rect x="{x}" y="{y}" width="{cell - 1}" height="{cell - 1}" '
                f'fill="#0e7490" fill-opacity="{strength:.2f}" stroke="#e2e8f0"/>'
                f'<text x="{x + cell / 2}" y="{y + 17}" text-anchor="middle" '
                f'style="fill:{ink};font-size:9px">'
                f"{_shorten(count)}</text></g>"
            )
    size = len(chosen) * cell
    parts.append(f'<text x="{left}" y="{top + size + 18}">columns: truth; rows: predicted</text>')
    return wrap(parts, left + size + 20, top + size + 30)


def draw_frame(
    title: str, x_label: str, y_label: str, x_range: tuple[float, float], y_range: tuple[float, float]
) -> Iterator[str]:
    """Yield title, axes, ticks and labels of a chart."""
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    yield f'<text class="title" x="{LEFT}" y="16">{show(title)}</text>'
    for value in _list_ticks(y_range):
        y = scale(value, y_range, bottom, TOP)
        yield f'<path class="grid" d="M{LEFT} {y:.1f}H{right}"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_shorten(value)}</text>'
    for value in _list_ticks(x_range):
        x = scale(value, x_range, LEFT, right)
        yield f'<text x="{x:.1f}" y="{bottom + 15}" text-anchor="middle">{value:g}</text>'
    yield f'<path class="axis" fill="none" d="M{LEFT} {TOP}V{bottom}H{right}"/>'
    middle = (TOP + bottom) / 2
    yield f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 8}" text-anchor="middle">{show(x_label)}</text>'
    yield f'<text transform="translate(13,{middle}) rotate(-90)" text-anchor="middle">{show(y_label)}</text>'


def _list_ticks(of: tuple[float, float]) -> list[float]:
    low, high = of
    step = round_up((high - low) / 6)
    first = math.ceil(low / step - 1e-9)
    return [round(step * place, 10) for place in range(first, math.floor(high / step + 1e-9) + 1)]


def round_up(value: float) -> float:
    """Return the least of 1, 2, 2.5, 5 times a power of ten that is no smaller."""
    power = 10.0 ** math.floor(math.log10(value)) if value > 0 else 1.0
    return float(next(step * power for step in (1, 2, 2.5, 5, 10) if value <= step * power * (1 + 1e-9)))


def scale(value: float, of: tuple[float, float], start: float, end: float) -> float:
    """Return where a value of a range lies between two edges, in pixels; what lies outside is at the edge."""
    low, high = of
    share = 0.0 if high == low else (min(max(value, low), high) - low) / (high - low)
    return start + share * (end - start)


def wrap(parts: Sequence[str], width: float, height: float) -> str:
    """Return parts as one SVG."""
    return (
        f'<svg class="chart" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">'
        f"{''.join(parts)}</svg>"
    )


def show(text: str, length: int = 60) -> str:
    return escape(show_safely(text, length).translate(NO_XML))


def _shorten(value: float) -> str:
    return f"{value:g}" if value < 1000 else f"{value / 1000:.3g}k"
