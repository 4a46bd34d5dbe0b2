"""A process that searches a log for the app: `python -m mlwf_tui.logs.seeker LOG PATTERN LEVEL INVERTED`.

In a thread of the app a hard expression would hold the interpreter, and the app, for as long as it takes;
a process can be ended, and a second core does the work. It answers with pages of a LineSet, the end of the
log first, since that is what is looked at; for each line on its input it looks at what was appended since.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from mlwf_tui.logs.levels import Level
from mlwf_tui.logs.line_set import PAGE_BYTES, PAGE_LINES
from mlwf_tui.logs.log_file import LogFile, open_whole
from mlwf_tui.logs.query import Finder, Query, TooHard

HEAD = struct.Struct("<QQIQI")
SEND_S = 0.1
END_WAIT_S = 5.0


class Found(msgspec.Struct, frozen=True):
    """Something new: blocks looked through, of how many; pages of a LineSet from `first_page` on."""

    done: int
    total: int
    hard_lines: int  # that took too long, and do not count as found
    first_page: int
    pages: bytes

    @property
    def is_complete(self) -> bool:
        """Whether all of the log as it was has been looked through."""
        return self.done >= self.total


class Seeker:
    """The process, as its owner sees it: a thread iterates what it finds, others tell it to go on or stop."""

    def __init__(self, path: Path, query: Query) -> None:
        self.query = query
        arguments = [str(path), query.pattern, str(int(query.level)), str(int(query.is_inverted))]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mlwf_tui.logs.seeker", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def iter_found(self) -> Iterator[Found]:
        """Yield what is found until the process ends, which it does when it is stopped or gives up."""
        out = self._process.stdout
        assert out is not None
        while len(head := out.read(HEAD.size)) == HEAD.size:
            done, total, hard_lines, first_page, size = HEAD.unpack(head)
            yield Found(done, total, hard_lines, first_page, out.read(size))

    def go_on(self) -> None:
        """Have it look at what was appended since."""
        if self._process.stdin is not None and self._process.poll() is None:
            try:
                self._process.stdin.write(b"\n")
                self._process.stdin.flush()
            except BrokenPipeError:
                return  # it has ended at this moment; whoever iterates will see it

    def stop(self) -> None:
        """End the process at once, whatever it does."""
        self._process.kill()

    def close(self) -> None:
        """Let go of a process that was stopped, or has ended."""
        self._process.kill()
        self._process.wait(END_WAIT_S)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()


class _Search:
    """The search inside of the process."""

    def __init__(self, log: LogFile, query: Query) -> None:
        self._log = log
        self._finder = Finder(log, query)
        self._pages: dict[int, int] = {}
        self._changed: set[int] = set()
        self._sent_at = time.monotonic()
        self._done = 0

    def look(self, first: int) -> None:
        """Look through the blocks from the last one down to `first`."""
        total = self._log.block_count
        self._done = first
        for index in range(total - 1, first - 1, -1):
            self._note(*self._finder.find(index))
            self._done += 1
            if time.monotonic() - self._sent_at > SEND_S:
                self.send(total)
        self.send(total)

    def send(self, total: int) -> None:
        """Write the pages that have changed, in runs of neighbours."""
        pages = sorted(self._changed)
        while True:
            run = pages[:1]
            while len(run) < len(pages) and pages[len(run)] == run[-1] + 1:
                run.append(pages[len(run)])
            pages = pages[len(run) :]
            body = b"".join(self._pages[page].to_bytes(PAGE_BYTES, "little") for page in run)
            done = self._done if not pages else min(self._done, total - 1)
            head = HEAD.pack(done, total, self._finder.hard_lines, run[0] if run else 0, len(body))
            _write(head + body)
            if not pages:
                break
        self._changed.clear()
        self._sent_at = time.monotonic()

    def _note(self, rows: range, found: list[int]) -> None:
        if len(rows) == 0:
            return
        for page in range(rows.start // PAGE_LINES, (rows.stop - 1) // PAGE_LINES + 1):
            start = max(0, rows.start - page * PAGE_LINES)
            stop = min(PAGE_LINES, rows.stop - page * PAGE_LINES)
            mask = ((1 << (stop - start)) - 1) << start
            self._pages[page] = self._pages.get(page, 0) & ~mask
            self._changed.add(page)
        for row in found:
            self._pages[row // PAGE_LINES] |= 1 << row % PAGE_LINES


def _write(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _make_query(pattern: str, level: str, is_inverted: str) -> Query:
    return Query(pattern, Level(int(level)), is_inverted != "0")


def main(arguments: list[str]) -> int:
    """Search until the input ends; return 0, or 1 where the expression is hopeless or the log unreadable."""
    try:
        return _search(open_whole(Path(arguments[0])), _make_query(*arguments[1:4]))
    except BrokenPipeError:  # the app is gone
        os._exit(0)
    except OSError:  # whoever shows the log reads it too, and says why it cannot be read
        return 1


def _search(log: LogFile, query: Query) -> int:
    search = _Search(log, query)
    first = 0
    try:
        while True:
            search.look(first)
            first = log.block_count - 1
            if not sys.stdin.buffer.readline():
                return 0
            log.read_appended()
    except TooHard:
        search.send(log.block_count)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
