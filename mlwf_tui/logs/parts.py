"""The bytes of a log that may have been rotated into parts, read as one; who makes the parts is elsewhere."""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from contextlib import suppress
from pathlib import Path

import msgspec

PART_SUFFIX = re.compile(r"\.(\d{15})")


class Part(msgspec.Struct, frozen=True):
    """A file that holds the log's bytes from `start` up to `end`."""

    start: int
    end: int
    path: Path


def part_path(path: Path, start: int) -> Path:
    """Return where the part of a log is kept that begins at this byte; sorted by name they are in order."""
    return path.with_name(f"{path.name}.{start:015d}")


def list_parts(path: Path) -> list[Part]:
    """Return the parts of a log in order. One that was removed is missing, and its bytes with it."""
    parts = []
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except FileNotFoundError:
        return []
    for name in names:
        suffix = name.removeprefix(path.name)
        if suffix != name and (found := PART_SUFFIX.fullmatch(suffix)):
            place, start = path.with_name(name), int(found.group(1))
            with suppress(FileNotFoundError):  # removed at this moment
                parts.append(Part(start, start + place.stat().st_size, place))
    return sorted(parts, key=lambda part: part.start)


class LogBytes:
    """Reads a log by offsets that rotation does not change; what was appended is there at once.

    One thread uses an instance at a time.

    Raises:
        FileNotFoundError: there is no such log, from the constructor.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_RDONLY)
        self._inode = os.fstat(self._file).st_ino
        self._parts: list[Part] = []
        self._starts: list[int] = []
        self._open_part: tuple[Part, int] | None = None
        try:
            self._find_parts()
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        self._close_part()

    def measure(self) -> int:
        """Return how many bytes the log has now, parts and all."""
        return os.fstat(self._file).st_size

    def was_replaced(self, known_bytes: int) -> bool:
        """Return whether the log has become shorter than what is known, or another file has its name."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return True
        return status.st_size < known_bytes or status.st_ino != self._inode

    def read(self, offset: int, size: int) -> bytes:
        """Return up to `size` bytes from `offset`; fewer only at the end. A removed part reads as zeros."""
        blocks = []
        while size > 0 and (block := self._read_once(offset, size)):
            blocks.append(block)
            offset, size = offset + len(block), size - len(block)
        return blocks[0] if len(blocks) == 1 else b"".join(blocks)

    def _read_once(self, offset: int, size: int) -> bytes:
        part = self._find_part(offset)
        if part is None:
            block = os.pread(self._file, min(size, self._measure_gap(offset, size)), offset)
            if b"\0" not in block or not self._find_parts() or (part := self._find_part(offset)) is None:
                return block
            # between our look at the parts and our read it became a part, and left a hole here
        return os.pread(self._open(part), min(size, part.end - offset), offset - part.start)

    def _find_part(self, offset: int) -> Part | None:
        index = bisect_right(self._starts, offset) - 1
        return self._parts[index] if index >= 0 and offset < self._parts[index].end else None

    def _measure_gap(self, offset: int, size: int) -> int:
        """Return how far it is to the next part: some bytes in between were removed."""
        index = bisect_right(self._starts, offset)
        return self._starts[index] - offset if index < len(self._starts) else size

    def _find_parts(self) -> bool:
        """Look for parts that are new; return whether there are."""
        before = len(self._parts)
        parts = list_parts(self.path)
        if parts and parts[-1].end > self.measure():
            parts = []  # the log was begun anew: they are of another
        self._parts, self._starts = parts, [part.start for part in parts]
        return len(parts) != before

    def _open(self, part: Part) -> int:
        if self._open_part is None or self._open_part[0] != part:
            self._close_part()
            self._open_part = (part, os.open(part.path, os.O_RDONLY))
        return self._open_part[1]

    def _close_part(self) -> None:
        if self._open_part is not None:
            os.close(self._open_part[1])
        self._open_part = None
