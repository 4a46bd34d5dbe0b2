"""One row of a laid-out lineage graph as ink: cards, lines with their joints, what is highlighted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from mlwf_tui.entities.lineage import LineageNode
from mlwf_tui.entities.run import Progress
from mlwf_tui.tui.widgets.drawing import Line, Run
from mlwf_tui.tui.widgets.graph_cards import NodeCard, choose_drawing
from mlwf_tui.tui.widgets.graph_routing import DOWN, LEFT, LINES, RIGHT, UP, GraphLayout, Link

ARROW = "▶"
NO_PROGRESS: Mapping[str, Progress] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Highlight:
    """A node with all that led to it and all that came of it; node numbers."""

    selected: int
    upstream: frozenset[int]
    downstream: frozenset[int]  # both with the selected one
    reach: Mapping[int, int]  # by node, the last column that a highlighted edge of it leads to

    def has_node(self, node: int) -> bool:
        return node in self.upstream or node in self.downstream

    def has_edge(self, source: int, target: int) -> bool:
        return (source in self.upstream and target in self.upstream) or (
            source in self.downstream and target in self.downstream
        )

    def has_link(self, link: Link) -> bool:
        if link.target < 0:
            return link.column < self.reach.get(link.source, -1)
        return self.has_edge(link.source, link.target)


@dataclass(slots=True)
class _Cell:
    """What crosses one cell: the arms of horizontal and vertical lines, and whose they are."""

    across: int = 0
    along: int = 0
    across_ends: set[int] = field(default_factory=set)  # sources of the lines that turn or end here
    along_source: int = -1
    is_across_lit: bool = False
    is_along_lit: bool = False
    has_head: bool = False


def find_highlight(
    layout: GraphLayout, selected: int, *, is_up: bool = True, is_down: bool = True, to: int | None = None
) -> Highlight:
    """Return the trace of a node through the whole graph, or the ways between it and the node `to`."""
    upstream = _walk(layout.parents, selected) if is_up or to is not None else frozenset({selected})
    downstream = _walk(layout.children, selected) if is_down or to is not None else frozenset({selected})
    if to is not None:
        upstream = upstream & _walk(layout.children, to) | {selected}
        downstream = downstream & _walk(layout.parents, to) | {selected}
    reach: dict[int, int] = {}
    for nodes in (upstream, downstream):
        for node in nodes:
            columns = [layout.column_of[child] for child in layout.children[node] if child in nodes]
            reach[node] = max(reach.get(node, -1), max(columns, default=-1))
    return Highlight(selected, upstream, downstream, reach)


def draw_row(
    layout: GraphLayout,
    nodes: Sequence[LineageNode],
    row: int,
    left: int,
    width: int,
    highlight: Highlight | None,
    now: datetime,
    progress: Mapping[str, Progress] = NO_PROGRESS,
) -> tuple[Line, int]:
    """Return a line that covers cells left…left+width-1 of a row, and how many cells it starts before."""
    boxes = list(layout.iter_boxes(row, left, left + width))
    start = min(left, layout.boxes[boxes[0]].x) if boxes else left
    cells = _collect_cells(layout, row, start, left + width, highlight)
    line: Line = []
    x = start
    for node in boxes:
        box = layout.boxes[node]
        line.extend(_draw_cells(cells, x, box.x, highlight))
        draw = choose_drawing(box.width, box.height)
        is_selected = highlight is not None and highlight.selected == node
        shown = nodes[node]
        card = NodeCard(shown, bool(layout.children[node]), is_selected, now, progress.get(shown.id))
        runs = draw(card, box.width, row - box.y)
        line.extend(_dim(runs) if highlight and not highlight.has_node(node) else runs)
        x = box.x + box.width
    line.extend(_draw_cells(cells, x, left + width, highlight))
    return line, left - start


def _walk(neighbours: Sequence[Sequence[int]], start: int) -> frozenset[int]:
    seen = {start}
    stack = [start]
    while stack:
        for node in neighbours[stack.pop()]:
            if node not in seen:
                seen.add(node)
                stack.append(node)
    return frozenset(seen)


def _collect_cells(
    layout: GraphLayout, row: int, left: int, right: int, highlight: Highlight | None
) -> dict[int, _Cell]:
    cells: defaultdict[int, _Cell] = defaultdict(_Cell)
    for start, end, number, has_head in layout.iter_horizontals(row, left, right):
        link = layout.get_link(number)
        is_lit = highlight is not None and highlight.has_link(link)
        for x in range(max(left, start), min(right - 1, end) + 1):
            cell = cells[x]
            cell.across |= (LEFT if x > start else 0) | (RIGHT if x < end else 0)
            if x in (start, end):
                cell.across_ends.add(link.source)
            cell.is_across_lit |= is_lit
            cell.has_head |= has_head and x == end
    for x, top, bottom, number in layout.iter_verticals(row, left, right):
        cell = cells[x]
        cell.along |= (UP if row > top else 0) | (DOWN if row < bottom else 0)
        cell.along_source = layout.get_source(number)
        if highlight is not None and not cell.is_along_lit:  # a thousand lines may share the cell
            cell.is_along_lit = highlight.has_link(layout.get_link(number))
    return cells


def _draw_cells(cells: Mapping[int, _Cell], start: int, end: int, highlight: Highlight | None) -> Line:
    """Return the stretch from `start` to `end` with lines where there are any."""
    line: Line = []
    blanks = 0
    for x in range(start, end):
        cell = cells.get(x)
        if cell is None:
            blanks += 1
            continue
        if blanks:
            line.append((" " * blanks, "text"))
            blanks = 0
        text, role = _draw_cell(cell, highlight)
        if line and line[-1][1] == role:
            line[-1] = (line[-1][0] + text, role)
        else:
            line.append((text, role))
    if blanks:
        line.append((" " * blanks, "text"))
    return line


def _draw_cell(cell: _Cell, highlight: Highlight | None) -> Run:
    """Return one cell: lines of one source join, lines of two pass each other without a joint."""
    is_lit = cell.is_across_lit or cell.is_along_lit
    role = "box--line" if highlight is None else "box--lit" if is_lit else "box--dim"
    if cell.has_head:
        return ARROW, role
    is_crossing = cell.across == LEFT | RIGHT and cell.along == UP | DOWN
    if is_crossing and cell.along_source not in cell.across_ends:
        is_across_above = cell.is_across_lit and not cell.is_along_lit
        return LINES[cell.across if is_across_above else cell.along], role
    return LINES[cell.across | cell.along], role


def _dim(line: Line) -> Line:
    return [(text, "box--dim") for text, _ in line]
