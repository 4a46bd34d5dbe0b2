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
from itertools import groupby

from rich.cells import split_graphemes
from rich.color import ColorSystem
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from textual import __version__
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.strip import Strip

from mlwf_tui.entities.health import Check, Health
from mlwf_tui.tui.graphics import PLACEHOLDER, read_cell

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
NUMBER = re.compile(r"38;2;(\d+);(\d+);(\d+)")
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


def check_output(environment: Mapping[str, str]) -> Check:
    """Whether only what changes is sent, for doctor."""
    if not is_wanted(environment):
        return Check("output", Health.OK, f"whole regions are sent: {PLAIN_VARIABLE} is set")
    obstacle = find_obstacle()
    if obstacle:
        return Check(
            "output", Health.WARN, f"whole regions are sent: {obstacle}", "pip install 'textual<8.3'"
        )
    return Check("output", Health.OK, "only the cells that change are sent")


class CellDiff:
    """Remembers what every cell of the terminal shows, and writes updates as differences from it.

    `signs` says what to write in the place of some characters, each as wide as what it stands for.
    Cells of the pictures that are kept here are not written: the strips of their pixels are.
    """

    def __init__(self, signs: Mapping[str, str] | None = None) -> None:
        self._signs = signs or {}
        self._strips: dict[int, tuple[str, ...]] = {}
        self._has_strips = False  # from the first picture on; elsewhere the terminal itself knows the cells
        self._size = (0, 0)
        self._rows: list[list[Cell]] = []

    def forget(self) -> None:
        """Take it that nothing is known of what the terminal shows."""
        self._size = (0, 0)

    def keep_picture(self, number: int, strips: tuple[str, ...]) -> None:
        """Keep what draws each row of a picture, whose cells are drawn from now on."""
        self._strips[number] = strips
        self._has_strips = True

    def drop_picture(self, number: int) -> None:
        """Forget a picture whose cells are not drawn any more."""
        self._strips.pop(number, None)

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
        pen = _Pen()
        pictured: dict[int, set[int]] = {}  # numbers of the pictures that have new cells, by row
        for x, y, segments in pieces:
            cells = self._make_cells(segments, colors)
            if numbers := self._find_new_pictures(x, y, cells):
                pictured.setdefault(y, set()).update(numbers)
            self._write_row(pen, x, y, cells)
        for y, numbers in pictured.items():
            self._write_strips(pen, y, numbers)
        return pen.finish()

    def _make_cells(self, segments: Iterable[Segment], colors: ColorSystem) -> list[Cell]:
        cells, signs = _make_cells(segments, colors), self._signs
        return [(signs.get(text, text), codes) for text, codes in cells] if signs else cells

    def _write_row(self, pen: _Pen, x: int, y: int, cells: list[Cell]) -> None:
        if y >= len(self._rows) or x >= len(self._rows[y]):
            return  # drawn for a larger terminal than it is by now
        known = self._rows[y]
        cells = cells[: len(known) - x]
        end = x + len(cells)
        if known[x:end] == cells:
            return
        for first, last in _find_runs(known[x:end], cells):
            for start, run in self._split_at_pictures(cells[first:last]):
                pen.write(x + first + start, y, run)
        known[x:end] = cells

    def _find_new_pictures(self, x: int, y: int, cells: list[Cell]) -> set[int]:
        """Return the pictures of which cells come that are not shown yet."""
        if not self._strips or y >= len(self._rows):
            return set()
        pairs = zip(cells, self._rows[y][x : x + len(cells)], strict=False)
        numbers = {_read_number(cell) for cell, before in pairs if cell != before}
        return numbers & self._strips.keys()

    def _split_at_pictures(self, cells: list[Cell]) -> Iterator[tuple[int, list[Cell]]]:
        """Yield places and cells of what is written as text."""
        if not self._has_strips:
            yield 0, cells
            return
        start = 0
        for is_picture, group in groupby(cells, key=lambda cell: _read_number(cell) > 0):
            run = list(group)
            if not is_picture:
                yield start, run
            start += len(run)

    def _write_strips(self, pen: _Pen, y: int, numbers: set[int]) -> None:
        """Draw rows of pictures, and again what lies over them.

        One that sticks out at a side is not drawn, nor what would scroll a terminal at its last row.
        """
        cells = self._rows[y]
        for number in numbers if y < len(self._rows) - 1 else ():
            at = next((x for x, cell in enumerate(cells) if _read_number(cell) == number), None)
            found = None if at is None else read_cell(cells[at][0])
            if at is None or found is None:  # covered again in the same frame
                continue
            row, column = found
            last = max(x for x, cell in enumerate(cells) if _read_number(cell) == number)
            strips = self._strips[number]
            if row < len(strips) and at >= column:
                pen.draw(at - column, y, strips[row])
                for start, run in self._split_at_pictures(cells[at - column : last + 1]):
                    pen.write(at - column + start, y, run)


class _Pen:
    """Writes runs of cells; moves and changes its style only where the last run has left them otherwise."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._row = -1
        self._codes = ""

    def write(self, x: int, y: int, cells: list[Cell]) -> None:
        """Write a run that begins at this cell."""
        parts = self._parts
        parts.append(f"\x1b[{x + 1}G" if y == self._row else f"\x1b[{y + 1};{x + 1}H")
        is_adrift = False  # the cursor may stand elsewhere than Textual measured
        for column, (text, codes) in enumerate(cells, x + 1):
            if text and is_adrift:
                parts.append(f"\x1b[{column}G")
                is_adrift = False
            if codes != self._codes:
                parts.append(_change_codes(self._codes, codes))
                self._codes = codes
            if _is_joined(text):
                is_adrift = True
                parts.append(f"  \x1b[{column}G")  # blank where a terminal takes it for narrower than Textual
            parts.append(text)
        self._row = y

    def draw(self, x: int, y: int, sequence: str) -> None:
        """Send what draws from this cell on and leaves the cursor anywhere."""
        self._parts.append(f"\x1b[{y + 1};{x + 1}H{sequence}")
        self._row = -1

    def finish(self) -> str:
        """Return what was written, with the terminal's own style at its end."""
        if self._codes:
            self._parts.append("\x1b[0m")
        return "".join(self._parts)


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


def _read_number(cell: Cell) -> int:
    """Return the number of the picture that a cell is one of, 0 for text."""
    text, codes = cell
    if not text.startswith(PLACEHOLDER):
        return 0
    color = NUMBER.search(codes)
    return int.from_bytes(map(int, color.groups())) if color else 0


def _is_joined(text: str) -> bool:
    """Whether terminals disagree on how wide it is: several characters that are drawn as one."""
    return len(text) > 1 and JOINS.search(text, 1) is not None


@lru_cache(maxsize=4096)
def _change_codes(before: str, after: str) -> str:
    """Return what changes the terminal from one style to another, the shorter the better."""
    attributes, foreground, background = _split_codes(after)
    old_attributes, old_foreground, old_background = _split_codes(before)
    if attributes != old_attributes:
        return f"\x1b[0;{after}m" if after else "\x1b[0m"
    if not after:
        return "\x1b[0m"
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
