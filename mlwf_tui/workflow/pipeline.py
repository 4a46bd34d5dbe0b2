"""pipeline: do the steps that a file names, each as a run, and make versions of what it says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from msgspec.structs import replace

from mlwf_tui.entities.pipeline import Pipeline
from mlwf_tui.entities.queue import Terms, Wants
from mlwf_tui.entities.run import Run
from mlwf_tui.errors import Conflict, InvalidInput, InvalidParameter, NotFound
from mlwf_tui.formats.pipelines import PipelineFaults, make_error, read_pipeline
from mlwf_tui.formats.yaml_nodes import read_word
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.workflow.pipelines.files import find_pipeline
from mlwf_tui.workflow.pipelines.piping import plan_pipeline
from mlwf_tui.workflow.pipelines.plans import CheckedStep, Plan
from mlwf_tui.workflow.pipelines.points import (
    PIPELINE,
    LabelledObserver,
    Point,
    describe_plan,
    find_point,
    keep_recipe,
    preview_point,
    run_point,
)
from mlwf_tui.workflow.pipelines.training import train_on_output
from mlwf_tui.workflow.pipelines.values import change_pipeline
from mlwf_tui.workflow.running.jobs import check_terms, queue_run, start_queued
from mlwf_tui.workflow.running.pins import pin_call
from mlwf_tui.workflow.running.recorder import record
from mlwf_tui.workspace import Workspace

SWEEP = "sweep"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A pipeline's text with what a person gave beside it; a job of the queue is called with it.

    `sources` are refs by source, `to` projects and `datasets` datasets by the result that an output names,
    each "" for the only one; `params` and `sweep` go by `STEP.PARAMETER`.
    """

    name: str
    text: str
    sources: Mapping[str, str] = {}
    to: Mapping[str, str] = {}
    datasets: Mapping[str, str] = {}
    params: Mapping[str, Any] = {}
    seed: int | None = None
    sweep: Mapping[str, Sequence[Any]] = {}
    is_again: bool = False  # every step is done, though its result is known, and nothing is trained

    def read(self) -> Pipeline:
        """Return the pipeline that is meant; raises InvalidParameter with every fault and its line."""
        return self.change(read_pipeline(self.text.encode(), self.name))

    def change(self, pipeline: Pipeline) -> Pipeline:
        """Return a pipeline with what was given beside it; raises InvalidParameter where it does not fit."""
        return change_pipeline(
            pipeline,
            sources=self.sources,
            to=self.to,
            datasets=self.datasets,
            params=self.params,
            seed=self.seed,
            sweep=self.sweep,
        )


class PipelineResult(msgspec.Struct, frozen=True, kw_only=True):
    """What was done, or in a dry run would be; without a sweep there is one point."""

    pipeline: str
    run: str
    recipe: str
    cached: bool  # no step had to be done
    is_dry_run: bool
    warnings: tuple[str, ...]
    points: tuple[Point, ...]


def make_request(
    workspace: Workspace,
    ref: str,
    *,
    sources: Mapping[str, str] | None = None,
    to: Mapping[str, str] | None = None,
    datasets: Mapping[str, str] | None = None,
    params: Mapping[str, Any] | None = None,
    seed: int | None = None,
    sweep: Mapping[str, Sequence[Any]] | None = None,
) -> Request:
    """Return what to run: a file, a ready recipe's name, or a kept recipe's id, with what is changed of it.

    Raises:
        NotFound: there is no such pipeline.
        InvalidParameter: it is no text, or is no pipeline; every fault is told with its line.
    """
    found, faulty = find_pipeline(workspace, ref), None
    try:
        found.read()  # says what is wrong with the file itself before what was given beside it
    except PipelineFaults as error:
        faulty = error
    request = Request(
        name=found.name,
        text=found.content.decode("utf-8-sig"),
        sources=dict(sources or {}),
        to=dict(to or {}),
        datasets=dict(datasets or {}),
        params=dict(params or {}),
        seed=seed,
        sweep={
            target: [read_word(value) if isinstance(value, str) else value for value in values]
            for target, values in (sweep or {}).items()
        },
    )
    if faulty is not None:
        raise _tell_all(workspace, request, faulty) from faulty
    return request


def _tell_all(workspace: Workspace, request: Request, error: PipelineFaults) -> PipelineFaults:
    """Return the faults of a file's form, and those that its other lines would have once it is mended."""
    if error.readable is None:
        return error
    try:
        plan_pipeline(workspace, request.change(error.readable))
    except PipelineFaults as others:
        lines = {fault.line for fault in error.faults}  # what else is wrong there may follow from it
        beside = [fault for fault in others.faults if fault.line not in lines]
        return make_error(error.readable.path, [*error.faults, *beside])
    except InvalidParameter:  # of what was given beside the file, which is told once the file is sound
        return error
    return error


def run_pipeline(workspace: Workspace, request: Request, *, observer: Observer) -> PipelineResult:
    """Do what a pipeline says, in this process: whatever was done before is used as it is.

    Nothing is begun unless all of it can be done. Each step is a run and its result an intermediate,
    which collect lets go of after its grace; the outputs become versions together, at the end. After a
    kill the same call goes on with the step that was not done.

    Raises:
        InvalidParameter: the pipeline cannot be run so; every fault is told with its line.
        InvalidInput: a step does not fit its items, or leaves none.
        Cancelled: the observer asked for it.
    """
    pipeline = request.read()
    plans = plan_pipeline(workspace, pipeline)
    if not pipeline.sweeps:
        return _run_alone(workspace, plans[0], observer, is_again=request.is_again)
    return _run_sweep(workspace, pipeline, plans, observer)


def preview_pipeline(workspace: Workspace, request: Request, *, observer: Observer) -> PipelineResult:
    """Return what `run_pipeline` would do, with the steps marked that were done before; changes nothing.

    Raises:
        InvalidParameter: the pipeline cannot be run so.
    """
    pipeline = request.read()
    plans = plan_pipeline(workspace, pipeline)
    points = tuple(preview_point(workspace, plan, observer) for plan in plans)
    return PipelineResult(
        pipeline=pipeline.name,
        run="",
        recipe="",
        cached=all(point.cached for point in points),
        is_dry_run=True,
        warnings=tuple(dict.fromkeys([*plans[0].warnings, *(w for point in points for w in point.warnings)])),
        points=points,
    )


def submit_pipeline(workspace: Workspace, request: Request, *, terms: Terms | None = None) -> Run:
    """Queue the pipeline, which starts when there is room; return at once. To apply a model it gets a GPU.

    Raises:
        InvalidParameter: the pipeline cannot be run so, or the terms do not fit.
        NotFound: there is no such run to come after.
    """
    pipeline = request.read()
    plans = plan_pipeline(workspace, pipeline)
    models = [step for plan in plans for step in plan.steps if step.model is not None]
    wants = None if models else Wants()
    device = str(models[0].params.device) if models else "cpu"
    agreed = check_terms(workspace, terms or Terms(wants=wants), uses_gpu=bool(models), device=device)
    verb = SWEEP if pipeline.sweeps else PIPELINE
    shown = describe_plan(plans[0]) | ({"points": len(plans)} if pipeline.sweeps else {})
    call = pin_call(workspace, verb, _write_out(request, pipeline, models), is_behind=True).call
    return start_queued(
        workspace, queue_run(workspace, verb, shown, pipeline.seed, terms=agreed, call=call).run
    )


def _write_out(request: Request, pipeline: Pipeline, models: Sequence[CheckedStep]) -> dict[str, Any]:
    """Return what a job is called with: sources, projects of outputs and models, those of the text as well.

    An output whose project is named after other things gets its name when the turn has come.
    """
    results = [output.result for output in pipeline.outputs]
    to = {one.result: one.project for one in pipeline.outputs if results.count(one.result) == 1}
    sources = {source.name: source.ref for source in pipeline.sources if source.ref}
    swept = {sweep.target for sweep in pipeline.sweeps}
    used = {f"{step.name}.model": step.model.id for step in models if step.model is not None}
    params = {**request.params, **{name: id for name, id in used.items() if name not in swept}}
    written: dict[str, Any] = msgspec.to_builtins(replace(request, sources=sources, to=to, params=params))
    return written


def needs_job(workspace: Workspace, request: Request) -> bool:
    """Whether the pipeline applies a model: a face leaves that to a worker, with a GPU of its own.

    Raises:
        InvalidParameter: the pipeline cannot be run so.
    """
    return any(plan.uses_model for plan in plan_pipeline(workspace, request.read()))


def _run_alone(workspace: Workspace, plan: Plan, observer: Observer, *, is_again: bool) -> PipelineResult:
    recipe = keep_recipe(workspace, plan.pipeline)
    point = run_point(workspace, plan, recipe, observer, parent=None, is_again=is_again)
    point = point if is_again else train_on_output(workspace, plan, point)
    return PipelineResult(
        pipeline=plan.pipeline.name,
        run=point.run,
        recipe=recipe.id,
        cached=point.cached,
        is_dry_run=False,
        warnings=plan.warnings,
        points=(point,),
    )


def _run_sweep(
    workspace: Workspace, pipeline: Pipeline, plans: Sequence[Plan], observer: Observer
) -> PipelineResult:
    """Do the points one after the other; each that is done stays, whatever becomes of the next."""
    whole = keep_recipe(workspace, replace(plans[0].pipeline, sweeps=pipeline.sweeps))
    params = {**describe_plan(plans[0]), "points": len(plans)}
    points: list[Point] = []
    with record(workspace, SWEEP, params=params, seed=pipeline.seed) as run:
        run.read_recipe(whole)
        for number, plan in enumerate(plans, start=1):
            observer.check_cancelled()
            label = f"{number}/{len(plans)} " + " ".join(f"{k}={v}" for k, v in plan.values.items())
            recipe = keep_recipe(workspace, plan.pipeline)
            with _naming_point(plan, f"{number} of {len(plans)}", points):
                point = find_point(workspace, plan, recipe)
                if point is None:
                    watching = LabelledObserver(observer, label)
                    point = run_point(workspace, plan, recipe, watching, parent=run.run_id)
                points.append(train_on_output(workspace, plan, point))
            workspace.catalog.runs.note_result(run.run_id, _describe_sweep(pipeline, points, len(plans)))
        run.result = _describe_sweep(pipeline, points, len(plans))
    return PipelineResult(
        pipeline=pipeline.name,
        run=run.run_id,
        recipe=whole.id,
        cached=all(point.cached for point in points),
        is_dry_run=False,
        warnings=plans[0].warnings,
        points=tuple(points),
    )


@contextmanager
def _naming_point(plan: Plan, place: str, before: Sequence[Point]) -> Iterator[None]:
    """Let an error say at which point it came, and what the points before it have left."""
    try:
        yield
    except (InvalidInput, NotFound, Conflict) as error:
        values = ", ".join(f"{name}={value}" for name, value in plan.values.items())
        message = f"{error.message.rstrip('.')} (point {place}: {values})."
        made = [f"{output.project}@{output.version}" for point in before for output in point.outputs]
        kept = f"The points before it are done and stay: {', '.join(made)}." if made else ""
        ahead = "With --dry-run such things are told before anything is done."
        raise type(error)(
            message, hint=" ".join(part for part in (error.hint, kept, ahead) if part)
        ) from error


def _describe_sweep(pipeline: Pipeline, points: Sequence[Point], count: int) -> dict[str, Any]:
    return {
        "pipeline": pipeline.name,
        "sweep": {sweep.target: list(sweep.values) for sweep in pipeline.sweeps},
        "points": [
            {"values": dict(point.values), "run": point.run,
             "outputs": [msgspec.to_builtins(output) for output in point.outputs]}
            for point in points
        ],
        "problems": [msgspec.to_builtins(problem) for point in points for problem in point.problems],
        "summary": f"{len(points)} of {count} points",
    }  # fmt: skip
