"""One home that is opened once in each process that uses it; no verbs, no items."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from threading import Lock

from mlwf_tui.errors import InvalidInput
from mlwf_tui.workspace import Workspace, open_workspace


class Door:
    """Gives the opened home to any thread. Behind a fork, or out of a pickle, it opens the home again.

    What it opened is closed by `close` in the process that asks for it, and with the door itself.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        # By pid: a child must neither use nor close the connections to SQLite that it inherits, nor
        # wait for a lock that a thread of its parent held when it was forked.
        self._rooms: dict[int, _Room] = {}

    def open(self) -> Workspace:
        """Return the home, opened by whoever in this process asks first.

        Raises:
            InvalidInput: it was closed.
            StorageFailed, CorruptData: as `open_workspace`.
        """
        return self._find_room().enter(self.home)

    def close(self) -> None:
        """Close the home in this process, for good; the caller has ended all reading from it."""
        self._find_room().leave()

    def __reduce__(self) -> tuple[type[Door], tuple[Path]]:
        return Door, (self.home,)

    def _find_room(self) -> _Room:
        return self._rooms.setdefault(os.getpid(), _Room())  # atomic: two threads get the same one


class _Room:
    """The home as one process has opened it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._stack = ExitStack()
        self._workspace: Workspace | None = None
        self._is_closed = False

    def enter(self, home: Path) -> Workspace:
        with self._lock:
            if self._is_closed:
                raise InvalidInput(f"The home {home} was closed.", hint="Use it before it is closed.")
            if self._workspace is None:
                self._workspace = self._stack.enter_context(open_workspace(home, may_be_read_only=True))
            return self._workspace

    def leave(self) -> None:
        with self._lock:
            self._is_closed = True
            self._stack.close()
