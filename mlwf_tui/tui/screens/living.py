"""What changes all the time beside the monitor: how far runs are, in the tree, the lists and the details."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from time import monotonic
from typing import Protocol

from mlwf_tui.entities.ids import RunId
from mlwf_tui.entities.run import Progress
from mlwf_tui.tui.screens.outlooks import Outlooks
from mlwf_tui.tui.screens.snapshot import Snapshot
from mlwf_tui.tui.screens.views import Views
from mlwf_tui.tui.widgets.entry import Entry
from mlwf_tui.tui.widgets.lineage_view import LineageView
from mlwf_tui.tui.widgets.project_tree import ProjectTree
from mlwf_tui.workflow.metrics import Outlook, read_outlooks
from mlwf_tui.workflow.running.follow import RunUpdate
from mlwf_tui.workspace import Workspace

INTERVAL_S = 0.5
DETAILS_INTERVAL_S = 1.0


class Host(Protocol):
    """What is needed of the screen."""

    workspace: Workspace
    snapshot: Snapshot
    outlooks: Outlooks

    def ask(
        self,
        what: str,
        work: Callable[[], Mapping[RunId, Outlook]],
        done: Callable[[Mapping[RunId, Outlook]], None],
    ) -> None:
        """Read in a thread, and take what was read on the loop."""


class Living:
    """Takes in what polls tell, and draws it twice a second; that is enough for all of it."""

    def __init__(self, host: Host, tree: ProjectTree, views: Views) -> None:
        self._host = host
        self._tree = tree
        self._views = views
        self._progress: dict[str, Progress] = {}  # by the key of the run's entry
        self._are_runs_changed = False
        self._details_due = 0.0

    def read_outlooks(self) -> None:
        """Read how finished runs stand, some at a time, until all are known."""
        unknown = self._host.outlooks.list_unknown(self._host.snapshot.runs)

        def done(read: Mapping[RunId, Outlook]) -> None:
            self._host.outlooks.keep(read)
            self._views.renew_runs()
            self.read_outlooks()

        if unknown:
            self._host.ask("curves", partial(read_outlooks, self._host.workspace, unknown), done)

    def take(self, updates: Mapping[str, RunUpdate]) -> None:
        """Take in how runs stand now; what is seen for the first time is drawn at once."""
        self._views.runs.show_updates(updates)
        self._are_runs_changed |= self._host.outlooks.take(updates)
        known = len(self._progress)
        for run_id, update in updates.items():
            if update.run.state.is_finished:
                self._progress.pop(f"run:{run_id}", None)
            elif update.progress is not None:
                self._progress[f"run:{run_id}"] = update.progress
        if len(self._progress) > known:
            self._show_progress()

    def draw(self) -> None:
        """Draw what was taken in since the last time, where it is seen."""
        self._show_progress()
        if self._are_runs_changed:
            self._are_runs_changed = False
            self._views.renew_runs()

    def _show_progress(self) -> None:
        """Draw it in the tree and on the cards, where these are seen."""
        if self._tree.display:
            self._tree.show_progress(self._progress)
        view = self._views.shown
        if isinstance(view, LineageView):
            view.show_progress(self._progress)

    def are_details_due(self, entry: Entry | None) -> bool:
        """Whether the details of what is selected count seconds, and are to be drawn again."""
        if entry is None or entry.key not in self._progress or monotonic() < self._details_due:
            return False
        self._details_due = monotonic() + DETAILS_INTERVAL_S
        return True
