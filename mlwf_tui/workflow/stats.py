"""stats: how much there is, by project, and how much room it takes."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from mlwf_tui.entities.project import Project, Version
from mlwf_tui.store.manifests import read_summary
from mlwf_tui.store.references import iter_blob_sizes
from mlwf_tui.workspace import Workspace


class ProjectStats(msgspec.Struct, frozen=True, kw_only=True):
    """One project. What it shares with another is counted in both."""

    name: str
    workspace: str
    items: int  # of the head
    logical_bytes: int  # of the head's images, each item counted
    versions: int
    history_bytes: int  # the same of the head and of every version that differs
    unique_bytes: int  # of all these images, each once


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """`logical_bytes` counts the images of every project's head; `stored_bytes` all packs on disk.

    The factors say how many bytes one stored byte stands for: `dedup_factor` because the same bytes
    are kept once (history over unique bytes), `compression_factor` because they are packed.
    """

    projects: tuple[ProjectStats, ...]
    items: int
    logical_bytes: int
    history_bytes: int
    unique_bytes: int  # of the images of all projects, each once
    blobs: int
    raw_bytes: int  # of all blobs, each once, before compression
    stored_bytes: int
    packs: int
    dedup_factor: float
    compression_factor: float


def read_stats(workspace: Workspace) -> Stats:
    """Add up heads, versions and the store; every node of every version is read once a project."""
    sizes: dict[bytes, int] = {}
    projects = []
    versions = workspace.catalog.versions.list_by_project()
    for project in workspace.catalog.projects.list():
        described, own = _describe(workspace, project, versions.get(project.id, ()))
        projects.append(described)
        sizes |= own
    stored = workspace.store.read_stats()
    history_bytes, unique_bytes = sum(project.history_bytes for project in projects), sum(sizes.values())
    return Stats(
        projects=tuple(projects),
        items=sum(project.items for project in projects),
        logical_bytes=sum(project.logical_bytes for project in projects),
        history_bytes=history_bytes,
        unique_bytes=unique_bytes,
        blobs=stored.blob_count,
        raw_bytes=stored.raw_bytes,
        stored_bytes=stored.stored_bytes,
        packs=stored.pack_count,
        dedup_factor=_divide(history_bytes, unique_bytes),
        compression_factor=_divide(stored.raw_bytes, stored.stored_bytes),
    )


def _describe(
    workspace: Workspace, project: Project, versions: Sequence[Version]
) -> tuple[ProjectStats, dict[bytes, int]]:
    """Return what there is of a project, and the sizes of its blobs."""
    manifests = list(dict.fromkeys([project.manifest, *(version.manifest for version in versions)]))
    summaries = [read_summary(workspace.store, manifest) for manifest in manifests]
    sizes = dict(iter_blob_sizes(workspace.store, manifests))
    described = ProjectStats(
        name=project.name,
        workspace=project.workspace,
        items=project.item_count,
        logical_bytes=summaries[0].size_bytes,
        versions=len(versions),
        history_bytes=sum(summary.size_bytes for summary in summaries),
        unique_bytes=sum(sizes.values()),
    )
    return described, sizes


def _divide(bytes_before: int, bytes_after: int) -> float:
    return round(bytes_before / bytes_after, 3) if bytes_after else 1.0
