"""From a graph and how it is wanted to what is drawn of it: the work of a layout's thread; no widget."""

from __future__ import annotations

import gc

import msgspec

from mlwf_tui.entities.lineage import LineageGraph, LineageNode
from mlwf_tui.tui.widgets.graph_layout import FULL, BoxSize, lay_out
from mlwf_tui.tui.widgets.graph_lens import NOTHING_HIDDEN, Lens, apply_lens
from mlwf_tui.tui.widgets.graph_map import GraphMap, draw_map
from mlwf_tui.tui.widgets.graph_routing import GraphLayout


class Order(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What is to be drawn, and how; `groups` are nodes that stand for their members."""

    graph: LineageGraph = LineageGraph((), ())
    groups: tuple[LineageNode, ...] = ()
    lens: Lens = NOTHING_HIDDEN
    size: BoxSize = FULL

    @property
    def is_plain(self) -> bool:
        """Whether the graph is drawn as it is."""
        is_whole = not self.groups and self.lens == NOTHING_HIDDEN
        return is_whole and not any(node.is_hidden for node in self.graph.nodes)

    def is_same_as(self, other: Order) -> bool:
        """Whether both make the same layout, whatever the nodes' states and titles are."""
        is_alike = self.is_plain and other.is_plain and self.size is other.size
        return is_alike and has_same_shape(self.graph, other.graph)


class Picture(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What came of an order; without a layout there is nothing to draw."""

    order: Order
    graph: LineageGraph
    layout: GraphLayout | None
    map: GraphMap | None


def make_picture(order: Order, before: Picture) -> Picture:
    """Return the picture; where only states or titles have changed, with the layout that was.

    Without full collections: each would hold the app for some 60 ms. A layout makes no reference
    cycles, so nothing is left behind that they would have found.
    """
    was_collecting = gc.isenabled()
    gc.disable()
    try:
        graph = apply_lens(order.graph, order.lens, order.groups)
        if before.layout and order.size is before.order.size and has_same_shape(graph, before.graph):
            return Picture(order=order, graph=graph, layout=before.layout, map=before.map)
        layout = lay_out(graph, order.size) if graph.nodes else None
        return Picture(order=order, graph=graph, layout=layout, map=draw_map(layout) if layout else None)
    finally:
        if was_collecting:
            gc.enable()


def has_same_shape(graph: LineageGraph, other: LineageGraph) -> bool:
    """Return whether both have the same nodes and edges, whatever the nodes' state and titles are."""
    return (
        len(graph.nodes) == len(other.nodes)
        and graph.edges == other.edges
        and all(a.id == b.id for a, b in zip(graph.nodes, other.nodes, strict=True))
    )
