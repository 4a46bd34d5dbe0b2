"""Where the nodes of a graph go on a page: layers from left to right, neighbours near each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

import msgspec

from mlwf_tui.entities.lineage import LineageGraph, index_neighbours

SWEEPS = 6
MAX_BENDS = 50_000  # an edge over many layers bends in each, so that it passes between boxes


class Places(msgspec.Struct, frozen=True):
    """Layer and row of each node, and those at which each edge passes the layers between its ends."""

    nodes: dict[str, tuple[int, int]]
    bends: dict[tuple[str, str], tuple[tuple[int, int], ...]]
    layer_count: int
    row_count: int


def place(graph: LineageGraph) -> Places:
    """Return a place for each node; an edge always leads to a later layer."""
    layer_of = _find_layers(graph)
    chains = _chain_edges(graph, layer_of)
    layers: defaultdict[int, list[str]] = defaultdict(list)
    down: defaultdict[str, list[str]] = defaultdict(list)
    up: defaultdict[str, list[str]] = defaultdict(list)
    level = dict(layer_of)
    for node in graph.nodes:
        layers[layer_of[node.id]].append(node.id)
    for chain in chains.values():
        for step, point in enumerate(chain[1:-1], start=1):
            level[point] = level[chain[0]] + step
            layers[level[point]].append(point)
        for source, target in pairwise(chain):
            down[source].append(target)
            up[target].append(source)
    rows = _order(layers, up, down)
    return Places(
        nodes={node.id: (layer_of[node.id], rows[node.id]) for node in graph.nodes},
        bends={
            edge: tuple((level[point], rows[point]) for point in chain[1:-1])
            for edge, chain in chains.items()
        },
        layer_count=len(layers),
        row_count=max(rows.values(), default=-1) + 1,
    )


def _find_layers(graph: LineageGraph) -> dict[str, int]:
    """Put each node a layer behind all it came from, and what came from nothing before its first use."""
    down, up = index_neighbours(graph)
    left = {node.id: len(up.get(node.id, ())) for node in graph.nodes}
    layer_of = {id: 0 for id, count in left.items() if not count}
    waiting = list(layer_of)
    while waiting:
        source = waiting.pop()
        for target in down.get(source, ()):
            layer_of[target] = max(layer_of.get(target, 0), layer_of[source] + 1)
            left[target] -= 1
            if not left[target]:
                waiting.append(target)
    for node in graph.nodes:
        if not up.get(node.id) and down.get(node.id):
            layer_of[node.id] = min(layer_of[target] for target in down[node.id]) - 1
    return layer_of


def _chain_edges(graph: LineageGraph, layer_of: dict[str, int]) -> dict[tuple[str, str], list[str]]:
    """Return each edge as its ends with a point for each layer in between."""
    edges = [(edge.source, edge.target) for edge in graph.edges]
    spans = {edge: layer_of[edge[1]] - layer_of[edge[0]] for edge in edges}
    is_bent = sum(span - 1 for span in spans.values()) <= MAX_BENDS
    return {
        edge: [edge[0], *(f"{number}\0{step}" for step in range(1, span) if is_bent), edge[1]]
        for number, (edge, span) in enumerate(spans.items())
    }


def _order(
    layers: dict[int, list[str]], up: dict[str, list[str]], down: dict[str, list[str]]
) -> dict[str, int]:
    """Sort each layer by where its neighbours are, forth and back, so that few edges cross."""
    rows: dict[str, int] = {}
    for names in layers.values():
        rows |= {name: row for row, name in enumerate(names)}
    for sweep in range(SWEEPS):
        neighbours = up if sweep % 2 == 0 else down
        for layer in sorted(layers, reverse=sweep % 2 == 1):
            layers[layer].sort(key=lambda name: _mean(rows, neighbours.get(name, ()), rows[name]))
            rows |= {name: row for row, name in enumerate(layers[layer])}
    return rows


def _mean(rows: dict[str, int], names: Sequence[str], default: int) -> float:
    return sum(rows[name] for name in names) / len(names) if names else default
