"""Where the boxes of a lineage graph stand, in character cells; how the edges run is graph_routing's.

A layered layout after Sugiyama: a column for every step of the data from left to right, an order in each
column that keeps crossings few, rows that keep edges straight. It is our own: igraph 1.0's Sugiyama ends the
process with a segmentation fault on some unconnected graphs, holds the interpreter for the whole layout, and
takes 0.9 s to import beside matplotlib.

Source: Sugiyama, Tagawa, Toda 1981; rows by pool-adjacent-violators.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from mlwf_tui.entities.lineage import LineageGraph
from mlwf_tui.tui.widgets.graph_routing import GraphLayout, LayeredGraph, route

MAX_WAYPOINTS = 10_000  # beyond it the longest edges are drawn as two stubs, so that time stays bounded
ORDER_SWEEPS = 6
ROW_SWEEPS = 5  # odd: the last goes with the data, so that a child stands beside its parent
WAYPOINT_WEIGHT = 0.25  # of a box: chains of boxes stay straight, and long edges make room for them


@dataclass(frozen=True, slots=True)
class BoxSize:
    """The size of every box in cells, and the blank rows between two."""

    width: int
    height: int
    gap: int


FULL = BoxSize(width=28, height=3, gap=1)
COMPACT = BoxSize(width=22, height=1, gap=0)
DOTS = BoxSize(width=3, height=1, gap=0)
SIZES = (DOTS, COMPACT, FULL)
"""The steps of the zoom, from far to near."""


def lay_out(graph: LineageGraph, size: BoxSize = FULL) -> GraphLayout:
    """Return the graph from left to right; the same graph always gives the same picture.

    10,000 nodes take about half a second of pure Python, which lets other threads run.
    """
    layered = _build_layers(graph)
    rows = [0] * len(layered.columns)
    top = 0
    for component in _find_components(layered):
        layers = _order(layered, component)
        bottom = _choose_rows(layered, layers, rows, size)
        for vertex in component:
            rows[vertex] += top
        top += bottom + 1 + size.gap
    return route(layered, rows, size.width, size.height)


def _build_layers(graph: LineageGraph) -> LayeredGraph:
    """Number the nodes, give each a column, and put waypoints where an edge passes a column."""
    numbers = {node.id: number for number, node in enumerate(graph.nodes)}
    edges = sorted(
        {
            (numbers[e.source], numbers[e.target])
            for e in graph.edges
            if e.source in numbers and e.target in numbers
        }
    )
    children: list[list[int]] = [[] for _ in graph.nodes]
    parents: list[list[int]] = [[] for _ in graph.nodes]
    for source, target in edges:
        children[source].append(target)
        parents[target].append(source)
    columns = _choose_columns(children, parents)
    return _insert_waypoints(columns, children, parents)


def _choose_columns(children: Sequence[Sequence[int]], parents: Sequence[Sequence[int]]) -> list[int]:
    """Return each node's column: the longest way from a source, and sources just before their use."""
    columns = [0] * len(children)
    waiting = [len(sources) for sources in parents]
    ready = [node for node, count in enumerate(waiting) if count == 0]
    for node in ready:
        for child in children[node]:
            columns[child] = max(columns[child], columns[node] + 1)
            waiting[child] -= 1
            if waiting[child] == 0:
                ready.append(child)
    for node, targets in enumerate(children):
        if targets and not parents[node]:
            columns[node] = max(0, min(columns[target] for target in targets) - 1)
    return columns


def _insert_waypoints(
    columns: list[int], children: Sequence[Sequence[int]], parents: Sequence[Sequence[int]]
) -> LayeredGraph:
    """Lead each node's far edges along one shared chain of waypoints, the longest chains left out."""
    node_count = len(columns)
    layered = LayeredGraph(
        node_count=node_count,
        columns=columns,
        sources=list(range(node_count)),
        forward=[[] for _ in range(node_count)],
        backward=[[] for _ in range(node_count)],
        node_children=tuple(tuple(targets) for targets in children),
        node_parents=tuple(tuple(sources) for sources in parents),
        stubs=[],
    )
    spans = [max((columns[t] for t in targets), default=0) - columns[s] for s, targets in enumerate(children)]
    left = MAX_WAYPOINTS
    for source in sorted(range(node_count), key=lambda node: (spans[node], node)):
        left -= max(0, spans[source] - 1)
        _connect(layered, source, children[source], is_chained=left >= 0)
    return layered


def _connect(layered: LayeredGraph, source: int, targets: Sequence[int], *, is_chained: bool) -> None:
    """Join a node to its children: the next column's directly, the others by the chain or by stubs."""
    chain = {layered.columns[source]: source}
    last = layered.columns[source]
    for target in sorted(targets, key=lambda node: (layered.columns[node], node)):
        before = layered.columns[target] - 1
        if before < layered.columns[source] or (before > layered.columns[source] and not is_chained):
            layered.stubs.append((source, target))  # too long, or a cycle, which lineage does not have
            continue
        while last < before:
            waypoint = layered.add_waypoint(source, last + 1)
            layered.join(chain[last], waypoint)
            last += 1
            chain[last] = waypoint
        layered.join(chain[before], target)


def _find_components(layered: LayeredGraph) -> list[list[int]]:
    """Return the connected parts, each as its vertices, oldest first."""
    components: list[list[int]] = []
    seen = bytearray(len(layered.columns))
    for start in range(layered.node_count):
        if seen[start]:
            continue
        component = [start]
        seen[start] = 1
        for vertex in component:
            for neighbours in (layered.forward[vertex], layered.backward[vertex]):
                for neighbour in neighbours:
                    if not seen[neighbour]:
                        seen[neighbour] = 1
                        component.append(neighbour)
        components.append(component)
    return components


def _order(layered: LayeredGraph, component: Sequence[int]) -> list[list[int]]:
    """Return the component's columns, each in an order from top to bottom that keeps crossings few."""
    layers: dict[int, list[int]] = {}
    for vertex in _walk_depth_first(layered, component):
        layers.setdefault(layered.columns[vertex], []).append(vertex)
    ordered = [layers[column] for column in sorted(layers)]
    place = {vertex: float(index) for layer in ordered for index, vertex in enumerate(layer)}
    for sweep in range(ORDER_SWEEPS):
        neighbours = layered.backward if sweep % 2 == 0 else layered.forward
        for layer in ordered if sweep % 2 == 0 else reversed(ordered):
            _sort_layer(layer, neighbours, place)
    return ordered


def _walk_depth_first(layered: LayeredGraph, component: Sequence[int]) -> Iterable[int]:
    """Yield the vertices so that what is made from one thing stays together, oldest sources first."""
    seen: set[int] = set()
    stack = sorted((v for v in component if not layered.backward[v]), reverse=True) or [component[0]]
    while stack:
        vertex = stack.pop()
        if vertex not in seen:
            seen.add(vertex)
            yield vertex
            stack.extend(reversed(layered.forward[vertex]))


def _sort_layer(layer: list[int], neighbours: Sequence[Sequence[int]], place: dict[int, float]) -> None:
    """Order a column by the mean place of each vertex's neighbours; one without any keeps its place."""
    if len(layer) == 1:
        return
    centres: dict[int, float] = {}
    for vertex in layer:
        near = neighbours[vertex]
        centres[vertex] = sum([place[n] for n in near]) / len(near) if near else place[vertex]
    layer.sort(key=centres.__getitem__)
    for index, vertex in enumerate(layer):
        place[vertex] = float(index)


def _choose_rows(
    layered: LayeredGraph, layers: Sequence[Sequence[int]], rows: list[int], size: BoxSize
) -> int:
    """Write each vertex's middle row into `rows`, the topmost box at 0; return the last row in use."""
    distances = [_measure_distances(layered, layer, size) for layer in layers]
    for layer, steps in zip(layers, distances, strict=True):
        row = 0
        for vertex, step in zip(layer, steps, strict=True):
            row += step
            rows[vertex] = row
    for sweep in range(ROW_SWEEPS):
        is_forward = sweep % 2 == 0
        neighbours = layered.backward if is_forward else layered.forward
        pairs = list(zip(layers, distances, strict=True))
        for layer, steps in pairs if is_forward else reversed(pairs):
            _settle(layered, layer, steps, neighbours, rows)
    half = size.height // 2
    top = min(rows[layer[0]] - (half if layer[0] < layered.node_count else 0) for layer in layers)
    bottom = 0
    for layer in layers:
        for vertex in layer:
            rows[vertex] -= top
        bottom = max(bottom, rows[layer[-1]] + half)
    return bottom


def _measure_distances(layered: LayeredGraph, layer: Sequence[int], size: BoxSize) -> list[int]:
    """Return how far each vertex's middle row must at least be below the one above it."""
    steps = [0]
    for above, below in pairwise(layer):
        boxes = (above < layered.node_count) + (below < layered.node_count)
        if boxes == 2:
            steps.append(size.height + size.gap)
        else:
            steps.append(1 + (size.height // 2 + size.gap) * boxes)
    return steps


def _settle(
    layered: LayeredGraph,
    layer: Sequence[int],
    steps: Sequence[int],
    neighbours: Sequence[Sequence[int]],
    rows: list[int],
) -> None:
    """Move a column's vertices towards their neighbours' rows, as near as order and distances let them.

    With the distances taken off, the wanted rows must not fall: pool-adjacent-violators finds the
    nearest such sequence, and blocks of rounded means keep every distance exact.
    """
    blocks: list[tuple[float, float, int]] = []  # (mean of wanted rows, weight, vertices)
    offset = 0
    for vertex, step in zip(layer, steps, strict=True):
        offset += step
        near = neighbours[vertex]
        weight = 0.05 if not near else WAYPOINT_WEIGHT if vertex >= layered.node_count else 1.0
        mean, count = _find_median([rows[n] for n in near] or [rows[vertex]]) - offset, 1
        while blocks and blocks[-1][0] >= mean:
            other_mean, other_weight, other_count = blocks.pop()
            mean = (mean * weight + other_mean * other_weight) / (weight + other_weight)
            weight += other_weight
            count += other_count
        blocks.append((mean, weight, count))
    index = offset = 0
    for mean, _, count in blocks:
        base = int(mean + 0.5) if mean >= 0 else -int(0.5 - mean)
        for vertex, step in zip(layer[index : index + count], steps[index : index + count], strict=True):
            offset += step
            rows[vertex] = base + offset
        index += count


def _find_median(values: list[int]) -> float:
    """Return the middle value, of two middle ones the upper row: an edge then runs straight."""
    values.sort()
    return values[(len(values) - 1) // 2]
