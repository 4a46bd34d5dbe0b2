"""Read a run's log line by line as a terminal would show it, or go along until the run has finished."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from math import inf

import msgspec

from mlwf_tui.errors import InvalidParameter
from mlwf_tui.logs.levels import Level, LevelReader
from mlwf_tui.logs.log_file import LogFile
from mlwf_tui.logs.query import Finder, Query, TooHard
from mlwf_tui.logs.terminal import Shown
from mlwf_tui.workflow.running.follow import POLL_S, RunFollower, log_path
from mlwf_tui.workspace import Workspace

BATCH_LINES = 1000
LAST_WORDS_S = 5.0
"""A worker whose run has finished writes its last lines before it ends. Nobody waits longer for them."""


class LogLine(msgspec.Struct, frozen=True):
    """One line; `is_finished` is False where the run may write on it again."""

    text: str
    level: Level
    shown: Shown
    is_finished: bool = True


def iter_log(
    workspace: Workspace,
    run_id: str,
    *,
    query: Query = Query(),  # noqa: B008, a frozen value
    last: int | None = None,
    follow: bool = False,
    with_unfinished: bool = False,
) -> Iterator[list[LogLine]]:
    """Yield the wanted lines of a run's log in batches, each as soon as it is there.

    `last` begins with that many of the lines that are there now; `follow` goes on until the run has finished
    and its worker has ended, with `with_unfinished` telling at each look the line that is being written.

    Raises:
        NotFound: there is no such run.
        InvalidParameter: the expression takes too long.
    """
    end = _End(workspace, run_id)
    reader = _LineReader(workspace, run_id, query)
    while True:
        is_last = not follow or end.has_come()
        try:
            if last is not None:
                newest = deque(
                    (line for batch in reader.iter_new(is_last, last) for line in batch), maxlen=last
                )
                yield list(newest)
                last = None if reader.is_open else last
            else:
                yield from reader.iter_new(is_last)
        except TooHard:
            raise InvalidParameter(
                f"The expression {query.pattern!r} takes too long on this log.",
                hint="Make it simpler: no repeat inside of a repeat.",
            ) from None
        if is_last:
            return
        if with_unfinished and (line := reader.read_unfinished()) is not None:
            yield [line]
        time.sleep(POLL_S)


class _End:
    """Tells when nothing more comes into the log of a run."""

    def __init__(self, workspace: Workspace, run_id: str) -> None:
        self._workspace = workspace
        self._follower = RunFollower(workspace, run_id)
        self._finished_at_s = inf  # when it was seen

    def has_come(self) -> bool:
        """Say whether the run has finished, and its worker has ended or had time enough to."""
        run = self._follower.poll().run
        if not run.state.is_finished:
            return False
        self._finished_at_s = min(self._finished_at_s, time.monotonic())
        if time.monotonic() - self._finished_at_s >= LAST_WORDS_S:
            return True
        job = self._workspace.catalog.jobs.latest(run.id)
        return job is None or job.finished_at is not None


class _LineReader:
    """Where a reader of a log stands."""

    def __init__(self, workspace: Workspace, run_id: str, query: Query) -> None:
        self._path = log_path(workspace, run_id)
        self._query = query
        self._log: LogFile | None = None
        self._next = 0  # the first line that was not yielded
        self._block = 0
        self._levels = LevelReader()

    @property
    def is_open(self) -> bool:
        return self._log is not None

    def iter_new(self, is_last: bool, last: int | None = None) -> Iterator[list[LogLine]]:
        """Yield what was finished since; all there is where it is the last look.

        Where every line is wanted only the `last` ones are read; else whoever asks must leave out the others.
        """
        log = self._open()
        if log is None:
            return
        log.read_appended()
        stop = len(log) if is_last else min(len(log), log.cursor_row)
        if last is not None and self._query.is_empty:
            self._next = max(self._next, stop - last)
        for rows in self._iter_wanted(log, stop):
            shown = [log.read_line(row) for row in rows]
            yield [LogLine(line.text, self._levels.read(line.text), line) for line in shown]

    def read_unfinished(self) -> LogLine | None:
        """Return the line that is being written, if it is wanted."""
        if self._log is None or len(self._log) <= self._log.cursor_row:
            return None
        shown = self._log.read_line(self._log.cursor_row)
        level = LevelReader().read(shown.text)
        is_wanted = Finder(self._log, self._query).accepts(shown.text, level)
        return LogLine(shown.text, level, shown, is_finished=False) if is_wanted else None

    def _iter_wanted(self, log: LogFile, stop: int) -> Iterator[Sequence[int]]:
        """Yield the wanted rows, some at a time: those of a block as soon as it was searched."""
        if self._query.is_empty:
            for first in range(self._next, stop, BATCH_LINES):
                self._next = min(first + BATCH_LINES, stop)
                yield range(first, self._next)
            return
        finder = Finder(log, self._query)
        for index in range(self._block, log.block_count):
            if rows := [row for row in finder.find(index)[1] if self._next <= row < stop]:
                self._next = rows[-1] + 1
                yield rows
        self._next = max(self._next, stop)
        self._block = max(0, log.block_count - 2)  # a line may go over a block's border

    def _open(self) -> LogFile | None:
        if self._log is not None and self._log.was_replaced():
            self._log.close()
            self._log, self._next, self._block = None, 0, 0
        if self._log is None:
            try:
                self._log = LogFile(self._path)
            except FileNotFoundError:
                return None
        return self._log
