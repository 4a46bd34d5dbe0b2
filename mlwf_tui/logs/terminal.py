"""What a terminal would show of a log: overwriting, cursor moves, colours; nothing else gets through."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

import msgspec

TAB_CELLS = 8
SCREEN_ROWS = 64  # how far up a program can go: nobody sees what has left the top of a terminal
MAX_COLUMNS = 1 << 16
MOVES = re.compile(rb"\x1b\[(\d{0,6})([ABEF])")
"""The codes that move the cursor to another row; nested progress bars go up with them."""

TOKENS = re.compile(
    r"[\n\r\b\t]|\x1b(?:\[([0-?]*)[ -/]*([@-~])|\][^\x07\x1b\r\n]*(?:\x07|\x1b\\)?"
    r"|[PX^_][^\x1b\r\n]*(?:\x1b\\)?|[ -/]*[0-~])"
)
COLOUR_CODES = re.compile(rb"\x1b\[[0-9;:]*m")
"""The codes that only colour what follows, in bytes."""
_COLOUR_CODE = re.compile(r"\x1b\[([0-9;:]*)m")
# What has no width, or turns the direction of writing: a log could hide or forge text with it.
HIDDEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff]"
)
COLOURS = ("", "red", "green", "yellow", "blue", "magenta", "cyan", "")

Span = tuple[int, int, str]
"""(start, end, colour): the colour of a part of a line, one of COLOURS, "bold" or "dim"."""


class Shown(msgspec.Struct, frozen=True):
    """One line as a person reads it: text without any control code, and where a program coloured it."""

    text: str
    colours: tuple[Span, ...] = ()


def show_line(data: bytes) -> Shown:
    """Return the line that stands on the screen at last, of bytes without a cursor move to other rows."""
    text = data.decode("utf-8", "replace")
    if text.isprintable():
        return Shown(HIDDEN.sub("", text) if not text.isascii() else text)
    text = text.rstrip("\r\n")
    if "\x1b" in text or "\b" in text:
        return _show_coloured(text) or draw(text, row=0, count=0).get(0, Shown(""))
    if "\r" not in text:
        return Shown(_clean(text))
    shown = ""
    for part in text.split("\r"):
        over = _clean(part)
        shown = over + shown[len(over) :]
    return Shown(shown.rstrip())


def _show_coloured(text: str) -> Shown | None:
    """Return what `draw` would of a line that only has colours, at a fifth of its price; None of others."""
    parts = _COLOUR_CODE.split(text)  # a piece, parameters, a piece, …
    pieces = parts[::2]
    if len(text) > MAX_COLUMNS or not all(map(str.isprintable, pieces)):
        return None
    if not text.isascii():
        pieces = [HIDDEN.sub("", piece) for piece in pieces]
    shown = "".join(pieces).rstrip()
    colour, spans, end = _Colour(), list[Span](), len(pieces[0])
    for parameters, piece in zip(parts[1::2], pieces[1:], strict=True):
        colour.change(parameters)
        start, end = end, min(end + len(piece), len(shown))
        if not colour.name or start >= end:
            continue
        if spans and spans[-1][1:] == (start, colour.name):
            start = spans.pop()[0]
        spans.append((start, end, colour.name))
    return Shown(shown, tuple(spans))


def draw(text: str, *, row: int, count: int) -> dict[int, Shown]:
    """Play `text` from the start of `row`, where `count` rows have been written; return every row touched."""
    rows: dict[int, _Cells] = {}
    colour, position, column = _Colour(), 0, 0

    def write(piece: str) -> None:
        nonlocal column, count
        piece = HIDDEN.sub("", piece)
        if piece and column < MAX_COLUMNS:
            rows.setdefault(row, _Cells()).write(column, piece, colour.name)
            column += len(piece)
            count = max(count, row + 1)

    for token in TOKENS.finditer(text):
        write(text[position : token.start()])
        position = token.end()
        code, final = token.group(), token.group(2)
        if code == "\n":
            rows.setdefault(row, _Cells())
            row, column = row + 1, 0
            count = max(count, row)
        elif code == "\r":
            column = 0
        elif code == "\b":
            column = max(0, column - 1)
        elif code == "\t":
            column += TAB_CELLS - column % TAB_CELLS
        elif final == "m":
            colour.change(token.group(1))
        elif final is not None:
            number = _read_number(token.group(1))
            row = move_row(final, number, row, count)
            column = _move_column(final, number, column)
            if final == "K" and row in rows:
                rows[row].erase(column, token.group(1))
    write(text[position:])
    return {number: cells.show() for number, cells in rows.items()}


def move_row(final: str, number: int, row: int, count: int) -> int:
    """Return the row that the code with this last letter moves to; `count` rows have been written."""
    if final in "AF":
        return min(row, max(row - (number or 1), count - SCREEN_ROWS, 0))
    if final in "BE":
        return max(row, min(row + (number or 1), count - 1))
    return row


def _move_column(final: str, number: int, column: int) -> int:
    if final in "EF":
        return 0
    if final == "G":
        return min(MAX_COLUMNS, max(1, number)) - 1
    if final == "C":
        return min(MAX_COLUMNS, column + max(1, number))
    if final == "D":
        return max(0, column - max(1, number))
    return column


def _read_number(parameters: str) -> int:
    digits = parameters.partition(";")[0]
    return int(digits[:6]) if digits.isdecimal() else 0


def _clean(text: str) -> str:
    return HIDDEN.sub("", text.expandtabs(TAB_CELLS) if "\t" in text else text)


class _Cells:
    """One row while it is written: its characters and their colours."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._colours: list[str] = []

    def write(self, column: int, text: str, colour: str) -> None:
        if len(self._text) < column:
            gap = column - len(self._text)
            self._text += " " * gap
            self._colours += [""] * gap
        self._text[column : column + len(text)] = text
        self._colours[column : column + len(text)] = [colour] * len(text)

    def erase(self, column: int, mode: str) -> None:
        """Erase to the end of the row, with "1" from its start, with "2" all of it."""
        if mode == "1":
            self.write(0, " " * column, "")
        else:
            start = 0 if mode == "2" else column
            del self._text[start:], self._colours[start:]

    def show(self) -> Shown:
        text = "".join(self._text).rstrip()
        spans: list[Span] = []
        start = 0
        for end in range(1, len(text) + 1):
            if end == len(text) or self._colours[end] != self._colours[start]:
                if self._colours[start]:
                    spans.append((start, end, self._colours[start]))
                start = end
        return Shown(text, tuple(spans))


class _Colour:
    """The colour that is written with, as codes change it; of many colours the nearest of eight."""

    def __init__(self) -> None:
        self._colour = ""
        self._weight = ""

    @property
    def name(self) -> str:
        return self._colour or self._weight

    def change(self, parameters: str) -> None:
        codes = [*_read_codes(parameters)]
        while codes:
            code = codes.pop(0)
            if code in (38, 48):
                colour = _take_colour(codes)
                self._colour = colour if code == 38 else self._colour
            elif code in (0, 39):
                self._colour = ""
                self._weight = self._weight if code else ""
            elif code in (1, 2, 22):
                self._weight = {1: "bold", 2: "dim", 22: ""}[code]
            elif 30 <= code <= 37 or 90 <= code <= 97:
                self._colour = "dim" if code == 90 else COLOURS[code % 10]


@lru_cache(maxsize=256)  # a log has a few
def _read_codes(parameters: str) -> tuple[int, ...]:
    return tuple(_read_number(word) for word in parameters.replace(":", ";").split(";"))


def _take_colour(codes: list[int]) -> str:
    """Take the numbers of a colour off the list and return the nearest of the eight."""
    kind = codes.pop(0) if codes else 0
    if kind == 2:
        red, green, blue = [*codes[:3], 0, 0, 0][:3]
        del codes[:3]
        return _find_nearest(red, green, blue)
    number = codes.pop(0) if kind == 5 and codes else 0
    if number < 16:
        return "dim" if number == 8 else COLOURS[number % 8]
    if number >= 232:
        return "dim" if number < 244 else ""
    steps: Callable[[int], int] = lambda value: value * 51  # noqa: E731
    return _find_nearest(*(steps((number - 16) // size % 6) for size in (36, 6, 1)))


CORNERS: Mapping[tuple[bool, bool, bool], str] = {
    (True, False, False): "red", (False, True, False): "green", (True, True, False): "yellow",
    (False, False, True): "blue", (True, False, True): "magenta", (False, True, True): "cyan",
}  # fmt: skip


def _find_nearest(red: int, green: int, blue: int) -> str:
    low, high = min(red, green, blue), max(red, green, blue)
    if high - low < 40:
        return "dim" if high < 128 else ""
    middle = (low + high) / 2
    return CORNERS.get((red > middle, green > middle, blue > middle), "")
