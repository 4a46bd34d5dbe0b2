"""How the app writes ages, sizes, counts and states; pure text, no widget."""

from __future__ import annotations

import re
from datetime import datetime

from mlwf_tui.entities.pace import TimeLeft

STATE_GLYPHS = {
    "queued": "◌",
    "claimed": "○",
    "running": "●",
    "pausing": "◑",
    "paused": "‖",
    "stopping": "◐",
    "done": "✓",
    "failed": "✗",
    "stopped": "■",
    "lost": "?",
}
"""One glyph a run state; each has its own shape, so none is told apart by colour alone."""

STEP_GLYPHS = {
    "waiting": "○",
    "cached": "=",
    "running": "●",
    "done": "✓",
    "failed": "✗",
    "stopped": "■",
}
"""One glyph a state of a pipeline's step; `=` is the same as before."""

STEP_STYLES = {
    "waiting": "$text-muted",
    "cached": "$success",
    "running": "$accent",
    "done": "$success",
    "failed": "$error",
    "stopped": "$text-muted",
}

STATE_STYLES = {
    "queued": "$text-muted",
    "claimed": "$accent",
    "running": "$accent",
    "pausing": "$warning",
    "paused": "$warning",
    "stopping": "$warning",
    "done": "$success",
    "failed": "$error",
    "stopped": "$text-muted",
    "lost": "$warning",
}

FUNCTION_KEY = re.compile(r"f\d+")
KEY_NAMES = {
    "greater_than_sign": ">",
    "less_than_sign": "<",
    "question_mark": "?",
    "exclamation_mark": "!",
    "colon": ":",
    "slash": "/",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "dollar_sign": "$",
    "f16": "menu",
    "escape": "esc",
    "enter": "⏎",
    "pageup": "pgup",
    "pagedown": "pgdn",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "left_parenthesis": "(",
    "right_parenthesis": ")",
    "backslash": "\\",
    "tilde": "~",
    "full_stop": ".",
    "comma": ",",
    "ampersand": "&",
    "percent_sign": "%",
    "apostrophe": "'",
    "asterisk": "*",
    "at": "@",
    "vertical_line": "|",
    "quotation_mark": '"',
    "underscore": "_",
    "semicolon": ";",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "backspace": "⌫",
    "number_sign": "#",
    "circumflex_accent": "^",
}


def format_age(at: datetime, now: datetime) -> str:
    """Return how long ago `at` was: "now", "5 min", "3 h", "2 d", and the date after a month."""
    seconds = (now - at).total_seconds()
    if seconds < 60:
        return "now"
    for unit_s, name, limit_s in ((60, "min", 3600), (3600, "h", 86_400), (86_400, "d", 30 * 86_400)):
        if seconds < limit_s:
            return f"{int(seconds // unit_s)} {name}"
    return at.strftime("%Y-%m-%d")


def format_time(at: datetime, now: datetime) -> str:
    """Return the local time to the second, and the age behind it."""
    local = at.astimezone(now.tzinfo)
    age = format_age(at, now)
    return f"{local:%Y-%m-%d %H:%M:%S}" + (f"  ({age})" if " " in age else "")


def format_duration(seconds: float) -> str:
    """Return a length of time as people say it: "0.4 s", "3 min 20 s", "2 h 05 min"."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def format_time_left(left: TimeLeft | None) -> str:
    """Return an estimate with its margin: "12 ± 2 min", or "—" where it cannot be known."""
    return "—" if left is None else str(left)


def format_value(value: object) -> str:
    """Return any value as a person reads it: four digits of a float, yes and no, lists with commas."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return ", ".join(format_value(part) for part in value)
    return str(value)


def format_keys(keys: str) -> str:
    """Return a binding's keys as they stand on the keyboard: "ctrl+r,U" as "^r U"."""
    return " ".join(_format_key(key.strip()) for key in keys.split(","))


def _format_key(key: str) -> str:
    if " " in key:  # two keys, one after the other
        return "".join(_format_key(part) for part in key.split(" "))
    if key.startswith("ctrl+"):
        return f"^{_format_key(key.removeprefix('ctrl+'))}"
    if key.startswith("shift+"):
        return f"⇧{_format_key(key.removeprefix('shift+'))}"
    if FUNCTION_KEY.fullmatch(key) and key not in KEY_NAMES:
        return key.upper()
    return KEY_NAMES.get(key, key)
