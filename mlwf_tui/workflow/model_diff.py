"""Finds what differs between several models, or runs: what was asked, read, measured; not a verb."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from mlwf_tui.entities.change import ChangeKind
from mlwf_tui.entities.comparison import Compared, ModelDiff, SideValues
from mlwf_tui.entities.ids import VersionId
from mlwf_tui.entities.metric import MetricSeries, has_best, is_better_low
from mlwf_tui.entities.run import ArtifactKind, Run
from mlwf_tui.errors import InvalidParameter, MlwfError, NotFound
from mlwf_tui.workflow.diff import diff
from mlwf_tui.workflow.metrics import find_run, read_curves
from mlwf_tui.workspace import Workspace

MAX_COMPARED = 12  # more columns nobody can read
_TOLD = ("name", "data")  # parameters that are told apart from the others


def diff_models(workspace: Workspace, refs: Sequence[str]) -> ModelDiff:
    """Compare models, or runs, by name or id.

    Raises:
        NotFound: one of them is neither.
        InvalidParameter: there are fewer than two, or too many.
    """
    if not 2 <= len(refs) <= MAX_COMPARED:
        raise InvalidParameter(
            f"{len(refs)} models cannot be compared.", hint=f"Give from 2 to {MAX_COMPARED} of them."
        )
    sides = tuple(_find_side(workspace, ref) for ref in refs)
    runs = [side.run for side in sides]
    asked = [
        {**{k: v for k, v in run.params.items() if k not in _TOLD}, "seed": run.seed, "verb": run.verb}
        for run in runs
    ]
    measured = [side.metrics for side in sides]
    return ModelDiff(
        sides=sides,
        params=_list_differing(asked),
        environment=_list_differing([run.environment for run in runs]),
        items=tuple(_count_items(workspace, runs[0], run) for run in runs),
        metrics=tuple(_find_best(one) for one in _list_values(measured)),
        curves=_read_curves(workspace, runs),
    )


def _find_side(workspace: Workspace, ref: str) -> Compared:
    with suppress(NotFound):
        model = workspace.catalog.models.get(ref)
        run = workspace.catalog.runs.get(model.run_id)
        return Compared(name=model.name, run=run, data=_name_data(run), metrics=model.metrics)
    run = find_run(workspace, ref)
    made = next((out.title for out in run.outputs if out.kind is ArtifactKind.MODEL), run.id)
    return Compared(name=made, run=run, data=_name_data(run), metrics=_read_metrics(run))


def _name_data(run: Run) -> str:
    return next((ref.title for ref in run.inputs if ref.kind is ArtifactKind.VERSION), "")


def _list_values(sides: Sequence[Mapping[str, Any]]) -> list[SideValues]:
    names = dict.fromkeys(name for side in sides for name in side)
    return [SideValues(name=name, values=tuple(side.get(name) for side in sides)) for name in names]


def _list_differing(sides: Sequence[Mapping[str, Any]]) -> tuple[SideValues, ...]:
    return tuple(one for one in _list_values(sides) if any(value != one.values[0] for value in one.values))


def _find_best(metric: SideValues) -> SideValues:
    known = [(value, place) for place, value in enumerate(metric.values) if _is_number(value)]
    if len(known) < 2 or not has_best(metric.name) or len({value for value, _ in known}) < 2:
        return metric
    best = min(known) if is_better_low(metric.name) else max(known, key=lambda one: (one[0], -one[1]))
    return msgspec.structs.replace(metric, best=best[1])


def _is_number(value: float | None) -> bool:
    return value is not None and not math.isnan(value)


def _read_metrics(run: Run) -> dict[str, float]:
    found = run.result.get("metrics", {})
    if not isinstance(found, Mapping):
        return {}
    return {str(key): float(value) for key, value in found.items() if isinstance(value, int | float)}


def _count_items(workspace: Workspace, first: Run, other: Run) -> Mapping[str, int] | None:
    before, after = (
        next((ref.id for ref in run.inputs if ref.kind is ArtifactKind.VERSION), "") for run in (first, other)
    )
    if not before or not after or before == after:
        return None
    try:
        versions = [workspace.catalog.versions.get_by_id(VersionId(id)) for id in (before, after)]
        found = diff(workspace, *(f"{v.project_id}@{v.number}" for v in versions), max_items=0)
    except MlwfError:  # deleted, or its bytes are gone: that it differs is told all the same
        return None
    return {kind.value: found.count(kind) for kind in ChangeKind}


def _read_curves(workspace: Workspace, runs: Sequence[Run]) -> dict[str, tuple[MetricSeries | None, ...]]:
    """Return the curves by their keys: those that several runs have first; of batches none."""
    by_run: list[dict[str, MetricSeries]] = []
    for run in runs:
        try:
            (found,) = read_curves(workspace, [run.id])
        except NotFound:
            by_run.append({})
            continue
        by_run.append({s.key: s for s in found.series if has_best(s.key) and not s.key.startswith("batch/")})
    keys = dict.fromkeys(key for curves in by_run for key in curves)
    shared = sorted(keys, key=lambda key: -sum(key in curves for curves in by_run))
    return {key: tuple(curves.get(key) for curves in by_run) for key in shared}
