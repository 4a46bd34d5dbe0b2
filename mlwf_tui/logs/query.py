"""What lines are wanted of a log, by an expression and a level; told of block after block."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from mlwf_tui.logs.levels import Level, LevelReader, may_hold
from mlwf_tui.logs.log_file import LogFile
from mlwf_tui.logs.patience import compile_pattern, is_literal, limit
from mlwf_tui.logs.terminal import COLOUR_CODES, show_line

BLOCK_LIMIT_S = 0.3  # of CPU time, for one expression on one block; then each of its lines gets
LINE_LIMIT_S = 0.1
MAX_HARD_LINES = 20  # more lines that take too long, and the search ends
LOOK_BACK_LINES = 60  # for the head of a traceback
CROSSING = re.compile(r"\\[sWDnrvfAZ]|\[\^|\(\?|\\$")  # what can match an end of line
CODES = (b"\r", b"\x1b", b"\b", b"\0")  # lines without these show their bytes as they are


class Query(msgspec.Struct, frozen=True):
    """Lines that hold `pattern` and are of `level` or a graver one; `is_inverted` means: not the pattern."""

    pattern: str = ""
    level: Level = Level.PROGRESS
    is_inverted: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether every line is wanted."""
        return not self.pattern and self.level is Level.PROGRESS


def read_query(text: str, level: Level = Level.PROGRESS) -> Query:
    """Return the query for what a person wrote: an expression, or `!` and one that must not be found."""
    is_inverted = text.startswith("!") and len(text) > 1
    return Query(text[is_inverted:], level, is_inverted)


class TooHard(Exception):
    """The expression takes too long on too many lines."""


class Finder:
    """Says which lines of a log are wanted, a block at a time; for the main thread, which can be interrupted.

    Raises:
        TooHard: from its methods, where the expression is hopeless.
    """

    def __init__(self, log: LogFile, query: Query) -> None:
        self._log = log
        self._query = query
        self._expression = compile_pattern(query.pattern)
        self._needle = _make_needle(query)
        self.hard_lines = 0

    def find(self, index: int) -> tuple[range, list[int]]:
        """Return the rows that a block writes on, and those of them that are wanted, in order."""
        data, row, is_plain = self._log.read_block(index)
        rows = self._log.find_rows(index)
        if self._can_skip(data) and is_plain:
            return rows, []
        if self._needle is not None and is_plain:
            try:
                if not any(code in data for code in CODES):
                    return rows, self._search_all(data, row, self._needle)
                bare = COLOUR_CODES.sub(b"", data)
                if "$" not in self._query.pattern and not any(code in bare for code in CODES):
                    # Blanks in front of a last code are not shown.
                    found = self._search_all(bare, row, self._needle)
                    return rows, [one for one in found if self._is_found(self._log.read_line(one).text)]
            except TimeoutError:
                pass  # its lines one by one, below
        return rows, self._filter(rows, data if is_plain else None)

    def accepts(self, text: str, level: Level) -> bool:
        """Return whether one line is wanted."""
        if level < self._query.level:
            return False
        return not self._query.pattern or self._is_found(text)

    def _is_found(self, text: str) -> bool:
        try:
            with limit(LINE_LIMIT_S):
                is_found = self._expression.search(text) is not None
        except TimeoutError:
            self.hard_lines += 1
            if self.hard_lines > MAX_HARD_LINES:
                raise TooHard from None
            return False
        return is_found is not self._query.is_inverted

    def _can_skip(self, data: bytes) -> bool:
        is_inside = data[:1] in (b" ", b"\t")  # it may go on with a traceback
        return self._query.level >= Level.WARNING and not is_inside and not may_hold(data, self._query.level)

    def _search_all(self, data: bytes, row: int, needle: re.Pattern[bytes] | bytes) -> list[int]:
        """Return the rows in which the needle is found; raises TimeoutError where it takes too long."""
        with limit(BLOCK_LIMIT_S):
            return list(self._search(data, row, needle))

    def _search(self, data: bytes, row: int, needle: re.Pattern[bytes] | bytes) -> Iterator[int]:
        """Yield the rows in which the needle is found; every newline in `data` is a new row."""
        if self._expression.flags & re.IGNORECASE:
            data = data.lower()
        position = counted = 0
        while True:
            if isinstance(needle, bytes):
                found = data.find(needle, position)
            else:
                match = needle.search(data, position)
                found = match.start() if match else -1
            if found < 0 or found >= len(data):
                return
            row += data.count(b"\n", counted, found)
            counted = found
            yield row
            position = data.find(b"\n", found) + 1
            if position == 0:
                return

    def _filter(self, rows: range, data: bytes | None) -> list[int]:
        """Ask each row; `data` holds them line by line, or is None where they must be read one by one."""
        reader = LevelReader(self._read_before(rows.start)) if self._query.level else None
        found = []
        lines = data.split(b"\n") if data is not None else None
        for row in rows:
            is_whole = lines is not None and row - rows.start < len(lines) - 1
            line = show_line(lines[row - rows.start]) if lines and is_whole else self._log.read_line(row)
            level = reader.read(line.text) if reader else Level.ERROR
            if self.accepts(line.text, level):
                found.append(row)
        return found

    def _read_before(self, row: int) -> list[str]:
        """Return the lines above that decide whether a row lies in a traceback."""
        before: list[str] = []
        for number in range(row - 1, max(-1, row - 1 - LOOK_BACK_LINES), -1):
            before.append(self._log.read_line(number).text)
            if not before[-1].startswith((" ", "\t")):
                break
        return before[::-1]


def _make_needle(query: Query) -> re.Pattern[bytes] | bytes | None:
    """Return what finds a pattern in bytes, lower-cased where case does not matter; None where nothing can.

    A block is searched as a whole then, thirty times as fast as line by line.
    """
    pattern = query.pattern
    if not pattern or query.is_inverted or query.level or not pattern.isascii() or CROSSING.search(pattern):
        return None
    if is_literal(pattern):
        return pattern.encode()
    expression = compile_pattern(pattern)  # as it is, or as plain text where it is no expression
    return re.compile(expression.pattern.encode(), re.MULTILINE)
