"""Reads a log for a view: its end at once, the rest of a long one from a thread; no lines are kept."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from time import monotonic

from textual.message import Message
from textual.widget import Widget
from textual.worker import get_current_worker

from mlwf_tui.logs.log_file import CHUNK_BYTES, LogFile, open_tail, open_whole
from mlwf_tui.tui.widgets.log_page import LogPage

GROUP = "scan"
REST_S = 2.0


class Scanned(Message, bubble=False):
    """A thread has looked through the whole log, or could not; posted to the view itself."""

    def __init__(self, log: LogFile | None, error: OSError | None = None) -> None:
        super().__init__()
        self.log = log
        self.error = error


class LogReader:
    """Puts the log at a path into the page; a file that is not there yet is waited for."""

    def __init__(self, view: Widget, page: LogPage) -> None:
        self.path: Path | None = None
        self.is_scanning = False  # the lines before the end are being counted
        self.ready = asyncio.Event()  # every line is known
        self._broken_at_s: float | None = None  # when looking through the whole log failed
        self._view = view
        self._page = page

    @property
    def line_count(self) -> int:
        """Lines known so far: while a long log is opened, those of its end."""
        return len(self._page.log) if self._page.log else 0

    @property
    def is_complete(self) -> bool:
        """Whether every line from the first on is known."""
        return self._page.log is not None and self._page.log.start == 0 and not self.is_scanning

    @property
    def is_resting(self) -> bool:
        """Whether the whole log could not be read a moment ago: a failing disk takes long to say so."""
        return self._broken_at_s is not None and monotonic() - self._broken_at_s < REST_S

    @property
    def was_replaced(self) -> bool:
        """Whether another file has the log's name now, or the same one was cut."""
        return self._page.log is not None and self._page.log.was_replaced()

    def open(self) -> bool:
        """Take a small log over at once; of a large one its end. Return whether there was anything.

        Raises:
            OSError: the log is there, and cannot be read.
        """
        try:
            if self.path is None or self.path.stat().st_size == 0:
                return False
            if self._broken_at_s is not None:  # its end alone would be shown and go again
                self._begin_scan(self.path)
                return False
            log = self._page.log = open_tail(self.path)
        except FileNotFoundError:
            return False
        if log.start:
            self._begin_scan(self.path)
        else:
            self.ready.set()
        return True

    def _begin_scan(self, path: Path) -> None:
        self.is_scanning = True
        scan = partial(self._scan, path)
        self._view.run_worker(scan, thread=True, group=GROUP, name="open the log")

    def _scan(self, path: Path) -> None:
        worker = get_current_worker()
        try:
            log = open_whole(path, lambda: worker.is_cancelled)
        except FileNotFoundError:  # gone: it is waited for
            self._view.post_message(Scanned(None))
            return
        except OSError as error:
            if not worker.is_cancelled:
                self._view.post_message(Scanned(None, error))
            return
        if worker.is_cancelled:
            log.close()
        else:
            self._view.post_message(Scanned(log))

    def take(self, log: LogFile) -> int | None:
        """Take what a thread has opened in place of the end; return how many lines that adds before it.

        None where the log was asked for before another one; it is closed.
        """
        if log.path != self.path or not self.is_scanning:
            log.close()
            return None
        self._broken_at_s, self._page.fault = None, ""
        more = len(log) - self.line_count
        if self._page.log is not None:
            self._page.log.close()
        self._page.log = log
        self.is_scanning = False
        self.ready.set()
        return more

    def read_appended(self) -> int | None:
        """Read some of what was appended; return how many whole lines that adds, None where nothing was."""
        log = self._page.log
        if log is None:
            return None
        before = len(log)
        if log.measure_appended() == 0 or log.read_appended(CHUNK_BYTES) == 0:
            return None
        return len(log) - before

    def give_up(self, error: OSError) -> None:
        """Say why the whole log cannot be read, and try it again after a rest."""
        self._page.note_fault(error)
        self._broken_at_s = monotonic()

    def close(self) -> None:
        self._view.workers.cancel_group(self._view, GROUP)
        if self._page.log is not None:
            self._page.log.close()
        self._page.log = None
        self._page.fault = ""
        self.is_scanning = False
        self._broken_at_s = None
        self.ready.clear()
