"""A log file by the byte offsets of its lines: scan, follow, read a line, search; no drawing."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

CHUNK_BYTES = 1 << 20
SEARCH_BYTES = 1 << 18  # at once: a search holds the interpreter, for some two milliseconds then
TAIL_BYTES = 1 << 18
MAX_LINE_BYTES = 1 << 16  # of one line that are ever read; a progress bar alone can grow to megabytes
TAB_CELLS = 8
ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[ -/]*[0-~])"
)
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\ufe00-\ufe0f\ufeff]")


class LogFile:
    """The lines of a growing file, known by where they start: eight bytes of memory a line.

    One thread uses an instance at a time. `start` is where the first known line begins.
    """

    def __init__(self, path: Path, start: int = 0) -> None:
        self.path = path
        self.start = start
        self.end = start  # bytes before it have been looked through
        self._offsets = array("Q", [start])
        self._file: BinaryIO = path.open("rb")
        self._inode = path.stat().st_ino

    def __len__(self) -> int:
        return len(self._offsets) - (self._offsets[-1] == self.end)

    def close(self) -> None:
        self._file.close()

    def was_replaced(self) -> bool:
        """Return whether the file has become shorter, or another file has its name, or none."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return True
        return status.st_size < self.end or status.st_ino != self._inode

    def measure_appended(self) -> int:
        """Return how many bytes have been added since the last read."""
        self._file.seek(0, 2)
        return self._file.tell() - self.end

    def read_appended(self, limit_bytes: int | None = None) -> int:
        """Look through up to `limit_bytes` new bytes; return how many there were."""
        before = self.end
        self._file.seek(self.end)
        while limit_bytes is None or self.end - before < limit_bytes:
            data = self._file.read(CHUNK_BYTES)
            if not data:
                break
            base = self.end + 1
            self._offsets.extend([base + match.start() for match in re.finditer(b"\n", data)])
            self.end += len(data)
        return self.end - before

    def read_line(self, number: int) -> str:
        """Return a line as a person reads it: see `clean`. The middle of a very long one is not read."""
        start = self._offsets[number]
        end = self._offsets[number + 1] if number + 1 < len(self._offsets) else self.end
        self._file.seek(max(start, end - MAX_LINE_BYTES))
        tail = self._file.read(min(end - start, MAX_LINE_BYTES))
        if end - start > MAX_LINE_BYTES and b"\r" not in tail.rstrip(b"\r\n"):
            self._file.seek(start)
            tail = self._file.read(MAX_LINE_BYTES)
        return clean(tail)

    def find_line(self, offset: int) -> int:
        """Return the number of the line that holds the byte at `offset`."""
        return max(0, bisect_right(self._offsets, offset) - 1)

    def search(self, pattern: str, is_cancelled: Callable[[], bool]) -> array[int]:
        """Return the numbers of the lines in which `pattern` is found, in order.

        The pattern is a regular expression, or plain text where it is none; without a capital letter
        in it, case does not matter. A line is found if both its bytes and what is shown of it match.
        """
        expression = compile_pattern(pattern)
        needle = re.compile(expression.pattern.encode(), expression.flags & re.IGNORECASE | re.MULTILINE)
        found = array("Q")
        with self.path.open("rb") as file:
            file.seek(self.start)
            offset, rest = self.start, b""
            while offset < self.end and not is_cancelled():
                data = rest + file.read(min(SEARCH_BYTES, self.end - offset - len(rest)))
                cut = data.rfind(b"\n") + 1
                if cut == 0 or offset + len(data) >= self.end:
                    cut = len(data)
                if cut == 0:
                    break
                self._search_chunk(data[:cut], offset, needle, expression, found)
                offset, rest = offset + cut, data[cut:]
        return found

    def _search_chunk(
        self,
        data: bytes,
        offset: int,
        needle: re.Pattern[bytes],
        expression: re.Pattern[str],
        found: array[int],
    ) -> None:
        position = 0
        while match := needle.search(data, position):
            start = data.rfind(b"\n", 0, match.start()) + 1
            end = data.find(b"\n", match.start())
            end = len(data) if end < 0 else end
            line = data[start:end]
            if (b"\r" not in line and b"\x1b" not in line) or expression.search(clean(line)):
                found.append(self.find_line(offset + start))
            position = end + 1


def open_tail(path: Path) -> LogFile:
    """Return the end of a log, its first line whole; `start` is 0 where that is the whole log."""
    size = path.stat().st_size
    start = max(0, size - TAIL_BYTES)
    if start:
        with path.open("rb") as file:
            file.seek(start)
            head = file.read(TAIL_BYTES)
        newline = head.find(b"\n")
        start = start + newline + 1 if newline >= 0 else start
    log = LogFile(path, start)
    log.read_appended()
    return log


def open_whole(path: Path, is_cancelled: Callable[[], bool]) -> LogFile:
    """Return a log with every line known; stops early, a chunk at a time, when cancelled."""
    log = LogFile(path)
    while not is_cancelled() and log.read_appended(CHUNK_BYTES):
        pass
    return log


def clean(data: bytes) -> str:
    """Return the text that a terminal would show at last: no control codes, only a bar's last state."""
    text = data.decode("utf-8", "replace").rstrip("\r\n")
    if "\r" in text:
        text = next((part for part in reversed(text.split("\r")) if part.strip()), "")
    if "\x1b" in text:
        text = ESCAPES.sub("", text)
    return CONTROLS.sub("", text.expandtabs(TAB_CELLS))


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return the expression for a search: plain text where it is no valid one, smart about case."""
    flags = re.IGNORECASE if pattern == pattern.lower() else re.NOFLAG
    try:
        re.compile(pattern.encode(), flags)
        return re.compile(pattern, flags)
    except re.error:
        return re.compile(re.escape(pattern), flags)
