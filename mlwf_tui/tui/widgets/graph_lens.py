"""Which part of the lineage graph is drawn: its scope, what a filter wants, what is hidden and folded."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from mlwf_tui.entities.lineage import (
    LineageGraph,
    LineageNode,
    index_neighbours,
    join_members,
    keep_nodes,
    leave_out,
    measure_distances,
)
from mlwf_tui.tui.widgets.graph_filter import NodeFilter

FOLDED = "▸"


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the graph: these nodes, what they came from, and what came of them."""

    title: str
    starts: frozenset[str]
    projects: tuple[str, ...] = ()  # whose states and versions the starts are; new ones belong to it
    around: tuple[str, ...] = ()  # keys of what it lies in, the outermost first


class Lens(msgspec.Struct, frozen=True, kw_only=True):
    """What a person wants to see of the graph; nodes are named by their ids.

    Of the scopes the last is drawn, those before are the way back; none is everything.
    """

    scopes: tuple[Scope, ...] = ()
    filter: NodeFilter = NodeFilter()
    hidden: frozenset[str] = frozenset()
    folded: frozenset[str] = frozenset()  # what came of these is not drawn
    opened: frozenset[str] = frozenset()  # groups that are drawn one by one


NOTHING_HIDDEN = Lens()


def enter_scope(lens: Lens, scope: Scope) -> Lens:
    """Return the lens within a scope; one that was entered before is gone back to."""
    titles = [known.title for known in lens.scopes]
    kept = lens.scopes[: titles.index(scope.title)] if scope.title in titles else lens.scopes
    return msgspec.structs.replace(lens, scopes=(*kept, scope))


def step_back(lens: Lens) -> Lens:
    """Return the lens without the last thing that narrows it: filter, what is hidden, scope."""
    if lens.filter.is_set:
        return msgspec.structs.replace(lens, filter=NodeFilter())
    if lens.hidden:
        return msgspec.structs.replace(lens, hidden=frozenset())
    return msgspec.structs.replace(lens, scopes=lens.scopes[:-1])


def toggle_fold(lens: Lens, node: LineageNode, groups: Sequence[LineageNode]) -> tuple[Lens, str]:
    """Fold what came of a node, or unfold it; draw a group's members, or the group again.

    Returns the lens and the id of the node that then stands where `node` stood.
    """
    if node.members and node.id not in lens.opened:
        opened = lens.opened | {node.id}
        return msgspec.structs.replace(lens, opened=opened), _find_drawn(node.members[0], groups, opened)
    around = [group for group in groups if group.id in lens.opened and node.id in group.members]
    if not around:
        return msgspec.structs.replace(lens, folded=lens.folded ^ {node.id}), node.id
    inner = around[-1]  # what holds others comes first
    return msgspec.structs.replace(lens, opened=lens.opened - {inner.id}), inner.id


def _find_drawn(node_id: str, groups: Sequence[LineageNode], opened: Collection[str]) -> str:
    """Return the node that is drawn for one: itself, or the outermost group around it that is not opened."""
    closed = (group.id for group in groups if group.id not in opened and node_id in group.members)
    return next(closed, node_id)


def find_stand_in(
    graph: LineageGraph, lens: Lens, groups: Sequence[LineageNode], node_id: str, drawn: Collection[str]
) -> str:
    """Return what stands on the picture for a node: it, its group, or what it is folded into; else itself."""
    outer = _find_drawn(node_id, groups, lens.opened)
    if outer in drawn or not lens.folded:
        return outer if outer in drawn else node_id
    down, up = index_neighbours(join_members(graph, _list_closed(graph, lens, groups)))
    above = measure_distances([outer, *down.get(outer, ())], up)  # what only they have read is folded too
    folded = [id for id in lens.folded if id in above and id in drawn]
    return min(folded, key=lambda id: (above[id], id), default=node_id)


def apply_lens(graph: LineageGraph, lens: Lens, groups: Sequence[LineageNode] = ()) -> LineageGraph:
    """Return what is drawn. Where something between two nodes is left out, an edge leads past it.

    `groups` are nodes that each stand for their `members`, unless the lens has opened them; what holds
    others comes first. What was hidden for all is left out, unless it is asked for.
    """
    graph = _leave_out_hidden(graph, lens)
    graph = join_members(graph, _list_closed(graph, lens, groups))
    if lens == NOTHING_HIDDEN:
        return graph
    down, up = index_neighbours(graph)
    if lens.scopes:
        standing = {member: node.id for node in graph.nodes for member in node.members}
        starts = [standing.get(start, start) for start in lens.scopes[-1].starts]
        graph = keep_nodes(graph, {*measure_distances(starts, up), *measure_distances(starts, down)})
    if lens.folded:
        graph = _fold(graph, lens.folded)
    if not (lens.hidden or lens.filter.is_set):
        return graph
    authors = _find_authors(graph) if lens.filter.needs_authors else {}
    kept = {
        node.id
        for node in graph.nodes
        if node.id not in lens.hidden and lens.filter.wants(node, authors.get(node.id, node.author))
    }
    return leave_out(graph, kept)


def _list_closed(graph: LineageGraph, lens: Lens, groups: Sequence[LineageNode]) -> Sequence[LineageNode]:
    """Return the groups to be drawn as one; of those that hold what was hidden, each is seen if that is."""
    if not groups:
        return ()
    there = {node.id for node in graph.nodes}
    hidden = {node.id for node in graph.nodes if node.is_hidden} if lens.filter.hidden else set()
    return [
        group
        for group in groups
        if group.id not in lens.opened
        and not there.isdisjoint(group.members)
        and hidden.isdisjoint(group.members)
    ]


def _leave_out_hidden(graph: LineageGraph, lens: Lens) -> LineageGraph:
    if lens.filter.hidden:
        return graph
    asked = lens.scopes[-1].starts if lens.scopes else frozenset()
    kept = {node.id for node in graph.nodes if not node.is_hidden or node.id in asked}
    return graph if len(kept) == len(graph.nodes) else leave_out(graph, kept)


def _fold(graph: LineageGraph, folded: Collection[str]) -> LineageGraph:
    """Leave out all that came of the folded nodes, and what only that has read; count it on them."""
    down, up = index_neighbours(graph)
    gone: set[str] = set()
    counts: dict[str, int] = {}
    for node_id in folded:
        below = measure_distances([node_id], down).keys() - {node_id}
        if below:
            counts[node_id] = len(below)
            gone |= below
    fed = {source for node_id in gone for source in up.get(node_id, ())} - gone - set(folded)
    gone |= {node_id for node_id in fed if not up.get(node_id) and gone.issuperset(down[node_id])}
    kept = keep_nodes(graph, {node.id for node in graph.nodes} - gone)
    nodes = tuple(_count_on(node, counts[node.id]) if node.id in counts else node for node in kept.nodes)
    return LineageGraph(nodes, kept.edges)


def _count_on(node: LineageNode, count: int) -> LineageNode:
    return msgspec.structs.replace(node, title=f"{FOLDED}{count} {node.title}")


def _find_authors(graph: LineageGraph) -> Mapping[str, str]:
    """Return whose run has made each artifact that has no author of its own."""
    by_id = {node.id: node for node in graph.nodes}
    return {
        edge.target: by_id[edge.source].author
        for edge in graph.edges
        if edge.source in by_id and edge.target in by_id and not by_id[edge.target].author
    }
