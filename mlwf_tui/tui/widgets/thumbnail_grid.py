"""Many items as small pictures side by side; only those on the screen are asked for and drawn."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from functools import lru_cache
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Offset, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mlwf_tui.entities.item import Item
from mlwf_tui.entities.picture import Picture
from mlwf_tui.tui.widgets.drawing import (
    INK_CLASSES,
    build_strip,
    draw_message_row,
    fit,
    write_ink_css,
)
from mlwf_tui.tui.widgets.picture_view import (
    draw_half_blocks,
    draw_shades,
    has_colors,
    measure_lights,
)
from mlwf_tui.tui.widgets.table import MARK

PICTURE_COLUMNS = 18
PICTURE_ROWS = 7
TILE_COLUMNS = PICTURE_COLUMNS + 2
TILE_ROWS = PICTURE_ROWS + 2  # its caption, and a blank line
RIGHT_BUTTON = 3
WAITING = "·"
BROKEN = "no picture"


class ThumbnailGrid(ScrollView, can_focus=True):
    """Draws items by their numbers. `find_item` and `find_picture` give what is known already, or None.

    `is_broken` says of which items there never will be a picture.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = INK_CLASSES
    DEFAULT_CSS = (
        "ThumbnailGrid { background: $background; overflow-x: hidden; overflow-y: scroll; }\n"
        + write_ink_css("ThumbnailGrid")
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "move(-1)", "left", show=False, id="grid.left"),
        Binding("right,l", "move(1)", "right", show=False, id="grid.right"),
        Binding("up,k", "move_rows(-1)", "up", show=False, id="grid.up"),
        Binding("down,j", "move_rows(1)", "down", show=False, id="grid.down"),
        Binding("pageup,ctrl+b", "move_pages(-1)", "page up", show=False, id="grid.page_up"),
        Binding("pagedown,ctrl+f", "move_pages(1)", "page down", show=False, id="grid.page_down"),
        Binding("home,g", "move_to(0)", "first", show=False, id="grid.first"),
        Binding("end,G", "move_to(-1)", "last", show=False, id="grid.last"),
        Binding("enter", "open", "open", show=False, id="grid.open"),
    ]

    class Highlighted(Message):
        """The cursor stands on another item."""

        def __init__(self, grid: ThumbnailGrid, number: int) -> None:
            super().__init__()
            self.grid = grid
            self.number = number

        @property
        def control(self) -> ThumbnailGrid:
            return self.grid

    class Opened(Highlighted):
        """An item is to be seen alone."""

    class MenuRequested(Highlighted):
        """The menu of an item was asked for by the mouse; `screen_offset` is where it should appear."""

        def __init__(self, grid: ThumbnailGrid, number: int, screen_offset: Offset) -> None:
            super().__init__(grid, number)
            self.screen_offset = screen_offset

    class Seen(Message):
        """Other items are on the screen now; their pictures may be missing."""

    def __init__(
        self,
        find_item: Callable[[int], Item | None],
        find_picture: Callable[[Item], Picture | None],
        is_broken: Callable[[Item], bool],
        *,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._find_item = find_item
        self._find_picture = find_picture
        self._is_broken = is_broken
        self._count = 0
        self._cursor = 0
        self._seen = range(0)
        self._empty = ("No items", "")
        self._is_marked: Callable[[int], bool] = lambda number: False

    @property
    def cursor(self) -> int:
        return self._cursor

    @property
    def seen(self) -> range:
        """The numbers of the items that can be seen."""
        first = self.scroll_offset.y // TILE_ROWS
        last = (self.scroll_offset.y + self.size.height - 1) // TILE_ROWS
        return range(first * self._per_row, min(self._count, (last + 1) * self._per_row))

    @property
    def _per_row(self) -> int:
        return max(1, self.scrollable_content_region.width // TILE_COLUMNS)

    def show(self, count: int, empty: tuple[str, str]) -> None:
        """Show so many items; those that were shown before are forgotten."""
        self._count, self._empty = count, empty
        self._cursor = min(self._cursor, max(0, count - 1))
        self._measure()
        self.refresh()

    def show_marks(self, is_marked: Callable[[int], bool]) -> None:
        """Draw a mark before every item whose number is marked."""
        self._is_marked = is_marked
        self.refresh()

    def place_cursor(self, number: int) -> None:
        """Move the cursor to an item, and the view to the cursor; whoever asks for it is not told."""
        number = min(max(number, 0), max(0, self._count - 1))
        if number != self._cursor:
            self._cursor = number
            self.refresh()
        top = number // self._per_row * TILE_ROWS
        height = self.size.height
        if top < self.scroll_offset.y:
            self.scroll_to(y=top, animate=False, force=True)
        elif top + TILE_ROWS > self.scroll_offset.y + height:
            self.scroll_to(y=top + TILE_ROWS - height, animate=False, force=True)

    def _go_to(self, number: int) -> None:
        """Move the cursor as a person wants it, and tell."""
        before = self._cursor
        self.place_cursor(number)
        if self._cursor != before:
            self.post_message(self.Highlighted(self, self._cursor))

    def action_move(self, step: int) -> None:
        self._go_to(self._cursor + step)

    def action_move_rows(self, rows: int) -> None:
        number = self._cursor + rows * self._per_row
        if 0 <= number < self._count:
            self._go_to(number)

    def action_move_pages(self, pages: int) -> None:
        rows = max(1, self.size.height // TILE_ROWS)
        self._go_to(self._cursor + pages * rows * self._per_row)

    def action_move_to(self, number: int) -> None:
        self._go_to(number if number >= 0 else self._count - 1)

    def action_open(self) -> None:
        if self._count:
            self.post_message(self.Opened(self, self._cursor))

    def on_resize(self) -> None:
        self._measure()
        self.call_after_refresh(self.place_cursor, self._cursor)

    def on_click(self, event: events.Click) -> None:
        column, row = self._find_column(event.x), (event.y + self.scroll_offset.y) // TILE_ROWS
        number = row * self._per_row + column
        if column < self._per_row and number < self._count:
            again = number == self._cursor
            self._go_to(number)
            if event.button == RIGHT_BUTTON:
                self.post_message(self.MenuRequested(self, number, event.screen_offset))
            elif again:
                self.action_open()

    def _find_column(self, x: int) -> int:
        edges = list_edges(self.scrollable_content_region.width, self._per_row)
        return bisect_right(edges, x) - 1

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._tell_seen()

    def render_line(self, y: int) -> Strip:
        width, blank = self.scrollable_content_region.width, self._find_ink("text")
        if not self._count:
            line = draw_message_row(y, *self._empty, width, self.size.height)
            return build_strip(line, self._find_ink, width)
        tile_row, row = divmod(y + self.scroll_offset.y, TILE_ROWS)
        first = tile_row * self._per_row
        segments: list[Segment] = []
        edges = list_edges(width, self._per_row)
        for number in range(first, min(self._count, first + self._per_row)):
            left, right = edges[number - first : number - first + 2]
            before = (right - left - TILE_COLUMNS) // 2
            after = right - left - TILE_COLUMNS - before
            segments += [
                Segment(" " * before, blank),
                *self._draw(number, row, blank),
                Segment(" " * after, blank),
            ]
        return Strip(segments).adjust_cell_length(width, blank)

    def _draw(self, number: int, row: int, blank: Style) -> list[Segment]:
        """Return one line of a tile."""
        item = self._find_item(number)
        if row >= PICTURE_ROWS:
            return self._draw_caption(number, item, blank) if row == PICTURE_ROWS else _make_blank(blank)
        picture = None if item is None else self._find_picture(item)
        if picture is None:
            told = BROKEN if item is not None and self._is_broken(item) else WAITING
            text = (told if row == PICTURE_ROWS // 2 else " ").center(PICTURE_COLUMNS)
            return [Segment(f" {text} ", self._find_ink("faint"))]
        above = (PICTURE_ROWS - picture.rows) // 2
        if not above <= row < above + picture.rows:
            return _make_blank(blank)
        if has_colors(self.app):
            cells = draw_half_blocks(picture, row - above)
        else:
            cells = draw_shades(picture, row - above, blank, measure_lights(picture))
        left = (PICTURE_COLUMNS - picture.columns) // 2
        right = PICTURE_COLUMNS - picture.columns - left
        return [Segment(" " * (left + 1), blank), *cells, Segment(" " * (right + 1), blank)]

    def _draw_caption(self, number: int, item: Item | None, blank: Style) -> list[Segment]:
        name = "…" if item is None else item.name
        mark = f" {MARK}" if self._is_marked(number) else ""
        room = PICTURE_COLUMNS + 1 - len(mark)
        text = (name if len(name) <= room else "…" + name[1 - room :]) + mark
        is_here = number == self._cursor
        style = self._find_ink("key" if is_here else "muted")
        return [Segment(f"{'▸' if is_here else ' '}{fit(text, PICTURE_COLUMNS + 1)}", style)]

    def _measure(self) -> None:
        rows = -(-self._count // self._per_row)
        self.virtual_size = Size(self.size.width, rows * TILE_ROWS)
        self._tell_seen(is_sure=True)

    def _tell_seen(self, *, is_sure: bool = False) -> None:
        if self.seen != self._seen or is_sure:
            self._seen = self.seen
            self.post_message(self.Seen())

    def _find_ink(self, role: str) -> Style:
        return self.get_component_rich_style(f"ink--{role}")


@lru_cache(maxsize=64)
def list_edges(width: int, count: int) -> list[int]:
    """Return where each of `count` tiles begins in a row of `width` cells, and where the last ends.

    What is left over is shared out, so that the tiles fill the row.
    """
    return [width * number // count for number in range(count + 1)]


def _make_blank(style: Style) -> list[Segment]:
    return [Segment(" " * TILE_COLUMNS, style)]
