"""Small charts of what was measured lately, newest on the right, as ink; no axes, no widget."""

from __future__ import annotations

from collections.abc import Sequence

from mlwf_tui.tui.widgets.drawing import Line

LEVELS = " ▁▂▃▄▅▆▇█"


def draw_area(
    values: Sequence[float | None], width: int, height: int, top: float, *, role: str
) -> list[Line]:
    """Return `height` lines of `width` cells, filled below the values up to `top`, exact to an eighth.

    The newest `width` values are drawn. A value of zero still leaves a trace; None, not known, leaves none.
    """
    shown = list(values[-width:]) if width > 0 else []
    filled = [_find_eighths(value, height, top) for value in shown]
    rows = []
    for row in range(height - 1, -1, -1):
        text = "".join(LEVELS[min(8, max(0, eighths - 8 * row))] for eighths in filled)
        rows.append([(" " * (width - len(shown)), role), (text, role)])
    return rows


def _find_eighths(value: float | None, height: int, top: float) -> int:
    if value is None or value != value:
        return 0
    share = min(1.0, max(0.0, value / top)) if top > 0 else 0.0
    return max(1, round(share * height * 8))
