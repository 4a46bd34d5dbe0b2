"""Lets keys change the confidence at which an open report counts; the newest key wins."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar

from mlwf_tui.entities.model import Evaluation, Report
from mlwf_tui.tui.widgets.report_view import ReportView
from mlwf_tui.workflow.reporting.thresholds import open_tuner
from mlwf_tui.workspace import Workspace

if TYPE_CHECKING:
    from mlwf_tui.evaluation.tuning import Tuner

T = TypeVar("T")


class Host(Protocol):
    """What tuning needs of the screen."""

    workspace: Workspace

    def ask(self, what: str, work: Callable[[], T], done: Callable[[T], None]) -> None:
        """Do `work` in a thread and hand its result to `done`."""


class ReportTuning:
    """Belongs to one view; knows the report that it shows."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._report: Report | None = None
        self._evaluation: Evaluation | None = None
        self._tuner: Tuner | None = None
        self._confidence = 0.0
        self._is_counting = False

    def begin(self, report: Report, evaluation: Evaluation) -> None:
        """Take it that another report is shown, at its own confidence."""
        self._report, self._evaluation, self._tuner = report, evaluation, None
        self._confidence = self._own
        self._is_counting = False

    @property
    def _own(self) -> float:
        return self._evaluation.metrics.get("confidence", 0.0) if self._evaluation is not None else 0.0

    def move(self, view: ReportView, step: float | None) -> None:
        """Count at a confidence that is `step` higher; None for the report's own."""
        if self._report is None or self._evaluation is None or not self._evaluation.confidence_curves:
            return  # nothing in it depends on a confidence
        moved = round(self._confidence + step, 2) if step is not None else self._own
        self._confidence = min(max(moved, 0.0), 1.0) if step is not None else moved
        if not self._is_counting:
            self._count(view)

    def _count(self, view: ReportView) -> None:
        report, evaluation, tuner = self._report, self._evaluation, self._tuner
        confidence = self._confidence
        assert report is not None
        assert evaluation is not None
        if confidence == self._own:
            view.show_tuned(report, evaluation, None)
            return
        self._is_counting = True

        def work() -> tuple[Tuner, Evaluation]:
            opened = tuner or open_tuner(self._host.workspace, report, evaluation)
            return opened, opened.tune(confidence)

        self._host.ask("report", work, partial(self._show, view, report, confidence))

    def _show(
        self, view: ReportView, report: Report, confidence: float, found: tuple[Tuner, Evaluation]
    ) -> None:
        if report is not self._report:
            return
        self._tuner, evaluation = found
        self._is_counting = False
        if confidence != self._confidence:
            self._count(view)  # a newer key
        else:
            view.show_tuned(report, evaluation, self._own)
