"""How the edges of a laid-out lineage graph run between its columns, and what stands on a given row."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

MIN_GAP = 4  # cells between two columns: one line, one turn, one line, the arrow head
MAX_TRACKS = 16  # vertical lines side by side in a gap; more share the last ones
BLOCK_ROWS = 32  # vertical lines are filed by blocks of this many rows, so that one row finds its own fast

LEFT, RIGHT, UP, DOWN = 1, 2, 4, 8
LINES = " ╴╶─╵╯╰┴╷╮╭┬│┤├┼"
"""Box-drawing characters by the sum of the directions in which they have an arm."""


@dataclass(frozen=True, slots=True)
class LayeredGraph:
    """Nodes 0…node_count-1 and, after them, waypoints; `forward` joins only neighbouring columns."""

    node_count: int
    columns: list[int]
    sources: list[int]  # the node whose edges a vertex carries; a node carries its own
    forward: list[list[int]]
    backward: list[list[int]]
    node_children: tuple[tuple[int, ...], ...]
    node_parents: tuple[tuple[int, ...], ...]
    stubs: list[tuple[int, int]]  # edges that are only hinted at both ends

    def add_waypoint(self, source: int, column: int) -> int:
        self.columns.append(column)
        self.sources.append(source)
        self.forward.append([])
        self.backward.append([])
        return len(self.columns) - 1

    def join(self, left: int, right: int) -> None:
        self.forward[left].append(right)
        self.backward[right].append(left)


class Box(NamedTuple):
    """One node's rectangle in cells."""

    x: int
    y: int
    width: int
    height: int

    @property
    def middle(self) -> int:
        return self.y + self.height // 2


class Link(NamedTuple):
    """A piece of an edge from one column to the next; `target` is -1 while it only passes through."""

    source: int
    target: int
    column: int  # of the right end


Horizontal = tuple[int, int, int, bool]
"""(left, right, link, has arrow head): a line on one row, between the middles of cells `left` and `right`."""

Vertical = tuple[int, int, int, int]
"""(x, top, bottom, link): a line in one column of cells, between the middles of rows `top` and `bottom`.

Plain tuples of numbers: the garbage collector does not look at them, and a full collection over the named
ones of 10,000 nodes would hold the app for 30 ms more.
"""


class _Turn(NamedTuple):
    """The vertical line of a vertex in the gap behind it: first by `order` when tracks are taken."""

    order: int
    top: int
    bottom: int
    vertex: int
    ends: tuple[int, ...]  # the rows that it leads to

    def overlaps(self, other: _Turn) -> bool:
        return self.top <= other.bottom and other.top <= self.bottom


@dataclass(frozen=True, slots=True)
class GraphLayout:
    """A drawn-out graph: boxes by node number, and lines filed by the rows they touch."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    columns: tuple[tuple[int, ...], ...]  # node numbers from top to bottom
    column_of: tuple[int, ...]
    children: tuple[tuple[int, ...], ...]
    parents: tuple[tuple[int, ...], ...]
    links: array[int]  # three numbers each, see Link
    horizontals: Mapping[int, list[Horizontal]]  # by row, from left to right
    verticals: Mapping[int, list[Vertical]]  # by block of rows, from left to right
    rows: Mapping[int, list[int]]  # node numbers by row, from left to right
    longest: int = field(default=0)  # horizontal line, in cells

    def get_link(self, number: int) -> Link:
        return Link(*self.links[3 * number : 3 * number + 3])

    def get_source(self, number: int) -> int:
        """Return the source of a link, in a fifth of the time of making the link."""
        return self.links[3 * number]

    def iter_links(self) -> Iterator[Link]:
        """Yield all links in the order of their numbers."""
        return (self.get_link(number) for number in range(len(self.links) // 3))

    def iter_boxes(self, row: int, left: int, right: int) -> Iterator[int]:
        """Yield the nodes whose box touches cells left…right-1 of a row, from left to right."""
        nodes = self.rows.get(row, ())
        width = self.boxes[nodes[0]].width if nodes else 0
        start = bisect_left(nodes, left - width + 1, key=lambda node: self.boxes[node].x)
        for node in nodes[start:]:
            if self.boxes[node].x >= right:
                return
            yield node

    def iter_horizontals(self, row: int, left: int, right: int) -> Iterator[Horizontal]:
        """Yield the horizontal lines that touch cells left…right-1 of a row."""
        lines = self.horizontals.get(row, ())
        for line in lines[bisect_left(lines, (left - self.longest,)) :]:
            if line[0] >= right:
                return
            if line[1] >= left:
                yield line

    def iter_verticals(self, row: int, left: int, right: int) -> Iterator[Vertical]:
        """Yield the vertical lines that touch cells left…right-1 of a row."""
        lines = self.verticals.get(row // BLOCK_ROWS, ())
        for line in lines[bisect_left(lines, (left,)) :]:
            x, top, bottom, _ = line
            if x >= right:
                return
            if top <= row <= bottom:
                yield line

    def find_node_at(self, x: int, y: int) -> int | None:
        """Return the node whose box covers a cell, or None."""
        return next(self.iter_boxes(y, x, x + 1), None)


def route(layered: LayeredGraph, rows: Sequence[int], box_width: int, box_height: int) -> GraphLayout:
    """Return the layout of a layered graph whose vertices have their middle `rows`."""
    columns = _group_by_column(layered, rows)
    tracks = [_choose_tracks(layered, rows, column) for column in columns]
    lefts = [0]
    for by_vertex in tracks:
        gap = max(MIN_GAP, max(by_vertex.values(), default=0) + 4)
        lefts.append(lefts[-1] + box_width + gap)
    half = box_height // 2
    boxes = tuple(
        Box(lefts[layered.columns[node]], rows[node] - half, box_width, box_height)
        for node in range(layered.node_count)
    )
    lines = _LineDrawer(layered, rows, lefts, box_width)
    for column, by_vertex in zip(columns, tracks, strict=True):
        lines.draw_column(column, by_vertex)
    lines.draw_stubs()
    return GraphLayout(
        width=max((box.x + box.width for box in boxes), default=0),
        height=max((box.y + box.height for box in boxes), default=0),
        boxes=boxes,
        columns=tuple(tuple(v for v in column if v < layered.node_count) for column in columns),
        column_of=tuple(layered.columns[: layered.node_count]),
        children=_sort_by_row(layered.node_children, rows),
        parents=_sort_by_row(layered.node_parents, rows),
        links=lines.links,
        horizontals={row: sorted(pieces) for row, pieces in lines.horizontals.items()},
        verticals={block: sorted(pieces) for block, pieces in lines.verticals.items()},
        rows=_file_boxes(boxes),
        longest=lines.longest,
    )


def _group_by_column(layered: LayeredGraph, rows: Sequence[int]) -> list[list[int]]:
    columns: list[list[int]] = [[] for _ in range(max(layered.columns, default=-1) + 1)]
    for vertex, column in enumerate(layered.columns):
        columns[column].append(vertex)
    for vertices in columns:
        vertices.sort(key=rows.__getitem__)
    return columns


def _choose_tracks(layered: LayeredGraph, rows: Sequence[int], column: Iterable[int]) -> dict[int, int]:
    """Return for each vertex whose lines must turn the vertical track to turn on, 0 the leftmost.

    Lines that lead down take the tracks from right to left by their row, lines that lead up from left
    to right: neither then crosses its neighbour. Overlapping lines get tracks of their own. A line must
    have left its row before another arrives on it, else the two would seem to be joined.
    """
    turns = _find_turns(layered, rows, column)
    by_row = {rows[turn.vertex]: turn for turn in turns}
    tracks: dict[int, int] = {}
    taken: list[list[_Turn]] = []
    waiting = list(reversed(turns))
    seen: set[int] = set()
    while waiting:
        turn = waiting[-1]
        before = [by_row[end] for end in turn.ends if end in by_row and by_row[end] is not turn]
        unplaced = [other for other in before if other.vertex not in seen]
        seen.update(other.vertex for other in (turn, *unplaced))
        if unplaced:
            waiting.extend(unplaced)
            continue
        waiting.pop()
        if turn.vertex not in tracks:
            first = max((tracks[other.vertex] + 1 for other in before if other.vertex in tracks), default=0)
            tracks[turn.vertex] = _take_track(turn, first, taken)
    return tracks


def _find_turns(layered: LayeredGraph, rows: Sequence[int], column: Iterable[int]) -> list[_Turn]:
    """Return the vertices whose lines turn, in the order in which their tracks should be taken."""
    turns = []
    for vertex in column:
        ends = [rows[child] for child in layered.forward[vertex]]
        row = rows[vertex]
        if any(end != row for end in ends):
            is_down = sum(ends) >= row * len(ends)
            turns.append(
                _Turn(-row if is_down else row, min(row, *ends), max(row, *ends), vertex, tuple(ends))
            )
    return sorted(turns)


def _take_track(turn: _Turn, first: int, taken: list[list[_Turn]]) -> int:
    """Return the leftmost track from `first` on that lies right of all lines which the turn overlaps."""
    track = max(first, len(taken))
    while track > first and (
        track > len(taken) or not any(turn.overlaps(other) for other in taken[track - 1])
    ):
        track -= 1
    track = min(track, MAX_TRACKS - 1)
    while len(taken) <= track:
        taken.append([])
    taken[track].append(turn)
    return track


def _sort_by_row(neighbours: Iterable[Sequence[int]], rows: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(sorted(nodes, key=rows.__getitem__)) for nodes in neighbours)


def _file_boxes(boxes: Sequence[Box]) -> dict[int, list[int]]:
    by_row: dict[int, list[int]] = {}
    for node in sorted(range(len(boxes)), key=lambda number: boxes[number].x):
        box = boxes[node]
        for row in range(box.y, box.y + box.height):
            by_row.setdefault(row, []).append(node)
    return by_row


@dataclass(slots=True)
class _LineDrawer:
    """Collects the lines of all edges."""

    layered: LayeredGraph
    rows: Sequence[int]
    lefts: Sequence[int]
    box_width: int
    links: array[int] = field(default_factory=lambda: array("q"))
    horizontals: dict[int, list[Horizontal]] = field(default_factory=dict)
    verticals: dict[int, list[Vertical]] = field(default_factory=dict)
    longest: int = 0

    def draw_column(self, column: Iterable[int], tracks: Mapping[int, int]) -> None:
        """Draw the lines from a column's vertices to the next column."""
        for vertex in column:
            start = self._find_right(vertex)
            turn = start + 2 + tracks.get(vertex, 0)
            for child in self.layered.forward[vertex]:
                self._draw_link(vertex, child, start, turn)

    def draw_stubs(self) -> None:
        """Draw both ends of each edge that is too long to be led through."""
        for source, target in self.layered.stubs:
            start, end = self._find_right(source), self.lefts[self.layered.columns[target]] - 1
            self._add_horizontal(source, start, start + 2, self._add_link(source, target, target))
            self._add_horizontal(target, end - 2, end, self._add_link(source, target, target), has_head=True)

    def _draw_link(self, vertex: int, child: int, start: int, turn: int) -> None:
        source = self.layered.sources[vertex]
        is_node = child < self.layered.node_count
        link = self._add_link(source, child if is_node else -1, child)
        left = self.lefts[self.layered.columns[child]]
        end = left - 1 if is_node else left + self.box_width - 1
        top, bottom = sorted((self.rows[vertex], self.rows[child]))
        if top == bottom:
            self._add_horizontal(vertex, start, end, link, has_head=is_node)
            return
        self._add_horizontal(vertex, start, turn, link)
        self._add_horizontal(child, turn, end, link, has_head=is_node)
        for block in range(top // BLOCK_ROWS, bottom // BLOCK_ROWS + 1):
            self.verticals.setdefault(block, []).append((turn, top, bottom, link))

    def _add_link(self, source: int, target: int, right: int) -> int:
        self.links.extend(Link(source, target, self.layered.columns[right]))
        return len(self.links) // 3 - 1

    def _add_horizontal(
        self, vertex: int, left: int, right: int, link: int, *, has_head: bool = False
    ) -> None:
        self.horizontals.setdefault(self.rows[vertex], []).append((left, right, link, has_head))
        self.longest = max(self.longest, right - left)

    def _find_right(self, vertex: int) -> int:
        return self.lefts[self.layered.columns[vertex]] + self.box_width - 1
