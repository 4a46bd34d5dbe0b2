"""What a terminal is sent so that a person notices without looking: the bell, OSC 9 and OSC 777."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

BELL, OSC9, OSC777 = "bell", "osc9", "osc777"
MAX_TEXT = 200
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
KNOWS_BOTH = ("xterm-kitty", "xterm-ghostty", "wezterm", "WezTerm", "ghostty")


def write_notice(title: str, text: str, ways: Collection[str], environment: Mapping[str, str]) -> str:
    """Return what to write for a notice, by those of `ways` that are wanted.

    Terminals leave out what they do not know; those known to know both ways are sent one, for two would
    be shown. Inside tmux the notice is wrapped to be passed through, which tmux does with its
    `allow-passthrough`; the bell reaches it in any case.
    """
    wanted = set(ways)
    if {OSC9, OSC777} <= wanted and any(
        environment.get(name) in KNOWS_BOTH for name in ("TERM", "TERM_PROGRAM")
    ):
        wanted.remove(OSC9)
    title, text = _clean(title).replace(";", ","), _clean(text)
    notes = []
    if OSC9 in wanted:
        notes.append(f"\x1b]9;{title}: {text}\x1b\\")
    if OSC777 in wanted:
        notes.append(f"\x1b]777;notify;{title};{text}\x1b\\")
    if environment.get("TMUX"):
        notes = [_wrap_for_tmux(note) for note in notes]
    return "".join(notes) + ("\a" if BELL in wanted else "")


def _wrap_for_tmux(sequence: str) -> str:
    return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"


def _clean(text: str) -> str:
    """Return one line without anything that a terminal would take for an order."""
    return CONTROL.sub(" ", text).strip()[:MAX_TEXT]
