"""How reports are shown, the images behind their numbers, and searches for parameters: read in threads."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cached_property, partial
from typing import Protocol, TypeVar

from mlwf_tui.entities.comparison import Leaderboard
from mlwf_tui.entities.evidence import FatePick, Pick
from mlwf_tui.entities.ids import ReportId
from mlwf_tui.entities.measurement import ComparisonReport, Thresholds
from mlwf_tui.entities.model import Evaluation, Report, ReportKind
from mlwf_tui.entities.run import Run
from mlwf_tui.tui.screens.board import BoardPane
from mlwf_tui.tui.screens.evidence import Behind, EvidencePane, make_behind, make_behind_pair
from mlwf_tui.tui.screens.outline import make_report_entry, make_run_entry
from mlwf_tui.tui.screens.thresholds import ThresholdKeys
from mlwf_tui.tui.screens.work import Work
from mlwf_tui.tui.widgets.entry import Entry
from mlwf_tui.tui.widgets.report_view import ReportView
from mlwf_tui.tui.widgets.search_sections import SearchPage, list_sections
from mlwf_tui.tui.widgets.stage import Stage
from mlwf_tui.workflow.compare import read_comparison
from mlwf_tui.workflow.leaderboard import read_leaderboard
from mlwf_tui.workflow.reporting.evidence import Evidence, open_evidence
from mlwf_tui.workflow.reporting.pair_evidence import PairEvidence, open_pair
from mlwf_tui.workflow.reports import get_report, read_evaluation
from mlwf_tui.workflow.search import FoundSearch, read_search
from mlwf_tui.workspace import Workspace

T = TypeVar("T")
REPORT, EVIDENCE, BOARD, TRIALS = "report", "evidence", "board", "trials"


class Host(Protocol):
    """What is needed of the screen."""

    workspace: Workspace

    @property
    def work(self) -> Work:
        """What reads in threads."""

    def read_clock(self) -> datetime:
        """Return the time now."""

    def ask(self, what: str, work: Callable[[], T], done: Callable[[T], None]) -> None:
        """Do `work` in a thread and hand its result to `done`."""

    def select(self, entry: Entry) -> None:
        """Make what was opened the selected thing."""


class ReportViews:
    """Fills the views of reports; `fill` shows a view of the stage by its name, and keeps of what it is."""

    def __init__(self, host: Host, stage: Stage, fill: Callable[..., None]) -> None:
        self._host = host
        self._stage = stage
        self._fill = fill
        self._shown: tuple[Report, Evaluation | ComparisonReport] | None = None
        # Of the report that was looked behind last, or of the pair of a comparison.
        self._evidence: Evidence | tuple[ComparisonReport, int, PairEvidence] | None = None
        self._searched: Run | None = None  # the search that is open

    @cached_property
    def threshold_keys(self) -> ThresholdKeys:
        """What answers the report's wishes for other thresholds."""
        work = self._host.work
        return ThresholdKeys(self._host.workspace, work, on_broken=work.fail)

    def show(self, report: Report) -> None:
        """Read the report's body and show it."""

        def done(body: Evaluation | ComparisonReport) -> None:
            view = self._stage.get_view(REPORT)
            assert isinstance(view, ReportView)
            self._shown = report, body
            if isinstance(body, Evaluation):
                view.show_report(report, body)
            else:
                view.show_comparison(body)
            self._fill(REPORT, report.id)
            self._host.select(make_report_entry(report))

        def read() -> Evaluation | ComparisonReport:
            is_comparison = report.kind is ReportKind.COMPARISON
            return (read_comparison if is_comparison else read_evaluation)(self._host.workspace, report)

        self._host.ask("report", read, done)

    # --- what stands behind numbers ------------------------------------------------------------

    def open_target(self, wish: ReportView.TargetOpened) -> None:
        """Show the images behind a number of the report that is shown."""
        if self._shown is None:
            return
        report, body = self._shown
        if isinstance(body, Evaluation) and isinstance(wish.target, Pick):
            look = partial(self._look_behind, report, body, wish.target, wish.thresholds)
            self._host.ask("evidence", look, self._show_evidence)
        elif isinstance(body, ComparisonReport) and isinstance(wish.target, FatePick):
            look = partial(self._look_behind_pair, body, wish.target)
            self._host.ask("evidence", look, self._show_evidence)

    def _look_behind(
        self, report: Report, body: Evaluation, pick: Pick, thresholds: Thresholds | None
    ) -> Behind:
        evidence = self._evidence
        if not isinstance(evidence, Evidence) or evidence.report is not report:
            self._evidence = None  # not two in memory
            evidence = self._evidence = open_evidence(self._host.workspace, report, body)
        return make_behind(evidence, pick, thresholds or evidence.own)

    def _look_behind_pair(self, body: ComparisonReport, pick: FatePick) -> Behind:
        known = self._evidence
        if not isinstance(known, tuple) or known[0] is not body or known[1] != pick.pair:
            self._evidence = None
            known = self._evidence = (body, pick.pair, open_pair(self._host.workspace, body, pick.pair))
        return make_behind_pair(known[2], pick)

    def _show_evidence(self, behind: Behind) -> None:
        view = self._stage.get_view(EVIDENCE)
        assert isinstance(view, EvidencePane)
        view.show(behind)
        self._fill(EVIDENCE)

    # --- the leaderboard -----------------------------------------------------------------------

    def show_board(self, board: Leaderboard) -> None:
        """Show the reports of a project, ranked in groups."""
        view = self._stage.get_view(BOARD)
        assert isinstance(view, BoardPane)
        view.show(board)
        self._fill(BOARD)

    def renew_board(self, *, is_seen: bool) -> None:
        """Read the board that is seen again."""
        view = self._stage.find_view(BOARD)
        if is_seen and isinstance(view, BoardPane) and view.project:
            work = partial(read_leaderboard, self._host.workspace, view.project)
            self._host.work.start("leaderboard", work, view.show)

    def open_report(self, report_id: ReportId) -> None:
        """Show a report by its id."""
        work = partial(get_report, self._host.workspace, report_id)
        self._host.ask("report", work, self.show)

    # --- searches ------------------------------------------------------------------------------

    def show_search(self, run: Run) -> None:
        """Read the trials of a search and show them."""

        def done(found: FoundSearch) -> None:
            self._draw_search(found, keeps_place=False)
            self._fill(TRIALS, found.run.id)
            self._host.select(make_run_entry(found.run, self._host.read_clock()))

        self._host.ask("search", partial(read_search, self._host.workspace, run.id), done)

    def renew_search(self, *, is_seen: bool) -> None:
        """Read the trials of the open search again, while it goes on and is seen."""
        run = self._searched
        if run is not None and is_seen and not run.state.is_finished:
            work = partial(read_search, self._host.workspace, run.id)
            self._host.ask("search", work, partial(self._draw_search, keeps_place=True))

    def _draw_search(self, found: FoundSearch, *, keeps_place: bool) -> None:
        view = self._stage.get_view(TRIALS)
        assert isinstance(view, ReportView)
        self._searched = found.run
        page = SearchPage(
            title=f"search {found.run.id} of {found.plan.data}",
            state=found.run.state.value,
            summary=str(found.run.result.get("summary", "")),
            plan=found.plan,
            trials=found.trials,
            importance=found.importance,
        )
        view.show_sections(list_sections(page), keeps_place=keeps_place)
