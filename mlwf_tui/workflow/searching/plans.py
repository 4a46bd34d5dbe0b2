"""Makes a search's plan of what a person asks, checked before anything is queued; not a verb."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from mlwf_tui.entities.axis import Axis, count_points, read_axis
from mlwf_tui.entities.ids import ModelId, VersionId
from mlwf_tui.entities.metric import is_loss, matches
from mlwf_tui.entities.run import ArtifactKind, ArtifactRef, Run
from mlwf_tui.entities.search import SearchPlan
from mlwf_tui.errors import InvalidParameter, NotFound
from mlwf_tui.params import describe_params
from mlwf_tui.workflow.train import check_training
from mlwf_tui.workflow.training.starts import find_start
from mlwf_tui.workspace import Workspace

MOST_TRIALS = 10_000


def read_axes(workspace: Workspace, model: str, space: Mapping[str, str]) -> tuple[Axis, ...]:
    """Return the axes of what stands behind `-s`: a parameter that is declared as real has a real range.

    Raises:
        InvalidParameter: nothing is to be searched, or a range means nothing.
    """
    if not space:
        raise InvalidParameter(
            "A search needs a parameter to try.", hint="Give for example -s lr0=0.0001..0.01:log"
        )
    trainer = workspace.registry.get_trainer(find_start(workspace, model).trainer)
    declared = {spec.name: spec.type_name for spec in describe_params(trainer.params_type)}
    real = {name for name, type_name in declared.items() if type_name.startswith("float")}
    return tuple(read_axis(name, text, is_real=name in real) for name, text in space.items())


def choose_metric(workspace: Workspace, model: str) -> str:
    """Return what tells which training of a model is better: mAP50, of classifiers top1, else the first told.

    Raises:
        InvalidParameter: there is no such model.
    """
    task, told = _list_told(workspace, model)
    usual = "top1" if task == "classify" else "map50"
    return usual if not told or any(matches(usual, name) for name in told) else told[0]


def check_plan(workspace: Workspace, plan: SearchPlan) -> SearchPlan:
    """Return the plan as it will be done: of a grid with no more trials than it has points.

    Raises:
        NotFound: there is no such sampler.
        InvalidParameter: a number is out of bounds, or an end of an axis does not fit the training.
    """
    if not 1 <= plan.trials <= MOST_TRIALS or plan.parallel < 1 or plan.keep < 0 or plan.prune_after < 0:
        raise InvalidParameter(
            "A search needs at least one trial, and one at a time.", hint="Give --trials 20 --parallel 2."
        )
    twice = [axis.name for axis in plan.axes if axis.name in plan.params]
    if twice:
        raise InvalidParameter(f"{twice[0]} is given and searched for.", hint="Give it by -p or by -s.")
    workspace.registry.get_sampler(plan.sampler)
    _check_metric(workspace, plan)
    _check_ends(workspace, plan)
    if plan.sampler == "grid":
        points = count_points(plan.axes)
        return msgspec.structs.replace(plan, trials=min(plan.trials, points))
    return plan


def read_plan(workspace: Workspace, run: Run, *, is_told: bool = False) -> SearchPlan:
    """Return the plan of a search, with the version and the model that were pinned for it by their ids.

    One that is told to a person has their present names.
    """
    plan = msgspec.convert(dict(run.call), SearchPlan)
    for pinned in run.inputs:
        if pinned.kind is ArtifactKind.VERSION:
            version = workspace.catalog.versions.find_any(VersionId(pinned.id))
            assert version is not None, "a row that a run has read stays"
            plan = msgspec.structs.replace(plan, data=version.ref if is_told else version.full_ref)
        elif pinned.kind is ArtifactKind.MODEL:
            plan = msgspec.structs.replace(
                plan, model=_name_model(workspace, pinned) if is_told else pinned.id
            )
    return plan


def _name_model(workspace: Workspace, pinned: ArtifactRef) -> str:
    try:
        return workspace.catalog.models.get_by_id(ModelId(pinned.id)).name
    except NotFound:  # it was deleted
        return pinned.title


def describe_plan(plan: SearchPlan) -> dict[str, Any]:
    """Return the plan as a run of it is listed."""
    shown: dict[str, Any] = {
        "data": plan.data,
        "model": plan.model,
        "space": {axis.name: axis.write() for axis in plan.axes},
        "params": dict(plan.params),
        "sampler": plan.sampler,
        "trials": plan.trials,
        "parallel": plan.parallel,
        "metric": plan.metric,
        "prune": plan.is_pruning,
        "keep": plan.keep,
    }
    if plan.is_pruning:
        shown["prune_after"] = plan.prune_after
    return {**shown, "continues": plan.continues} if plan.continues else shown


def _check_metric(workspace: Workspace, plan: SearchPlan) -> None:
    """Refuse a metric that no trial will tell; of losses, whose names differ, the first trial shows it."""
    _, told = _list_told(workspace, plan.model)
    if told and not is_loss(plan.metric) and not any(matches(plan.metric, name) for name in told):
        raise InvalidParameter(
            f"No training of {plan.model} tells a metric like {plan.metric!r}.",
            hint=f"There are {', '.join(name for name in told if '/' not in name)}, and losses.",
        )


def _list_told(workspace: Workspace, model: str) -> tuple[str, tuple[str, ...]]:
    """Return the task of a model, and the metrics that its trainings tell; none where that is not known."""
    start = find_start(workspace, model)
    trainer = workspace.registry.get_trainer(start.trainer)
    return start.task, tuple(getattr(trainer, "metric_names", {}).get(start.task, ()))


def _check_ends(workspace: Workspace, plan: SearchPlan) -> None:
    """Try what is at the ends of each axis, the others at their beginning."""
    first = {axis.name: _list_ends(axis)[0] for axis in plan.axes}
    for axis in plan.axes:
        for value in _list_ends(axis):
            check_training(workspace, plan.model, {**plan.params, **first, axis.name: value})


def _list_ends(axis: Axis) -> Sequence[Any]:
    return axis.values or (axis.round(axis.low), axis.round(axis.high))
