"""The lineage graph as a value: nodes for artifacts and runs, edges in the direction of the data."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from mlwf_tui.entities.card import Card

RUN_KIND = "run"
MAX_BRIDGES = 32  # lines that one node which is left out leads on to, so that time stays bounded
Node = tuple[str, str]
"""Kind and id of an artifact, or RUN_KIND and the id of a run."""
Neighbours = Mapping[str, list[str]]


class Direction(StrEnum):
    """Which way the data goes, as the run sees it."""

    INPUT = "input"
    OUTPUT = "output"


class LineageNode(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An artifact or a run. `id` is `kind:id`, so that it names one thing in the whole home.

    The collector of cycles passes nodes and edges over: none can be in one, and there are many.
    """

    id: str
    kind: str  # an ArtifactKind's value, or RUN_KIND
    title: str
    state: str  # a RunState's value for runs, for versions their kind or "deleted", else ""
    detail: str  # one line: items, mAP, message
    created_at: datetime
    path: str = ""  # where it lies, of a folder or file
    author: str = ""  # of a run or version; what else there is has that of its run
    tags: tuple[str, ...] = ()
    card: Card | None = None  # what a person or program put on it
    members: tuple[str, ...] = ()  # the ids of the nodes that it stands for, where several are drawn as one

    @property
    def is_planned(self) -> bool:
        """Whether it is a step that a pipeline still has to do, or its result: the home has neither."""
        return self.kind in (RUN_KIND, "intermediate") and "/" in self.id

    @property
    def is_hidden(self) -> bool:
        """Whether it is left out where people look at the lineage."""
        return self.card is not None and self.card.is_hidden


class LineageEdge(msgspec.Struct, frozen=True, gc=False):
    """Data flows from `source` to `target`; both are node ids."""

    source: str
    target: str


class LineageGraph(msgspec.Struct, frozen=True):
    """A bipartite graph artifact → run → artifact without cycles, oldest node first."""

    nodes: tuple[LineageNode, ...]
    edges: tuple[LineageEdge, ...]


def index_neighbours(graph: LineageGraph) -> tuple[Neighbours, Neighbours]:
    """Return for each node what it flows into, and what it comes from."""
    down: defaultdict[str, list[str]] = defaultdict(list)
    up: defaultdict[str, list[str]] = defaultdict(list)
    for edge in graph.edges:
        source, target = edge.source, edge.target
        down[source].append(target)
        up[target].append(source)
    return down, up


def measure_distances(starts: Iterable[str], neighbours: Neighbours) -> dict[str, int]:
    """Return how many edges it takes from the nearest start to each node that can be reached."""
    distances = dict.fromkeys(starts, 0)
    waiting = deque(distances)
    while waiting:
        node = waiting.popleft()
        for beyond in neighbours.get(node, ()):
            if beyond not in distances:
                distances[beyond] = distances[node] + 1
                waiting.append(beyond)
    return distances


def keep_nodes(graph: LineageGraph, kept: Iterable[str]) -> LineageGraph:
    """Return the part of a graph that lies within some of its nodes."""
    wanted = set(kept)
    return LineageGraph(
        tuple(node for node in graph.nodes if node.id in wanted),
        tuple(edge for edge in graph.edges if edge.source in wanted and edge.target in wanted),
    )


def join_members(graph: LineageGraph, groups: Iterable[LineageNode]) -> LineageGraph:
    """Return the graph with each group in the place of its `members`.

    A group that lies within an earlier one is left out: what holds others comes first.
    """
    stand_in: dict[str, str] = {}
    drawn: list[LineageNode] = []
    for group in groups:
        if stand_in.keys().isdisjoint(group.members):
            stand_in |= dict.fromkeys(group.members, group.id)
            drawn.append(group)
    if not drawn:
        return graph
    ends = ((stand_in.get(e.source, e.source), stand_in.get(e.target, e.target)) for e in graph.edges)
    edges = dict.fromkeys(LineageEdge(source, target) for source, target in ends if source != target)
    nodes = [*(node for node in graph.nodes if node.id not in stand_in), *drawn]
    return LineageGraph(tuple(sorted(nodes, key=lambda node: node.created_at)), tuple(edges))


def sort_along(nodes: Iterable[str], down: Neighbours, up: Neighbours) -> list[str]:
    """Return the ids so that each stands after all it came from; but for those on or behind a cycle."""
    waiting = {id: len(up.get(id, ())) for id in nodes}
    ready = [id for id, count in waiting.items() if not count]
    for id in ready:
        for child in down.get(id, ()):
            if child in waiting:
                waiting[child] -= 1
                if not waiting[child]:
                    ready.append(child)
    return ready


def leave_out(graph: LineageGraph, kept: Collection[str]) -> LineageGraph:
    """Return only these nodes; past what is left out between two of them an edge leads."""
    down, up = index_neighbours(graph)
    beyond: dict[str, list[str]] = {}  # of a node that is left out, the kept ones that it leads to
    edges: list[LineageEdge] = []
    for id in reversed(sort_along((node.id for node in graph.nodes), down, up)):
        targets = dict.fromkeys(
            target
            for child in down.get(id, ())
            for target in ([child] if child in kept else beyond.get(child, ()))
        )
        if id in kept:
            edges += [LineageEdge(id, target) for target in targets]
        else:
            beyond[id] = list(targets)[:MAX_BRIDGES]
    return LineageGraph(tuple(node for node in graph.nodes if node.id in kept), tuple(edges))
