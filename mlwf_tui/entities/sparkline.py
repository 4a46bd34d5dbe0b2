"""A curve in one line of text: eighths of a cell high, gaps marked; pure text."""

from __future__ import annotations

from collections.abc import Sequence

EIGHTHS = "▁▂▃▄▅▆▇█"
GAP = "×"


def draw_sparkline(values: Sequence[float | None], width: int) -> str:
    """Return `values` in at most `width` cells, lowest to highest; None is a gap.

    Of several values in one cell the one farthest from the middle of the range is shown, so that no
    peak is lost; a gap shows only where all of them are gaps.
    """
    known = [value for value in values if value is not None]
    if not known or width <= 0:
        return GAP * min(len(values), max(0, width))
    low, high = min(known), max(known)
    count = min(width, len(values))
    cells = (values[len(values) * cell // count : len(values) * (cell + 1) // count] for cell in range(count))
    return "".join(_draw_cell(cell, low, high) for cell in cells)


def _draw_cell(values: Sequence[float | None], low: float, high: float) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return GAP
    middle = (low + high) / 2
    value = max(known, key=lambda one: abs(one - middle))
    span = high - low
    return EIGHTHS[min(7, int((value - low) / span * 8)) if span else 3]
