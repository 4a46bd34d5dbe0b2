"""All reports of a project in groups of what can be ranked together, and who is first in each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from mlwf_tui.entities.comparison import RankedReport, ReportGroup
from mlwf_tui.entities.ids import ModelId
from mlwf_tui.entities.measurement import METRIC_NAMES, Interval, choose_main
from mlwf_tui.entities.metric import is_better_low
from mlwf_tui.entities.model import Model, Report
from mlwf_tui.entities.speed import find_image_ms
from mlwf_tui.errors import MlwfError
from mlwf_tui.workflow.benchmarking.grounds import Grounds
from mlwf_tui.workspace import Workspace


class _Surety(msgspec.Struct, frozen=True):
    """What of a report's body says how sure its figures are; the rest is passed over."""

    intervals: Mapping[str, Interval] = {}
    metric_names: Mapping[str, str] = {}


def rank_reports(
    workspace: Workspace,
    reports: Iterable[Report],
    project: str,
    models_of: frozenset[ModelId],
    *,
    metric: str = "",
) -> tuple[ReportGroup, ...]:
    """Return those of reports that are on a project's versions, or of its models, in groups.

    They are given newest first. Reports stand in one group where they are of the same images and truths,
    counted by the same evaluator and rules: only these are ranked. `metric` is what ranks them where a
    group has it, else what says most. A report that only its version told the data of stands alone once
    that is gone. The group with most models comes first, of equals the newest.
    """
    models = {model.id: model for model in workspace.catalog.models.list()}
    wanted = (
        report
        for report in reports
        if report.version_ref.rpartition("@")[0] == project or report.model_id in models_of
    )
    groups = [_rank(workspace, group, models, metric) for group in Grounds(workspace).part(wanted)]
    return tuple(sorted(groups, key=lambda group: -len({of.model_id for of in group.reports})))


def _rank(
    workspace: Workspace, reports: Sequence[Report], models: Mapping[ModelId, Model], metric: str
) -> ReportGroup:
    known = [report for report in reports if report.metrics]
    by = metric if any(metric in report.metrics for report in known) else ""
    by = by or choose_main(known[0].metrics if known else ())
    sureties = {report.id: _read_surety(workspace, report) for report in reports}
    ordered = sorted(
        (report for report in reports if _has(report, by)),
        key=lambda report: report.metrics[by],
        reverse=not is_better_low(by),
    )
    values = [report.metrics[by] for report in ordered]
    names = {**METRIC_NAMES, **sureties[reports[0].id].metric_names}
    return ReportGroup(
        title=f"{list_versions(reports)}, {reports[0].part.describe()}",
        evaluator=reports[0].evaluator,
        metric=by,
        metric_name=names.get(by, by),
        reports=tuple(
            _make_row(report, values.index(report.metrics[by]) + 1, by, sureties[report.id], models)
            for report in ordered
        ),
    )


def list_versions(reports: Sequence[Report]) -> str:
    """Return the versions that reports were measured on in words, each once."""
    return " and ".join(dict.fromkeys(report.version_ref for report in reports))


def _has(report: Report, metric: str) -> bool:
    value = report.metrics.get(metric)
    return value is not None and value == value  # NaN is neither better nor worse than any


def _read_surety(workspace: Workspace, report: Report) -> _Surety:
    """Return how sure a report is; nothing where its body is lost: its figures stand in the catalog."""
    try:
        return msgspec.json.decode(workspace.store.read(report.evaluation), type=_Surety)
    except (MlwfError, msgspec.MsgspecError):
        return _Surety()


def _make_row(
    report: Report, rank: int, metric: str, surety: _Surety, models: Mapping[ModelId, Model]
) -> RankedReport:
    model = models.get(report.model_id)
    return RankedReport(
        rank=rank,
        report=report.name,
        report_id=report.id,
        model=report.model_name,
        model_id=report.model_id,
        version=report.version_ref,
        part=report.part.describe(),
        value=report.metrics[metric],
        interval=surety.intervals.get(metric),
        precision=_find_figure(report, "precision", "macro_precision"),
        recall=_find_figure(report, "recall", "macro_recall"),
        image_ms=find_image_ms(report.speed),
        size_bytes=model.checkpoints[0].size_bytes if model is not None and model.checkpoints else None,
        created_at=report.created_at,
        model_created_at=model.created_at if model is not None else None,
        is_starred=model is not None and model.is_starred,
    )


def _find_figure(report: Report, *names: str) -> float | None:
    return next((report.metrics[name] for name in names if name in report.metrics), None)
