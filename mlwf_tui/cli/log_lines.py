"""A log's lines on standard output: coloured, with a live last line on a terminal; plain to a pipe."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Mapping

from mlwf_tui.logs.levels import Level
from mlwf_tui.workflow.logs import LogLine

CODES: Mapping[str, str] = {
    "red": "31", "green": "32", "yellow": "33", "blue": "34", "magenta": "35", "cyan": "36",
    "bold": "1", "dim": "2",
}  # fmt: skip
LEVEL_CODES: Mapping[Level, str] = {Level.ERROR: "31", Level.WARNING: "33", Level.DEBUG: "2"}
ERASE_LINE = "\r\x1b[2K"


class LinePrinter:
    """Writes batch after batch; a line that is not finished is overwritten by the next."""

    def __init__(self) -> None:
        self.is_terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        self._is_colored = self.is_terminal and "NO_COLOR" not in os.environ
        self._has_unfinished = False
        self.line_count = 0

    def write(self, lines: Iterable[LogLine]) -> None:
        """Write lines at once, so that who reads has them while the log goes on."""
        text = "".join(self._draw(line) for line in lines)
        sys.stdout.buffer.write(text.encode("utf-8", "replace"))
        sys.stdout.buffer.flush()

    def end(self) -> None:
        """Leave no half line behind."""
        if self._has_unfinished:
            sys.stdout.buffer.write(ERASE_LINE.encode())
            sys.stdout.buffer.flush()

    def _draw(self, line: LogLine) -> str:
        before = ERASE_LINE if self._has_unfinished else ""
        self._has_unfinished = not line.is_finished
        if not line.is_finished:
            return before + line.text[: shutil.get_terminal_size().columns - 1]
        self.line_count += 1
        return f"{before}{self._colour(line) if self._is_colored else line.text}\n"

    def _colour(self, line: LogLine) -> str:
        if not line.shown.colours:
            code = LEVEL_CODES.get(line.level)
            return f"\x1b[{code}m{line.text}\x1b[0m" if code else line.text
        parts, end = [], 0
        for start, stop, colour in line.shown.colours:
            parts += [line.text[end:start], f"\x1b[{CODES[colour]}m{line.text[start:stop]}\x1b[0m"]
            end = stop
        return "".join([*parts, line.text[end:]])
