"""Does a pipeline with one set of values, or says what it would do; not a verb."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from msgspec.structs import replace

from mlwf_tui.entities.ids import Digest, ProjectId, RunId
from mlwf_tui.entities.pipeline import KeptRecipe, Output, Pipeline, StepReport, StepState
from mlwf_tui.entities.project import Project, Version
from mlwf_tui.entities.run import ArtifactKind, ArtifactRef, Problem, Run
from mlwf_tui.errors import Cancelled, Conflict, InvalidInput, NotFound
from mlwf_tui.formats.pipeline_texts import write_pipeline
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.store.digests import compute_digest
from mlwf_tui.workflow.pipelines.plans import CheckedStep, Plan
from mlwf_tui.workflow.pipelines.stepping import (
    Held,
    StepResult,
    do_step,
    name_inputs,
    report_step,
)
from mlwf_tui.workflow.pipelines.surveying import survey_plan
from mlwf_tui.workflow.projects import create_project, write_empty_manifest
from mlwf_tui.workflow.refs import resolve_project_ref
from mlwf_tui.workflow.running.recorder import Recorder, pin_head, record
from mlwf_tui.workflow.transforming.placing import place_beside
from mlwf_tui.workspace import Workspace

PIPELINE = "pipeline"


class OutputMade(msgspec.Struct, frozen=True, kw_only=True):
    """A version that holds a result; `is_new` False where the project stood on this very data already."""

    project: str
    version: int | None  # None in a dry run
    item_count: int | None  # of the result; what the project has in other datasets does not count
    is_new: bool
    dataset: str = ""  # the one that the result was put into; empty where it is all of the version


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A pipeline with one set of values: what its steps did and what came of it."""

    values: Mapping[str, Any]  # of the sweep, by STEP.PARAMETER
    run: str
    steps: tuple[StepReport, ...]
    outputs: tuple[OutputMade, ...]
    problems: tuple[Problem, ...] = ()  # images that could not be made; the others were
    training: str = ""  # the run that trains on an output, now or before
    warnings: tuple[str, ...] = ()  # of a dry run: what its steps would run into

    @property
    def cached(self) -> bool:
        return all(step.state is StepState.CACHED for step in self.steps)


def run_point(
    workspace: Workspace,
    plan: Plan,
    recipe: KeptRecipe,
    observer: Observer,
    *,
    parent: RunId | None,
    is_again: bool = False,
) -> Point:
    """Do the steps and make the outputs; where `is_again`, also steps whose result is known."""
    params = describe_plan(plan)
    with record(workspace, PIPELINE, params=params, seed=plan.pipeline.seed, parent=parent) as run:
        run.read_recipe(recipe)
        pinned = {name: _pin(workspace, ref) for name, ref in plan.sources.items()}
        workspace.catalog.runs.set_recipe(run.run_id, _digest_point(plan, recipe, pinned))
        held = {name: _hold_version(version) for name, version in pinned.items()}
        meant = _find_targets(workspace, plan)
        progress = _Progress(run, plan, observer, pinned, meant, is_again=is_again)
        for checked in plan.steps:
            held[checked.name] = progress.do(checked, name_inputs(checked, held))
        empty = write_empty_manifest(workspace)
        placed = [_place(run, output, held[output.result], empty, meant) for output in plan.outputs]
        with run.finishing():
            versions = tuple(pinned.values())
            outputs = tuple(_write_output(run, plan, one, versions, empty, meant) for one in placed)
            run.result = progress.describe(outputs)
    return Point(
        values=plan.values,
        run=run.run_id,
        steps=progress.reports,
        outputs=outputs,
        problems=progress.problems,
    )


def find_point(workspace: Workspace, plan: Plan, recipe: KeptRecipe) -> Point | None:
    """Return a point that was done before from the same versions, where what it made is still there."""
    pinned = {name: _pin(workspace, ref) for name, ref in plan.sources.items()}
    run = workspace.catalog.runs.find_by_recipe(_digest_point(plan, recipe, pinned))
    if run is None or run.result.get("problems") or run.result["sources"] != _name_ids(pinned):
        return None
    outputs = msgspec.convert(run.result["outputs"], tuple[OutputMade, ...])
    if not all(_is_there(workspace, run, output) for output in outputs):
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


def _is_there(workspace: Workspace, run: Run, output: OutputMade) -> bool:
    """Say whether a version that a run has made, or found, still is that one under its name."""
    project = workspace.catalog.projects.find(output.project, workspace.settings.workspace)
    if project is None or output.version is None:
        return False
    try:
        version = workspace.catalog.versions.get(project.id, output.version)
    except NotFound:
        return False
    return not output.is_new or version.id in [made.id for made in run.outputs]


def preview_point(workspace: Workspace, plan: Plan, observer: Observer) -> Point:
    """Say what a point would do: which steps are known, and how many items go through each."""
    survey = survey_plan(workspace, plan, observer)
    outputs = tuple(_preview_output(output, survey.counts.get(output.result)) for output in plan.outputs)
    return Point(values=plan.values, run="", steps=survey.steps, outputs=outputs, warnings=survey.warnings)


def _preview_output(output: Output, count: int | None) -> OutputMade:
    return OutputMade(
        project=output.project, version=None, item_count=count, is_new=True, dataset=output.dataset
    )


class _Placed(msgspec.Struct, frozen=True):
    """What an output's project is to stand on: a result, or all that it had with a result beside."""

    output: Output
    held: Held
    target: Project | None  # as it was when the result was put beside its items
    manifest: Digest
    item_count: int


def _find_targets(workspace: Workspace, plan: Plan) -> dict[str, ProjectId]:
    """Return the ids of the projects that outputs go to, of those that are there: steps may take hours."""
    find = workspace.catalog.projects.find
    found = {output.project: find(output.project, workspace.settings.workspace) for output in plan.outputs}
    return {name: project.id for name, project in found.items() if project is not None}


def _find_target(workspace: Workspace, name: str, meant: Mapping[str, ProjectId]) -> Project | None:
    """Return the project that was meant as it is now, or None where it is still to be made.

    Raises:
        NotFound: it was deleted.
    """
    if name in meant:
        return workspace.catalog.projects.get(meant[name])
    return workspace.catalog.projects.find(name, workspace.settings.workspace)


def _place(
    run: Recorder, output: Output, held: Held, empty: Digest, meant: Mapping[str, ProjectId]
) -> _Placed:
    """Write what an output's project is to stand on.

    Raises:
        Conflict: another item of the project has the key of one of the result.
    """
    workspace = run.workspace
    if not output.dataset:
        return _Placed(output, held, None, held.manifest, held.item_count)
    target = _find_target(workspace, output.project, meant)
    base = empty if target is None else target.manifest
    with run.writer() as writer:
        made, _ = place_beside(workspace.store, writer, base, held.manifest, output.dataset)
    return _Placed(output, held, target, made.digest, made.item_count)


def _write_output(
    run: Recorder,
    plan: Plan,
    placed: _Placed,
    pinned: Sequence[Version],
    empty: Digest,
    meant: Mapping[str, ProjectId],
) -> OutputMade:
    """Make a result the newest version of the output's project, unless that stands on it already."""
    workspace, catalog, output, held = run.workspace, run.workspace.catalog, placed.output, placed.held
    run.read_artifact(held.artifact)
    target = placed.target
    if target is None and not output.dataset:  # else one that is there by now holds more than was looked at
        target = _find_target(workspace, output.project, meant)
    target = target or create_project(workspace, output.project, empty)
    latest = catalog.versions.latest(target.id)
    if latest is not None and latest.manifest == target.manifest == placed.manifest:
        made, is_new = latest, False
    else:
        values = ", ".join(f"{name}={value}" for name, value in plan.values.items())
        message = output.message or f"{plan.pipeline.name}: {output.result}"
        made = run.write_version(
            target,
            placed.manifest,
            placed.item_count,
            message=f"{message} ({values})" if values else message,
            parents=[version for version in pinned if version.project_id == target.id],
        )
        is_new = True
    return OutputMade(
        project=target.name,
        version=made.number,
        item_count=held.item_count,
        is_new=is_new,
        dataset=output.dataset,
    )


class _Progress:
    """Does the steps one after the other, and notes on the pipeline's run how each of them stands."""

    def __init__(
        self,
        run: Recorder,
        plan: Plan,
        observer: Observer,
        pinned: Mapping[str, Version],
        meant: Mapping[str, ProjectId],
        *,
        is_again: bool,
    ) -> None:
        self._run = run
        self._pinned = pinned
        self._meant = meant
        self._is_again = is_again
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
        watching = LabelledObserver(self._observer, f"{number}/{len(self._reports)} {checked.name}")
        watching.progress(0, None, "")
        self._note(checked, StepState.RUNNING)
        with self._noting_failure(checked):
            result = do_step(
                self._run.workspace,
                checked,
                inputs,
                parent=self._run.run_id,
                observer=watching,
                beside=self._find_beside(checked),
                is_again=self._is_again,
            )
        self._note(checked, StepState.CACHED if result.is_cached else StepState.DONE, result)
        self.problems += result.problems
        return result.held

    def _find_beside(self, checked: CheckedStep) -> tuple[Digest, str] | None:
        """Return the manifest beside whose items the step's result will be put, and the dataset for it."""
        workspace = self._run.workspace
        for output in self._plan.outputs:
            project = _find_target(workspace, output.project, self._meant)
            if output.result == checked.name and output.dataset and project is not None:
                return project.manifest, output.dataset
        return None

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
            "sources": _name_ids(self._pinned),
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
        except (InvalidInput, NotFound, Conflict) as error:
            self._note(checked, StepState.FAILED)
            step, path = checked.step, self._plan.pipeline.path
            place = f"{path}:{step.line}" if step.line else path
            raise type(error)(f"{place}: {checked.name}: {error.message}", hint=error.hint) from error
        except Exception:  # a fault of ours or a plug-in's as well: the step is not going on
            self._note(checked, StepState.FAILED)
            raise


class LabelledObserver:
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


def _hold_version(version: Version) -> Held:
    artifact = ArtifactRef(ArtifactKind.VERSION, version.id, version.ref)
    return Held(manifest=version.manifest, item_count=version.item_count, artifact=artifact)


def _pin(workspace: Workspace, ref: str) -> Version:
    """Return the version that a ref means; a changed head is committed first."""
    project, number = resolve_project_ref(workspace, ref)
    if number is not None:
        return workspace.catalog.versions.get(project.id, number)
    return pin_head(workspace, project, message=f"before {PIPELINE}")


def _name_ids(pinned: Mapping[str, Version]) -> dict[str, str]:
    return {name: version.id for name, version in pinned.items()}


def keep_recipe(workspace: Workspace, pipeline: Pipeline) -> KeptRecipe:
    text = write_pipeline(pipeline)
    return workspace.catalog.recipes.keep(pipeline.name, text, compute_digest(text.encode()))


def _digest_point(plan: Plan, recipe: KeptRecipe, pinned: Mapping[str, Version]) -> Digest:
    """Return the digest of all that decides a point: of what its text names, too, as it is by now."""
    lines = [f"{name} {version.manifest}" for name, version in sorted(pinned.items())]
    lines += [f"{checked.name} {_tell_version(checked)}" for checked in plan.steps]
    return compute_digest("\n".join((PIPELINE, recipe.digest, *lines)).encode())


def _tell_version(checked: CheckedStep) -> str:
    """Return which operation or model of its name a step does."""
    if checked.model is not None:
        return checked.model.checkpoints[0].blob
    return "" if checked.operation is None else str(checked.operation.version)


def describe_plan(plan: Plan) -> dict[str, Any]:
    """Return what a run of the pipeline is listed with."""
    return {
        "name": plan.pipeline.name,
        "sources": dict(plan.sources),
        "to": [output.project for output in plan.outputs],
        "steps": [step.name for step in plan.steps],
        **({"values": dict(plan.values)} if plan.values else {}),
    }
