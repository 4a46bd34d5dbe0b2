"""The keys of a log on the screen."""

from __future__ import annotations

from textual.binding import Binding, BindingType

LOG_KEYS: tuple[BindingType, ...] = (
    Binding("up,k", "move(-1)", "line up", show=False, id="log.up"),
    Binding("down,j", "move(1)", "line down", show=False, id="log.down"),
    Binding("pageup,ctrl+b", "move_pages(-1.0)", "page up", show=False, id="log.page_up"),
    Binding("pagedown,ctrl+f", "move_pages(1.0)", "page down", show=False, id="log.page_down"),
    Binding("ctrl+u", "move_pages(-0.5)", "half a page up", show=False, id="log.half_up"),
    Binding("ctrl+d", "move_pages(0.5)", "half a page down", show=False, id="log.half_down"),
    Binding("home,g", "start", "first line", show=False, id="log.start"),
    Binding("end,G", "follow", "follow the end", show=False, id="log.follow"),
    Binding("left,h", "shift(-8)", "left", show=False, id="log.left"),
    Binding("right,l", "shift(8)", "right", show=False, id="log.right"),
    Binding("ctrl+g", "ask_line", "go to a line", show=False, id="log.go_to"),
    Binding("f", "next_level", "level", id="log.level"),
    Binding("comma f", "ask_filter", "filter", id="log.filter"),
    Binding("right_curly_bracket", "next_error(1)", "next error", id="log.next_error"),
    Binding("left_curly_bracket", "next_error(-1)", "previous error", show=False, id="log.previous_error"),
    Binding("n", "next_match(1)", "next match", show=False, id="log.next_match"),
    Binding("N", "next_match(-1)", "previous match", show=False, id="log.previous_match"),
    Binding("w", "toggle_wrap", "wrap", id="log.wrap"),
    Binding("space", "select", "select lines", show=False, id="log.select"),
    Binding("y", "copy", "copy lines", id="log.copy"),
    Binding("escape", "leave", "end selection, search, filter", show=False, id="log.leave"),
)
