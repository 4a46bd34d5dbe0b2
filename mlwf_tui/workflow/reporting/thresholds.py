"""What a report says at another confidence or IoU, from what its model has said; nothing is inferred anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlwf_tui.entities.model import Evaluation, Report, ReportKind
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.workflow.measuring import measure_report, read_kept
from mlwf_tui.workflow.reports import read_evaluation
from mlwf_tui.workspace import Workspace

if TYPE_CHECKING:  # numpy, which only what measures needs
    from mlwf_tui.evaluation.measured import Measured
    from mlwf_tui.evaluation.sweep import Sweep
    from mlwf_tui.evaluation.thresholds import Threshold


def read_threshold(workspace: Workspace, report: Report) -> Threshold:
    """Return what counts a report's figures at any confidence and IoU, in milliseconds each.

    Raises:
        InvalidParameter: it is a comparison.
        InvalidInput: its predictions were not kept.
        NotFound: its version was deleted.
        CorruptData: the stored bytes are damaged.
    """
    from mlwf_tui.evaluation.thresholds import Threshold

    if report.kind is not ReportKind.BENCHMARK:
        raise InvalidParameter(
            f"The report {report.name} compares models.", hint="Ask for the report of one of them."
        )
    return Threshold(_pair(workspace, report, read_evaluation(workspace, report)))


def open_sweep(workspace: Workspace, report: Report, evaluation: Evaluation) -> Sweep:
    """Return what counts a whole report, whose body is `evaluation`, at any confidence and IoU.

    Raises:
        InvalidInput: its predictions were not kept, or are no single objects.
        NotFound: its version was deleted.
        CorruptData: the stored bytes are damaged.
    """
    from mlwf_tui.evaluation.sweep import Sweep

    return Sweep(_pair(workspace, report, evaluation), evaluation)


def _pair(workspace: Workspace, report: Report, evaluation: Evaluation) -> Measured:
    """Return what the report was worked out from, with its own classes: its model may be gone."""
    kept = read_kept(workspace, report)
    return measure_report(workspace, kept, [of.name for of in evaluation.classes])
