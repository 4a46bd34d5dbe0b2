"""Draws the lines of a log in ink: by their level, in the program's own colours, with matches marked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from rich.cells import cell_len, chop_cells, set_cell_size

from mlwf_tui.logs.levels import Level
from mlwf_tui.logs.terminal import Shown
from mlwf_tui.tui.widgets.drawing import Line, Run, measure_line

LOG_ROLES = {"log--match", "log--current", "log--badge", "log--selected", "log--status"}
LOG_CSS = """
LogView > .log--match { background: $warning 40%; color: $foreground; }
LogView > .log--current { background: $warning; color: $background; text-style: bold; }
LogView > .log--badge { background: $warning; color: $background; text-style: bold; }
LogView > .log--selected { background: $primary 35%; color: $foreground; }
LogView > .log--status { background: $panel; }
LogView:ansi > .log--match { text-style: reverse; }
LogView:ansi > .log--current { text-style: reverse bold; }
LogView:ansi > .log--selected { text-style: reverse; }
"""
MAX_COLUMNS = 2000  # of a line that can be scrolled to when lines are not wrapped
LEVEL_ROLES: Mapping[Level, str] = {
    Level.ERROR: "error", Level.WARNING: "warning", Level.INFO: "text",
    Level.DEBUG: "muted", Level.PROGRESS: "muted",
}  # fmt: skip
COLOUR_ROLES: Mapping[str, str] = {
    "red": "error", "green": "success", "yellow": "warning", "blue": "primary", "magenta": "secondary",
    "cyan": "accent", "bold": "strong", "dim": "muted",
}  # fmt: skip
"""A program's colours become the theme's, which can be read on its background."""


def draw_line(shown: Shown, level: Level, marks: Sequence[tuple[int, int]], mark_role: str) -> Line:
    """Return a whole line; `marks` are the parts that a search has found."""
    if not shown.colours and not marks:
        return [(shown.text, LEVEL_ROLES[level])]
    roles = [LEVEL_ROLES[level]] * len(shown.text)
    for start, end, colour in shown.colours:
        roles[start:end] = [COLOUR_ROLES[colour]] * (min(end, len(roles)) - start)
    for start, end in marks:
        roles[start:end] = [mark_role] * (end - start)
    line: Line = []
    start = 0
    for role, same in groupby(roles):
        end = start + len(list(same))
        line.append((shown.text[start:end], role))
        start = end
    return line


def cut_line(line: Line, left: int, width: int) -> Line:
    """Return what is seen of a line from a cell on, with an ellipsis where it goes on."""
    line = list(_skip_cells(line, left)) if left else line
    if measure_line(line) <= width:
        return line
    cut: Line = []
    room = width - 1
    for text, role in line:
        if cell_len(text) >= room:
            return [*cut, (set_cell_size(text, room) + "…", role)]
        cut.append((text, role))
        room -= cell_len(text)
    return cut


def wrap_line(line: Line, width: int) -> list[Line]:
    """Return a line in rows of at most `width` cells."""
    rows: list[Line] = [[]]
    room = width
    for text, role in line:
        while text:
            if cell_len(text) <= room:
                rows[-1].append((text, role))
                room -= cell_len(text)
                break
            part = chop_cells(text, room)[0] if room else ""
            if part and cell_len(part) <= room:
                rows[-1].append((part, role))
                text = text[len(part) :]
            rows.append([])
            room = width
    return rows


def _skip_cells(line: Line, cells: int) -> Iterator[Run]:
    for text, role in line:
        length = cell_len(text)
        if length <= cells:
            cells -= length
        else:
            rest = text[cells:] if length == len(text) else "".join(chop_cells(text, cells)[1:] or [text])
            yield (rest if cells else text), role
            cells = 0
