"""What goes over the wire: only the cells that changed, and nothing while the terminal does not read.

Textual sends the whole region of a widget that is dirty, and waits for a terminal that has stopped
reading. Both are felt over SSH: a change of focus is 85 KB, and a lost connection stops the app's loop
for as long as it lasts. This is the one module that knows Textual's insides. `MLWF_PLAIN_OUTPUT=1` turns
it off; a Textual that it was not tried with, or whose insides are others, writes as it always does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from inspect import signature

from rich.cells import split_graphemes
from rich.color import ColorSystem
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from textual import __version__
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.strip import Strip

PLAIN_VARIABLE = "MLWF_PLAIN_OUTPUT"
TRIED_TEXTUAL = ("8.2.",)
"""Beginnings of the versions of Textual whose insides are known."""
INSIDES = ((LayoutUpdate, ("strips", "region")), (ChopsUpdate, ("chops", "spans", "chop_ends")))
MAX_GAP = 5  # unchanged cells between two changed ones are sent too: moving the cursor costs as much
MAX_QUEUED_WRITES = 8  # of the 30 after which the writer thread makes the loop wait
Cell = tuple[str, str]
"""A character with its combining marks, and its SGR codes; the right half of a wide one is "" ."""

SGR = re.compile(
    r"(?P<attributes>(?:(?:[1-9]|2[0-9]|5[0-9])(?:;|$))*?)"
    r"(?P<foreground>38;2;\d+;\d+;\d+|38;5;\d+|3[0-79]|9[0-7])?;?"
    r"(?P<background>48;2;\d+;\d+;\d+|48;5;\d+|4[0-79]|10[0-7])?"
)
JOINS = re.compile("[\u200d\ufe0f\U0001f3fb-\U0001f3ff]")
"""What makes one picture of several characters: the joiner, the selector of emoji, tones of skin."""
UNKNOWN: Cell = ("\0", "")


def is_wanted(environment: Mapping[str, str]) -> bool:
    """Return whether a person has not turned this module off."""
    return environment.get(PLAIN_VARIABLE, "") in ("", "0")


def find_obstacle(version: str = __version__) -> str:
    """Return why differences cannot be written with this Textual; "" where they can."""
    if not version.startswith(TRIED_TEXTUAL):
        return f"Textual {version} was not tried"
    for kind, names in INSIDES:
        missing = [name for name in names if name not in signature(kind).parameters]
        if missing:
            return f"Textual {version} has no {kind.__name__}.{missing[0]}"
    return ""


class CellDiff:
    """Remembers what every cell of the terminal shows, and writes updates as differences from it.

    `signs` says what to write in the place of some characters, each as wide as what it stands for.
    """

    def __init__(self, signs: Mapping[str, str] | None = None) -> None:
        self._signs = signs or {}
        self._size = (0, 0)
        self._rows: list[list[Cell]] = []

    def forget(self) -> None:
        """Take it that nothing is known of what the terminal shows."""
        self._size = (0, 0)

    def wrap(self, update: LayoutUpdate | ChopsUpdate, size: tuple[int, int]) -> DiffedUpdate:
        """Return an update that writes only what differs, when it is rendered."""
        return DiffedUpdate(self, update, size)

    def render(self, update: LayoutUpdate | ChopsUpdate, size: tuple[int, int], console: Console) -> str:
        """Return what to write for `update`, and remember it as shown; `size` is columns, rows."""
        if size != self._size:
            self._size = size
            self._rows = [[UNKNOWN] * size[0] for _ in range(size[1])]
        colors = console._color_system or ColorSystem.TRUECOLOR
        pieces = _iter_layout(update) if isinstance(update, LayoutUpdate) else _iter_chops(update)
        return "".join(self._write_row(x, y, self._make_cells(segments, colors)) for x, y, segments in pieces)

    def _make_cells(self, segments: Iterable[Segment], colors: ColorSystem) -> list[Cell]:
        cells, signs = _make_cells(segments, colors), self._signs
        return [(signs.get(text, text), codes) for text, codes in cells] if signs else cells

    def _write_row(self, x: int, y: int, cells: list[Cell]) -> str:
        if y >= len(self._rows) or x >= len(self._rows[y]):
            return ""  # drawn for a larger terminal than it is by now
        known = self._rows[y]
        cells = cells[: len(known) - x]
        end = x + len(cells)
        if known[x:end] == cells:
            return ""
        sequences = [
            _write_run(x + first, y, cells[first:last]) for first, last in _find_runs(known[x:end], cells)
        ]
        known[x:end] = cells
        return "".join(sequences)


class DiffedUpdate(CompositorUpdate):
    """An update that is compared with what is shown at the moment it is written."""

    def __init__(self, diff: CellDiff, update: LayoutUpdate | ChopsUpdate, size: tuple[int, int]) -> None:
        self._diff = diff
        self._update = update
        self._size = size

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        return self._update.__rich_console__(console, options)

    def render_segments(self, console: Console) -> str:
        return self._diff.render(self._update, self._size, console)


def is_backed_up(driver: object) -> bool:
    """Return whether the terminal has stopped reading what the driver's writer thread has for it."""
    queue = getattr(getattr(driver, "_writer_thread", None), "_queue", None)
    return queue is not None and queue.qsize() > MAX_QUEUED_WRITES


def _iter_layout(update: LayoutUpdate) -> Iterator[tuple[int, int, Iterable[Segment]]]:
    """Yield column, row and segments of every line of an update of the whole layout."""
    for y, line in enumerate(update.strips, update.region.y):
        yield update.region.x, y, (segment for strip in line for segment in strip)


def _iter_chops(update: ChopsUpdate) -> Iterator[tuple[int, int, Iterable[Segment]]]:
    """Yield column, row and segments of every piece of a partial update."""
    for y, first, last in update.spans:
        for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            if strip is None or x > last or end <= first:
                continue
            is_whole = last > x >= first and end <= last
            yield x, y, strip if is_whole else strip.crop(0, min(end, last) - x)


def _make_cells(segments: Iterable[Segment], colors: ColorSystem) -> list[Cell]:
    cells: list[Cell] = []
    for text, style, control in segments:
        if control:
            continue
        codes = ""
        if style is not None:
            codes = Strip.render_ansi(style, colors) if style._ansi is None else style._ansi
        if text.isascii():
            blank = (" ", _drop_foreground(codes))
            cells += [blank if character == " " else (character, codes) for character in text]
        else:
            _append_wide(cells, text, codes)
    return cells


def _append_wide(cells: list[Cell], text: str, codes: str) -> None:
    """Append cell by cell what is not ASCII, measured as Textual did: wide characters take two.

    Marks, and what is joined to a character, are written with it.
    """
    for first, last, width in split_graphemes(text)[0]:
        character = text[first:last]
        if width == 0 and cells:
            before, before_codes = cells[-1]
            cells[-1] = (before + character, before_codes)
        elif width:
            cells.append((character, codes))
            cells += [("", codes)] * (width - 1)


def _find_runs(known: list[Cell], cells: list[Cell]) -> Iterator[tuple[int, int]]:
    """Yield first and last of the runs to write; near ones are joined, no wide character is cut."""
    first, last = -1, -1
    for place, (before, after) in enumerate(zip(known, cells, strict=True)):
        if before == after:
            continue
        if first >= 0 and place - last <= MAX_GAP:
            last = place + 1
            continue
        if first >= 0:
            yield _widen(cells, first, last)
        first, last = place, place + 1
    if first >= 0:
        yield _widen(cells, first, last)


def _widen(cells: list[Cell], first: int, last: int) -> tuple[int, int]:
    while first > 0 and cells[first][0] == "":
        first -= 1
    while last < len(cells) and cells[last][0] == "":
        last += 1
    if any(_is_joined(text) for text, _ in cells[first:last]):
        return first, len(cells)  # a terminal that takes it for wider has written over what follows
    return first, last


def _is_joined(text: str) -> bool:
    """Whether terminals disagree on how wide it is: several characters that are drawn as one."""
    return len(text) > 1 and JOINS.search(text, 1) is not None


def _write_run(x: int, y: int, cells: list[Cell]) -> str:
    parts = [f"\x1b[{y + 1};{x + 1}H"]
    shown = ""
    is_adrift = False  # the cursor may stand elsewhere than Textual measured
    for column, (text, codes) in enumerate(cells, x + 1):
        if text and is_adrift:
            parts.append(f"\x1b[{column}G")
            is_adrift = False
        if codes != shown:
            parts.append(_change_codes(shown, codes))
            shown = codes
        if _is_joined(text):
            is_adrift = True
            parts.append(f"  \x1b[{column}G")  # blank where a terminal takes it for narrower than Textual
        parts.append(text)
    if shown:
        parts.append("\x1b[0m")
    return "".join(parts)


@lru_cache(maxsize=4096)
def _change_codes(before: str, after: str) -> str:
    """Return what changes the terminal from one style to another, the shorter the better."""
    attributes, foreground, background = _split_codes(after)
    old_attributes, old_foreground, old_background = _split_codes(before)
    if attributes != old_attributes:
        return f"\x1b[0;{after}m" if after else "\x1b[0m"
    changed = []
    if foreground != old_foreground:
        changed.append(foreground or "39")
    if background != old_background:
        changed.append(background or "49")
    return f"\x1b[{';'.join(changed)}m"


@lru_cache(maxsize=4096)
def _drop_foreground(codes: str) -> str:
    """Return the codes that can be seen of a blank: none of its own colour, if nothing underlines it."""
    attributes, _, background = _split_codes(codes)
    return codes if attributes else background


@lru_cache(maxsize=4096)
def _split_codes(codes: str) -> tuple[str, str, str]:
    """Return attributes, foreground and background of SGR codes as Textual writes them, in this order."""
    found = SGR.fullmatch(codes)
    assert found is not None, codes
    return found["attributes"] or "", found["foreground"] or "", found["background"] or ""
