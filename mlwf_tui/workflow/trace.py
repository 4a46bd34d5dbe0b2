"""trace: what a thing came from, what came of it, and the ways between two things; down to single items."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable

import msgspec

from mlwf_tui.entities.lineage import (
    RUN_KIND,
    LineageGraph,
    LineageNode,
    Neighbours,
    index_neighbours,
    keep_nodes,
    measure_distances,
)
from mlwf_tui.entities.run import ArtifactKind
from mlwf_tui.errors import InvalidParameter, NotFound
from mlwf_tui.workflow.graphs.refs_on_graph import find_nodes
from mlwf_tui.workspace import Workspace

KINDS = (*(kind.value for kind in ArtifactKind), RUN_KIND)


class TracedNode(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A node and how far it is: edges from what was asked for, negative where it came before."""

    node: LineageNode
    distance: int


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """What was found, nearest first: `nodes` as they were asked for, `graph` with all between them."""

    starts: tuple[str, ...]
    nodes: tuple[TracedNode, ...]
    graph: LineageGraph

    @property
    def titles(self) -> tuple[str, ...]:
        return tuple(node.title for node in self.graph.nodes if node.id in self.starts)


def trace(
    workspace: Workspace,
    ref: str,
    *,
    is_up: bool = True,
    is_down: bool = True,
    depth: int | None = None,
    kinds: Collection[str] = (),
) -> Trace:
    """Return what `ref` came from and what came of it, in up to `depth` edges, of these kinds alone.

    Which models used a version is `is_up=False, kinds=("model",)`. Of a run come the runs that are parts of
    it, as a search's trials; a pipeline's steps lie before it, by what they have made.

    Raises:
        NotFound: nothing is named so.
        InvalidParameter: there is no such kind.
    """
    _check_kinds(kinds)
    starts = find_nodes(workspace, ref)
    graph = workspace.catalog.lineage.read_around(starts, is_up=is_up, is_down=is_down, with_parts=True)
    start_ids = tuple(f"{kind}:{id}" for kind, id in starts)
    return _make_trace(graph, start_ids, depth, kinds)


def find_paths(workspace: Workspace, ref: str, to: str) -> Trace:
    """Return all ways that lead from one thing to another, whichever of them came first.

    Raises:
        NotFound: one of them is not there, or neither came of the other.
    """
    starts, ends = find_nodes(workspace, ref), find_nodes(workspace, to)
    start_ids, end_ids = ([f"{kind}:{id}" for kind, id in nodes] for nodes in (starts, ends))
    for is_down in (True, False):
        graph = workspace.catalog.lineage.read_around(
            starts, is_up=not is_down, is_down=is_down, with_parts=True
        )
        down, up = index_neighbours(graph)
        if is_down:
            after, before = measure_distances(start_ids, down), measure_distances(end_ids, up)
        else:
            after, before = measure_distances(start_ids, up), measure_distances(end_ids, down)
        between = after.keys() & before.keys()
        present = {node.id for node in graph.nodes}
        if between & present and set(end_ids) & after.keys():
            return _make_trace(keep_nodes(graph, between), tuple(start_ids), None, ())
    raise NotFound(
        f"Neither of {ref} and {to} came of the other.", hint=f"mlwf trace {ref} shows what there is."
    )


def find_shortest(trace: Trace, to: Iterable[str]) -> tuple[LineageNode, ...]:
    """Return the nodes of a shortest way from the starts to one of some nodes, both included."""
    by_id = {node.id: node for node in trace.graph.nodes}
    down, up = index_neighbours(trace.graph)
    for neighbours in (down, up):
        path = _walk(trace.starts, set(to), neighbours)
        if path:
            return tuple(by_id[id] for id in path)
    return ()


def _walk(starts: Iterable[str], ends: set[str], neighbours: Neighbours) -> list[str]:
    came_from: dict[str, str | None] = dict.fromkeys(starts)
    waiting = deque(came_from)
    while waiting:
        node = waiting.popleft()
        if node in ends:
            path: list[str] = []
            at: str | None = node
            while at is not None:
                path.append(at)
                at = came_from[at]
            return path[::-1]
        for beyond in neighbours.get(node, ()):
            if beyond not in came_from:
                came_from[beyond] = node
                waiting.append(beyond)
    return []


def _make_trace(
    graph: LineageGraph, starts: tuple[str, ...], depth: int | None, kinds: Collection[str]
) -> Trace:
    down, up = index_neighbours(graph)
    distances = {id: -steps for id, steps in measure_distances(starts, up).items()}
    distances |= measure_distances(starts, down)
    if depth is not None:
        distances = {id: steps for id, steps in distances.items() if abs(steps) <= depth}
        graph = keep_nodes(graph, distances)
    found = [
        TracedNode(node=node, distance=distance)
        for node in graph.nodes
        if (distance := distances.get(node.id)) and (not kinds or node.kind in kinds)
    ]
    # Nearest first, of the same distance what came before; one number sorts faster than a pair.
    found.sort(key=lambda traced: 2 * traced.distance if traced.distance > 0 else -2 * traced.distance - 1)
    return Trace(starts=starts, nodes=tuple(found), graph=graph)


def _check_kinds(kinds: Collection[str]) -> None:
    for kind in kinds:
        if kind not in KINDS:
            raise InvalidParameter(f"There is no kind {kind!r}.", hint=f"Choose from {', '.join(KINDS)}.")
