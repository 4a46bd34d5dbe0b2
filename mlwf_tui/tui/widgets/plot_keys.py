"""The keys of the monitor's plots."""

from __future__ import annotations

from textual.binding import Binding, BindingType

CURVE_KEYS = frozenset(f"metrics.{name}" for name in ("smooth", "log", "axis", "cursor", "zoom_in"))
"""Keys that change how curves are drawn, and no figure."""
PLOT_KEYS: tuple[BindingType, ...] = (
    Binding("left,h", "go(-1)", "previous page, or cursor left", show=False, id="metrics.left"),
    Binding("right,l", "go(1)", "next page, or cursor right", show=False, id="metrics.right"),
    Binding("up,k", "move(-1)", "previous plot", show=False, id="metrics.previous"),
    Binding("down,j", "move(1)", "next plot", show=False, id="metrics.next"),
    Binding("g,home", "move_to(0)", "first plot", show=False, id="metrics.first"),
    Binding("G,end", "move_to(-1)", "last plot", show=False, id="metrics.last"),
    Binding("enter", "toggle_maximized", "one plot", id="metrics.maximize"),
    Binding("comma s", "step_smoothing", "smooth", id="metrics.smooth"),
    Binding("comma l", "toggle_log", "log scale", id="metrics.log"),
    Binding("comma e", "step_axis", "step, epoch, time", id="metrics.axis"),
    Binding("comma c", "toggle_cursor", "cursor", id="metrics.cursor"),
    Binding("escape", "clear_cursor", "put the cursor away", show=False, id="metrics.no_cursor"),
    Binding("plus,equals_sign", "zoom(1)", "zoom in", id="metrics.zoom_in"),
    Binding("minus", "zoom(-1)", "zoom out", show=False, id="metrics.zoom_out"),
    Binding("left_parenthesis,shift+left", "pan(-1)", "pan left", show=False, id="metrics.pan_left"),
    Binding("right_parenthesis,shift+right", "pan(1)", "pan right", show=False, id="metrics.pan_right"),
    Binding("0", "show_all", "show the whole curves", show=False, id="metrics.all"),
    Binding("comma b", "shift(-1)", "move the plot before the one before", show=False, id="metrics.earlier"),
    Binding("comma n", "shift(1)", "move the plot behind the next", show=False, id="metrics.later"),
    Binding(
        "comma o", "join", "draw the next plot into this one, or part them", show=False, id="metrics.join"
    ),
    Binding("delete,backspace", "hide", "hide this plot", show=False, id="metrics.hide"),
    Binding("comma a", "show_hidden", "show all plots, in their first order", show=False, id="metrics.reset"),
)
