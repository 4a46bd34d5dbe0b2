"""A report's figures at another confidence, from its kept predictions; the report itself never changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlwf_tui.entities.model import Evaluation, Report
from mlwf_tui.workflow.measuring import measure_report, read_measured, read_predictions
from mlwf_tui.workspace import Workspace

if TYPE_CHECKING:  # numpy, which only what measures needs
    from mlwf_tui.evaluation.tuning import Tuner


def open_tuner(workspace: Workspace, report: Report, evaluation: Evaluation) -> Tuner:
    """Pair the kept predictions of a benchmark with its truths once, for as many confidences as are wanted.

    Raises:
        InvalidInput: the predictions were not kept, or are no single objects.
        NotFound: the version was deleted.
        CorruptData: the stored bytes are damaged.
    """
    from mlwf_tui.evaluation.measured import measure
    from mlwf_tui.evaluation.tuning import Tuner

    version = workspace.catalog.versions.get_by_id(report.version_id)
    truths = read_measured(workspace, report, version.manifest)
    names = [of.name for of in evaluation.classes]
    known = set(names)
    if report.evaluator != "detect":
        return Tuner(measure_report(workspace, report, names, truths), evaluation)
    predictions = {
        key: tuple(found for found in objects if found.class_name in known)
        for key, objects in read_predictions(workspace, report).items()
    }
    return Tuner(measure(truths, predictions, names), evaluation)
