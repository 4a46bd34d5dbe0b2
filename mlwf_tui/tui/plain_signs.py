"""The app's signs in ASCII, for terminals whose font has no others: one letter a kind, one sign a state.

What a person has written stays as it is. The signs are replaced at the very end, where cells are written
(`terminal.py`), so that no widget knows of it.
"""

from __future__ import annotations

from collections.abc import Mapping

VARIABLE = "MLWF_ASCII"
POOR_TERMINALS = ("linux", "vt100", "vt102", "vt220", "dumb")
BRAILLE = range(0x2800, 0x2900)
_BY_SIGN = {
    "─╌╴╶—–": "-", "│╷╵‖▏": "|", "╭╮╰╯┬┴┼├┤└┌┐┘": "+", "━": "=", "┃┏┓┗┛┣┫": "#",
    "▶▸›→": ">", "◀‹←": "<", "↑▲△": "^", "▼▾↓": "v",
    "…": "~", "·": ".", "×": "x", "“”": '"', "↔": "=", "≠": "#", "≥": ">", "±": "~",
    "⏎↵": "/", "⌫": "<", "⇧": "^",
    "▢": "D", "§": "R", "▫": "s", "▯": "F", "◈": "d", "⌁": "S", "✎": "L",  # kinds of cards
    "◇": "p", "◆": "V", "▤": "B", "ƒ": "*",
    "✓": "+", "✗": "x", "●": "o", "○": ".", "◌": ".", "◐": "~", "◑": "~",  # states
    "■": "#", "□": "o", "⚠": "!", "⧗": "%",
    "█▉▊▋▇▆▓": "#", "▌▍▅▄▀▒": "=", "▎▃▂▁░": "-", "°": "o",  # bars and blocks
}  # fmt: skip
ASCII: Mapping[str, str] = {
    **{sign: plain for signs, plain in _BY_SIGN.items() for sign in signs},
    **{chr(code): " .:;+*#%@"[(code - BRAILLE.start).bit_count()] for code in BRAILLE},
}
"""What each sign is written as, character for character."""


def is_wanted(environment: Mapping[str, str]) -> bool:
    """Whether to write ASCII: because a person says so, or the terminal is known to have nothing else."""
    chosen = environment.get(VARIABLE, "")
    return chosen != "0" if chosen else environment.get("TERM", "") in POOR_TERMINALS
