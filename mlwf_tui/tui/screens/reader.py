"""Reads the home in a thread, one read at a time, and hands the snapshot on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from mlwf_tui.entities.ids import ProjectId
from mlwf_tui.errors import MlwfError
from mlwf_tui.tui.screens.snapshot import Snapshot, read_snapshot
from mlwf_tui.tui.screens.work import Work
from mlwf_tui.workspace import Workspace

Then = tuple[Callable[[], None], Callable[[], None]]
"""What is called behind a read: where it was handed on, and where it failed."""


def _do_nothing() -> None:
    """Follow a read that nobody waits for."""


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
        self._then: list[Then] = []
        self.is_reading = False

    def begin(self, opened: Iterable[str]) -> None:
        """Read the versions of these projects as well, from the first time on."""
        self._opened |= {ProjectId(id) for id in opened}

    def read(
        self, then: Callable[[], None] = _do_nothing, *, failed: Callable[[], None] = _do_nothing
    ) -> None:
        """Read everything; asked for while it is being read, it is read once more.

        `then` is called once what this read found was handed on; `failed` where the home cannot be read.
        """
        self._then.append((then, failed))
        if self.is_reading:
            self._is_asked_again = True
            return
        self.is_reading = True
        then_all, self._then = self._then, []
        work = partial(read_snapshot, self._workspace, tuple(self._opened))
        fail = partial(self._give_up, then_all)
        self._work.start("reading the home", work, partial(self._hand_on, then_all), fail=fail)

    def open(self, project_id: ProjectId) -> None:
        """Read the versions of this project as well, from now on."""
        if project_id not in self._opened:
            self._opened.add(project_id)
            self.read()

    def _hand_on(self, then_all: Sequence[Then], snapshot: Snapshot) -> None:
        self.is_reading = False
        self._on_read(snapshot)
        for then, _ in then_all:
            then()
        if self._is_asked_again:
            self._is_asked_again = False
            self.read()

    def _give_up(self, then_all: Sequence[Then], error: MlwfError) -> None:
        self.is_reading = False
        self._is_asked_again = False
        asked, self._then = [*then_all, *self._then], []
        self._on_broken(error)
        for _, failed in asked:
            failed()
