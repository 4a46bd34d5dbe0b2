"""transform: make a project state from others by an operation; the same recipe is not done twice."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import replace

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.project import ManifestSummary, Project, Version
from mlwf_tui.errors import InvalidInput, InvalidParameter
from mlwf_tui.params import build_params
from mlwf_tui.protocols import Observer, Operation, SourceItem
from mlwf_tui.store.digests import compute_digest
from mlwf_tui.store.manifests import iter_items, read_summary, write_manifest
from mlwf_tui.store.references import find_unreadable
from mlwf_tui.workflow.projects import create_project, write_empty_manifest
from mlwf_tui.workflow.recorder import Recorder, record
from mlwf_tui.workflow.refs import check_project_name, resolve_manifest, with_dataset
from mlwf_tui.workspace import Workspace


class TransformResult(msgspec.Struct, frozen=True, kw_only=True):
    """The version that holds the result; `cached` where the recipe had been followed before."""

    project: str
    version: int
    items_in: int
    items_out: int
    cached: bool
    run: str


def transform(
    workspace: Workspace,
    operation: str,
    refs: Sequence[str],
    *,
    to: str,
    params: Mapping[str, Any],
    seed: int = 0,
    is_fresh: bool = False,
    observer: Observer,
) -> TransformResult:
    """Apply an operation to all items of `refs` and put the result into the project `to`.

    `to` may be one of the sources, or a project that exists: its former head stays a version. Where
    `is_fresh`, the recipe is followed though its result is known.

    Raises:
        NotFound: there is no such operation or source.
        InvalidParameter: a parameter is unknown or out of bounds.
        InvalidInput: the operation does not fit these items.
        Conflict: somebody else changed `to` meanwhile.
    """
    check_project_name(to)
    if not refs:
        raise InvalidParameter("No source was given.", hint="Name at least one PROJECT or PROJECT@N.")
    chosen = workspace.registry.get_operation(operation)
    checked = build_params(chosen.params_type, params)
    for ref in refs:
        resolve_manifest(workspace, ref)
    shown = {"operation": operation, **asdict(checked), "to": to}
    with record(workspace, "transform", params=shown, seed=seed) as run:
        target = workspace.catalog.projects.find(to, workspace.settings.workspace)
        sources = [run.read_version(ref) for ref in refs]
        recipe = _digest_recipe(chosen, checked, seed, sources)
        manifest = None if is_fresh else _find_cached(workspace, recipe, observer)
        is_cached = manifest is not None
        workspace.catalog.runs.set_recipe(run.run_id, recipe)
        if manifest is None:
            manifest = _follow_recipe(run, chosen, checked, seed, sources, observer)
        empty = write_empty_manifest(workspace)
        with run.finishing():
            target = target or create_project(workspace, to, empty)
            return _finish(run, target, manifest, sources, operation, is_cached=is_cached)


def _find_cached(workspace: Workspace, recipe: Digest, observer: Observer) -> ManifestSummary | None:
    """Return what the same recipe made before, if the store still has it."""
    run = workspace.catalog.runs.find_by_recipe(recipe)
    if run is None:
        return None
    manifest = Digest(run.result["manifest"])
    if find_unreadable(
        workspace.store, [manifest], observer
    ):  # its project was deleted, and parts were collected
        return None
    return read_summary(workspace.store, manifest)


def _digest_recipe(operation: Operation, params: Any, seed: int, sources: Sequence[Version]) -> Digest:
    """Return the digest of all that decides the result."""
    recipe = {
        "operation": operation.name,
        "operation_version": operation.version,
        "params": asdict(params),
        "seed": seed,
        "sources": [
            {"manifest": source.manifest, "prefix": source.project_name if len(sources) > 1 else ""}
            for source in sources
        ],
    }
    return compute_digest(json.dumps(recipe, sort_keys=True).encode())


def _follow_recipe(
    run: Recorder,
    operation: Operation,
    params: Any,
    seed: int,
    sources: Sequence[Version],
    observer: Observer,
) -> ManifestSummary:
    workspace = run.workspace
    items = [item for source in sources for item in _iter_sources(workspace, source, len(sources) > 1)]
    schema = LabelSchema()
    for source in sources:
        schema = schema.merge(read_summary(workspace.store, source.manifest).schema)
    made: list[Item] = []
    with run.writer() as writer:
        for result in operation.apply(items, params, seed=seed):
            observer.check_cancelled()
            item = result.item
            if result.image is not None:
                item = replace(item, blob=writer.put(result.image), size_bytes=len(result.image))
            made.append(item)
            observer.progress(len(made), None, item.name)
        if not made:
            raise InvalidInput(
                f"{operation.name} left no item.", hint="Loosen its parameters; nothing was changed."
            )
        return write_manifest(writer, operation.transform_schema(schema, params), made)


def _iter_sources(workspace: Workspace, source: Version, is_prefixed: bool) -> Iterator[SourceItem]:
    """Yield a version's items; with several sources each gets its project's name as a dataset."""
    for item in iter_items(workspace.store, source.manifest):
        if is_prefixed:
            item = replace(item, dataset=with_dataset(item.dataset, source.project_name))
        yield SourceItem(item, partial(workspace.store.read, item.blob))


def _finish(
    run: Recorder,
    target: Project,
    manifest: ManifestSummary,
    sources: Sequence[Version],
    operation: str,
    *,
    is_cached: bool,
) -> TransformResult:
    """Make the manifest the target's head and newest version, and tell what was done."""
    message = f"{operation} of {', '.join(source.ref for source in sources)}"
    result = TransformResult(
        project=target.name,
        version=_write_version(run, target, manifest, sources, message).number,
        items_in=sum(source.item_count for source in sources),
        items_out=manifest.item_count,
        cached=is_cached,
        run=run.run_id,
    )
    summary = f"{operation}: {result.items_in:,} → {result.items_out:,} items"
    run.result = {**msgspec.structs.asdict(result), "manifest": manifest.digest, "summary": summary}
    return result


def _write_version(
    run: Recorder, target: Project, manifest: ManifestSummary, sources: Sequence[Version], message: str
) -> Version:
    """Return the new version, or the latest where the target stands on this very data already."""
    latest = run.workspace.catalog.versions.latest(target.id)
    if latest is not None and latest.manifest == target.manifest == manifest.digest:
        return latest
    parents = [source for source in sources if source.project_id == target.id]
    return run.write_version(target, manifest.digest, manifest.item_count, message=message, parents=parents)
