"""What the test of keys asks to be pressed, and what to do about what does not arrive; no terminal."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class KeyCheck(msgspec.Struct, frozen=True, kw_only=True):
    """Something to press: `names` are what the app may call it."""

    ask: str
    names: tuple[str, ...]
    use: str  # what it is for in the app
    help: str  # what to do without it
    tmux_help: str = ""  # inside tmux instead


CHECKS = (
    KeyCheck(
        ask="Ctrl+→",
        names=("ctrl+right",),
        use="moves the border of a pane",
        help="F7 and F8 do the same. On a Mac, Mission Control takes it: Settings, Keyboard, Shortcuts.",
        tmux_help="F7 and F8 do the same. In ~/.tmux.conf: set -g xterm-keys on, and no bind -n C-Right.",
    ),
    KeyCheck(
        ask="Ctrl+↑",
        names=("ctrl+up",),
        use="moves the border above the details",
        help="F7 and F8 do the same. On a Mac, Mission Control takes it: Settings, Keyboard, Shortcuts.",
        tmux_help="F7 and F8 do the same. In ~/.tmux.conf: set -g xterm-keys on, and no bind -n C-Up.",
    ),
    KeyCheck(
        ask="Shift+Tab",
        names=("shift+tab",),
        use="goes to the pane before",
        help="1, 2 and 3 go to the panes. Look in the terminal's own shortcuts for it.",
    ),
    KeyCheck(
        ask="Alt+X",
        names=("alt+x",),
        use="is free for [keys] in settings.toml",
        help="Nothing needs it. Let the terminal send Alt (on a Mac, Option) as Meta or Esc+.",
    ),
    KeyCheck(
        ask="F2",
        names=("f2",),
        use="takes the tour, and in forms copies the command",
        help="The palette (:) has the tour. Look in the terminal's or window manager's shortcuts for it.",
    ),
    KeyCheck(
        ask="F5",
        names=("f5",),
        use="reads everything again",
        help="Ctrl+L does the same. Look in the terminal's or window manager's shortcuts for it.",
    ),
    KeyCheck(
        ask="Ctrl+B",
        names=("ctrl+b",),
        use="goes a page up",
        help="PgUp does the same. GNU screen and tmux keep their prefix: press it twice, or choose another.",
        tmux_help="PgUp does the same. It is tmux's prefix: press it twice, or set -g prefix C-a.",
    ),
    KeyCheck(
        ask="Esc",
        names=("escape",),
        use="goes back",
        help="q goes back too. Look in the terminal's shortcuts for it.",
        tmux_help="q goes back too. In ~/.tmux.conf: set -sg escape-time 10.",
    ),
    KeyCheck(
        ask="a click of the mouse in this window",
        names=("click",),
        use="selects, opens, drags borders",
        help="Every click has a key as well. Allow mouse reports in the terminal's settings.",
        tmux_help="Every click has a key as well. In ~/.tmux.conf: set -g mouse on.",
    ),
    KeyCheck(
        ask="the wheel of the mouse",
        names=("wheel",),
        use="scrolls",
        help="PgUp and PgDn scroll too. Allow mouse reports in the terminal's settings.",
        tmux_help="PgUp and PgDn scroll too. In ~/.tmux.conf: set -g mouse on.",
    ),
    KeyCheck(
        ask="paste any text (Ctrl+Shift+V, or the middle button)",
        names=("paste",),
        use="fills in paths",
        help="It arrives as keys, each of which does something: allow bracketed paste in the terminal.",
        tmux_help="It arrives as keys, each of which does something: paste with tmux paste-buffer -p.",
    ),
)


def advise(check: KeyCheck, environment: Mapping[str, str]) -> str:
    """Return what to do where something does not arrive."""
    return check.tmux_help if environment.get("TMUX") and check.tmux_help else check.help
