"""stats: how much there is, by project, and how much room it takes."""

from __future__ import annotations

import msgspec

from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.project import Project
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
    for project in workspace.catalog.projects.list():
        own = dict(iter_blob_sizes(workspace.store, _list_manifests(workspace, project)))
        projects.append(_describe(workspace, project, sum(own.values())))
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


def _list_manifests(workspace: Workspace, project: Project) -> list[Digest]:
    versions = workspace.catalog.versions.list(project.id)
    return list(dict.fromkeys([project.manifest, *(version.manifest for version in versions)]))


def _describe(workspace: Workspace, project: Project, unique_bytes: int) -> ProjectStats:
    manifests = _list_manifests(workspace, project)
    summaries = [read_summary(workspace.store, manifest) for manifest in manifests]
    return ProjectStats(
        name=project.name,
        workspace=project.workspace,
        items=project.item_count,
        logical_bytes=summaries[0].size_bytes,
        versions=len(workspace.catalog.versions.list(project.id)),
        history_bytes=sum(summary.size_bytes for summary in summaries),
        unique_bytes=unique_bytes,
    )


def _divide(bytes_before: int, bytes_after: int) -> float:
    return round(bytes_before / bytes_after, 3) if bytes_after else 1.0
