"""Where the cursor goes on the lineage graph: to the next node along an edge, in a column, or nearby."""

from __future__ import annotations

from typing import Literal

from mlwf_tui.tui.widgets.graph_routing import GraphLayout

Direction = Literal["child", "parent", "above", "below"]


def find_next(layout: GraphLayout, number: int, direction: Direction) -> int | None:
    """Return the node that one step leads to, None where there is none."""
    column = layout.columns[layout.column_of[number]]
    place = column.index(number)
    targets = {
        "child": layout.children[number][:1],
        "parent": layout.parents[number][:1],
        "above": column[max(0, place - 1) : place],
        "below": column[place + 1 : place + 2],
    }[direction]
    return targets[0] if targets else None


def find_near(layout: GraphLayout, number: int) -> int | None:
    """Return where to go from a node that is hidden: what it came from, what came of it, or a neighbour."""
    column = layout.columns[layout.column_of[number]]
    near = [*layout.parents[number], *layout.children[number], *(n for n in column if n != number)]
    return near[0] if near else None
