"""A log's lines by an index of its blocks: opening, following, reading a line; no searching, no drawing."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from mlwf_tui.logs.parts import LogBytes
from mlwf_tui.logs.terminal import MOVES, Shown, draw, move_row, show_line

CHUNK_BYTES = 1 << 20
BLOCK_BYTES = 1 << 16
TAIL_BYTES = 1 << 18
MAX_LINE_BYTES = 1 << 16  # of one line that are ever read; a progress bar alone can grow to megabytes
MAX_CODE_BYTES = 16  # of a cursor move that may be cut in two
KEPT_WINDOWS = 4
NEWLINE = 10


class LogFile:
    """The lines of a growing log: 32 bytes of memory for 64 KB of it, whatever its lines.

    A line is a row of an endless terminal: a program that moves the cursor up writes on earlier lines again.
    Of each block it is known which row the cursor was on where the block starts (`_rows`), how many lines
    there were (`_counts`), and which is the first row that it or a later block writes on (`_lows`).
    One thread uses an instance at a time. `start` is where the first known line begins.
    """

    def __init__(self, path: Path, start: int = 0) -> None:
        """Open the log.

        Raises:
            FileNotFoundError: there is none.
        """
        self.path = path
        self.start = start
        self.end = start  # bytes before it have been looked through
        self._bytes = LogBytes(path)
        self._row = 0
        self._count = 0
        self._offsets, self._rows = array("Q", [start]), array("Q", [0])
        self._counts, self._lows = array("Q", [0]), array("Q", [0])
        self._windows: dict[tuple[int, int, int], _Window] = {}

    def __len__(self) -> int:
        return self._count

    @property
    def cursor_row(self) -> int:
        """The row that will be written on next; those before are finished unless the cursor goes up."""
        return self._row

    @property
    def block_count(self) -> int:
        return len(self._offsets)

    def close(self) -> None:
        self._bytes.close()

    def was_replaced(self) -> bool:
        """Return whether the log has become shorter, or another file has its name, or none."""
        return self._bytes.was_replaced(self.end)

    def measure(self) -> int:
        """Return the log's size in bytes now."""
        return self._bytes.measure()

    def measure_appended(self) -> int:
        """Return how many bytes have been added since the last read."""
        return self.measure() - self.end

    def read_appended(self, limit_bytes: int | None = None) -> int:
        """Look through up to `limit_bytes` new bytes; return how many there were."""
        before = self.end
        while limit_bytes is None or self.end - before < limit_bytes:
            data = self._bytes.read(self.end, CHUNK_BYTES)
            taken = self._take(data)
            if taken == 0:
                break
        return self.end - before

    def read_line(self, number: int) -> Shown:
        """Return a line as a terminal shows it. The middle of a very long one is not read."""
        first = bisect_right(self._counts, number) - 1
        last = max(first, bisect_right(self._lows, number) - 1)
        if last - first > 1:  # it is long, or was written on for long: its end says what it is now, or not
            is_rewritten = b"\r" in (end := self._read(last, last)) or MOVES.search(end)
            first, last = (last - 1, last) if is_rewritten else (first, first + 1)
        return self._open_window(first, last).show(number)

    def read_block(self, index: int) -> tuple[bytes, int, bool]:
        """Return a block's bytes, the row that they start on, and whether it is plain: made of whole lines.

        It is not where a line goes over its border, or where the cursor moves up.
        """
        data = self._read(index, index)
        row = self._rows[index]
        is_whole = self._counts[index] == row and (data.endswith(b"\n") or index + 1 == self.block_count)
        return data, row, is_whole and not (b"\x1b[" in data and MOVES.search(data))

    def find_rows(self, index: int) -> range:
        """Return the rows that a block may write on."""
        is_last = index + 1 == len(self._offsets)
        end = self._count if is_last else max(self._counts[index + 1], self._rows[index + 1])
        return range(min(self._lows[index], self._rows[index]), end)

    def iter_lines(self, first: int = 0) -> Iterator[tuple[int, Shown]]:
        """Yield (number, line) from a line on up to the present end."""
        for number in range(first, self._count):
            yield number, self.read_line(number)

    def _read(self, first: int, last: int) -> bytes:
        start = self._offsets[first]
        end = self._offsets[last + 1] if last + 1 < len(self._offsets) else self.end
        return self._bytes.read(start, end - start)

    def _open_window(self, first: int, last: int) -> _Window:
        is_open = last + 1 >= len(self._offsets)
        key = (first, last, self.end if is_open else -1)
        window = self._windows.pop(key, None)
        if window is None:
            window = _Window(self._read(first, last), self._rows[first], self._counts[first])
        self._windows[key] = window
        while len(self._windows) > KEPT_WINDOWS:
            del self._windows[next(iter(self._windows))]
        return window

    def _take(self, data: bytes) -> int:
        """Enter new bytes in the index, cut into blocks; return how many, all but a code that is cut off."""
        length = len(data) - _measure_cut_code(data)
        has_moves = b"\x1b[" in data and MOVES.search(data) is not None
        position = 0
        while position < length:
            room = self._offsets[-1] + BLOCK_BYTES - self.end
            if room <= 0:
                self._begin_block()
                room = BLOCK_BYTES
            cut = length
            if position + room < length:
                cut = data.rfind(b"\n", position, position + room) + 1 or position + room
                cut -= _measure_cut_code(data[max(position, cut - MAX_CODE_BYTES) : cut])
            if has_moves:
                self._note_low(self._pass_moves(data[position:cut]))
            else:
                self._note_low(self._row)
                self._pass(data, position, cut)
            self.end += cut - position
            position = cut
            if cut < length:
                self._begin_block()
        return length

    def _begin_block(self) -> None:
        if self._offsets[-1] == self.end:
            return
        self._offsets.append(self.end)
        self._rows.append(self._row)
        self._counts.append(self._count)
        self._lows.append(self._row)

    def _pass(self, data: bytes, start: int, end: int) -> None:
        """Move the cursor over bytes that hold no move to another row but newlines."""
        if start < end:
            self._row += data.count(b"\n", start, end)
            self._count = max(self._count, self._row + (data[end - 1] != NEWLINE))

    def _pass_moves(self, data: bytes) -> int:
        """Move the cursor up and down as well; return the first row that it was on."""
        low, position = self._row, 0
        for move in MOVES.finditer(data):
            self._pass(data, position, move.start())
            position = move.end()
            number, final = int(move.group(1) or 0), move.group(2).decode()
            self._row = move_row(final, number, self._row, self._count)
            low = min(low, self._row)
        self._pass(data, position, len(data))
        return low

    def _note_low(self, row: int) -> None:
        """Note that the last block writes on this row."""
        index = len(self._lows) - 1
        while index >= 0 and self._lows[index] > row:
            self._lows[index] = row
            index -= 1


class _Window:
    """Some blocks of a log, cut into lines; each is drawn when it is asked for."""

    def __init__(self, data: bytes, row: int, count: int) -> None:
        self._data = data
        self._row = row
        self._count = count
        self._is_begun = count > row  # its first line was begun before

    @cached_property
    def _rows(self) -> dict[int, Shown] | None:
        """Every row as it stands after all moves, or None where there are none."""
        if not MOVES.search(self._data):
            return None
        return draw(self._data.decode("utf-8", "replace"), row=self._row, count=self._count)

    @cached_property
    def _lines(self) -> list[bytes]:
        return self._data.split(b"\n")

    def show(self, row: int) -> Shown:
        if self._rows is not None:
            return self._rows.get(row, Shown(""))
        index = row - self._row
        if not 0 <= index < len(self._lines):
            return Shown("")
        line = self._lines[index].rstrip(b"\r")
        is_cut = index == 0 and self._is_begun
        if b"\r" not in line:
            return show_line(line[:MAX_LINE_BYTES])
        if is_cut or len(line) > MAX_LINE_BYTES:
            line = line[-MAX_LINE_BYTES:].partition(b"\r")[2]
        return show_line(line)


def _measure_cut_code(data: bytes) -> int:
    """Return how many bytes at the end may be the beginning of a cursor move."""
    start = data.rfind(b"\x1b", max(0, len(data) - MAX_CODE_BYTES))
    if start < 0:
        return 0
    code = data[start + 1 :]
    is_begun = code == b"" or (code[:1] == b"[" and all(byte in b"0123456789;?" for byte in code[1:]))
    return len(data) - start if is_begun else 0


def open_tail(path: Path) -> LogFile:
    """Return the end of a log, its first line whole; `start` is 0 where that is the whole log.

    Raises:
        FileNotFoundError: there is none.
    """
    with _open(path) as log:
        size = log.measure()
        if size <= TAIL_BYTES:
            log.read_appended()
            return log
        head = log._bytes.read(size - TAIL_BYTES, TAIL_BYTES)
    log.close()
    with _open(path, size - TAIL_BYTES + head.find(b"\n") + 1) as log:
        log.read_appended(2 * TAIL_BYTES)
    return log


def open_whole(path: Path, is_cancelled: Callable[[], bool] = lambda: False) -> LogFile:
    """Return a log with every line known; stops early, a chunk at a time, when cancelled.

    Raises:
        FileNotFoundError: there is none.
    """
    with _open(path) as log:
        while not is_cancelled() and log.read_appended(CHUNK_BYTES):
            pass
    return log


@contextmanager
def _open(path: Path, start: int = 0) -> Iterator[LogFile]:
    """Open a log for a reading that closes it where it fails: it is tried again ten times a second."""
    log = LogFile(path, start)
    try:
        yield log
    except OSError:
        log.close()
        raise
