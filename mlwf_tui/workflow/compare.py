"""compare: say whether one model is really better than another, where, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING

import msgspec

from mlwf_tui.entities.comparison import find_front
from mlwf_tui.entities.measurement import (
    ComparedModel,
    ComparedPair,
    Comparison,
    ComparisonReport,
    Difference,
    choose_main,
    choose_two,
)
from mlwf_tui.entities.model import Model, Report, ReportKind
from mlwf_tui.entities.run import ArtifactKind, ArtifactRef
from mlwf_tui.entities.speed import find_image_ms
from mlwf_tui.errors import CorruptData, InvalidParameter
from mlwf_tui.protocols.evaluators import Measurement
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.workflow.benchmarking.apart import check_gates, choose_reports
from mlwf_tui.workflow.benchmarking.causes import list_causes, list_runtimes
from mlwf_tui.workflow.benchmarking.gates import Condition, parse_conditions
from mlwf_tui.workflow.measuring import list_class_names, measure_again, read_item_facts, read_kept
from mlwf_tui.workflow.names import find_free
from mlwf_tui.workflow.reporting.words import describe_comparison, judge
from mlwf_tui.workflow.running.recorder import Recorder, record
from mlwf_tui.workspace import Workspace

if TYPE_CHECKING:  # numpy, which only what measures needs
    from mlwf_tui.evaluation.measured import Measured
    from mlwf_tui.evaluation.slices import ItemFacts


class CompareResult(msgspec.Struct, frozen=True, kw_only=True):
    """The report that was made or found, its body, and which gates were run into."""

    report: Report
    body: ComparisonReport
    failed: tuple[str, ...] = ()
    cached: bool = False


def compare(
    workspace: Workspace,
    refs: Sequence[str],
    *,
    on: str | None = None,
    split: str | None = None,
    evaluator: str | None = None,
    fail_if: Sequence[str] = (),
    observer: Observer,
) -> CompareResult:
    """Compare models, or reports, each with the last named, on what all were measured on.

    Of several such versions, splits and evaluators the newest measured is taken, unless `on` (PROJECT@N),
    `split` or `evaluator` chooses. The outcome is a report of its own; the same comparison is found, not
    made again.

    Raises:
        NotFound: there is no such model, report or version.
        NotMeasured: they were not measured on the same data; it says what would have to be.
        InvalidParameter: fewer than two, one twice, no split, a gate that is no condition, or an evaluator
            that does not measure such models.
        InvalidInput: what a model said was not kept when it was measured.
    """
    conditions = parse_conditions(fail_if)
    reports = choose_reports(workspace, refs, on=on, split=split, evaluator=evaluator)
    check_gates(conditions, reports)
    found = _find_made(workspace, reports)
    if found is not None:
        body = read_comparison(workspace, found)
        return CompareResult(report=found, body=body, failed=_list_failed(body, conditions), cached=True)
    params = {"models": [report.model_name for report in reports], "on": reports[0].version_ref,
              "split": reports[0].split}  # fmt: skip
    with record(workspace, "compare", params=params) as recorder:
        for report in reports:
            recorder.read_artifact(ArtifactRef(ArtifactKind.REPORT, report.id, report.name))
        body = _compare(workspace, reports, observer)
        kept = _keep(recorder, reports, body)
    return CompareResult(report=kept, body=body, failed=_list_failed(body, conditions))


def read_comparison(workspace: Workspace, report: Report) -> ComparisonReport:
    """Return the body of a report that compares.

    Raises:
        InvalidParameter: it is a report of another kind.
        CorruptData: the stored bytes are damaged.
    """
    if report.kind is not ReportKind.COMPARISON:
        raise InvalidParameter(f"The report {report.name} measures one model.", hint="See mlwf report.")
    try:
        return msgspec.json.decode(workspace.store.read(report.evaluation), type=ComparisonReport)
    except msgspec.MsgspecError as error:
        raise CorruptData(
            f"The report {report.name} cannot be read: {error}.", hint="Compare again."
        ) from error


def _find_made(workspace: Workspace, reports: Sequence[Report]) -> Report | None:
    ids = _name_reports(reports)
    return next(
        (
            report
            for report in workspace.catalog.reports.list(model_id=reports[0].model_id)
            if report.kind is ReportKind.COMPARISON and report.settings.get("reports") == ids
        ),
        None,
    )


def _name_reports(reports: Sequence[Report]) -> str:
    return " ".join(report.id for report in reports)


def _list_failed(body: ComparisonReport, conditions: Sequence[Condition]) -> tuple[str, ...]:
    return tuple(
        condition.text
        for condition in conditions
        if any(condition.holds(pair.comparison.differences) for pair in body.pairs)
    )


def _compare(workspace: Workspace, reports: Sequence[Report], observer: Observer) -> ComparisonReport:
    models = [workspace.catalog.models.get_by_id(report.model_id) for report in reports]
    version = workspace.catalog.versions.get_by_id(reports[0].version_id)
    known = [model.class_names for model in models]
    names = list_class_names(workspace, version.manifest, *known)
    first = read_kept(workspace, reports[0])
    others = (read_kept(workspace, of, first.items) for of in reports[1:])
    measured = [measure_again(workspace, kept, names) for kept in chain([first], others)]
    facts = read_item_facts(workspace, first.items, observer)
    pairs = []
    for place, (report, model) in enumerate(zip(reports[:-1], models[:-1], strict=True)):
        observer.progress(place, len(reports) - 1, f"comparing {report.model_name}")
        comparison = _compare_two(measured[place], measured[-1], facts, observer)
        causes = (*list_causes(workspace, models[-1], model), *list_runtimes(reports[-1], report))
        pairs.append(
            ComparedPair(
                new=report.model_name, old=reports[-1].model_name, comparison=comparison, causes=causes
            )
        )
    return ComparisonReport(
        models=_set_beside(reports, models),
        evaluator=reports[0].evaluator,
        pairs=tuple(pairs),
        one_sided_classes=tuple(sorted(set().union(*known).difference(set(known[0]).intersection(*known)))),
    )


def _compare_two(
    new: Measured | Measurement,
    old: Measured | Measurement,
    facts: Mapping[str, ItemFacts],
    observer: Observer,
) -> Comparison:
    from mlwf_tui.evaluation.comparing import compare as compare_measured  # numpy
    from mlwf_tui.evaluation.comparing_figures import compare_figures
    from mlwf_tui.evaluation.comparing_pixels import compare_pixels
    from mlwf_tui.evaluation.measured import Measured
    from mlwf_tui.evaluation.pixels import Painted
    from mlwf_tui.evaluation.slice_differences import compare_slices

    check = observer.check_cancelled
    if isinstance(new, Painted) and isinstance(old, Painted):
        return compare_pixels(new, old, check=check)
    if not isinstance(new, Measured) or not isinstance(old, Measured):
        assert not isinstance(new, Measured) and not isinstance(old, Measured)  # one evaluator measures both
        return compare_figures(new, old, check=check)
    comparison = compare_measured(new, old, check=check)
    return msgspec.structs.replace(comparison, slices=compare_slices(new, old, facts, check=check))


def _set_beside(reports: Sequence[Report], models: Sequence[Model]) -> tuple[ComparedModel, ...]:
    front = find_front(
        {
            report.id: (
                -report.metrics.get((*choose_two(report.metrics), "map")[0], 0.0) or None,  # finds nothing
                find_image_ms(report.speed),
                model.checkpoints[0].size_bytes,
            )
            for report, model in zip(reports, models, strict=True)
        }
    )
    return tuple(
        ComparedModel(
            report=report.id,
            report_name=report.name,
            model=report.model_name,
            architecture=model.architecture,
            version=report.version_ref,
            split=report.split,
            metrics=report.metrics,
            speed=report.speed,
            size_bytes=model.checkpoints[0].size_bytes,
            is_on_front=report.id in front,
        )
        for report, model in zip(reports, models, strict=True)
    )


def _keep(recorder: Recorder, reports: Sequence[Report], body: ComparisonReport) -> Report:
    workspace = recorder.workspace
    with recorder.writer() as writer:
        blob = writer.put(msgspec.json.encode(body))
    differences = body.pairs[0].comparison.differences
    with recorder.finishing():
        taken = {report.name for report in workspace.catalog.reports.list()}
        report = recorder.write_report(
            name=find_free(f"{reports[0].model_name}-against-{reports[-1].model_name}", taken),
            description=describe_comparison(body),
            model_id=reports[0].model_id,
            version_id=reports[0].version_id,
            split=reports[0].split,
            metrics={name: difference.value for name, difference in differences.items()},
            speed={},
            evaluation=blob,
            kind=ReportKind.COMPARISON,
            settings={"reports": _name_reports(reports)},
        )
        recorder.result = {
            "report": report.name,
            "report_id": report.id,
            "summary": describe_difference(
                choose_main(differences) or "map50", differences.get(choose_main(differences))
            ),
        }
    return report


def describe_difference(name: str, difference: Difference | None) -> str:
    """Return a difference in words, such as "map50 +0.031 [+0.012, +0.049], better"."""
    if difference is None:
        return f"{name} cannot be compared"
    interval = f"[{difference.low:+.3f}, {difference.high:+.3f}]"
    return f"{name} {difference.value:+.3f} {interval}, {judge(difference)}"
