"""reports: what has been measured."""

from __future__ import annotations

import msgspec

from mlwf_tui.entities.ids import ModelId
from mlwf_tui.entities.model import Evaluation, Report, ReportKind
from mlwf_tui.errors import CorruptData, InvalidParameter
from mlwf_tui.workspace import Workspace


def list_reports(workspace: Workspace) -> tuple[Report, ...]:
    """Return all reports, newest first."""
    return workspace.catalog.reports.list()


def list_benchmarks(workspace: Workspace, *, model_id: ModelId | None = None) -> tuple[Report, ...]:
    """Return what one model was measured at, or all models, newest first.

    The figures of a comparison are differences, which nobody may take for a model's own.
    """
    reports = workspace.catalog.reports.list(model_id=model_id)
    return tuple(report for report in reports if report.kind is ReportKind.BENCHMARK)


def get_report(workspace: Workspace, ref: str) -> Report:
    """Return one report by name or id.

    Raises:
        NotFound: there is no such report.
    """
    return workspace.catalog.reports.get(ref)


def read_evaluation(workspace: Workspace, report: Report) -> Evaluation:
    """Read the full body of a report from the store: classes, curves, confusion, items.

    Raises:
        InvalidParameter: it is a comparison.
        CorruptData: the stored bytes are damaged, or are no evaluation.
    """
    if report.kind is not ReportKind.BENCHMARK:
        raise InvalidParameter(f"The report {report.name} compares models.", hint="See mlwf compare.")
    try:
        return msgspec.json.decode(workspace.store.read(report.evaluation), type=Evaluation)
    except msgspec.MsgspecError as error:
        raise CorruptData(
            f"The report {report.name} cannot be read: {error}.", hint="Run the benchmark again."
        ) from error
