"""Where the cursor goes on the lineage graph: along an edge and back the same way, in a column, or nearby."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from mlwf_tui.tui.widgets.graph_routing import GraphLayout

MAX_STEPS = 100  # up and down a column, to find what is still drawn
Direction = Literal["child", "parent", "above", "below"]


class Trail:
    """Remembers along which edge each node was left last: a step there and back ends where it began."""

    def __init__(self) -> None:
        self._came_from: dict[str, str] = {}  # by child, the parent that the cursor came from
        self._went_to: dict[str, str] = {}  # by parent, the child that it came from

    def note(self, before: str, after: str, direction: Direction) -> None:
        """Remember a step."""
        if direction == "child":
            self._came_from[after], self._went_to[before] = before, after
        elif direction == "parent":
            self._came_from[before], self._went_to[after] = after, before

    def find(self, node: str, direction: Direction) -> str | None:
        """Return the node at the other end of the edge that was walked last, if one was."""
        known = self._went_to if direction == "child" else self._came_from
        return known.get(node) if direction in ("child", "parent") else None


def find_next(
    layout: GraphLayout, number: int, direction: Direction, preferred: int | None = None
) -> int | None:
    """Return the node that one step leads to, None where there is none.

    Of several along edges it is the preferred one, else the one whose row is nearest.
    """
    column = layout.columns[layout.column_of[number]]
    place = column.index(number)
    targets = {
        "child": layout.children[number],
        "parent": layout.parents[number],
        "above": column[max(0, place - 1) : place],
        "below": column[place + 1 : place + 2],
    }[direction]
    if preferred in targets:
        return preferred
    row = layout.boxes[number].middle
    return min(targets, key=lambda node: abs(layout.boxes[node].middle - row), default=None)


def find_near(layout: GraphLayout, number: int) -> int | None:
    """Return where to go from a node that is hidden: what it came from, what came of it, or a neighbour."""
    return next(iter_near(layout, number), None)


def iter_near(layout: GraphLayout, number: int) -> Iterator[int]:
    """Yield the nodes around one: those along edges, then the nearest of its column."""
    yield from (*layout.parents[number], *layout.children[number])
    column = layout.columns[layout.column_of[number]]
    place = column.index(number)
    for step in range(1, MAX_STEPS):
        yield from column[place + step : place + step + 1]
        if step <= place:
            yield column[place - step]


def find_end(layout: GraphLayout, number: int, *, is_last: bool) -> int:
    """Return the topmost or lowest node of a column."""
    return layout.columns[layout.column_of[number]][-1 if is_last else 0]
