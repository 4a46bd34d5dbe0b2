"""What a person can choose for plots, each as the change of the layout that it means; no widget."""

from __future__ import annotations

from typing import Any

from mlwf_tui.entities.layout import XAxis
from mlwf_tui.tui.widgets.plot_set import PlotSet

SMOOTHINGS = (0.0, 0.6, 0.9, 0.97)
AXES = (XAxis.STEP, XAxis.EPOCH, XAxis.TIME)

Changes = dict[str, Any]  # fields of a MonitorLayout


def step_smoothing(plots: PlotSet) -> Changes:
    """Go on to the next weight: none, light, usual, strong."""
    now = plots.layout.smoothing
    place = SMOOTHINGS.index(now) if now in SMOOTHINGS else -1
    return {"smoothing": SMOOTHINGS[(place + 1) % len(SMOOTHINGS)]}


def step_axis(plots: PlotSet) -> Changes:
    """Go on from steps to epochs to time; a zoom holds for one axis only."""
    for panel in plots.panels:
        panel.window = None
    place = AXES.index(plots.layout.x_axis)
    return {"x_axis": AXES[(place + 1) % len(AXES)]}


def toggle_log(plots: PlotSet, number: int) -> Changes:
    """Draw a plot over a logarithmic scale, or a linear one again."""
    panel = plots.panels[number]
    panel.is_log = not panel.is_log
    return {"logarithmic": tuple(one.title for one in plots.panels if one.is_log)}


def toggle_maximized(plots: PlotSet, number: int) -> Changes:
    """Give a plot all the room, or share it again."""
    return {"maximized": "" if plots.maximized is not None else plots.panels[number].title}


def show_all(plots: PlotSet) -> Changes:
    """Show the whole curves."""
    for panel in plots.panels:
        panel.window = None
    return {"window": None}


def swap(plots: PlotSet, number: int, other: int) -> Changes:
    """Let two plots change places."""
    keys = [panel.keys for panel in plots.panels]
    keys[number], keys[other] = keys[other], keys[number]
    return {"panels": tuple(keys)}


def join(plots: PlotSet, number: int) -> Changes:
    """Draw the next plot's curves into this one; where several are together, part them."""
    keys = [panel.keys for panel in plots.panels]
    here = keys[number]
    if len(here) > 1:
        keys[number : number + 1] = [(key,) for key in here]
    elif number + 1 < len(keys):
        keys[number : number + 2] = [here + keys[number + 1]]
    return {"panels": tuple(keys), "maximized": ""}


def hide(plots: PlotSet, number: int) -> Changes:
    """Leave a plot out."""
    return {"hidden": (*plots.layout.hidden, *plots.panels[number].keys), "maximized": ""}
