"""stats: how much there is, and how much of it is stored."""

from __future__ import annotations

from dataclasses import dataclass

from mlwf_tui.store.manifests import read_summary
from mlwf_tui.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """`logical_bytes` counts the images of every project's head; `stored_bytes` all packs on disk."""

    projects: int
    items: int
    logical_bytes: int
    blobs: int
    raw_bytes: int  # of the blobs, each once, before compression
    stored_bytes: int
    packs: int


def read_stats(workspace: Workspace) -> Stats:
    """Add up the heads of all projects, and the store."""
    projects = workspace.catalog.projects.list()
    summaries = [read_summary(workspace.store, project.manifest) for project in projects]
    stored = workspace.store.read_stats()
    return Stats(
        projects=len(projects),
        items=sum(summary.item_count for summary in summaries),
        logical_bytes=sum(summary.size_bytes for summary in summaries),
        blobs=stored.blob_count,
        raw_bytes=stored.raw_bytes,
        stored_bytes=stored.stored_bytes,
        packs=stored.pack_count,
    )
