"""pipeline: do the steps that a file names, each as a run, and make versions of what it says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from msgspec.structs import replace

from mlwf_tui.entities.ids import Digest, RunId
from mlwf_tui.entities.pipeline import KeptRecipe, Output, Pipeline, StepReport, StepState
from mlwf_tui.entities.project import ManifestSummary, Version
from mlwf_tui.entities.queue import Terms, Wants
from mlwf_tui.entities.run import ArtifactKind, ArtifactRef, Problem, Run
from mlwf_tui.errors import Cancelled, InvalidInput, MlwfError, NotFound
from mlwf_tui.formats.pipelines import read_pipeline, write_pipeline
from mlwf_tui.formats.yaml_nodes import read_word
from mlwf_tui.protocols import Observer
from mlwf_tui.store.digests import compute_digest
from mlwf_tui.store.manifests import read_summary
from mlwf_tui.workflow.jobs import check_terms, queue_run, start_queued
from mlwf_tui.workflow.pipeline_files import find_pipeline
from mlwf_tui.workflow.piping import CheckedStep, Plan, change_pipeline, plan_pipeline
from mlwf_tui.workflow.projects import create_project, write_empty_manifest
from mlwf_tui.workflow.recipes import find_known
from mlwf_tui.workflow.recorder import Recorder, pin_head, record
from mlwf_tui.workflow.refs import resolve_manifest, resolve_project_ref
from mlwf_tui.workflow.stepping import Held, StepResult, digest_step, do_step, name_inputs, report_step
from mlwf_tui.workspace import Workspace

PIPELINE, SWEEP = "pipeline", "sweep"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A pipeline's text with what a person gave beside it; a job of the queue is called with it.

    `sources` are refs by source, `to` projects by the result that an output names, each "" for the only
    one; `params` and `sweep` go by `STEP.PARAMETER`.
    """

    name: str
    text: str
    sources: Mapping[str, str] = {}
    to: Mapping[str, str] = {}
    params: Mapping[str, Any] = {}
    seed: int | None = None
    sweep: Mapping[str, Sequence[Any]] = {}

    def read(self) -> Pipeline:
        """Return the pipeline that is meant; raises InvalidParameter with every fault and its line."""
        return change_pipeline(
            read_pipeline(self.text.encode(), self.name),
            sources=self.sources,
            to=self.to,
            params=self.params,
            seed=self.seed,
            sweep=self.sweep,
        )


class OutputMade(msgspec.Struct, frozen=True, kw_only=True):
    """A version that holds a result; `is_new` False where the project stood on this very data already."""

    project: str
    version: int | None  # None in a dry run
    item_count: int | None
    is_new: bool


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A pipeline with one set of values: what its steps did and what came of it."""

    values: Mapping[str, Any]  # of the sweep, by STEP.PARAMETER
    run: str
    steps: tuple[StepReport, ...]
    outputs: tuple[OutputMade, ...]
    problems: tuple[Problem, ...] = ()  # images that could not be made; the others were

    @property
    def cached(self) -> bool:
        return all(step.state is StepState.CACHED for step in self.steps)


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
    params: Mapping[str, Any] | None = None,
    seed: int | None = None,
    sweep: Mapping[str, Sequence[Any]] | None = None,
) -> Request:
    """Return what to run: a file, a ready recipe's name, or a kept recipe's id, with what is changed of it.

    Raises:
        NotFound: there is no such pipeline.
        InvalidParameter: it is no text.
    """
    found = find_pipeline(workspace, ref)
    found.read()  # says what is wrong with the file itself before what was given beside it
    return Request(
        name=found.name,
        text=found.content.decode("utf-8-sig"),
        sources=dict(sources or {}),
        to=dict(to or {}),
        params=dict(params or {}),
        seed=seed,
        sweep={
            target: [read_word(value) if isinstance(value, str) else value for value in values]
            for target, values in (sweep or {}).items()
        },
    )


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
        return _run_alone(workspace, plans[0], observer)
    return _run_sweep(workspace, pipeline, plans, observer)


def preview_pipeline(workspace: Workspace, request: Request, *, observer: Observer) -> PipelineResult:
    """Return what `run_pipeline` would do, with the steps marked that were done before; changes nothing.

    Raises:
        InvalidParameter: the pipeline cannot be run so.
    """
    pipeline = request.read()
    plans = plan_pipeline(workspace, pipeline)
    points = tuple(_preview(workspace, plan, observer) for plan in plans)
    return PipelineResult(
        pipeline=pipeline.name,
        run="",
        recipe="",
        cached=all(point.cached for point in points),
        is_dry_run=True,
        warnings=plans[0].warnings,
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
    shown = _show(plans[0]) | ({"points": len(plans)} if pipeline.sweeps else {})
    call = msgspec.to_builtins(request)
    return start_queued(
        workspace, queue_run(workspace, verb, shown, pipeline.seed, terms=agreed, call=call).run
    )


def needs_job(workspace: Workspace, request: Request) -> bool:
    """Whether the pipeline applies a model: a face leaves that to a worker, with a GPU of its own.

    Raises:
        InvalidParameter: the pipeline cannot be run so.
    """
    return any(plan.uses_model for plan in plan_pipeline(workspace, request.read()))


# --- one pipeline --------------------------------------------------------------------------------


def _run_alone(workspace: Workspace, plan: Plan, observer: Observer) -> PipelineResult:
    recipe = _keep_recipe(workspace, plan.pipeline)
    point = _run_point(workspace, plan, recipe, observer, parent=None)
    return PipelineResult(
        pipeline=plan.pipeline.name,
        run=point.run,
        recipe=recipe.id,
        cached=point.cached,
        is_dry_run=False,
        warnings=plan.warnings,
        points=(point,),
    )


def _run_point(
    workspace: Workspace, plan: Plan, recipe: KeptRecipe, observer: Observer, *, parent: RunId | None
) -> Point:
    params = _show(plan)
    with record(workspace, PIPELINE, params=params, seed=plan.pipeline.seed, parent=parent) as run:
        run.read_recipe(recipe)
        pinned = {name: _pin(workspace, ref) for name, ref in plan.sources.items()}
        workspace.catalog.runs.set_recipe(run.run_id, _digest_point(recipe, pinned))
        held = {name: _hold_version(version) for name, version in pinned.items()}
        progress = _Progress(run, plan, observer)
        for checked in plan.steps:
            held[checked.name] = progress.do(checked, name_inputs(checked, held))
        empty = write_empty_manifest(workspace)
        with run.finishing():
            outputs = tuple(
                _write_output(run, plan, output, held[output.result], tuple(pinned.values()), empty)
                for output in plan.outputs
            )
            run.result = progress.describe(outputs)
    return Point(
        values=plan.values,
        run=run.run_id,
        steps=progress.reports,
        outputs=outputs,
        problems=progress.problems,
    )


class _Progress:
    """Does the steps one after the other, and notes on the pipeline's run how each of them stands."""

    def __init__(self, run: Recorder, plan: Plan, observer: Observer) -> None:
        self._run = run
        self._plan = plan
        self._observer = observer
        self.problems: tuple[Problem, ...] = ()  # images that no step could make
        self._reports = {step.name: report_step(step, StepState.WAITING) for step in plan.steps}

    @property
    def reports(self) -> tuple[StepReport, ...]:
        return tuple(self._reports.values())

    def do(self, checked: CheckedStep, inputs: Mapping[str, Held]) -> Held:
        """Return what a step has made."""
        self._observer.check_cancelled()
        number = list(self._reports).index(checked.name) + 1
        watching = _StepObserver(self._observer, f"{number}/{len(self._reports)} {checked.name}")
        watching.progress(0, None, "")
        self._note(checked, StepState.RUNNING)
        with self._noting_failure(checked):
            result = do_step(self._run.workspace, checked, inputs, parent=self._run.run_id, observer=watching)
        self._note(checked, StepState.CACHED if result.is_cached else StepState.DONE, result)
        self.problems += result.problems
        return result.held

    def describe(self, outputs: Sequence[OutputMade] = ()) -> dict[str, Any]:
        """Return the run's document: what every step did so far, and the versions that came of it."""
        states = [report.state for report in self.reports]
        over = sum(state in (StepState.DONE, StepState.CACHED) for state in states)
        known = states.count(StepState.CACHED)
        going = next((r.name for r in self.reports if r.state is StepState.RUNNING), "")
        words = f"{over} of {len(states)} steps" + (f", {known} known before" if known else "")
        made = ", ".join(f"{output.project}@{output.version}" for output in outputs)
        return {
            "pipeline": self._plan.pipeline.name,
            "values": dict(self._plan.values),
            "steps": [msgspec.to_builtins(report) for report in self.reports],
            "outputs": [msgspec.to_builtins(output) for output in outputs],
            "problems": [msgspec.to_builtins(problem) for problem in self.problems],
            "summary": " · ".join(part for part in (words, going, made) if part),
        }

    def _note(self, checked: CheckedStep, state: StepState, result: StepResult | None = None) -> None:
        self._reports[checked.name] = report_step(checked, state, result)
        self._run.workspace.catalog.runs.note_result(self._run.run_id, self.describe())

    @contextmanager
    def _noting_failure(self, checked: CheckedStep) -> Iterator[None]:
        try:
            yield
        except (Cancelled, KeyboardInterrupt):
            self._note(checked, StepState.STOPPED)
            raise
        except (InvalidInput, NotFound) as error:
            self._note(checked, StepState.FAILED)
            step, path = checked.step, self._plan.pipeline.path
            place = f"{path}:{step.line}" if step.line else path
            raise type(error)(f"{place}: {checked.name}: {error.message}", hint=error.hint) from error
        except MlwfError:
            self._note(checked, StepState.FAILED)
            raise


class _StepObserver:
    """Tells whoever watches the pipeline how far a step is, with the step's name."""

    def __init__(self, observer: Observer, label: str) -> None:
        self._observer = observer
        self._label = label

    def progress(self, step: int, total: int | None, message: str) -> None:
        """Say how far the step has come."""
        self._observer.progress(step, total, f"{self._label}  {message}".rstrip())

    def metric(self, key: str, value: float, step: int) -> None:
        """Report one measured value."""
        self._observer.metric(key, value, step)

    def check_cancelled(self) -> None:
        """Raise Cancelled if the pipeline should stop."""
        self._observer.check_cancelled()


def _write_output(
    run: Recorder, plan: Plan, output: Output, held: Held, pinned: Sequence[Version], empty: Digest
) -> OutputMade:
    """Make a result the newest version of the output's project, unless that stands on it already."""
    workspace, catalog = run.workspace, run.workspace.catalog
    run.read_artifact(held.artifact)
    target = catalog.projects.find(output.project, workspace.settings.workspace)
    target = target or create_project(workspace, output.project, empty)
    latest = catalog.versions.latest(target.id)
    if latest is not None and latest.manifest == target.manifest == held.manifest:
        made, is_new = latest, False
    else:
        values = ", ".join(f"{name}={value}" for name, value in plan.values.items())
        message = output.message or f"{plan.pipeline.name}: {output.result}"
        made = run.write_version(
            target,
            held.manifest,
            held.item_count,
            message=f"{message} ({values})" if values else message,
            parents=[version for version in pinned if version.project_id == target.id],
        )
        is_new = True
    return OutputMade(project=target.name, version=made.number, item_count=made.item_count, is_new=is_new)


# --- sweeps --------------------------------------------------------------------------------------


def _run_sweep(
    workspace: Workspace, pipeline: Pipeline, plans: Sequence[Plan], observer: Observer
) -> PipelineResult:
    """Do the points one after the other; each that is done stays, whatever becomes of the next."""
    whole = _keep_recipe(workspace, replace(plans[0].pipeline, sweeps=pipeline.sweeps))
    params = {**_show(plans[0]), "points": len(plans)}
    points: list[Point] = []
    with record(workspace, SWEEP, params=params, seed=pipeline.seed) as run:
        run.read_recipe(whole)
        for number, plan in enumerate(plans, start=1):
            observer.check_cancelled()
            label = f"{number}/{len(plans)} " + " ".join(f"{k}={v}" for k, v in plan.values.items())
            recipe = _keep_recipe(workspace, plan.pipeline)
            point = _find_point(workspace, plan, recipe)
            watching = _StepObserver(observer, label)
            points.append(point or _run_point(workspace, plan, recipe, watching, parent=run.run_id))
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


def _find_point(workspace: Workspace, plan: Plan, recipe: KeptRecipe) -> Point | None:
    """Return a point that was done before from the same data, where its versions are still there."""
    pinned = {name: _pin(workspace, ref) for name, ref in plan.sources.items()}
    run = workspace.catalog.runs.find_by_recipe(_digest_point(recipe, pinned))
    if run is None or run.result.get("problems"):
        return None
    outputs = msgspec.convert(run.result["outputs"], tuple[OutputMade, ...])
    for output in outputs:
        project = workspace.catalog.projects.find(output.project, workspace.settings.workspace)
        try:
            if project is None or output.version is None:
                return None
            workspace.catalog.versions.get(project.id, output.version)
        except NotFound:
            return None
    return Point(
        values=plan.values,
        run=run.id,
        steps=tuple(
            replace(report, state=StepState.CACHED)
            for report in msgspec.convert(run.result["steps"], tuple[StepReport, ...])
        ),
        outputs=tuple(replace(output, is_new=False) for output in outputs),
    )


def _describe_sweep(pipeline: Pipeline, points: Sequence[Point], count: int) -> dict[str, Any]:
    return {
        "pipeline": pipeline.name,
        "sweep": {sweep.target: list(sweep.values) for sweep in pipeline.sweeps},
        "points": [
            {"values": dict(point.values), "run": point.run,
             "outputs": [msgspec.to_builtins(output) for output in point.outputs]}
            for point in points
        ],
        "summary": f"{len(points)} of {count} points",
    }  # fmt: skip


# --- a dry run -----------------------------------------------------------------------------------


def _preview(workspace: Workspace, plan: Plan, observer: Observer) -> Point:
    held: dict[str, Held | None] = {}
    for name, ref in plan.sources.items():
        summary = read_summary(workspace.store, resolve_manifest(workspace, ref)[1])
        held[name] = _hold_manifest(summary)
    reports = []
    for checked in plan.steps:
        inputs = {name: entry for name, read in checked.reads if (entry := held[read]) is not None}
        known = None
        if len(inputs) == len(checked.reads):
            known = find_known(workspace, digest_step(checked, inputs), observer)
        held[checked.name] = None if known is None else _hold_manifest(known.manifest)
        report = report_step(checked, StepState.WAITING)
        if len(inputs) == len(checked.reads):
            report = replace(report, items_in=sum(entry.item_count for entry in inputs.values()))
        if known is not None:
            report = replace(
                report, state=StepState.CACHED, items_out=known.manifest.item_count, run=known.run.id
            )
        reports.append(report)
    outputs = tuple(_preview_output(output, held[output.result]) for output in plan.outputs)
    return Point(values=plan.values, run="", steps=tuple(reports), outputs=outputs)


def _preview_output(output: Output, held: Held | None) -> OutputMade:
    count = None if held is None else held.item_count
    return OutputMade(project=output.project, version=None, item_count=count, is_new=True)


# --- what steps read -----------------------------------------------------------------------------


def _hold_version(version: Version) -> Held:
    artifact = ArtifactRef(ArtifactKind.VERSION, version.id, version.ref)
    return Held(manifest=version.manifest, item_count=version.item_count, artifact=artifact)


def _hold_manifest(summary: ManifestSummary) -> Held:
    """Return what a step would read, where nothing is recorded."""
    artifact = ArtifactRef(ArtifactKind.INTERMEDIATE, "")
    return Held(manifest=summary.digest, item_count=summary.item_count, artifact=artifact)


def _pin(workspace: Workspace, ref: str) -> Version:
    """Return the version that a ref means; a changed head is committed first."""
    project, number = resolve_project_ref(workspace, ref)
    if number is not None:
        return workspace.catalog.versions.get(project.id, number)
    return pin_head(workspace, project, message=f"before {PIPELINE}")


def _keep_recipe(workspace: Workspace, pipeline: Pipeline) -> KeptRecipe:
    text = write_pipeline(pipeline)
    return workspace.catalog.recipes.keep(pipeline.name, text, compute_digest(text.encode()))


def _digest_point(recipe: KeptRecipe, pinned: Mapping[str, Version]) -> Digest:
    lines: Iterable[str] = (f"{name} {version.manifest}" for name, version in sorted(pinned.items()))
    return compute_digest("\n".join((PIPELINE, recipe.digest, *lines)).encode())


def _show(plan: Plan) -> dict[str, Any]:
    """Return what a run of the pipeline is listed with."""
    return {
        "name": plan.pipeline.name,
        "sources": dict(plan.sources),
        "to": [output.project for output in plan.outputs],
        "steps": [step.name for step in plan.steps],
        **({"values": dict(plan.values)} if plan.values else {}),
    }
