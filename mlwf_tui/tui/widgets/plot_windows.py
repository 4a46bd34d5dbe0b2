"""Which part of the x axis panels show: zooming, panning, and all of them following one; no widget."""

from __future__ import annotations

import math
from collections.abc import Iterable

from mlwf_tui.tui.widgets.metric_panels import Panel, PlotView, Window

ZOOM_FACTOR = 0.5  # a step of zooming shows so much of what was seen
PAN_SHARE = 0.25  # a step of panning moves by so much of what is seen
NEARLY_ALL = 0.999


def zoom(panel: Panel, view: PlotView, around: float, step: int) -> None:
    """Show half of what is seen around a place of the axis, or twice as much with a negative step."""
    limits, full = panel.find_limits(view), panel.find_full(view)
    if limits is None or full is None:
        return
    factor = ZOOM_FACTOR if step > 0 else 1 / ZOOM_FACTOR
    low = around + (limits[0] - around) * factor
    show_part(panel, full, low, low + (limits[1] - limits[0]) * factor)


def zoom_all(panels: Iterable[Panel], view: PlotView, step: int) -> None:
    """Zoom all plots in around the cursor, or where there is none to the newest end, or out again."""
    for panel in panels:
        limits, cursor = panel.find_limits(view), panel.find_cursor(view)
        if limits is not None:
            zoom(panel, view, limits[1] if cursor is None else cursor, step)


def pan(panel: Panel, view: PlotView, share: float, *, since: Window | None = None) -> None:
    """Move by a share of what is seen, or was seen `since` a drag began; never beyond the ends."""
    limits, full = since or panel.find_limits(view), panel.find_full(view)
    if limits is None or full is None:
        return
    by = max(full[0] - limits[0], min(full[1] - limits[1], share * (limits[1] - limits[0])))
    show_part(panel, full, limits[0] + by, limits[1] + by)


def show_part(panel: Panel, full: Window, low: float, high: float) -> None:
    """Show this part; one that reaches the newest point goes on with it, all of it is no zoom."""
    low, high = max(full[0], low), min(full[1], high)
    if high - low >= (full[1] - full[0]) * NEARLY_ALL:
        panel.window = None
    else:
        panel.window = (low, math.inf if high >= full[1] else high)


def follow(leader: Panel, panels: Iterable[Panel], view: PlotView) -> None:
    """Show the same share of every other plot as of the one that the mouse is on."""
    low, high = find_share(leader, view) or (0.0, 1.0)
    for panel in panels:
        full = panel.find_full(view)
        if panel is not leader and full is not None:
            span = full[1] - full[0]
            show_part(panel, full, full[0] + low * span, full[0] + high * span)


def find_share(panel: Panel, view: PlotView) -> Window | None:
    """Return which part of its curves a panel shows, 0–1, or None where it shows all."""
    limits, full = panel.find_limits(view), panel.find_full(view)
    if panel.window is None or limits is None or full is None or full[1] <= full[0]:
        return None
    return (limits[0] - full[0]) / (full[1] - full[0]), (limits[1] - full[0]) / (full[1] - full[0])
