"""The moment on which the cursor of plots stands: nearest to a place, or a point further; no widget."""

from __future__ import annotations

from mlwf_tui.tui.widgets.curve_axis import find_nearest
from mlwf_tui.tui.widgets.metric_panels import Panel, PlotView, find_nearest_time


def find_moment(panel: Panel, view: PlotView, x: float) -> float | None:
    """Return the time of the point that is nearest to a place of the axis; None where there is no point."""
    for curve in panel.list_curves(view):
        place = find_nearest(curve.series, view.clocks[curve.run.run_id], x)
        if place is not None:
            return curve.series.times[place]
    return None


def step_moment(panel: Panel, view: PlotView, at_s: float, step: int) -> float | None:
    """Return the time of the next point, or of one a column further where points are denser."""
    curves = panel.list_curves(view)
    if not curves:
        return None
    series, plotted = curves[0].series, panel.plotted
    place = find_nearest_time(series, at_s)
    if place is None:
        return None
    clock = view.clocks[curves[0].run.run_id]
    column = (plotted.high - plotted.low) / max(1, plotted.columns)
    wanted = clock.find_x(clock.list_sources(series)[place]) + step * column
    nearest = find_nearest(series, clock, wanted)
    if nearest is None or (nearest - place) * step <= 0:
        nearest = max(0, min(len(series) - 1, place + step))
    return series.times[nearest]
