"""The keys of the lineage graph."""

from __future__ import annotations

from textual.binding import Binding, BindingType

LINEAGE_KEYS: tuple[BindingType, ...] = (
    Binding("right,l", "walk('child')", "made from it", show=False, id="lineage.child"),
    Binding("left,h", "walk('parent')", "where it came from", show=False, id="lineage.parent"),
    Binding("up,k", "walk('above')", "the one above", show=False, id="lineage.above"),
    Binding("down,j", "walk('below')", "the one below", show=False, id="lineage.below"),
    Binding("g,home", "select_end(0)", "oldest", show=False, id="lineage.first"),
    Binding("G,end", "select_end(-1)", "newest", show=False, id="lineage.last"),
    Binding("left_curly_bracket", "select_in_column(False)", "topmost", show=False, id="lineage.top"),
    Binding("right_curly_bracket", "select_in_column(True)", "lowest", show=False, id="lineage.bottom"),
    Binding("enter", "activate", "open", show=False, id="lineage.open"),
    Binding("x", "menu", "menu", show=False, id="lineage.menu"),
    Binding("minus", "zoom(-1)", "smaller: one line each, then dots", show=False, id="lineage.smaller"),
    Binding("plus,equals_sign", "zoom(1)", "larger", show=False, id="lineage.larger"),
    Binding("full_stop", "centre", "to the middle of the view", show=False, id="lineage.centre"),
    Binding("f", "screen.filter_lineage", "filter", id="lineage.filter"),
    Binding("comma f", "fold", "fold", tooltip="or unfold what came of it", id="lineage.fold"),
    Binding("backspace,delete", "hide", "hide it for now", show=False, id="lineage.hide"),
    Binding("comma a", "show_all", "show what is hidden, folded and filtered", show=False, id="lineage.show"),
    Binding("comma t", "trace", "light up both, its past, its future", show=False, id="lineage.trace"),
    Binding("comma w", "join", "light up the ways from here to the next", show=False, id="lineage.join"),
    Binding("Z", "toggle_map", "the map in the corner", show=False, id="lineage.map"),
    Binding("right_parenthesis,shift+right", "pan(1, 0)", "pan right", show=False, id="lineage.pan_right"),
    Binding("left_parenthesis,shift+left", "pan(-1, 0)", "pan left", show=False, id="lineage.pan_left"),
    Binding("ctrl+d,pagedown", "pan(0, 1)", "pan down", show=False, id="lineage.pan_down"),
    Binding("ctrl+u,pageup", "pan(0, -1)", "pan up", show=False, id="lineage.pan_up"),
)
