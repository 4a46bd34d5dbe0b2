"""Opening a view again as it was in an earlier sitting, where what it shows is still there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from mlwf_tui.entities.model import Report
from mlwf_tui.entities.run import Run
from mlwf_tui.tui.screens.run_views import RunViews
from mlwf_tui.tui.screens.snapshot import Snapshot
from mlwf_tui.tui.screens.trial_view import TrialView
from mlwf_tui.tui.widgets.entry import Entry, EntryKind


class Opener(Protocol):
    """What opens views."""

    def show_list(self, entry: Entry) -> bool:
        """List what belongs to an entry; False where nothing can be listed of it."""

    def show_models(self) -> None:
        """List all models."""

    def show_items(self, entry: Entry) -> None:
        """Look through what a version or head holds."""

    def show_diff(self, before: str | None, after: str) -> None:
        """Compare two refs."""

    @property
    def runs(self) -> RunViews:
        """What shows how a run goes, or went."""

    @property
    def trials(self) -> TrialView:
        """What shows the trials of a search."""

    def show_report(self, report: Report) -> None:
        """Show a report."""

    def show_behind(self, report: Report, kept: Sequence[str]) -> None:
        """Show the images behind a number of a report, as it was kept."""

    def show_board_of(self, project: str) -> None:
        """Show the leaderboard of a project."""

    def show_history(self, entry: Entry) -> None:
        """List what was said and done of an entry."""


def open_again(
    views: Opener,
    name: str,
    source: tuple[str, ...],
    *,
    snapshot: Snapshot,
    find: Callable[[str], Entry | None],
) -> bool:
    """Begin to fill the view of this name with what it was of; False where that is gone.

    What a check found is not kept, and it takes too long to be made again unasked.
    """
    match name, source:
        case "models", ():
            views.show_models()
            return True
        case (("list" | "history"), (key,)) if (entry := find(key)) is not None:
            if name == "list":
                return views.show_list(entry)
            views.show_history(entry)
        case "items", (ref,) if _is_there(snapshot, ref):
            views.show_items(Entry(kind=EntryKind.VERSION, key=f"ref:{ref}", ref=ref, title=ref))
        case "diff", (before, after) if _is_there(snapshot, after) and _is_there(snapshot, before or after):
            views.show_diff(before or None, after)
        case (("run" | "trials"), (id,)) if (run := _find_run(snapshot, id)) is not None:
            if name == "run":
                views.runs.show_of(run.id)
            else:
                views.trials.show(run)
        case "board", (project,) if _is_there(snapshot, project):
            views.show_board_of(project)
        case "report", (id,) if (report := _find_report(snapshot, id)) is not None:
            views.show_report(report)
        case "evidence", (id, pick, thresholds) if (report := _find_report(snapshot, id)) is not None:
            views.show_behind(report, (pick, thresholds))
        case _:
            return False
    return True


def _is_there(snapshot: Snapshot, ref: str) -> bool:
    return any(ref == known for known in snapshot.iter_data_refs())


def _find_run(snapshot: Snapshot, id: str) -> Run | None:
    return next((run for run in snapshot.runs if run.id == id), None)


def _find_report(snapshot: Snapshot, id: str) -> Report | None:
    return next((report for report in snapshot.reports if report.id == id), None)
