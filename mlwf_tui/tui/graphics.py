"""Pictures in real pixels on terminals that have them, drawn as text that stands for them.

A picture is sent once and gets a number; cells with a placeholder character, whose colour is the number and
whose marks are row and column, show it. So dialogs, scrolling and sending only the cells that differ work as
for any other text. With Kitty's graphics the terminal itself puts the pixels there; with Sixel's
`tui/terminal.py` does. What a terminal can is told by the environment alone: asking it would take an
answer from what a person types (decision 071).

Source: https://sw.kovidgoyal.net/kitty/graphics-protocol/#unicode-placeholders
"""

from __future__ import annotations

import os
import subprocess
from base64 import b64encode
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cache
from typing import Any

from textual.app import App

from mlwf_tui.entities.health import Check, Health

VARIABLE = "MLWF_PICTURES"


class Graphics(Enum):
    """How a picture gets onto the terminal; the value is what the variable says for it."""

    KITTY = "kitty"
    SIXEL = "sixel"
    BLOCKS = "blocks"


KITTY_TERMINALS = ("xterm-kitty", "xterm-ghostty", "ghostty")
SIXEL_TERMINALS = ("foot", "foot-extra", "mlterm", "contour", "WezTerm", "iTerm.app", "iTerm2", "mintty")
SIXEL_KONSOLE = 220_400  # the first version that has it
ASK_TIMEOUT_S = 1.0
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


def choose_graphics(environment: Mapping[str, str]) -> Graphics:
    """Return what the terminal shows, as far as its environment tells; a person's choice holds."""
    chosen = environment.get(VARIABLE, "")
    if chosen:
        return next((of for of in Graphics if of.value == chosen), Graphics.BLOCKS)
    if environment.get("TMUX"):
        return Graphics.SIXEL if _has_tmux_sixels() else Graphics.BLOCKS
    if environment.get("STY"):  # screen keeps all such sequences to itself
        return Graphics.BLOCKS
    names = {environment.get(name, "") for name in ("TERM", "TERM_PROGRAM", "LC_TERMINAL")}
    if names.intersection(KITTY_TERMINALS) or environment.get("KITTY_WINDOW_ID"):
        return Graphics.KITTY
    konsole = environment.get("KONSOLE_VERSION", "")
    is_konsole = konsole.isdecimal() and int(konsole) >= SIXEL_KONSOLE
    return Graphics.SIXEL if is_konsole or names.intersection(SIXEL_TERMINALS) else Graphics.BLOCKS


@cache
def _has_tmux_sixels() -> bool:
    """Whether tmux draws sixels, and says that the terminal around it does: from 3.6 on, where built so."""
    words = ("tmux", "display-message", "-p", "#{sixel_support} #{client_termfeatures}")
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=ASK_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return False
    support, _, features = done.stdout.strip().partition(" ")
    return support == "1" and "sixel" in features.split(",")


def find_graphics(app: App[Any]) -> Graphics:
    """Return how the app draws pictures: in pixels on such a terminal, in all colours."""
    is_plain = app.no_color or app.native_ansi_color or app.console.color_system != "truecolor"
    if is_plain or (app.is_headless and not os.environ.get(VARIABLE)):
        return Graphics.BLOCKS
    return choose_graphics(os.environ)


def check_graphics(environment: Mapping[str, str]) -> Check:
    """How pictures are drawn, for doctor."""
    found = {
        Graphics.KITTY: "in pixels (Kitty's graphics)",
        Graphics.SIXEL: "in pixels (Sixel)",
        Graphics.BLOCKS: "in half blocks",
    }[choose_graphics(environment)]
    if environment.get(VARIABLE):
        return Check("pictures", Health.OK, f"{found}, as {VARIABLE} says")
    hint = f"export {VARIABLE}=sixel or =kitty, where your terminal has pixels: ssh does not tell."
    return Check("pictures", Health.OK, found, hint if found == "in half blocks" else "")


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


def read_cell(text: str) -> tuple[int, int] | None:
    """Return which row and column of a picture a cell's text stands for, None where it is no such text."""
    if not text.startswith(PLACEHOLDER) or len(text) != len(PLACEHOLDER) + 2:
        return None
    places = _list_places()
    return places[text[-2]], places[text[-1]]


@cache
def _list_places() -> dict[str, int]:
    return {mark: place for place, mark in enumerate(list_marks())}
