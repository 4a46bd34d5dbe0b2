"""Where the map of the lineage graph is drawn over its view, and whether it is."""

from __future__ import annotations

from textual.geometry import Offset, Size

from mlwf_tui.tui.widgets.drawing import Line
from mlwf_tui.tui.widgets.graph_map import COLUMNS, GraphMap
from mlwf_tui.tui.widgets.graph_routing import Box

MAP_WIDTH = COLUMNS + 2  # with its frame, in cells
MIN_SIZE = Size(72, 20)  # of a view that has room for a map in its corner, where a person wants it
MIN_SIZE_UNASKED = Size(104, 28)  # below it the map would lie over a tenth of the cards, or more
MAP_FROM = 12  # times the view's cells that a graph has from which on a map is drawn unasked


class MapCorner:
    """Knows whether a person wants the map; until one says so, it is drawn where graph and view are large."""

    def __init__(self) -> None:
        self.is_wanted: bool | None = None

    def has_room(self, room: Size, whole: Size) -> bool:
        """Whether the map is drawn in a view of this room over a graph of this size, in cells."""
        least = MIN_SIZE if self.is_wanted else MIN_SIZE_UNASKED
        if self.is_wanted is False or room.width < least.width or room.height < least.height:
            return False
        return self.is_wanted or whole.area > MAP_FROM * room.area

    def draw_line(
        self, drawn: GraphMap, y: int, scroll: Offset, room: Size, cursor: Box | None
    ) -> Line | None:
        """Return what of the map is at the right end of the view's line `y`, None where nothing is.

        It stands at the foot of the view, or at its top where the box of the cursor is there.
        """
        number = y - _find_top(drawn, scroll, room, cursor)
        return drawn.draw_line(number, *scroll, *room) if 0 <= number < drawn.line_count else None


def _find_top(drawn: GraphMap, scroll: Offset, room: Size, cursor: Box | None) -> int:
    top = room.height - drawn.line_count
    if cursor is None:
        return top
    x, y = Offset(cursor.x, cursor.y) - scroll
    return 0 if x + cursor.width > room.width - MAP_WIDTH and y + cursor.height > top else top
