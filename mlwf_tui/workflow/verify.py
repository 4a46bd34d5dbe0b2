"""verify: read every stored byte, and ask for every blob that a state or version names."""

from __future__ import annotations

from collections.abc import Iterator

from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import CorruptData, NotFound
from mlwf_tui.protocols import Observer
from mlwf_tui.store.manifests import iter_items
from mlwf_tui.store.verify import VerifyResult
from mlwf_tui.workspace import Workspace


def verify(workspace: Workspace, observer: Observer, *, is_rebuilding: bool = False) -> VerifyResult:
    """Check all packs against their digests, and all manifests against the store; reads only.

    With `is_rebuilding` the store's index is made again from the packs first.
    """
    if is_rebuilding:
        workspace.store.rebuild_index()
    packs = workspace.store.verify(observer)
    problems = (*packs.problems, *_check_references(workspace, observer))
    return VerifyResult(ok=not problems, checked_bytes=packs.checked_bytes, problems=problems)


def _check_references(workspace: Workspace, observer: Observer) -> Iterator[Problem]:
    """Yield what is named but not there: items of heads and versions, weights, evaluations."""
    for title, manifest in _list_manifests(workspace).items():
        yield from _check_manifest(workspace, title, manifest, observer)
    named = [
        (f"{model.name}/{checkpoint.name}", checkpoint.blob)
        for model in workspace.catalog.models.list()
        for checkpoint in model.checkpoints
    ]
    named += [(report.name, report.evaluation) for report in workspace.catalog.reports.list()]
    for title, blob in named:
        if not workspace.store.contains(blob):
            yield Problem(title, "Its bytes are missing from the store.")


def _list_manifests(workspace: Workspace) -> dict[str, Digest]:
    """Return one title for each manifest that a head or a version names, each manifest once."""
    titles: dict[Digest, str] = {}
    for project in workspace.catalog.projects.list():
        for version in workspace.catalog.versions.list(project.id):
            titles.setdefault(version.manifest, version.ref)
        titles.setdefault(project.manifest, project.name)
    return {title: manifest for manifest, title in titles.items()}


def _check_manifest(
    workspace: Workspace, title: str, manifest: Digest, observer: Observer
) -> Iterator[Problem]:
    try:
        for count, item in enumerate(iter_items(workspace.store, manifest), start=1):
            observer.progress(count, None, f"items of {title}")
            if not workspace.store.contains(item.blob):
                yield Problem(f"{title}: {item.key}", "Its image is missing from the store.")
    except (CorruptData, NotFound) as error:
        yield Problem(title, f"Its manifest cannot be read: {error.message}")
