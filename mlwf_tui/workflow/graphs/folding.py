"""Draws sibling files as one folder: three or more of one folder that one run alone has read or made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import PurePath

import msgspec

from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.lineage import LineageGraph, LineageNode, index_neighbours, join_members
from mlwf_tui.entities.run import ArtifactKind
from mlwf_tui.store.digests import compute_digest
from mlwf_tui.workspace import Workspace

FOLDS_FROM = 3
FILE_KINDS = (ArtifactKind.FILE, ArtifactKind.WEIGHTS)


class Siblings(msgspec.Struct, frozen=True, kw_only=True):
    """Files of one folder at one side of one run; `listing` is the digest of their names and digests."""

    run: str  # the node's id
    folder: str
    members: tuple[str, ...]  # the nodes' ids, by the names of the files
    size_bytes: int
    listing: Digest


def fold_files(workspace: Workspace, graph: LineageGraph) -> LineageGraph:
    """Return the graph with one folder for each group of siblings; its `members` are their ids.

    A file that another run reads keeps a node of its own.
    """
    return join_members(graph, list_folders(workspace, graph))


def list_folders(workspace: Workspace, graph: LineageGraph) -> tuple[LineageNode, ...]:
    """Return a folder for each group of siblings on the graph; its `members` are their ids."""
    by_id = {node.id: node for node in graph.nodes}
    return tuple(_make_folder(siblings, by_id) for siblings in group_siblings(workspace, graph))


def group_siblings(workspace: Workspace, graph: LineageGraph) -> Iterator[Siblings]:
    """Yield the groups of sibling files on a graph."""
    files = [node.id for node in graph.nodes if node.kind in FILE_KINDS]
    if len(files) < FOLDS_FROM:
        return
    facts = workspace.catalog.artifacts.read_files([id.partition(":")[2] for id in files])
    down, up = index_neighbours(graph)
    groups: defaultdict[tuple[bool, str, str], list[str]] = defaultdict(list)
    for node_id in files:
        makers, readers = up.get(node_id, []), down.get(node_id, [])
        if len(makers) + len(readers) == 1:
            folder = str(PurePath(facts[node_id.partition(":")[2]].path).parent)
            groups[bool(makers), (makers or readers)[0], folder].append(node_id)
    for (_, run, folder), members in groups.items():
        if len(members) >= FOLDS_FROM:
            known = sorted((facts[id.partition(":")[2]], id) for id in members)
            lines = [f"{PurePath(f.path).name}\t{f.size_bytes}\t{f.digest or f.signature}" for f, _ in known]
            yield Siblings(
                run=run,
                folder=folder,
                members=tuple(id for _, id in known),
                size_bytes=sum(fact.size_bytes for fact, _ in known),
                listing=compute_digest("\n".join(lines).encode("utf-8", "surrogateescape")),
            )


def _make_folder(siblings: Siblings, by_id: dict[str, LineageNode]) -> LineageNode:
    count, size = len(siblings.members), f"{siblings.size_bytes:,} bytes"
    return LineageNode(
        id=f"files:{siblings.members[0].partition(':')[2]}",
        kind=ArtifactKind.FOLDER.value,
        title=f"{PurePath(siblings.folder).name or '/'} ×{count}",
        state="",
        detail=f"{count} files, {size}, listing {siblings.listing[:12]} · {siblings.folder}",
        created_at=min(by_id[member].created_at for member in siblings.members),
        members=siblings.members,
    )
