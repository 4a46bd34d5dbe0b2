"""What is looked at next: the items of the selection, its diff, its run; and the mark for the next diff."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from textual.screen import Screen

from mlwf_tui.entities.model import Model
from mlwf_tui.tui.screens.run_difference import draw_run_diff
from mlwf_tui.tui.screens.snapshot import Snapshot
from mlwf_tui.tui.screens.views import Views, choose_sides
from mlwf_tui.tui.widgets.entry import Entry, EntryKind
from mlwf_tui.tui.widgets.sheet import Sheet
from mlwf_tui.workflow.metrics import find_run
from mlwf_tui.workflow.run_diff import RunDiff, diff_runs
from mlwf_tui.workspace import Workspace

T = TypeVar("T")


class Host(Protocol):
    """What is needed of the screen."""

    workspace: Workspace
    marked: Entry | None

    @property
    def entry(self) -> Entry | None:
        """What is selected."""

    @property
    def snapshot(self) -> Snapshot:
        """What was read last."""

    def mark(self, entry: Entry | None) -> None:
        """Make this the marked thing, or nothing."""

    def ask(self, what: str, work: Callable[[], T], done: Callable[[T], None]) -> None:
        """Do `work` in a thread and hand its result to `done`."""

    def put(self, dialog: Screen[T | None], then: Callable[[T], None]) -> None:
        """Show a dialog and hand on what it returns, unless it was closed without an answer."""


class Looking:
    """Does the keys that show the selection in a view; `by_key` has them by their ids."""

    def __init__(self, host: Host, views: Views) -> None:
        self._host = host
        self._views = views
        self.by_key: Mapping[str, Callable[[], object]] = {
            "items": self.show_items,
            "diff": self.show_diff,
            "mark": self.mark,
            "monitor": self.show_monitor,
            "overlay": self.overlay,
            "all_runs": views.show_runs,
            "all_models": views.show_models,
        }

    def show_items(self) -> None:
        """Look through the selected version or head."""
        if self._host.entry is not None:
            self._views.show_items(self._host.entry)

    def show_diff(self) -> None:
        """Compare the selection with what is marked, or with what was before."""
        entry = self._host.entry
        if entry is None:
            return
        if entry.kind in (EntryKind.RUN, EntryKind.MODEL):
            self._diff_runs(entry)
        else:
            self._views.show_diff(*choose_sides(entry, self._host.marked))

    def _diff_runs(self, entry: Entry) -> None:
        """Tell what differs between the marked run and this one; a model stands for its training."""
        marked, workspace = self._host.marked, self._host.workspace
        if marked is None or marked.kind not in (EntryKind.RUN, EntryKind.MODEL):
            return

        def compare() -> RunDiff:
            first, second = (find_run(workspace, one.target) for one in (marked, entry))
            return diff_runs(workspace, first, second)

        def shown(found: RunDiff) -> None:
            title = f"{marked.title} → {entry.title}"
            self._host.put(Sheet(title, draw_run_diff(found)), lambda _: None)

        self._host.ask("diff", compare, shown)

    def mark(self) -> None:
        """Mark the selection, or take its mark away."""
        entry, marked = self._host.entry, self._host.marked
        is_off = entry is None or (marked is not None and marked.key == entry.key)
        self._host.mark(None if is_off else entry)

    def show_monitor(self) -> None:
        """Follow the selected run, or the newest that goes on."""
        entry = self._host.entry
        match entry.entity if entry else None:
            case Model() as model:
                self._views.runs.show_of(model.run_id)
            case _ if entry is not None and entry.kind is EntryKind.RUN:
                self._views.runs.show_of(entry.ref)
            case _:
                self._views.runs.show_of(self._host.snapshot.active_runs[0].id)

    def overlay(self) -> None:
        """Draw the selected run's curves over those of the run that is open."""
        entry = self._host.entry
        if entry is not None:
            self._views.runs.overlay(entry.entity.run_id if isinstance(entry.entity, Model) else entry.ref)
