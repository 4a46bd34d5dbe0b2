"""leaderboard: the models of a project, the best first, and what the order rests on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec

from mlwf_tui.entities.comparison import Leaderboard, Ranked
from mlwf_tui.entities.experiment import Experiment, find_main_metric
from mlwf_tui.entities.ids import ModelId
from mlwf_tui.entities.metric import is_better_low, matches
from mlwf_tui.entities.model import Report
from mlwf_tui.entities.part import Part
from mlwf_tui.errors import NotFound
from mlwf_tui.workflow.benchmarking.grounds import Grounds
from mlwf_tui.workflow.benchmarking.standings import list_versions, rank_reports
from mlwf_tui.workflow.models import read_experiments
from mlwf_tui.workflow.refs import resolve_version
from mlwf_tui.workflow.reports import list_benchmarks
from mlwf_tui.workspace import Workspace


def read_leaderboard(
    workspace: Workspace, project: str, *, metric: str = "", on: str = "", split: str = ""
) -> Leaderboard:
    """Return the models that were trained on a project's versions, or measured on them.

    Where there are reports, models are ranked by those of the same images and truths, by one evaluator: of
    `on` and `split`, those that most models were measured on, the newest of several. The others follow
    without a rank, by what their training measured. Without any report all are ranked by that.

    `on` and `split` narrow the groups as well.

    Raises:
        NotFound: there is no such project or version, or no model was measured on what is asked for.
        InvalidParameter: there is no such split.
    """
    if split:
        Part(split=split).check()
    found = workspace.catalog.projects.get(project)
    experiments = read_experiments(workspace)
    ref = resolve_version(workspace, on).ref if on else ""
    wanted = [
        report
        for report in list_benchmarks(workspace)  # newest first
        if ref in ("", report.version_ref) and split in ("", report.split)
    ]
    reports = [report for report in wanted if report.version_ref.rpartition("@")[0] == found.name]
    if (ref or split) and not reports:
        raise _find_nothing(found.name, ref, split)
    measured = {report.model_id for report in reports}
    trained = frozenset(one.model.id for one in experiments if one.facts.get("project") == found.name)
    ours = [one for one in experiments if one.facts.get("project") == found.name or one.model.id in measured]
    basis = _choose_basis(workspace, reports)
    metric = _choose_metric(metric, basis, ours)
    ranked = _rank_reports(basis, ours, metric)
    known = {place.model_id for place in ranked}
    others = _rank_validations([one for one in ours if one.model.id not in known], metric)
    if ranked:
        others = [msgspec.structs.replace(place, rank=None) for place in others]
    return Leaderboard(
        project=found.name,
        metric=metric,
        basis=_describe(basis if ranked else (), others),
        version=basis[0].version_ref if ranked else "",
        split=basis[0].split if ranked else "",
        models=(*ranked, *others),
        groups=rank_reports(workspace, wanted, found.name, trained, metric=metric),
    )


def _find_nothing(project: str, ref: str, split: str) -> NotFound:
    """Return what to raise where nobody was measured on what is asked for."""
    where = f"{ref}{f' ({split})' if split else ''}" if ref else f"the {split} split of {project}"
    option = f" --split {split}" if split else ""
    return NotFound(
        f"No model was measured on {where}.",
        hint=f"Measure one: mlwf benchmark MODEL {ref or project}{option}",
    )


def _choose_basis(workspace: Workspace, reports: Sequence[Report]) -> Sequence[Report]:
    """Return the reports on what most models were measured on, of several on the newest; newest first."""
    groups = Grounds(workspace).part(reports)
    return max(groups, key=lambda group: len({of.model_id for of in group}), default=())


def _choose_metric(asked: str, reports: Sequence[Report], experiments: Sequence[Experiment]) -> str:
    """Return the name of a metric that somebody was measured by: the asked one, or the main one."""
    measured = [*(report.metrics for report in reports), *(one.model.metrics for one in experiments)]
    for metrics in measured:
        if not asked:
            main = find_main_metric(metrics)
            if main is not None:
                return main[0]
        else:
            meant = next((name for name in metrics if name == asked or matches(asked, name)), None)
            if meant is not None:
                return meant
    if asked and measured:
        raise NotFound(f"No model was measured by {asked!r}.", hint="mlwf models --json lists all metrics.")
    return asked or "map"


def _rank_reports(reports: Sequence[Report], experiments: Sequence[Experiment], metric: str) -> list[Ranked]:
    """Rank by the newest report of each model."""
    by_id = {one.model.id: one for one in experiments}
    newest: dict[ModelId, Report] = {}
    for report in reports:
        if _has(report.metrics, metric) and report.model_id in by_id:
            newest.setdefault(report.model_id, report)
    measured = [(report.metrics[metric], by_id[id], report.name) for id, report in newest.items()]
    return _rank(measured, metric)


def _rank_validations(experiments: Sequence[Experiment], metric: str) -> list[Ranked]:
    return _rank(
        [(one.model.metrics[metric], one, "") for one in experiments if _has(one.model.metrics, metric)],
        metric,
    )


def _has(metrics: Mapping[str, float], metric: str) -> bool:
    """Whether there is a number to rank by: one that is NaN is neither better nor worse than any."""
    return not math.isnan(metrics.get(metric, math.nan))


def _rank(measured: Sequence[tuple[float, Experiment, str]], metric: str) -> list[Ranked]:
    """Return places, equal values sharing theirs."""
    ordered = sorted(measured, key=lambda one: one[0], reverse=not is_better_low(metric))
    values = [value for value, _, _ in ordered]
    return [
        Ranked(
            rank=values.index(value) + 1,
            model=one.name,
            model_id=one.model.id,
            architecture=one.model.architecture,
            trained_on=str(one.facts.get("data") or ""),
            value=value,
            report=report,
            is_starred=one.model.is_starred,
        )
        for value, one, report in ordered
    ]


def _describe(basis: Sequence[Report], others: Sequence[Ranked]) -> str:
    if basis:
        rest = "; those without a rank were not: of them it is what their training measured" if others else ""
        return f"measured on {list_versions(basis)}, split {basis[0].part.describe()}{rest}"
    data = {place.trained_on for place in others}
    if len(data) > 1:
        return "what each training measured on its own validation split, of different versions"
    return "what each training measured on its validation split"
