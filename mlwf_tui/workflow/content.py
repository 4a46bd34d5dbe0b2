"""What a project's manifests hold, counted once and kept; the next is counted from the nearest before."""

from __future__ import annotations

from collections import Counter

from mlwf_tui.entities.ids import Digest, ProjectId
from mlwf_tui.entities.project import ManifestContent, Project
from mlwf_tui.errors import CorruptData
from mlwf_tui.store.contents import count_content, recount_content
from mlwf_tui.workspace import Workspace


def read_content(workspace: Workspace, project_id: ProjectId, manifest: Digest) -> ManifestContent:
    """Return what a manifest of a project holds.

    Every item is read once for the first state of a project that is asked for; from then on the work
    grows with what differs from the newest state that was counted.

    Raises:
        CorruptData: the manifest cannot be read.
    """
    contents = workspace.catalog.contents
    known = contents.find(manifest)
    if known is not None:
        return known
    content = _recount(workspace, project_id, manifest) or count_content(workspace.store, manifest)
    contents.keep(manifest, content)
    return content


def count_datasets(workspace: Workspace, project: Project) -> dict[str, int]:
    """Return the datasets of a project's head with their items, those of datasets below them counted too.

    Where the head cannot be read there is none: whoever opens it is told why.
    """
    try:
        own = read_content(workspace, project.id, project.manifest).datasets
    except CorruptData:
        return {}
    below: Counter[str] = Counter()
    for name, count in own.items():
        parts = name.split("/")
        for depth in range(1, len(parts) + 1):
            below["/".join(parts[:depth])] += count
    return dict(sorted(below.items()))


def _recount(workspace: Workspace, project_id: ProjectId, manifest: Digest) -> ManifestContent | None:
    """Count from the newest state that was counted; None where there is none that can still be read."""
    base = workspace.catalog.contents.find_counted(project_id)
    counted = workspace.catalog.contents.find(base) if base else None
    if base is None or counted is None:
        return None
    try:
        return recount_content(workspace.store, base, counted, manifest)
    except CorruptData:
        return None
