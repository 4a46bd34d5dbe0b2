"""Does one step of a pipeline, or finds that it was done before; what it makes is an intermediate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import partial
from typing import Any

import msgspec

from mlwf_tui.entities.ids import Digest, RunId, VersionId
from mlwf_tui.entities.pipeline import StepReport, StepState
from mlwf_tui.entities.project import ManifestSummary
from mlwf_tui.entities.run import ArtifactKind, ArtifactRef, Problem, Run, RunState
from mlwf_tui.errors import NotFound, Paused
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.workflow.pipelines.plans import CheckedStep
from mlwf_tui.workflow.running.recorder import Recorder, record
from mlwf_tui.workflow.transform import Followed, check_place, follow_recipe
from mlwf_tui.workflow.transforming.finished_drafts import forget_drafts
from mlwf_tui.workflow.transforming.finished_predictions import forget_predictions
from mlwf_tui.workflow.transforming.recipes import Known, Recipe, find_known
from mlwf_tui.workflow.transforming.sources import Source
from mlwf_tui.workflow.using.annotating import Annotated, annotate, describe_problems, digest_apply
from mlwf_tui.workspace import Workspace


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What a step reads: a version's manifest, or what another step has made."""

    manifest: Digest
    item_count: int
    artifact: ArtifactRef


class StepResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a step has made, and the run that made it, now or before."""

    held: Held
    run: RunId
    is_cached: bool
    items_in: int
    problems: tuple[Problem, ...] = ()  # images that could not be made


def digest_step(checked: CheckedStep, inputs: Mapping[str, Held]) -> Digest:
    """Return the digest of all that decides what a step makes: that of a transform or an apply."""
    if checked.model is not None:
        return digest_apply(checked.model, checked.params, _name_manifests(inputs))
    return _make_recipe(checked, inputs).digest


def do_step(
    workspace: Workspace,
    checked: CheckedStep,
    inputs: Mapping[str, Held],
    *,
    parent: RunId,
    observer: Observer,
    beside: tuple[Digest, str] | None = None,
    is_again: bool = False,
) -> StepResult:
    """Return what the step makes of its inputs, as a run of its own unless it was done with these before.

    What the same step made of other inputs that hold the same data is not made again, but gets a run that
    reads these: else the lineage of the result would name the others. Where `is_again`, it is done though
    its result is known.

    `beside` is a manifest with a dataset that the result is for: taken names are told before images are made.

    Raises:
        InvalidInput: the step does not fit these items, or leaves none.
        Conflict: two results would have one name, or one is taken where the result is to go.
        Cancelled: the observer asked for it; what was made so far is not made again.
    """
    items_in = sum(held.item_count for held in inputs.values())
    recipe = digest_step(checked, inputs)
    known = None if is_again else find_known(workspace, recipe, observer)
    made_before = None if known is None else _find_made(workspace, recipe, known, inputs)
    if known is not None and made_before is not None:
        run_id, artifact = made_before
        held = _hold(known.manifest, artifact)
        return StepResult(held=held, run=run_id, is_cached=True, items_in=items_in)
    verb = "transform" if checked.model is None else "apply"
    with record(workspace, verb, params=_show(checked), seed=checked.seed, parent=parent) as run:
        for held in inputs.values():
            run.read_artifact(held.artifact)
        workspace.catalog.runs.set_recipe(run.run_id, recipe)
        with _stopping_where_paused(run):
            if checked.model is None:
                manifest, result, problems = _transform(
                    run, checked, inputs, beside, observer, is_again=is_again
                )
            else:
                manifest, result, problems = _apply(run, checked, inputs, known, observer)
        with run.finishing():
            made = run.write_intermediate(checked.name, manifest)
            summary = f"{checked.name}: {items_in:,} → {manifest.item_count:,} items"
            summary += ", as the same step had made before" if known is not None else ""
            summary += describe_problems(problems)
            facts = {"items_in": items_in, "items_out": manifest.item_count, "run": run.run_id}
            run.result = {
                **result, **facts, "cached": known is not None, "manifest": manifest.digest,
                "problems": [msgspec.to_builtins(problem) for problem in problems], "summary": summary,
            }  # fmt: skip
    if not problems:
        forget_drafts(workspace.home, recipe)
        forget_predictions(workspace.home, recipe)
    return StepResult(
        held=_hold(manifest, ArtifactRef(ArtifactKind.INTERMEDIATE, made.id, made.title)),
        run=run.run_id,
        is_cached=known is not None,
        items_in=items_in,
        problems=problems,
    )


def report_step(checked: CheckedStep, state: StepState, result: StepResult | None = None) -> StepReport:
    """Return how a step stands, as it is shown."""
    return StepReport(
        name=checked.name,
        operation=checked.step.verb,
        inputs=tuple(name for name, _ in checked.reads),
        state=state,
        items_in=None if result is None else result.items_in,
        items_out=None if result is None else result.held.item_count,
        run="" if result is None else result.run,
        problem_count=0 if result is None else len(result.problems),
    )


def _transform(
    run: Recorder,
    checked: CheckedStep,
    inputs: Mapping[str, Held],
    beside: tuple[Digest, str] | None,
    observer: Observer,
    *,
    is_again: bool,
) -> tuple[ManifestSummary, dict[str, Any], tuple[Problem, ...]]:
    recipe = _make_recipe(checked, inputs)
    check = None if beside is None else partial(check_place, run.workspace, recipe, *beside)
    followed: Followed = follow_recipe(run, recipe, observer, is_fresh=is_again, check=check)
    facts = {"images_made": followed.images_made, "images_resumed": followed.images_resumed}
    return followed.manifest, {**followed.to_result(), **facts}, followed.problems


def _apply(
    run: Recorder,
    checked: CheckedStep,
    inputs: Mapping[str, Held],
    known: Known | None,
    observer: Observer,
) -> tuple[ManifestSummary, dict[str, Any], tuple[Problem, ...]]:
    assert checked.model is not None
    run.read_model(checked.model.id)
    if known is not None:
        made = Annotated(manifest=known.manifest)
    else:
        made = annotate(run, checked.model, checked.params, _name_manifests(inputs), observer)
    return made.manifest, made.to_result(), made.problems


def _make_recipe(checked: CheckedStep, inputs: Mapping[str, Held]) -> Recipe:
    assert checked.operation is not None
    named = zip(inputs, _name_manifests(inputs), strict=True)
    sources = tuple(Source(manifest, name, prefix) for name, (manifest, prefix) in named)
    return Recipe(checked.operation, checked.params, checked.seed, sources)


def _name_manifests(inputs: Mapping[str, Held]) -> list[tuple[Digest, str]]:
    """Return the manifests to read, each of several below a dataset of its input's name."""
    return [(held.manifest, name if len(inputs) > 1 else "") for name, held in inputs.items()]


def _find_made(
    workspace: Workspace, recipe: Digest, known: Known, inputs: Mapping[str, Held]
) -> tuple[RunId, ArtifactRef] | None:
    """Return the newest run that made a known result of these very inputs, and what holds it; else None."""
    read = {(held.artifact.kind, held.artifact.id) for held in inputs.values()}
    for run in workspace.catalog.runs.list_by_recipe(recipe):
        has_read = {(ref.kind, ref.id) for ref in run.inputs if ref.kind is not ArtifactKind.MODEL}
        if has_read == read and run.result.get("manifest") == known.manifest.digest:
            artifact = _find_artifact(workspace, run, known.manifest.digest)
            if artifact is not None:
                return run.id, artifact
    return None


def _find_artifact(workspace: Workspace, run: Run, manifest: Digest) -> ArtifactRef | None:
    """Return what of a run holds its result, and nothing beside it; a transform into a dataset has more.

    None where nothing does, as where that version was deleted.
    """
    for artifact in run.outputs:
        if artifact.kind is ArtifactKind.INTERMEDIATE:
            return artifact
        if artifact.kind is ArtifactKind.VERSION:
            with suppress(NotFound):
                version = workspace.catalog.versions.get_by_id(VersionId(artifact.id))
                if version.manifest == manifest:
                    return artifact
    return None


def _hold(manifest: ManifestSummary, artifact: ArtifactRef) -> Held:
    return Held(manifest=manifest.digest, item_count=manifest.item_count, artifact=artifact)


def _show(checked: CheckedStep) -> dict[str, object]:
    what = {"operation": checked.step.operation} if checked.model is None else {"model": checked.model.name}
    return {"step": checked.name, **what, **asdict(checked.params)}


@contextmanager
def _stopping_where_paused(run: Recorder) -> Iterator[None]:
    """Close a step's own run where the pipeline lets go of it: only the pipeline's run goes on later."""
    try:
        yield
    except Paused:
        run.close(RunState.STOPPED, result={}, error="Let go of; the pipeline goes on with it.")
        raise


def name_inputs(checked: CheckedStep, held: Mapping[str, Held]) -> dict[str, Held]:
    """Return what a step reads, each under the name that the step calls it by."""
    return {name: held[read] for name, read in checked.reads}
