"""What is looked at next: the items of the selection, its diff, its run; and what is marked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from textual.screen import Screen
from textual.widget import Widget

from mlwf_tui.entities.model import Model
from mlwf_tui.tui.keys import KEYS_BY_ID
from mlwf_tui.tui.screens.marks import Marks, choose_sides, choose_targets, order_sides, reach
from mlwf_tui.tui.screens.run_difference import draw_run_diff
from mlwf_tui.tui.screens.snapshot import Snapshot
from mlwf_tui.tui.screens.views import Views
from mlwf_tui.tui.widgets.entry import Entry, EntryKind
from mlwf_tui.tui.widgets.project_tree import ProjectTree
from mlwf_tui.tui.widgets.sheet import Sheet
from mlwf_tui.tui.widgets.table import EntityTable
from mlwf_tui.tui.widgets.thumbnail_grid import ThumbnailGrid
from mlwf_tui.workflow.metrics import find_run
from mlwf_tui.workflow.run_diff import RunDiff, diff_runs
from mlwf_tui.workspace import Workspace

T = TypeVar("T")


class Host(Protocol):
    """What is needed of the screen."""

    workspace: Workspace
    marks: Marks

    @property
    def focused(self) -> Widget | None:
        """What gets the keys."""

    @property
    def entry(self) -> Entry | None:
        """What is selected."""

    @property
    def snapshot(self) -> Snapshot:
        """What was read last."""

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
            "unmark": self.unmark_all,
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
        """Compare the selection, or what a part lies in, with what is marked, or with what was before."""
        entry = reach(KEYS_BY_ID["diff"], self._host.entry)
        if entry is None:
            return
        sides = choose_sides(entry, self._host.marks.entries)
        if entry.kind not in (EntryKind.RUN, EntryKind.MODEL):
            self._views.show_diff(*order_sides(sides))
        elif len(sides) == 2:
            self._diff_runs(*sides)
        else:
            self._views.compare_models([one.target for one in sides])

    def _diff_runs(self, before: Entry, after: Entry) -> None:
        """Tell what differs between two runs; a model stands for its training."""
        workspace = self._host.workspace

        def compare() -> RunDiff:
            first, second = (find_run(workspace, one.target) for one in (before, after))
            return diff_runs(workspace, first, second)

        def shown(found: RunDiff) -> None:
            title = f"{before.title} → {after.title}"
            self._host.put(Sheet(title, draw_run_diff(found)), lambda _: None)

        self._host.ask("diff", compare, shown)

    def mark(self) -> None:
        """Mark the selection, or take its mark away; in a list the cursor goes on to the next."""
        focused = self._host.focused
        if self._host.entry is None:
            return
        self._host.marks.toggle(self._host.entry)
        if isinstance(focused, EntityTable | ThumbnailGrid):
            focused.action_move(1)
        elif isinstance(focused, ProjectTree):
            focused.go_on()

    def unmark_all(self) -> None:
        """Take all marks away."""
        self._host.marks.clear()

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
        """Draw the curves of the selected run, or of all that are marked, over those of the open one."""
        entry = self._host.entry
        for one in choose_targets(entry, self._host.marks.entries) if entry is not None else ():
            self._views.runs.overlay(one.entity.run_id if isinstance(one.entity, Model) else one.ref)
