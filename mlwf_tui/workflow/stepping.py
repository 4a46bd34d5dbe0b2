"""Does one step of a pipeline, or finds that it was done before; what it makes is an intermediate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict

import msgspec

from mlwf_tui.entities.ids import Digest, RunId
from mlwf_tui.entities.pipeline import StepReport, StepState
from mlwf_tui.entities.project import ManifestSummary, Version
from mlwf_tui.entities.run import ArtifactKind, ArtifactRef, RunState
from mlwf_tui.errors import Paused
from mlwf_tui.protocols import Observer
from mlwf_tui.workflow.apply import annotate, digest_apply
from mlwf_tui.workflow.piping import CheckedStep
from mlwf_tui.workflow.recorder import Recorder, record
from mlwf_tui.workflow.reuse import Made, find_made
from mlwf_tui.workflow.transform import digest_recipe, follow_recipe
from mlwf_tui.workspace import Workspace


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """What a step reads: a version, or what another step has made."""

    name: str  # as the pipeline calls it: a dataset, where several are read
    version: Version  # of an intermediate, one that no project has
    artifact: ArtifactRef

    @property
    def manifest(self) -> Digest:
        return self.version.manifest


class StepResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a step has made, and the run that made it, now or before."""

    manifest: ManifestSummary
    artifact: ArtifactRef
    run: RunId
    is_cached: bool
    items_in: int
    summary: str = ""


def digest_step(checked: CheckedStep, inputs: Sequence[Input]) -> Digest:
    """Return the digest of all that decides what a step makes: the same as that of a transform or apply."""
    if checked.model is not None:
        return digest_apply(checked.model, checked.params, _name_manifests(inputs))
    assert checked.operation is not None
    versions = [entry.version for entry in inputs]
    return digest_recipe(checked.operation, checked.params, checked.seed, versions)


def find_step(
    workspace: Workspace, checked: CheckedStep, inputs: Sequence[Input], observer: Observer
) -> Made | None:
    """Return what the step has made before from the same manifests."""
    return find_made(workspace, digest_step(checked, inputs), observer)


def do_step(
    workspace: Workspace,
    checked: CheckedStep,
    inputs: Sequence[Input],
    *,
    parent: RunId,
    observer: Observer,
) -> StepResult:
    """Return what the step makes of its inputs, as a run of its own unless it was done before.

    Raises:
        InvalidInput: the step does not fit these items, or leaves none.
        Cancelled: the observer asked for it.
    """
    items_in = sum(entry.version.item_count for entry in inputs)
    recipe = digest_step(checked, inputs)
    made = find_made(workspace, recipe, observer)
    if made is not None and made.artifact is not None:
        return StepResult(
            manifest=made.manifest,
            artifact=made.artifact,
            run=made.run.id,
            is_cached=True,
            items_in=items_in,
        )
    verb = "transform" if checked.model is None else "apply"
    with record(workspace, verb, params=_show(checked), seed=checked.seed, parent=parent) as run:
        for entry in inputs:
            run.read_artifact(entry.artifact)
        if checked.model is not None:
            run.read_model(checked.model.id)
        workspace.catalog.runs.set_recipe(run.run_id, recipe)
        with _stopping_where_paused(run):
            manifest = made.manifest if made is not None else _make(run, checked, inputs, observer)
        with run.finishing():
            intermediate = run.write_intermediate(checked.name, manifest)
            summary = f"{checked.name}: {items_in:,} → {manifest.item_count:,} items"
            run.result = {
                "items_in": items_in,
                "items_out": manifest.item_count,
                "objects_out": manifest.object_count,
                "cached": made is not None,
                "run": run.run_id,
                "manifest": manifest.digest,
                "summary": summary,
            }
    return StepResult(
        manifest=manifest,
        artifact=ArtifactRef(ArtifactKind.INTERMEDIATE, intermediate.id, intermediate.title),
        run=run.run_id,
        is_cached=made is not None,
        items_in=items_in,
    )


def report_step(checked: CheckedStep, state: StepState, result: StepResult | None = None) -> StepReport:
    """Return how a step stands, as it is shown."""
    return StepReport(
        name=checked.name,
        operation=checked.step.verb,
        inputs=tuple(name for name, _ in checked.reads),
        state=state,
        items_in=None if result is None else result.items_in,
        items_out=None if result is None else result.manifest.item_count,
        run="" if result is None else result.run,
        summary="" if result is None else result.summary,
    )


def _make(
    run: Recorder, checked: CheckedStep, inputs: Sequence[Input], observer: Observer
) -> ManifestSummary:
    if checked.model is not None:
        return annotate(run, checked.model, checked.params, _name_manifests(inputs), observer)
    assert checked.operation is not None
    versions = [entry.version for entry in inputs]
    return follow_recipe(run, checked.operation, checked.params, checked.seed, versions, observer)


def _name_manifests(inputs: Sequence[Input]) -> list[tuple[Digest, str]]:
    return [(entry.manifest, entry.name if len(inputs) > 1 else "") for entry in inputs]


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
