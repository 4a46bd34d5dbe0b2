"""Queues the training that a pipeline ends with, once for each version; not a verb."""

from __future__ import annotations

from msgspec.structs import replace

from mlwf_tui.entities.pipeline import Training
from mlwf_tui.entities.queue import Terms
from mlwf_tui.entities.run import ArtifactKind, ArtifactRef, Run, RunState
from mlwf_tui.workflow.benchmark import submit_benchmark
from mlwf_tui.workflow.pipelines.piping import Plan
from mlwf_tui.workflow.pipelines.points import Point
from mlwf_tui.workflow.refs import resolve_version
from mlwf_tui.workflow.train import check_training, submit_train
from mlwf_tui.workspace import Workspace


def train_on_output(workspace: Workspace, plan: Plan, point: Point) -> Point:
    """Queue the training that the pipeline ends with, unless the same one is queued, going or done."""
    training = plan.training
    if training is None:
        return point
    made = next(output for output in point.outputs if output.project == training.project)
    ref = f"{made.project}@{made.version}"
    known = _find_training(workspace, training, ref)
    if known is not None:
        return replace(point, training=known.id)
    run = submit_train(
        workspace,
        ref,
        model=training.model,
        params=training.params,
        seed=training.seed or 0,
        name=training.name,
    )
    if training.benchmark:
        after = Terms(after=(run.id,))
        submit_benchmark(workspace, run.id, ref, split=training.benchmark, terms=after)
    return replace(point, training=run.id)


def _find_training(workspace: Workspace, training: Training, ref: str) -> Run | None:
    version = resolve_version(workspace, ref)
    architecture, params = check_training(workspace, training.model, training.params)
    wanted = {**params, "model": architecture}
    gone = (RunState.FAILED, RunState.STOPPED, RunState.LOST)
    for run in workspace.catalog.runs.list_readers(ArtifactRef(ArtifactKind.VERSION, version.id)):
        given = {key: value for key, value in run.params.items() if key not in ("data", "name")}
        is_same = run.verb == "train" and run.seed == (training.seed or 0) and given == wanted
        if is_same and run.state not in gone:
            return run
    return None
