"""How reports are shown, the images behind their numbers, and the leaderboard: read in threads."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import cached_property, partial

import msgspec

from mlwf_tui.entities.comparison import Leaderboard
from mlwf_tui.entities.evidence import FatePick, Pick, parse_fate_pick, parse_pick, write_pick
from mlwf_tui.entities.ids import ReportId
from mlwf_tui.entities.measurement import ComparisonReport, Thresholds
from mlwf_tui.entities.model import Evaluation, Report, ReportKind
from mlwf_tui.errors import MlwfError
from mlwf_tui.tui.screens.board import BoardPane
from mlwf_tui.tui.screens.evidence import Behind, EvidencePane, make_behind, make_behind_pair
from mlwf_tui.tui.screens.outline import make_report_entry
from mlwf_tui.tui.screens.thresholds import ThresholdKeys
from mlwf_tui.tui.screens.view_host import BOARD, EVIDENCE, REPORT, Host
from mlwf_tui.tui.widgets.report_view import ReportView
from mlwf_tui.tui.widgets.stage import Stage
from mlwf_tui.workflow.compare import read_comparison
from mlwf_tui.workflow.leaderboard import read_leaderboard
from mlwf_tui.workflow.reporting.evidence import Evidence, open_evidence
from mlwf_tui.workflow.reporting.pair_evidence import open_pair
from mlwf_tui.workflow.reporting.pairs import PairEvidence
from mlwf_tui.workflow.reports import get_report, read_evaluation

logger = logging.getLogger(__name__)
Body = Evaluation | ComparisonReport


class ReportViews:
    """Fills the views of reports; `fill` shows a view of the stage by its name, and keeps of what it is.

    `ask` reads in a thread what is to be opened.
    """

    def __init__(
        self, host: Host, stage: Stage, *, ask: Callable[..., None], fill: Callable[..., None]
    ) -> None:
        self._host = host
        self._stage = stage
        self._ask = ask
        self._fill = fill
        self._shown: tuple[Report, Body] | None = None
        # Of the report that was looked behind last, or of the pair of a comparison.
        self._evidence: Evidence | tuple[ComparisonReport, int, PairEvidence] | None = None

    @cached_property
    def threshold_keys(self) -> ThresholdKeys:
        """What answers the report's wishes for other thresholds."""
        work = self._host.work
        return ThresholdKeys(self._host.workspace, work, on_broken=work.fail)

    def show(self, report: Report) -> None:
        """Read the report's body and show it."""
        self._ask("report", partial(self._read, report), partial(self._show, report))

    def _read(self, report: Report) -> Body:
        is_comparison = report.kind is ReportKind.COMPARISON
        return (read_comparison if is_comparison else read_evaluation)(self._host.workspace, report)

    def _show(self, report: Report, body: Body) -> None:
        view = self._stage.get_view(REPORT)
        assert isinstance(view, ReportView)
        self._shown = report, body
        if isinstance(body, Evaluation):
            view.show_report(report, body)
        else:
            view.show_comparison(body)
        self._fill(REPORT, report.id)
        self._host.select(make_report_entry(report))

    # --- what stands behind numbers ------------------------------------------------------------

    def open_target(self, wish: ReportView.TargetOpened) -> None:
        """Show the images behind a number of the report that is shown."""
        if self._shown is None:
            return
        report, body = self._shown
        if isinstance(wish.target, FatePick if isinstance(body, ComparisonReport) else Pick):
            look = partial(self._look_behind, report, body, wish.target, wish.thresholds)
            kept = write_pick(wish.target), msgspec.json.encode(wish.thresholds).decode()
            self._ask("evidence", look, partial(self._show_evidence, report, kept))

    def show_behind(self, report: Report, kept: Sequence[str]) -> None:
        """Show the images that an earlier sitting was left at; where they cannot be found, the report."""

        def read() -> tuple[Body, Behind | None]:
            body = self._read(report)
            try:
                return body, self._look_again(report, body, *kept)
            except (MlwfError, msgspec.MsgspecError) as error:
                logger.info("what stood behind %s is not found any more: %s", report.name, error)
                return body, None

        def done(found: tuple[Body, Behind | None]) -> None:
            body, behind = found
            self._show(report, body)  # where the way back leads
            if behind is not None:
                self._show_evidence(report, kept, behind)

        self._ask("evidence", read, done)

    def _look_again(self, report: Report, body: Body, conditions: str, thresholds: str) -> Behind:
        at = msgspec.json.decode(thresholds, type=Thresholds | None)
        if isinstance(body, ComparisonReport):
            return self._look_behind(report, body, parse_fate_pick([conditions]), at)
        pick = parse_pick([conditions], [of.name for of in body.classes])
        return self._look_behind(report, body, pick, at)

    def _look_behind(
        self, report: Report, body: Body, pick: Pick | FatePick, thresholds: Thresholds | None
    ) -> Behind:
        match body, pick:
            case Evaluation(), Pick():
                return self._look_behind_one(report, body, pick, thresholds)
            case ComparisonReport(), FatePick():
                return self._look_behind_pair(body, pick)
        raise AssertionError(f"{report.name} has no {pick.describe()}")

    def _look_behind_one(
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

    def _show_evidence(self, report: Report, kept: Sequence[str], behind: Behind) -> None:
        view = self._stage.get_view(EVIDENCE)
        assert isinstance(view, EvidencePane)
        view.show(behind)
        self._fill(EVIDENCE, report.id, *kept)

    # --- the leaderboard -----------------------------------------------------------------------

    def show_board(self, board: Leaderboard) -> None:
        """Show the reports of a project, ranked in groups."""
        view = self._stage.get_view(BOARD)
        assert isinstance(view, BoardPane)
        view.show(board)
        self._fill(BOARD, board.project)

    def show_board_of(self, project: str) -> None:
        """Read the reports of a project and show them, ranked in groups."""
        work = partial(read_leaderboard, self._host.workspace, project)
        self._ask("leaderboard", work, self.show_board)

    def renew_board(self) -> None:
        """Read the board that is seen again."""
        view = self._stage.find_view(BOARD)
        if self._stage.active == BOARD and isinstance(view, BoardPane) and view.project:
            project = view.project

            def done(board: Leaderboard) -> None:
                if view.project == project:  # else another board is shown by now
                    view.show(board)

            work = partial(read_leaderboard, self._host.workspace, project)
            self._host.work.start("leaderboard", work, done)

    def open_report(self, report_id: ReportId) -> None:
        """Show a report by its id."""
        work = partial(get_report, self._host.workspace, report_id)
        self._ask("report", work, self.show)
