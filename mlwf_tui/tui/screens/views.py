"""The views of the middle pane, and how each entry is opened in one of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import cached_property, partial
from typing import TypeVar

from msgspec.structs import replace
from textual.widget import Widget

from mlwf_tui.entities.finding import CheckResult
from mlwf_tui.entities.lineage import LineageNode
from mlwf_tui.entities.model import Model, Report
from mlwf_tui.entities.project import Project, Version
from mlwf_tui.entities.run import Run
from mlwf_tui.tui.keys import write_keys
from mlwf_tui.tui.screens.board import BoardPane
from mlwf_tui.tui.screens.browsing import BrowsePane
from mlwf_tui.tui.screens.checking import CheckPane
from mlwf_tui.tui.screens.comparing import DiffPane
from mlwf_tui.tui.screens.diff_view import DiffView
from mlwf_tui.tui.screens.evidence import EvidencePane
from mlwf_tui.tui.screens.experiments import ModelsPane
from mlwf_tui.tui.screens.history import History, HistoryPane
from mlwf_tui.tui.screens.listings import make_listing
from mlwf_tui.tui.screens.newest import Newest
from mlwf_tui.tui.screens.older_runs import OlderRuns
from mlwf_tui.tui.screens.outline import OLDER_RUNS, RUNS, make_runs_entry, renew_entry
from mlwf_tui.tui.screens.reopening import open_again
from mlwf_tui.tui.screens.report_views import ReportViews
from mlwf_tui.tui.screens.run_views import RunViews
from mlwf_tui.tui.screens.trial_view import TrialView
from mlwf_tui.tui.screens.view_host import (
    BOARD,
    CHECK,
    DIFF,
    EVIDENCE,
    HISTORY,
    ITEMS,
    LINEAGE,
    LIST,
    MODELS,
    REPORT,
    RUN,
    TITLES,
    TRIALS,
    Host,
)
from mlwf_tui.tui.widgets.entry import Entry, EntryKind, Excerpt
from mlwf_tui.tui.widgets.entry_list import EntryList, Listing
from mlwf_tui.tui.widgets.lineage_view import LineageView
from mlwf_tui.tui.widgets.notice import Notice
from mlwf_tui.tui.widgets.report_view import ReportView
from mlwf_tui.tui.widgets.run_monitor import RunMonitor
from mlwf_tui.tui.widgets.stage import Stage, ViewSpec
from mlwf_tui.workflow.history import Change, list_changes
from mlwf_tui.workflow.items import ItemSource, open_items

T = TypeVar("T")
ROOMY = (MODELS, ITEMS, DIFF, CHECK, EVIDENCE, BOARD)
"""Views of pictures and of many columns: opened, they get the whole screen."""

NARROWED = LineageView | EntryList | ModelsPane | BrowsePane | DiffPane | CheckPane | EvidencePane | BoardPane
"""Views that can hide a part of what they show."""

TOLD_BY_RUN = (
    EntryKind.RUN, EntryKind.MODEL, EntryKind.INTERMEDIATE, EntryKind.ARTIFACT, EntryKind.RECIPE,
)  # fmt: skip
"""Nodes that open as the run beside them."""

EMPTY_HINTS = {  # `{open}` becomes the key of that action
    LIST: ("No list is open", "Select a project, or Models, Reports or Runs, and press {open}."),
    MODELS: ("The models are not open", "{all_models} opens them, or {open} on Models."),
    RUN: ("No run is open", "Select a run and press {open} or {monitor}; {train} begins a training."),
    REPORT: ("No report is open", "Select a report and press {open}; {benchmark} on a model makes one."),
    EVIDENCE: ("No number is looked behind", "Open a report, put the cursor on a number and press {open}."),
    BOARD: ("No leaderboard is open", "Select a project and press {leaderboard}."),
    TRIALS: (
        "No search is open",
        "Select a search and press {open}; {tune} on a project begins one.",
    ),
    DIFF: ("Nothing is compared", "Select a version and press {diff}; {mark} marks another to compare with."),
    CHECK: ("Nothing is checked", "Select a version or project and press {check}."),
    HISTORY: ("No history is open", "Select anything and press {history}."),
    ITEMS: ("No items are open", "Select a version or project and press {items}."),
}


class Views:
    """Puts runs, reports, diffs and the lineage on the stage."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.stage = Stage(
            (
                ViewSpec(LINEAGE, TITLES[LINEAGE], lambda: LineageView(now=host.read_clock, id="lineage")),
                ViewSpec(LIST, TITLES[LIST], lambda: EntryList(id="list")),
                ViewSpec(MODELS, TITLES[MODELS], lambda: ModelsPane(host.workspace, host.work, id="models")),
                ViewSpec(ITEMS, TITLES[ITEMS], lambda: BrowsePane(host.workspace, host.work, id="items")),
                ViewSpec(DIFF, TITLES[DIFF], lambda: DiffPane(host.workspace, host.work, id="diff")),
                ViewSpec(CHECK, TITLES[CHECK], lambda: CheckPane(host.workspace, host.work, id="check")),
                ViewSpec(RUN, TITLES[RUN], lambda: RunMonitor(id="run")),
                ViewSpec(REPORT, TITLES[REPORT], lambda: ReportView(id="report")),
                ViewSpec(
                    EVIDENCE, TITLES[EVIDENCE], lambda: EvidencePane(host.workspace, host.work, id="evidence")
                ),
                ViewSpec(BOARD, TITLES[BOARD], self._make_board),
                ViewSpec(HISTORY, TITLES[HISTORY], lambda: HistoryPane(id="history")),
                ViewSpec(TRIALS, TITLES[TRIALS], lambda: ReportView(id="trials")),
            ),
            id="stage",
        )
        self._sources: dict[str, tuple[str, ...]] = {LINEAGE: ()}  # what each view that is filled is of
        self._listed: Entry | None = None
        self._older = OlderRuns(host, self.renew_runs)
        self._openings, self._item_renewals, self._history_renewals = Newest(), Newest(), Newest()
        self.runs = RunViews(host, self.stage, ask=self._ask, fill=self._fill, renew_runs=self.renew_runs)
        self.trials = TrialView(host, self.stage, ask=self._ask, fill=self._fill)
        self.diffs = DiffView(host, self.stage, ask=self._ask, fill=self._fill)

    @cached_property
    def reports(self) -> ReportViews:
        """What shows reports, and what stands behind their numbers."""
        return ReportViews(self._host, self.stage, ask=self._ask, fill=self._fill)

    def _make_board(self) -> BoardPane:
        return BoardPane(
            on_open=self.reports.open_report,
            on_compare=self._host.compare_reports,
            read_clock=self._host.read_clock,
            id="board",
        )

    @property
    def active(self) -> str:
        return self.stage.active

    @property
    def shown(self) -> Widget | None:
        return self.stage.shown

    @property
    def has_lineage(self) -> bool:
        """Whether there is anything to trace; an empty home shows its welcome instead."""
        return not self._host.snapshot.is_empty

    def show(self, name: str) -> None:
        """Show a view as it stands, or how to fill it."""
        self._openings.forget()
        if name in self._sources:
            self.stage.show(name)
            self.renew_history()
            self.diffs.renew()
        else:
            self.stage.tabs.show(name)
            title, hint = EMPTY_HINTS[name]
            notice = Notice(title, write_keys(hint, self._host.workspace.settings.keys))
            self.stage.show_alone(notice, keep_tabs=True)
        self._host.view_changed(is_opened=False)

    def find_source(self) -> tuple[str, ...] | None:
        """Return what the active view is of, as `reopen` takes it; None where it is not filled."""
        return self._sources.get(self.active)

    def reopen(self, name: str, source: tuple[str, ...], find: Callable[[str], Entry | None]) -> bool:
        """Begin to fill a view as it was in an earlier sitting; False where its subject is gone.

        `find` has the entries of the tree by their keys.
        """
        return open_again(self, name, source, snapshot=self._host.snapshot, find=find)

    def show_neighbour(self, step: int) -> None:
        """Show the next view, round the ends."""
        self.show(self.stage.tabs.find_neighbour(step))

    def show_lineage(self) -> LineageView:
        """Draw the graph of the snapshot and return its view, shown or not."""
        view = self.stage.get_view(LINEAGE)
        assert isinstance(view, LineageView)
        view.show_graph(self._host.snapshot.graph, self._host.snapshot.folders)
        return view

    def open(self, entry: Entry, *, is_listed: bool = False) -> bool:
        """Show the entry in the view that fits it; False if none does.

        A project that is a row of the list itself stands for its head.
        """
        match entry.entity:
            case Run(verb="search", is_detached=True) as run:
                self.trials.show(run)
            case Run() as run:
                self.runs.show(run)
            case Model() as model:
                self.runs.show_of(model.run_id)
            case Report() as report:
                self.show_report(report)
            case Version() | Excerpt():
                self.show_items(entry)
            case Project() as project if is_listed or project.latest_version is None:
                self.show_items(entry)
            case LineageNode() as node:
                return self._open_node(entry, node)
            case _:
                return self.show_list(entry)
        return True

    def _open_node(self, entry: Entry, node: LineageNode) -> bool:
        """Show what a node stands for, or the run beside it where that can tell more."""
        match entry.kind:
            case EntryKind.STATE if "@" in node.title:
                self.show_items(entry)
            case EntryKind.VERSION:
                self.show_items(entry)
            case (
                EntryKind.RUN
                | EntryKind.MODEL
                | EntryKind.INTERMEDIATE
                | EntryKind.ARTIFACT
                | EntryKind.RECIPE
            ):
                run_id = self._host.snapshot.find_run_of(node.id)
                if run_id is None:
                    return False
                self.runs.show_of(run_id)
            case _:
                return False
        return True

    # --- lists ---------------------------------------------------------------------------------

    def show_marks(self, keys: Collection[str]) -> None:
        """Draw what is marked so, wherever it is listed."""
        for name in (LIST, MODELS, ITEMS, HISTORY):
            view = self.stage.find_view(name)
            if isinstance(view, EntryList | ModelsPane | BrowsePane | HistoryPane):
                view.show_marks(keys)

    def show_list(self, entry: Entry) -> bool:
        """List what belongs to a section or project; False if nothing can be listed of `entry`."""
        if entry.key == "section:models":
            self.show_models()
            return True
        if entry.key == OLDER_RUNS:
            self.show_runs()
            return True
        listing = self._make_listing(entry)
        if listing is None:
            return False
        self._listed = entry
        view = self.stage.get_view(LIST)
        assert isinstance(view, EntryList)
        view.show(listing)
        self._fill(LIST, entry.key)
        self._read_older_runs()
        return True

    def renew_list(self) -> None:
        """Draw the open list again from the present snapshot."""
        view = self.stage.find_view(LIST)
        if isinstance(view, EntryList) and self._listed is not None:
            listing = self._make_listing(self._listed)
            if listing is not None:
                view.show(listing)
                self._read_older_runs()

    def draw_ages(self) -> None:
        """Draw anew what tells on the graph or in a list how long ago things were."""
        view = self.shown
        if isinstance(view, LineageView):
            view.draw_ages()
        elif isinstance(view, EntryList):
            self.renew_list()

    def show_models(self) -> None:
        """List all models, to be sorted, filtered and compared."""
        view = self.stage.get_view(MODELS)
        assert isinstance(view, ModelsPane)
        view.read(self._host.read_clock())
        self._fill(MODELS)

    def compare_models(self, ids: Sequence[str]) -> None:
        """Put these models side by side."""
        self.show_models()
        view = self.stage.get_view(MODELS)
        assert isinstance(view, ModelsPane)
        view.compare(ids)

    def renew_models(self) -> None:
        """Read the models anew, where they are listed."""
        view = self.stage.find_view(MODELS)
        if isinstance(view, ModelsPane) and MODELS in self._sources:
            view.read(self._host.read_clock())

    def show_runs(self) -> None:
        """List all runs with their curves."""
        self.show_list(make_runs_entry(self._host.snapshot))

    def renew_runs(self) -> None:
        """Draw the list of runs again, if it is the list that is seen."""
        if self.active == LIST and self._listed is not None and self._listed.key == RUNS:
            self.renew_list()

    def _make_listing(self, entry: Entry) -> Listing | None:
        return make_listing(
            entry,
            self._host.snapshot,
            self._host.read_clock(),
            outlooks=self._host.outlooks,
            overlaid=self.runs.run_ids,
            runs=self._older.rows,
        )

    def _read_older_runs(self) -> None:
        if self.active == LIST and self._listed is not None and self._listed.key == RUNS:
            self._older.read()

    # --- items ---------------------------------------------------------------------------------

    def show_items(self, entry: Entry) -> None:
        """Look through what a version, a head or a dataset of one holds; an item is shown large."""
        whole = Excerpt(ref=entry.ref, target=entry.target)
        excerpt = entry.entity if isinstance(entry.entity, Excerpt) else whole
        view = self.stage.get_view(ITEMS)
        assert isinstance(view, BrowsePane)
        if excerpt.items:
            view.go_large(True)
            return

        def done(source: ItemSource) -> None:
            view.show(replace(source, ref=excerpt.ref), entry.within or entry)
            self._fill(ITEMS, entry.ref)

        work = partial(open_items, self._host.workspace, excerpt.target or excerpt.ref, excerpt.dataset)
        self._ask("items", work, done)

    def renew_items(self) -> None:
        """Look through the head that a project has now, where that was shown; name it as it is now."""
        view = self.stage.find_view(ITEMS)
        if not isinstance(view, BrowsePane) or view.within is None:
            return
        within = view.within
        entry = renew_entry(within, self._host.snapshot, self._host.read_clock())
        if entry is None:
            return
        before, now = within.entity, entry.entity
        if not (isinstance(before, Project) and isinstance(now, Project) and now.manifest != before.manifest):
            if entry.ref != within.ref:
                view.rename(entry)
            return
        work = partial(open_items, self._host.workspace, entry.target, view.dataset)

        def done(source: ItemSource) -> None:
            if view.within is not None and view.within.key == within.key:  # else another is by now
                view.renew(replace(source, ref=entry.ref), entry)

        self._host.ask("items", work, self._item_renewals.take(done))

    def go_back(self) -> bool:
        """Undo what hides a part of the view that is shown; False where nothing does."""
        view = self.shown
        return isinstance(view, NARROWED) and view.go_back()

    # --- reports and diffs ---------------------------------------------------------------------

    def show_report(self, report: Report) -> None:
        """Read the report's body and show it."""
        self.reports.show(report)

    def show_behind(self, report: Report, kept: Sequence[str]) -> None:
        """Show the images behind the number of a report that an earlier sitting was left at."""
        self.reports.show_behind(report, kept)

    def show_board_of(self, project: str) -> None:
        """Read the reports of a project and show them, ranked in groups."""
        self.reports.show_board_of(project)

    def show_diff(self, before: str | None, after: str) -> None:
        """Compare two refs and show what differs; None is the state before `after`."""
        self.diffs.show(before, after)

    def show_check(self, found: CheckResult) -> None:
        """Show what a check has found."""
        view = self.stage.get_view(CHECK)
        assert isinstance(view, CheckPane)
        view.show(found)
        self._fill(CHECK)

    def renew_check(self) -> None:
        """Say of the check where it is not of what its project stands on now."""
        view, snapshot = self.stage.find_view(CHECK), self._host.snapshot
        if isinstance(view, CheckPane):
            view.note_heads({snapshot.refer_to(project): project.manifest for project in snapshot.projects})

    # --- history -------------------------------------------------------------------------------

    def show_history(self, entry: Entry) -> None:
        """List what was ever said and done of an entry, newest first."""

        def done(changes: tuple[Change, ...]) -> None:
            self._draw_history(entry, changes)
            self._fill(HISTORY, entry.key)

        self._ask("history", partial(list_changes, self._host.workspace, entry.target), done)

    def renew_history(self) -> None:
        """Read the history that is seen again."""
        view = self.stage.find_view(HISTORY)
        if self.active != HISTORY or not isinstance(view, HistoryPane) or view.subject is None:
            return
        subject = view.subject

        def done(changes: tuple[Change, ...]) -> None:
            if view.subject is subject:  # else the history of something else is shown by now
                self._draw_history(subject, changes)

        work = partial(list_changes, self._host.workspace, subject.target)
        self._host.ask("history", work, self._history_renewals.take(done))

    def _draw_history(self, subject: Entry, changes: tuple[Change, ...]) -> None:
        view = self.stage.get_view(HISTORY)
        assert isinstance(view, HistoryPane)
        view.show(History(subject=subject, changes=changes[::-1]), self._host.read_clock())

    # --- filling -------------------------------------------------------------------------------

    def _ask(self, what: str, work: Callable[[], T], done: Callable[[T], None]) -> None:
        """Read what a view is to show; a person who has opened another one meanwhile is left there."""
        self._host.ask(what, work, self._openings.take(done))

    def _fill(self, name: str, *source: str) -> None:
        self._openings.forget()
        self._sources[name] = source
        self.stage.show(name)
        self._host.view_changed(is_opened=True)
