"""Reads the home in a thread, one read at a time, and hands the snapshot on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from mlwf_tui.entities.ids import ProjectId
from mlwf_tui.errors import MlwfError
from mlwf_tui.tui.screens.snapshot import Snapshot, read_snapshot
from mlwf_tui.tui.screens.work import Work
from mlwf_tui.workspace import Workspace


class Reader:
    """Knows which projects' versions are wanted. All is called on the loop."""

    def __init__(
        self,
        workspace: Workspace,
        work: Work,
        *,
        on_read: Callable[[Snapshot], None],
        on_broken: Callable[[MlwfError], None],
    ) -> None:
        self._workspace = workspace
        self._work = work
        self._on_read = on_read
        self._on_broken = on_broken
        self._opened: set[ProjectId] = set()
        self._is_asked_again = False
        self.is_reading = False

    def read(self) -> None:
        """Read everything; asked for while it is being read, it is read once more."""
        if self.is_reading:
            self._is_asked_again = True
            return
        self.is_reading = True
        work = partial(read_snapshot, self._workspace, tuple(self._opened))
        self._work.start("reading the home", work, self._hand_on, fail=self._give_up)

    def open(self, project_id: ProjectId) -> None:
        """Read the versions of this project as well, from now on."""
        if project_id not in self._opened:
            self._opened.add(project_id)
            self.read()

    def _hand_on(self, snapshot: Snapshot) -> None:
        self.is_reading = False
        self._on_read(snapshot)
        if self._is_asked_again:
            self._is_asked_again = False
            self.read()

    def _give_up(self, error: MlwfError) -> None:
        self.is_reading = False
        self._is_asked_again = False
        self._on_broken(error)
