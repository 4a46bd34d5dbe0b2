"""What only reading all of a version's items can tell of it: read late, in a thread, and once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from textual.screen import Screen
from textual.timer import Timer

from mlwf_tui.entities.lineage import LineageNode
from mlwf_tui.entities.project import Project, Version
from mlwf_tui.errors import MlwfError, NotFound
from mlwf_tui.tui.screens.work import Work
from mlwf_tui.tui.widgets.entry import Entity, Entry, EntryKind
from mlwf_tui.workflow.show import Shown, show
from mlwf_tui.workspace import Workspace

DELAY_S = 0.12  # a person who holds an arrow key down wants none of the facts on the way
MAX_KNOWN = 100
NAMED = (EntryKind.VERSION, EntryKind.MODEL, EntryKind.REPORT, EntryKind.RUN)
"""What can be read where the snapshot holds only its node."""


class Facts:
    """Reads one entry at a time; of those wanted meanwhile, only the last. All is called on the loop."""

    def __init__(
        self,
        screen: Screen[Any],
        workspace: Workspace,
        work: Work,
        on_read: Callable[[Entry, Shown], None],
    ) -> None:
        self._screen = screen
        self._workspace = workspace
        self._work = work
        self._on_read = on_read
        self._known: dict[str, tuple[Entity | None, Mapping[str, Any]]] = {}
        self._wanted: Entry | None = None
        self._timer: Timer | None = None
        self._is_reading = False

    @property
    def is_busy(self) -> bool:
        return self._is_reading or self._timer is not None

    def find(self, entry: Entry) -> Mapping[str, Any]:
        """Return what is known of the entry as it is now; where nothing is, it will be read."""
        entity, facts = self._known.get(entry.key, (None, {}))
        is_known = entity is not None and entity == entry.entity
        self._wanted = entry if _has_facts(entry) and not is_known else None
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if self._wanted is not None:
            self._timer = self._screen.set_timer(DELAY_S, self._begin)
        return facts if is_known else {}

    def _begin(self) -> None:
        self._timer = None
        entry, self._wanted = self._wanted, None
        if entry is None:
            return
        if self._is_reading:
            self._wanted = entry  # it is taken up when the present read is done
            return
        self._is_reading = True
        work = partial(show, self._workspace, entry.target)
        self._work.start("reading the details", work, partial(self._keep, entry), fail=self._give_up)

    def _keep(self, entry: Entry, shown: Shown) -> None:
        self._is_reading = False
        while len(self._known) >= MAX_KNOWN:
            del self._known[next(iter(self._known))]
        self._known[entry.key] = (shown.entity, shown.facts)
        self._on_read(entry, shown)
        self._go_on()

    def _give_up(self, error: MlwfError) -> None:
        self._is_reading = False
        if not isinstance(error, NotFound):  # what somebody else has deleted leaves the lists as well
            self._work.fail(error)
        self._go_on()

    def _go_on(self) -> None:
        if self._wanted is not None and self._timer is None:
            self._begin()


def _has_facts(entry: Entry) -> bool:
    """Return whether reading tells more than the entry holds: models, reports and runs hold all."""
    match entry.entity:
        case Project() | Version():
            return bool(entry.target)
        case LineageNode() | None:
            return bool(entry.target) and entry.kind in NAMED
        case _:
            return False
