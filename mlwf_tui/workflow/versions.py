"""versions: the history of a project."""

from __future__ import annotations

import msgspec

from mlwf_tui.entities.project import Version
from mlwf_tui.errors import CorruptData
from mlwf_tui.store.manifests import read_summary
from mlwf_tui.workspace import Workspace


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A version with its sizes; None where its manifest cannot be read any more."""

    version: Version
    object_count: int | None
    size_bytes: int | None


def list_versions(workspace: Workspace, project: str) -> tuple[Version, ...]:
    """Return all versions of a project, newest first.

    Raises:
        NotFound: there is no such project.
    """
    return workspace.catalog.versions.list(workspace.catalog.projects.get(project).id)


def read_history(workspace: Workspace, project: str) -> tuple[HistoryEntry, ...]:
    """Return all versions of a project with their sizes, newest first; reads one small blob for each.

    Raises:
        NotFound: there is no such project.
    """
    return tuple(_read_entry(workspace, version) for version in list_versions(workspace, project))


def _read_entry(workspace: Workspace, version: Version) -> HistoryEntry:
    try:
        summary = read_summary(workspace.store, version.manifest)
    except CorruptData:  # the rest of the history is to be seen all the same
        return HistoryEntry(version=version, object_count=None, size_bytes=None)
    return HistoryEntry(version=version, object_count=summary.object_count, size_bytes=summary.size_bytes)
