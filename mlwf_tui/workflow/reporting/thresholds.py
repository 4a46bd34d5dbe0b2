"""What a report says at another confidence or IoU, from what its model has said; nothing is inferred anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlwf_tui.entities.model import Report, ReportKind
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.workflow.measuring import list_class_names, measure_report, read_measured
from mlwf_tui.workspace import Workspace

if TYPE_CHECKING:  # numpy, which only what measures needs
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
    version = workspace.catalog.versions.get_by_id(report.version_id)
    model = workspace.catalog.models.get_by_id(report.model_id)
    names = list_class_names(workspace, version.manifest, model.class_names)
    truths = read_measured(workspace, report, version.manifest)
    return Threshold(measure_report(workspace, report, names, truths))
