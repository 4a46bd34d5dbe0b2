"""Queues the training that a pipeline ends with, once for each version, and its benchmark; not a verb."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from mlwf_tui.entities.pipeline import Training
from mlwf_tui.entities.queue import Terms
from mlwf_tui.entities.run import ArtifactKind, ArtifactRef, Run, RunState
from mlwf_tui.workflow.benchmark import submit_benchmark
from mlwf_tui.workflow.pipelines.plans import Plan
from mlwf_tui.workflow.pipelines.points import Point
from mlwf_tui.workflow.refs import resolve_version
from mlwf_tui.workflow.train import check_training, submit_train
from mlwf_tui.workspace import Workspace

_GONE: Final = (RunState.FAILED, RunState.STOPPED, RunState.LOST)  # no reason not to do it again


def train_on_output(workspace: Workspace, plan: Plan, point: Point) -> Point:
    """Queue the training that the pipeline ends with, unless the same one is queued, going or done.

    So it is with its benchmark: where the process died between the two, the same call queues that.
    """
    training = plan.training
    if training is None:
        return point
    made = next(output for output in point.outputs if output.project == training.project)
    ref = f"{made.project}@{made.version}"
    readers = _list_readers(workspace, ref)
    run = _find_training(workspace, training, readers)
    if run is None:
        run = submit_train(
            workspace,
            ref,
            model=training.model,
            params=training.params,
            seed=training.seed or 0,
            name=training.name,
            is_benchmarked=False if training.benchmark else None,  # it is measured below
        )
    if training.benchmark and not _is_benchmarked(run, training.benchmark, readers):
        model = _find_model(workspace.catalog.runs.get(run.id))  # it may have ended meanwhile
        submit_benchmark(workspace, model, ref, split=training.benchmark, terms=Terms(after=(run.id,)))
    return replace(point, training=run.id)


def _list_readers(workspace: Workspace, ref: str) -> tuple[Run, ...]:
    """Return the runs on a version that have not come to nothing."""
    version = resolve_version(workspace, ref)
    readers = workspace.catalog.runs.list_readers(ArtifactRef(ArtifactKind.VERSION, version.id))
    return tuple(run for run in readers if run.state not in _GONE)


def _find_training(workspace: Workspace, training: Training, readers: Sequence[Run]) -> Run | None:
    start, params = check_training(workspace, training.model, training.params)
    model = start.model.name if start.model else start.architecture
    wanted = {**params, "model": model, "task": start.task}
    for run in readers:
        given = {key: value for key, value in run.params.items() if key not in ("data", "name", "benchmark")}
        if run.verb == "train" and run.seed == (training.seed or 0) and given == wanted:
            return run
    return None


def _is_benchmarked(training: Run, split: str, readers: Sequence[Run]) -> bool:
    """Say whether what a training makes is measured on a split already, or will be."""
    model = _find_model(training)
    return any(
        run.verb == "benchmark"
        and run.is_detached  # else it is a program of somebody's own
        and run.params["split"] == split
        and (run.params["model"] == training.id or model in [found.id for found in run.inputs])
        for run in readers
    )


def _find_model(training: Run) -> str:
    """Return the id of the model that a training has made, of the training itself while it has not."""
    return next((made.id for made in training.outputs if made.kind is ArtifactKind.MODEL), training.id)
