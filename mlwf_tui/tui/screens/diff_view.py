"""The view of what differs between two states, read again where one of them is a head that has moved on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from mlwf_tui.entities.change import Diff
from mlwf_tui.errors import MlwfError
from mlwf_tui.tui.screens.comparing import DiffPane
from mlwf_tui.tui.screens.newest import Newest
from mlwf_tui.tui.screens.snapshot import Snapshot
from mlwf_tui.tui.screens.view_host import DIFF, Host
from mlwf_tui.tui.widgets.stage import Stage
from mlwf_tui.workflow.diff import diff

MAX_LISTED_CHANGES = 200_000


class _Side(NamedTuple):
    """A state that is compared: a project that is known by its id, and what is written behind its name."""

    project_id: str
    behind: str  # "" for its head


class DiffView:
    """Fills the view of a diff; `ask` reads what is to be opened, `fill` is told the view and the refs."""

    def __init__(
        self, host: Host, stage: Stage, *, ask: Callable[..., None], fill: Callable[..., None]
    ) -> None:
        self._host = host
        self._stage = stage
        self._ask = ask
        self._fill = fill
        self._renewals = Newest()
        self._sides: tuple[_Side | None, _Side | None] | None = None  # of the diff that is open
        self._stood = ""  # what it depends on, as it was when it was read

    def show(self, before: str | None, after: str) -> None:
        """Compare two refs and show what differs; None is the state before `after`."""
        snapshot = self._host.snapshot

        def done(found: Diff) -> None:
            self._renewals.forget()
            self._sides = (_find_side(before, snapshot), _find_side(after, snapshot))
            self._stood = _describe(self._sides, snapshot)
            self._pane.show(found)
            self._fill(DIFF, before or "", after)

        self._ask("diff", self._compare(before, after), done)

    def renew(self) -> None:
        """Compare anew, where it is seen and a head has moved or a project has another name."""
        if self._sides is None or self._stage.active != DIFF:
            return
        sides, snapshot = self._sides, self._host.snapshot
        stands = _describe(sides, snapshot)
        before, after = (_write(side, snapshot) for side in sides)
        if stands == self._stood or after is None or (before is None and sides[0] is not None):
            return

        def done(found: Diff) -> None:
            if self._sides is sides:  # else another one is open by now
                self._stood = stands
                self._pane.renew(found)

        def give_up(_: MlwfError) -> None:
            if self._sides is sides:
                self._stood = stands  # as long as this stays, it would fail again at every look at the home

        self._host.ask("diff", self._compare(before, after), self._renewals.take(done), failed=give_up)

    @property
    def _pane(self) -> DiffPane:
        view = self._stage.get_view(DIFF)
        assert isinstance(view, DiffPane)
        return view

    def _compare(self, before: str | None, after: str) -> Callable[[], Diff]:
        return partial(diff, self._host.workspace, before, after, max_items=MAX_LISTED_CHANGES)


def _find_side(ref: str | None, snapshot: Snapshot) -> _Side | None:
    name, at, which = (ref or "").partition("@")
    project = next((one for one in snapshot.projects if snapshot.refer_to(one) == name), None)
    return _Side(project.id, at + which) if project is not None else None


def _write(side: _Side | None, snapshot: Snapshot) -> str | None:
    project = snapshot.find_project(side.project_id) if side is not None else None
    return snapshot.refer_to(project) + side.behind if project is not None and side is not None else None


def _describe(sides: tuple[_Side | None, _Side | None], snapshot: Snapshot) -> str:
    """Return what a diff depends on, as text; a head alone is compared with its project's latest version."""
    parts = []
    for side in sides:
        project = snapshot.find_project(side.project_id) if side is not None else None
        if project is not None and side is not None:
            head = "" if side.behind else f"{project.manifest} {project.latest_version}"
            parts.append(f"{snapshot.refer_to(project)}{side.behind} {head}")
    return "\n".join(parts)
