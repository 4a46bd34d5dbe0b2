"""The names of the views of the middle pane, and what they need of their screen."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Protocol, TypeVar

from mlwf_tui.errors import MlwfError
from mlwf_tui.tui.screens.outlooks import Outlooks
from mlwf_tui.tui.screens.snapshot import Snapshot
from mlwf_tui.tui.screens.work import Work
from mlwf_tui.tui.widgets.entry import Entry
from mlwf_tui.workspace import Workspace

T = TypeVar("T")
LINEAGE, LIST, MODELS, ITEMS, DIFF, CHECK, RUN, REPORT, EVIDENCE, BOARD, TRIALS, HISTORY = (
    "lineage", "list", "models", "items", "diff", "check", "run", "report", "evidence", "board", "trials",
    "history",
)  # fmt: skip
TITLES = {
    LINEAGE: "Lineage", LIST: "List", MODELS: "Models", ITEMS: "Items", DIFF: "Diff", CHECK: "Check",
    RUN: "Run", REPORT: "Report", EVIDENCE: "Evidence", BOARD: "Leaderboard",
    TRIALS: "Trials", HISTORY: "History",
}  # fmt: skip


class Host(Protocol):
    """What the views need of their screen."""

    workspace: Workspace

    @property
    def work(self) -> Work:
        """What reads in threads."""

    @property
    def snapshot(self) -> Snapshot:
        """What was read last."""

    def read_clock(self) -> datetime:
        """Return the time now."""

    def ask(
        self,
        what: str,
        work: Callable[[], T],
        done: Callable[[T], None],
        *,
        failed: Callable[[MlwfError], None] | None = None,
    ) -> None:
        """Do `work` in a thread and hand its result to `done`; an error is kept, and told or `failed`."""

    @property
    def outlooks(self) -> Outlooks:
        """How runs stand."""

    def follow_run(self, run_id: str) -> None:
        """Hand everything of this run to `show_updates`, from its beginning."""

    def focus_runs(self, run_ids: Iterable[str]) -> None:
        """Hand every point of exactly these runs to `show_updates`."""

    def view_changed(self, *, is_opened: bool) -> None:
        """Notice that another view is shown; opened with something new, it also gets the focus."""

    def say(self, text: str) -> None:
        """Tell a person what was done."""

    def select(self, entry: Entry) -> None:
        """Make what was opened the selected thing."""

    def compare_reports(self, names: tuple[str, str]) -> None:
        """Set a report beside another, and show what comes of it."""
