"""A report's numbers at thresholds that a person chooses: worked out in a thread, the newest wins."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from mlwf_tui.entities.measurement import Thresholds
from mlwf_tui.entities.model import Evaluation, Report
from mlwf_tui.errors import MlwfError
from mlwf_tui.tui.screens.work import Work
from mlwf_tui.tui.widgets.report_view import ReportView
from mlwf_tui.workflow.reporting.thresholds import open_sweep
from mlwf_tui.workflow.reports import read_evaluation
from mlwf_tui.workspace import Workspace

if TYPE_CHECKING:  # numpy, which the start need not wait for
    from mlwf_tui.evaluation.sweep import Sweep


class ThresholdKeys:
    """Answers a report view's wishes, one at a time. All but the work itself is called on the loop."""

    def __init__(self, workspace: Workspace, work: Work, *, on_broken: Callable[[MlwfError], None]) -> None:
        self._workspace = workspace
        self._work = work
        self._on_broken = on_broken
        self._wanted: ReportView.ThresholdsChosen | None = None
        self._is_busy = False
        self._sweep: tuple[Report, Sweep] | None = None  # of the report that was asked for last

    def choose(self, wish: ReportView.ThresholdsChosen) -> None:
        """Have the numbers worked out; of wishes that come meanwhile only the last is."""
        self._wanted = wish
        if not self._is_busy:
            self._begin()

    def _begin(self) -> None:
        wish, self._wanted = self._wanted, None
        if wish is not None:
            self._is_busy = True
            work = partial(self._evaluate, wish.report, wish.thresholds)
            self._work.start("thresholds", work, partial(self._show, wish), fail=partial(self._give_up, wish))

    def _evaluate(self, report: Report, thresholds: Thresholds) -> Evaluation:
        if self._sweep is None or self._sweep[0] is not report:
            self._sweep = None  # not two in memory
            evaluation = read_evaluation(self._workspace, report)
            self._sweep = report, open_sweep(self._workspace, report, evaluation)
        return self._sweep[1].evaluate(thresholds)

    def _show(self, wish: ReportView.ThresholdsChosen, evaluation: Evaluation) -> None:
        self._is_busy = False
        wish.view.show_evaluation(wish.report, evaluation, wish.thresholds)
        self._begin()

    def _give_up(self, wish: ReportView.ThresholdsChosen, error: MlwfError) -> None:
        self._is_busy = False
        self._wanted = None
        wish.view.refuse_thresholds(wish.report)
        self._on_broken(error)
