"""A search through a log that goes on beside the app: what it has found so far, and how far it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from threading import Lock, Thread

from mlwf_tui.logs.line_set import LineSet
from mlwf_tui.logs.query import MAX_HARD_LINES, Query
from mlwf_tui.logs.seeker import Found, Seeker


class Hunt:
    """Belongs to the event loop but for its thread, which reads what a process finds; `stop` ends both."""

    def __init__(self, path: Path, query: Query) -> None:
        self.path = path
        self.query = query
        self.lines = LineSet()
        self.share = 0.0  # of the log that has been looked through
        self.hard_lines = 0
        self.is_ended = False
        self.completed = asyncio.Event()  # everything was looked through, or the search has ended
        self._is_behind = False
        self._is_stopped = False
        self._seeker: Seeker | None = None
        self._lock = Lock()

    @property
    def is_complete(self) -> bool:
        return self.completed.is_set()

    @property
    def is_hopeless(self) -> bool:
        """Whether the expression took too long on too many lines."""
        return self.hard_lines > MAX_HARD_LINES

    def start(self, tell: Callable[[Found | None], None]) -> None:
        """Search in a thread, which tells what is found, and None at the end."""
        Thread(target=self._run, args=(tell,), name="log hunt", daemon=True).start()

    def _run(self, tell: Callable[[Found | None], None]) -> None:
        with self._lock:
            if self._is_stopped:
                return
            self._seeker = Seeker(self.path, self.query)
        for found in self._seeker.iter_found():
            tell(found)
        with self._lock:
            self._seeker.close()
            self._seeker = None
        tell(None)

    def take(self, found: Found | None) -> None:
        """Take in what the thread told."""
        if found is None:
            self.is_ended = True
            self.completed.set()
            return
        self.lines.put(found.first_page, found.pages)
        self.hard_lines = found.hard_lines
        self.share = min(1.0, found.done / max(1, found.total))
        if found.is_complete:
            self.completed.set()
            if self._is_behind:
                self.go_on()

    def go_on(self) -> None:
        """Have what was appended looked through too, once it is done with what was there."""
        self._is_behind = not self.is_complete
        if self.is_complete and self._seeker is not None:
            self.completed.clear()
            self._seeker.go_on()

    def stop(self) -> None:
        with self._lock:
            self._is_stopped = True
            if self._seeker is not None:
                self._seeker.stop()
