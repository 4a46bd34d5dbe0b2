"""What is looked at next: the items of the selection, its diff, its run; and the mark for the next diff."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from mlwf_tui.entities.model import Model
from mlwf_tui.tui.screens.snapshot import Snapshot
from mlwf_tui.tui.screens.views import Views, choose_sides
from mlwf_tui.tui.widgets.entry import Entry, EntryKind


class Host(Protocol):
    """What is needed of the screen."""

    marked: Entry | None

    @property
    def entry(self) -> Entry | None:
        """What is selected."""

    @property
    def snapshot(self) -> Snapshot:
        """What was read last."""

    def mark(self, entry: Entry | None) -> None:
        """Make this the marked thing, or nothing."""

    def action_perform(self, name: str) -> None:
        """Do a verb to what is selected."""


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
            self._host.action_perform("diff_runs")
        else:
            self._views.show_diff(*choose_sides(entry, self._host.marked))

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
                self._views.show_run_of(model.run_id)
            case _ if entry is not None and entry.kind is EntryKind.RUN:
                self._views.show_run_of(entry.ref)
            case _:
                self._views.show_run_of(self._host.snapshot.active_runs[0].id)

    def overlay(self) -> None:
        """Draw the selected run's curves over those of the run that is open."""
        entry = self._host.entry
        if entry is not None:
            self._views.overlay_run(entry.entity.run_id if isinstance(entry.entity, Model) else entry.ref)
