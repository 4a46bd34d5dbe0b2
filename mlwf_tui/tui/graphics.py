"""Pictures in real pixels on terminals that have Kitty's graphics, drawn as text that stands for them.

A picture is sent once and gets a number; cells with a placeholder character, whose colour is the number and
whose marks are row and column, show it. So dialogs, scrolling and sending only the cells that differ work as
for any other text. Whether a terminal can is told by the environment alone: asking it would take an
answer from what a person types (decision 071).

Source: https://sw.kovidgoyal.net/kitty/graphics-protocol/#unicode-placeholders
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from textual.app import App

VARIABLE = "MLWF_PICTURES"
KITTY = "kitty"
"""What the variable says for pixels wherever it is; anything else is for half blocks."""
TERMINALS = ("xterm-kitty", "xterm-ghostty", "ghostty")
MULTIPLEXERS = ("TMUX", "STY")  # they keep the sequences to themselves
PLACEHOLDER = "\U0010eeee"
CHUNK = 4096  # characters of a picture in one sequence; more is refused
FIRST_NUMBER, LAST_NUMBER = 1 << 16, (1 << 24) - 1  # as many as a colour tells, beyond what others begin with

_MARKS = (
    "305 30d-30e 310 312 33d-33f 346 34a-34c 350-352 357 35b 363-36f 483-487 592-595 597-599 59c-5a1 "
    "5a8-5a9 5ab-5ac 5af 5c4 610-617 657-65b 65d-65e 6d6-6dc 6df-6e2 6e4 6e7-6e8 6eb-6ec 730 732-733 "
    "735-736 73a 73d 73f-741 743 745 747 749-74a 7eb-7f1 7f3 816-819 81b-823 825-827 829-82d 951 "
    "953-954 f82-f83 f86-f87 135d-135f 17dd 193a 1a17 1a75-1a7c 1b6b 1b6d-1b73 1cd0-1cd2 1cda-1cdb "
    "1ce0 1dc0-1dc1 1dc3-1dc9 1dcb-1dcc 1dd1-1de6 1dfe 20d0-20d1 "
)
"""The marks that stand for the numbers from 0, in hex; stretches with a hyphen."""


def is_wanted(environment: Mapping[str, str]) -> bool:
    """Whether the terminal shows pictures, as far as its environment tells."""
    chosen = environment.get(VARIABLE, "")
    if chosen:
        return chosen == KITTY
    if any(environment.get(name) for name in MULTIPLEXERS):
        return False
    names = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
    return any(name in TERMINALS for name in names) or bool(environment.get("KITTY_WINDOW_ID"))


def has_graphics(app: App[Any]) -> bool:
    """Whether the app draws pictures in pixels: on such a terminal, in all colours."""
    is_plain = app.no_color or app.native_ansi_color or app.console.color_system != "truecolor"
    is_unseen = app.is_headless and os.environ.get(VARIABLE) != KITTY
    return is_wanted(os.environ) and not is_plain and not is_unseen


def fits(columns: int, rows: int) -> bool:
    """Whether there are marks for so many cells."""
    return max(columns, rows) <= len(list_marks())


def write_picture(number: int, png: bytes, columns: int, rows: int) -> str:
    """Return what sends a picture to the terminal, to be shown in so many cells as soon as they are drawn."""
    text = b64encode(png).decode("ascii")
    chunks = [text[at : at + CHUNK] for at in range(0, len(text), CHUNK)]
    return "".join(_iter_sequences(number, chunks, columns, rows))


def _iter_sequences(number: int, chunks: list[str], columns: int, rows: int) -> Iterator[str]:
    for place, chunk in enumerate(chunks):
        head = f"a=T,U=1,f=100,t=d,i={number},c={columns},r={rows},q=2," if place == 0 else "q=2,"
        yield f"\x1b_G{head}m={int(place < len(chunks) - 1)};{chunk}\x1b\\"


def write_removal(number: int) -> str:
    """Return what lets the terminal forget a picture."""
    return f"\x1b_Ga=d,d=I,i={number},q=2\x1b\\"


def write_row(row: int, columns: int, first: int = 0) -> str:
    """Return the cells that show one row of a picture, from a column on; their colour says which picture."""
    marks = list_marks()
    return "".join(f"{PLACEHOLDER}{marks[row]}{marks[column]}" for column in range(first, columns))


@cache
def list_marks() -> tuple[str, ...]:
    """Return the characters that stand for the numbers from 0."""
    stretches = (stretch.partition("-") for stretch in _MARKS.split())
    return tuple(
        chr(code)
        for first, _, last in stretches
        for code in range(int(first, 16), int(last or first, 16) + 1)
    )
