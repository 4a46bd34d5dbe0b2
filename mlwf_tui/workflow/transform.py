"""transform: make a project state from others by an operation; the same recipe is not done twice."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from operator import itemgetter
from typing import Any

import msgspec

from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import check_dataset
from mlwf_tui.entities.project import ManifestSummary, Project, Version
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import Conflict, InvalidInput, InvalidParameter
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.store.manifests import EncodedItem, write_rows
from mlwf_tui.workflow.names import find_free
from mlwf_tui.workflow.projects import create_project, write_empty_manifest
from mlwf_tui.workflow.refs import check_project_name, name_project, resolve_manifest, resolve_project_ref
from mlwf_tui.workflow.running.recorder import Recorder, record
from mlwf_tui.workflow.transforming.finished_drafts import FinishedDrafts, forget_drafts, place_drafts
from mlwf_tui.workflow.transforming.making import Tally, open_drafts
from mlwf_tui.workflow.transforming.placing import check_free, place_beside
from mlwf_tui.workflow.transforming.planning import Counts, Fate, Plan, count_objects, plan_recipe
from mlwf_tui.workflow.transforming.recipes import Recipe, check_recipe, find_known, name_sources
from mlwf_tui.workflow.transforming.sources import Source
from mlwf_tui.workflow.transforming.trying import check_params
from mlwf_tui.workspace import Workspace

_LOOKS_EVERY = 256  # rows between two looks at whether the work is still wanted


class TransformPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a transform would do; items as in `Counts`, before images that cannot be made are left out."""

    operation: str
    project: str
    dataset: str
    is_new_project: bool
    items_in: int
    items_out: int
    items_added: int
    items_changed: int
    items_unchanged: int
    items_dropped: int
    objects_in: int
    objects_out: int | None  # None where that shows as images are made
    images: int  # to make, of which `images_resumed` are there already
    images_resumed: int
    classes: tuple[str, ...]  # of the result
    cached: bool  # the same recipe was followed before: nothing would be made


class TransformResult(msgspec.Struct, frozen=True, kw_only=True):
    """The version that holds the result; `cached` where the recipe had been followed before."""

    project: str
    version: int
    items_in: int
    items_out: int  # of the operation; what was in the project's other datasets does not count
    cached: bool
    run: str
    items_added: int = 0
    items_changed: int = 0
    items_unchanged: int = 0
    items_dropped: int = 0
    objects_in: int = 0
    objects_out: int = 0  # as items_out
    images_made: int = 0
    images_resumed: int = 0  # made by an earlier run that did not end
    problems: tuple[Problem, ...] = ()  # images that could not be used, or made
    conflicts: tuple[str, ...] = ()  # between definitions of the result and of the project, a sentence each


class Followed(msgspec.Struct, frozen=True, kw_only=True):
    """What following a recipe has made, or had made before."""

    manifest: ManifestSummary
    counts: Counts
    is_known: bool = False
    images_made: int = 0
    images_resumed: int = 0
    problems: tuple[Problem, ...] = ()

    def to_result(self) -> dict[str, Any]:
        """Return what a run's result says of it."""
        return {
            **msgspec.structs.asdict(self.counts),
            "manifest": self.manifest.digest,
            "problems": self.problems,
        }


def plan_transform(
    workspace: Workspace,
    operation: str,
    refs: Sequence[str],
    *,
    to: str = "",
    dataset: str = "",
    params: Mapping[str, Any],
    seed: int = 0,
    observer: Observer,
) -> TransformPlan:
    """Say what `transform` would do with the same arguments; nothing is done, and nothing is committed.

    Raises: what `transform` would, as far as that can be told before an image is made.
    """
    target = _check_target(workspace, operation, refs, to, dataset)
    recipe = check_recipe(workspace, operation, params, seed, _find_sources(workspace, refs))
    known = find_known(workspace, recipe.digest, observer)
    with plan_recipe(workspace.store, workspace.home, recipe, observer) as plan:
        finished = FinishedDrafts(workspace.store, place_drafts(workspace.home, recipe.digest))
        finished.close()
        if known is None:
            _check_place(workspace, recipe, plan, target, dataset)
        counts = msgspec.structs.asdict(plan.counts)
        return TransformPlan(
            operation=operation,
            project=target,
            dataset=dataset,
            is_new_project=workspace.catalog.projects.find(target, workspace.settings.workspace) is None,
            items_out=plan.counts.items_out,
            objects_in=count_objects(workspace.store, recipe),
            objects_out=_count_planned(plan) if known is None else known.manifest.object_count,
            images_resumed=len(finished),
            classes=plan.schema.class_names,
            cached=known is not None,
            **counts,
        )


def check_transform(
    workspace: Workspace,
    operation: str,
    refs: Sequence[str],
    *,
    to: str = "",
    dataset: str = "",
    params: Mapping[str, Any],
) -> None:
    """Refuse what `transform` would, with the same arguments, before it looks at the first item.

    Raises:
        NotFound: there is no such operation or source.
        InvalidInput: the parameters do not fit together, or not the classes and tags of the sources.
        PluginError: the operation fell over its parameters.
    """
    _check_target(workspace, operation, refs, to, dataset)
    recipe = check_recipe(workspace, operation, params, 0, _find_sources(workspace, refs))
    check_params(workspace.store, recipe)


def _find_sources(workspace: Workspace, refs: Sequence[str]) -> tuple[Source, ...]:
    """Return what refs mean at this moment, as sources; a changed head has no version yet."""
    found = [(ref, *resolve_project_ref(workspace, ref)) for ref in refs]
    return name_sources(
        [(project.name, number, resolve_manifest(workspace, ref)[1]) for ref, project, number in found]
    )


def _count_planned(plan: Plan) -> int | None:
    return None if plan.drafts.count else plan.object_count


def transform(
    workspace: Workspace,
    operation: str,
    refs: Sequence[str],
    *,
    to: str = "",
    dataset: str = "",
    params: Mapping[str, Any],
    seed: int = 0,
    workers: int | None = None,
    is_strict: bool = False,
    is_fresh: bool = False,
    observer: Observer,
) -> TransformResult:
    """Apply an operation to all items of `refs` and put the result into the project `to`.

    `to` may be one of the sources, or a project that exists: its former head stays a version. Without
    one, a new project is named after source and operation. With `dataset` the result comes into that
    dataset, and what else the project has stays beside it. Images are made by `workers` processes, by
    one for each core where it is None. One that cannot be made is left out and listed, unless `is_strict`.

    Where `is_fresh`, the recipe is followed though its result is known.

    What was made when the process dies, or is stopped, is not made again by the same call.

    Raises:
        NotFound: there is no such operation or source.
        InvalidParameter: a parameter is unknown or out of bounds.
        InvalidInput: the operation does not fit these items, or leaves none of them.
        Conflict: two results would have one name, or somebody else changed `to` meanwhile.
        StorageFailed: the disk refused.
        Cancelled: the observer wants it; nothing was changed.
    """
    name = _check_target(workspace, operation, refs, to, dataset)
    checked = check_recipe(workspace, operation, params, seed, _find_sources(workspace, refs))
    check_params(workspace.store, checked)  # before a version is made of a changed head
    shown = {"operation": checked.operation.name, **asdict(checked.params), "to": name}
    with record(
        workspace, "transform", params=shown | ({"dataset": dataset} if dataset else {}), seed=seed
    ) as run:
        target = workspace.catalog.projects.find(name, workspace.settings.workspace)
        versions = [run.read_version(ref) for ref in refs]
        sources = name_sources([(v.project_name, v.number, v.manifest) for v in versions])
        recipe = msgspec.structs.replace(checked, sources=sources)
        check = partial(_check_place, workspace, recipe, target=name, dataset=dataset)
        followed = follow_recipe(
            run, recipe, observer, workers=workers, is_strict=is_strict, is_fresh=is_fresh, check=check
        )
        work = _Ending(run, recipe, versions, name, target, followed)
        return work.end(dataset)


def follow_recipe(
    run: Recorder,
    recipe: Recipe,
    observer: Observer,
    *,
    workers: int | None = None,
    is_strict: bool = False,
    is_fresh: bool = False,
    check: Callable[[Plan], None] | None = None,
) -> Followed:
    """Make what a recipe says, or find what it made before; the run is noted as one of the recipe.

    `check` may refuse the plan before anything is made.

    What the run leaves as its result must hold `Followed.to_result()`, by which the next run of the recipe
    finds it. Once the catalog names the manifest, `forget_drafts` frees what was kept for a second try.

    Raises: as `transform`.
    """
    workspace = run.workspace
    known = None if is_fresh else find_known(workspace, recipe.digest, observer)
    workspace.catalog.runs.set_recipe(run.run_id, recipe.digest)
    if known is not None:
        counts = msgspec.convert(known.run.result, Counts)
        return Followed(manifest=known.manifest, counts=counts, is_known=True)
    with plan_recipe(workspace.store, workspace.home, recipe, observer) as plan:
        if check is not None:
            check(plan)
        if plan.problems and is_strict:
            first = plan.problems[0]
            raise InvalidInput(f"{first.path} could not be used: {first.reason}", hint="Nothing was changed.")
        manifest, tally = _write_results(run, recipe, plan, observer, workers, is_strict=is_strict)
        _check_made(recipe, manifest, tally)
        return Followed(
            manifest=manifest,
            counts=_count_made(plan, tally),
            images_made=tally.made,
            images_resumed=tally.resumed,
            problems=(*plan.problems, *tally.problems),
        )


def _write_results(
    run: Recorder, recipe: Recipe, plan: Plan, observer: Observer, workers: int | None, *, is_strict: bool
) -> tuple[ManifestSummary, Tally]:
    """Write the manifest of a plan's results, and say what became of its drafts."""
    workspace = run.workspace
    with run.writer() as writer:
        if not plan.drafts.count:
            rows = _iter_watched(plan.finished.iter_sorted(), observer)
            return write_rows(writer, plan.schema, rows), Tally()
        drafts = open_drafts(workspace, recipe, plan, observer, workers=workers, is_strict=is_strict)
        with drafts as (made, tally):
            rows = heapq.merge(plan.finished.iter_sorted(), made, key=itemgetter(0))
            manifest = write_rows(writer, plan.schema, rows)
    if tally.libraries:
        environment = {**run.run.environment, **tally.libraries}
        workspace.catalog.runs.set_environment(run.run_id, environment)
    return manifest, tally


def _check_made(recipe: Recipe, manifest: ManifestSummary, tally: Tally) -> None:
    """Raise InvalidInput where no image could be made, or no item is left."""
    if tally.problems and not (tally.made or tally.resumed):
        first, count = tally.problems[0], len(tally.problems)
        raise InvalidInput(
            f"None of {count:,} images could be made; the first, {first.path}: {first.reason}",
            hint="Nothing was changed.",
        )
    if not manifest.item_count:
        raise InvalidInput(f"{recipe.operation.name} left no item.", hint="Nothing was changed.")


def _iter_watched(rows: Iterator[EncodedItem], observer: Observer) -> Iterator[EncodedItem]:
    for number, row in enumerate(rows):
        if not number % _LOOKS_EVERY:
            observer.check_cancelled()
        yield row


def _check_target(workspace: Workspace, operation: str, refs: Sequence[str], to: str, dataset: str) -> str:
    """Return the name of the project that gets the result."""
    if not refs:
        raise InvalidParameter("No source was given.", hint="Name at least one PROJECT or PROJECT@N.")
    if dataset:
        check_dataset(dataset)
    if to:
        return check_project_name(name_project(workspace, to))
    if dataset:
        raise InvalidParameter(
            "A dataset was named, but no project.", hint="Name the project that has it: --to PROJECT."
        )
    project, _ = resolve_project_ref(workspace, refs[0])
    taken = {project.name for project in workspace.catalog.projects.list()}
    stem = f"{project.name}-{operation}"
    return check_project_name(find_free(stem, taken) if stem in taken else stem)


def check_place(workspace: Workspace, recipe: Recipe, base: Digest, dataset: str, plan: Plan) -> None:
    """Refuse images whose names are taken in the dataset of `base` that they are for, before they are made.

    What an earlier run has made of the recipe may stand there already, the very same.

    Raises:
        Conflict: a name is taken.
    """
    if not place_drafts(workspace.home, recipe.digest).exists():
        keys = (row.key for row in plan.drafts.iter_sorted())
        check_free(workspace.store, base, keys, dataset)


def _check_place(workspace: Workspace, recipe: Recipe, plan: Plan, target: str, dataset: str) -> None:
    project = workspace.catalog.projects.find(target, workspace.settings.workspace)
    if dataset and project is not None:
        check_place(workspace, recipe, project.manifest, dataset, plan)


def _count_made(plan: Plan, tally: Tally) -> Counts:
    """Return the plan's counts without what nothing was left of."""
    added, changed = tally.emptied[Fate.ADDED], tally.emptied[Fate.CHANGED]
    return msgspec.structs.replace(
        plan.counts,
        items_added=plan.counts.items_added - added,
        items_changed=plan.counts.items_changed - changed,
        items_dropped=plan.counts.items_dropped + changed,
        images=tally.made + tally.resumed,
    )


class _Ending(msgspec.Struct, frozen=True):
    """Gives a result its place in the catalog, and tells what was done."""

    run: Recorder
    recipe: Recipe
    versions: Sequence[Version]
    name: str  # of the project that gets it
    target: Project | None  # None where it is to be made
    followed: Followed

    def end(self, dataset: str) -> TransformResult:
        """Make the result the target's head and newest version."""
        workspace = self.run.workspace
        manifest, conflicts = self._place(dataset)
        empty = write_empty_manifest(workspace)
        with self.run.finishing():
            target = self.target or self._find_new(dataset) or create_project(workspace, self.name, empty)
            version = self._write_version(target, manifest)
            result = self._describe(target, version, conflicts)
            self.run.result = {
                **msgspec.structs.asdict(result),
                **self.followed.to_result(),
                "summary": _summarise(self.recipe.operation.name, result),
            }
        if not self.followed.problems:  # else another try has only those to make that failed
            forget_drafts(workspace.home, self.recipe.digest)
        return result

    def _find_new(self, dataset: str) -> Project | None:
        """Return the project that somebody else has made of the target's name meanwhile: it gets a version.

        Raises:
            Conflict: what it holds in other datasets is not in the result.
        """
        workspace = self.run.workspace
        found = workspace.catalog.projects.find(self.name, workspace.settings.workspace)
        if found is not None and dataset:
            raise Conflict(
                f"Somebody else made the project {self.name} meanwhile.",
                hint="Do the same again: what was made is kept, and comes into that one.",
            )
        return found

    def _place(self, dataset: str) -> tuple[ManifestSummary, tuple[str, ...]]:
        made = self.followed.manifest
        if not dataset:
            return made, ()
        workspace = self.run.workspace
        base = write_empty_manifest(workspace) if self.target is None else self.target.manifest
        with self.run.writer() as writer:
            return place_beside(workspace.store, writer, base, made.digest, dataset)

    def _write_version(self, target: Project, manifest: ManifestSummary) -> Version:
        """Return the new version, or the latest where the target stands on this very data already."""
        same = self.run.find_same(target, manifest.digest)
        if same is not None:
            return same
        refs = ", ".join(version.ref for version in self.versions)
        parents = [version for version in self.versions if version.project_id == target.id]
        message = f"{self.recipe.operation.name} of {refs}"
        return self.run.write_version(
            target, manifest.digest, manifest.item_count, message=message, parents=parents
        )

    def _describe(self, target: Project, version: Version, conflicts: tuple[str, ...]) -> TransformResult:
        counts, followed = self.followed.counts, self.followed
        return TransformResult(
            project=target.name,
            version=version.number,
            items_in=counts.items_in,
            items_out=followed.manifest.item_count,
            cached=followed.is_known,
            run=self.run.run_id,
            items_added=counts.items_added,
            items_changed=counts.items_changed,
            items_unchanged=counts.items_unchanged,
            items_dropped=counts.items_dropped,
            objects_in=count_objects(self.run.workspace.store, self.recipe),
            objects_out=followed.manifest.object_count,
            images_made=followed.images_made,
            images_resumed=followed.images_resumed,
            problems=followed.problems,
            conflicts=conflicts,
        )


def _summarise(operation: str, result: TransformResult) -> str:
    text = f"{operation}: {result.items_in:,} → {result.items_out:,} items"
    if result.objects_in != result.objects_out and result.items_in == result.items_out:  # else they go along
        text += f", {result.objects_in:,} → {result.objects_out:,} objects"
    if result.cached:
        return f"{text}, as the same recipe had made before"
    if result.problems:
        return f"{text}, partly: {len(result.problems):,} of the images could not be used"
    return text
