"""Counts the items that would go through each step of a pipeline, though no step is done; not a verb.

Each step's plan is gone through as the steps before it planned their results. What those have still to make
stands in as the item that it is made of, so that behind a step that makes images the counts are estimates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.pipeline import StepReport, StepState
from mlwf_tui.entities.project import ManifestSummary
from mlwf_tui.entities.run import ArtifactKind, ArtifactRef
from mlwf_tui.errors import InvalidInput, PluginError
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.operations import PlannedItem, SourceItem
from mlwf_tui.store.manifests import read_summary
from mlwf_tui.workflow.pipelines.plans import CheckedStep, Plan
from mlwf_tui.workflow.pipelines.stepping import Held, digest_step, report_step
from mlwf_tui.workflow.refs import resolve_manifest, with_dataset
from mlwf_tui.workflow.transforming.blaming import blaming
from mlwf_tui.workflow.transforming.planning import join_schemas
from mlwf_tui.workflow.transforming.recipes import find_known
from mlwf_tui.workflow.transforming.sources import Source, Sources
from mlwf_tui.workspace import Workspace

MAX_SURVEYED = 50_000
"""Items that are held in memory at once; where there are more, only what is known already is counted."""
_LOOKS_EVERY = 256


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """How each step stands, how many items each result has, None where that is not known, and warnings."""

    steps: tuple[StepReport, ...]
    counts: Mapping[str, int | None]  # by source and step
    manifests: Mapping[str, Digest | None]  # of those that are there already
    warnings: tuple[str, ...]


class _Flow(msgspec.Struct, frozen=True, kw_only=True):
    """What a source or step holds: a manifest that is there, else items as they are planned."""

    schema: LabelSchema
    count: int | None = None
    manifest: Digest | None = None
    items: Sequence[SourceItem] | None = None
    is_estimate: bool = False


def survey_plan(workspace: Workspace, plan: Plan, observer: Observer) -> Survey:
    """Say how each step stands and how many items would come of it; nothing is made, nothing is written.

    Raises:
        Cancelled: the observer asked for it.
    """
    surveyor = _Surveyor(workspace, plan, observer)
    steps = tuple(surveyor.look(checked) for checked in plan.steps)
    return Survey(
        steps=steps,
        counts={name: flow.count for name, flow in surveyor.flows.items()},
        manifests={name: flow.manifest for name, flow in surveyor.flows.items()},
        warnings=tuple(surveyor.warnings),
    )


class _Surveyor:
    """Goes through the steps in their order."""

    def __init__(self, workspace: Workspace, plan: Plan, observer: Observer) -> None:
        self._workspace = workspace
        self._path = plan.pipeline.path
        self._observer = observer
        self.warnings: list[str] = []
        self.flows = {name: self._open(ref) for name, ref in plan.sources.items()}

    def look(self, checked: CheckedStep) -> StepReport:
        """Return how a step stands, and remember what comes of it."""
        inputs = {name: self.flows[read] for name, read in checked.reads}
        counts = [flow.count for flow in inputs.values()]
        known_counts = [count for count in counts if count is not None]
        items_in = sum(known_counts) if len(known_counts) == len(counts) else None
        known = self._find_known(checked, inputs)
        report = replace(report_step(checked, StepState.WAITING), items_in=items_in)
        if known is not None:
            summary, run = known
            self.flows[checked.name] = _hold(summary)
            return replace(report, state=StepState.CACHED, items_out=summary.item_count, run=run)
        flow = self._plan(checked, inputs, items_in)
        self.flows[checked.name] = flow
        is_estimate = any(one.is_estimate for one in inputs.values())
        return replace(report, items_out=flow.count, is_estimate=is_estimate)

    def _open(self, ref: str) -> _Flow:
        return _hold(read_summary(self._workspace.store, resolve_manifest(self._workspace, ref)[1]))

    def _find_known(
        self, checked: CheckedStep, inputs: Mapping[str, _Flow]
    ) -> tuple[ManifestSummary, str] | None:
        artifact = ArtifactRef(ArtifactKind.INTERMEDIATE, "")
        held = {
            name: Held(manifest=flow.manifest, item_count=flow.count or 0, artifact=artifact)
            for name, flow in inputs.items()
            if flow.manifest is not None
        }
        if len(held) < len(inputs):
            return None
        known = find_known(self._workspace, digest_step(checked, held), self._observer)
        return None if known is None else (known.manifest, known.run.id)

    def _plan(self, checked: CheckedStep, inputs: Mapping[str, _Flow], items_in: int | None) -> _Flow:
        unknown = _Flow(schema=checked.schema)
        if items_in is None or items_in > MAX_SURVEYED:
            return unknown
        sources = [item for name, flow in inputs.items() for item in self._read(name, flow, len(inputs))]
        is_estimate = any(flow.is_estimate for flow in inputs.values())
        if checked.operation is None:  # what a model will say nobody knows; it leaves no item out
            return _Flow(schema=checked.schema, count=items_in, items=sources, is_estimate=True)
        try:
            schema = join_schemas(
                checked.operation, {name: flow.schema for name, flow in inputs.items()}, checked.params
            )
            with blaming(checked.operation.name, passing=(_PixelsWanted,)):
                made, has_drafts = self._follow(checked, sources, schema)
        except _PixelsWanted:
            return unknown
        except (InvalidInput, PluginError) as error:
            self._warn(checked, f"{error.message} {error.hint}".strip(), is_estimate=is_estimate)
            return unknown
        if not made:
            self._warn(checked, f"it leaves no item of {items_in:,}.", is_estimate=is_estimate)
        return _Flow(
            schema=checked.schema, count=len(made), items=made, is_estimate=is_estimate or has_drafts
        )

    def _follow(
        self, checked: CheckedStep, sources: Sequence[SourceItem], schema: LabelSchema
    ) -> tuple[list[SourceItem], bool]:
        """Return the planned results, and whether images of some are still to be made."""
        assert checked.operation is not None
        made, has_drafts = [], False
        plan = checked.operation.plan(sources, schema, checked.params, seed=checked.seed)
        for number, result in enumerate(plan):
            if not number % _LOOKS_EVERY:
                self._observer.check_cancelled()
                self._observer.progress(number, None, f"counting {checked.name}")
            if isinstance(result, PlannedItem):
                made.append(replace(sources[result.source], item=result.item))
            else:
                has_drafts = True
                source = sources[result.sources[0]].item
                item = replace(source, dataset=result.dataset, name=result.name)
                made.append(SourceItem(item, _refuse_pixels))
            if len(made) > MAX_SURVEYED:
                raise _PixelsWanted
        return sorted(made, key=lambda one: one.item.key), has_drafts

    def _read(self, name: str, flow: _Flow, input_count: int) -> Iterator[SourceItem]:
        """Yield the items of an input, each of several below a dataset of its name."""
        prefix = name if input_count > 1 else ""
        if flow.manifest is not None:
            look = self._observer.check_cancelled
            yield from Sources(self._workspace.store, [Source(flow.manifest, name, prefix)], between=look)
            return
        for source in flow.items or ():
            yield replace(source, item=_place(source.item, prefix), project=name)

    def _warn(self, checked: CheckedStep, message: str, *, is_estimate: bool) -> None:
        sure = "it may be that " if is_estimate else ""
        self.warnings.append(
            f"{self._path}:{checked.step.line}: {checked.name}: {sure}{message[:1].lower()}{message[1:]}"
        )


def _hold(summary: ManifestSummary) -> _Flow:
    return _Flow(schema=summary.schema, count=summary.item_count, manifest=summary.digest)


def _place(item: Item, prefix: str) -> Item:
    return replace(item, dataset=with_dataset(item.dataset, prefix)) if prefix else item


def _refuse_pixels() -> bytes:
    raise _PixelsWanted


class _PixelsWanted(Exception):
    """An operation looks at images that are still to be made, or there are too many items."""
