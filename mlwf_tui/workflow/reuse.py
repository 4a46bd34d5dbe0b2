"""Finds what a recipe has made before, where the store still has all of it."""

from __future__ import annotations

import msgspec

from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.project import ManifestSummary
from mlwf_tui.entities.run import ArtifactRef, Run
from mlwf_tui.protocols import Observer
from mlwf_tui.store.manifests import read_summary
from mlwf_tui.store.references import find_unreadable
from mlwf_tui.workspace import Workspace


class Made(msgspec.Struct, frozen=True):
    """A result that is there; `artifact` None where its run left none of its own, since it found it too."""

    run: Run
    manifest: ManifestSummary
    artifact: ArtifactRef | None


def find_made(workspace: Workspace, recipe: Digest, observer: Observer) -> Made | None:
    """Return what the same recipe made before, unless its bytes were collected."""
    run = workspace.catalog.runs.find_by_recipe(recipe)
    if run is None:
        return None
    manifest = Digest(run.result["manifest"])
    if find_unreadable(workspace.store, [manifest], observer):
        return None
    return Made(run, read_summary(workspace.store, manifest), next(iter(run.outputs), None))
