"""Which ways through the lineage graph are lit: from the cursor into past and future, or to a kept node."""

from __future__ import annotations

from collections.abc import Mapping

from mlwf_tui.tui.widgets.graph_drawing import Highlight, find_highlight
from mlwf_tui.tui.widgets.graph_routing import GraphLayout

_DIRECTIONS = ((True, True), (True, False), (False, True))  # up and down, up alone, down alone


class Lights:
    """What a person wants lit, and what comes of it on a layout."""

    def __init__(self) -> None:
        self._directions = _DIRECTIONS[0]
        self.anchor: str | None = None  # the node that ways are lit to
        self.highlight: Highlight | None = None

    def turn(self) -> None:
        """Light both sides of the cursor, then its past, then its future."""
        self._directions = _DIRECTIONS[(_DIRECTIONS.index(self._directions) + 1) % len(_DIRECTIONS)]

    def toggle_anchor(self, node_id: str | None) -> None:
        """Keep this node, to light the ways between it and the cursor; where one is kept, let go of it."""
        self.anchor = node_id if self.anchor is None else None

    def trace(self, layout: GraphLayout | None, number: int | None, numbers: Mapping[str, int]) -> None:
        """Find what is lit with the cursor on the node of this number; `numbers` has them by their ids."""
        self.highlight = None
        if number is not None and layout is not None:
            is_up, is_down = self._directions
            to = numbers.get(self.anchor or "")
            self.highlight = find_highlight(layout, number, is_up=is_up, is_down=is_down, to=to)
