"""A table for any number of rows: only what is on the screen is drawn; sorts, and keeps its cursor by key."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Offset, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mlwf_tui.tui.widgets.context_menu import Choice, ContextMenu
from mlwf_tui.tui.widgets.drawing import (
    INK_CLASSES,
    build_strip,
    draw_message_row,
    fit,
    fit_middle,
    fit_tail,
    write_ink_css,
)

SPACING = 2  # blank cells between two columns
MIN_FLEX_WIDTH = 8
MOST_NAME_CELLS = 48  # of names that are to be told apart
HEADER_ROWS = 1
MARK = "◆"
RIGHT_BUTTON = 3
AS_GIVEN = Choice(id="as given", label="as it was")
NUMBER = re.compile(r"\s*([-+]?[\d,]*\.?\d+(?:[eE][-+]?\d+)?)")
Cell = str | Text


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `width` in cells, or 0 to share what is left in proportion to `flex`.

    What is too long loses its end, or its start or middle: names differ at their ends. Up to `most` cells
    the longest text stays whole, and the columns behind it may have to be scrolled to.
    """

    title: str
    width: int = 0
    flex: int = 1
    align: str = "left"  # left, right or center
    cut: str = "end"  # end, start or middle
    least: int = MIN_FLEX_WIDTH  # cells, where what is left would be less
    most: int = 0


class EntityTable(ScrollView, can_focus=True):
    """Rows of short texts under a header that stays. `empty` is drawn where there are none.

    Rows and keys may be sequences that read what is drawn only then; they are not sorted, and their
    cursor stays on its row.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = INK_CLASSES | {
        "table--header",
        "table--cursor",
        "table--cursor-blurred",
        "table--odd",
    }
    DEFAULT_CSS = (
        "EntityTable { background: $background; overflow-x: auto; overflow-y: scroll; }\n"
        + write_ink_css("EntityTable")
        + """
    EntityTable > .table--header { color: $text-primary; text-style: bold; background: $panel; }
    EntityTable > .table--cursor {
        background: $block-cursor-background; color: $block-cursor-foreground; text-style: bold;
    }
    EntityTable > .table--cursor-blurred { background: $primary 25%; color: $foreground; text-style: bold; }
    EntityTable > .table--odd { color: $foreground; background: $foreground 3%; }
    """
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "up", show=False, id="table.up"),
        Binding("down,j", "move(1)", "down", show=False, id="table.down"),
        Binding("pageup,ctrl+b", "move_pages(-1.0)", "page up", show=False, id="table.page_up"),
        Binding("pagedown,ctrl+f", "move_pages(1.0)", "page down", show=False, id="table.page_down"),
        Binding("ctrl+u", "move_pages(-0.5)", "half a page up", show=False, id="table.half_up"),
        Binding("ctrl+d", "move_pages(0.5)", "half a page down", show=False, id="table.half_down"),
        Binding("home,g", "move_to(0)", "first", show=False, id="table.first"),
        Binding("end,G", "move_to(-1)", "last", show=False, id="table.last"),
        Binding("left,h", "pan(-8)", "left", show=False, id="table.left"),
        Binding("right,l", "pan(8)", "right", show=False, id="table.right"),
        Binding("enter", "select", "open", show=False, id="table.open"),
        Binding("x", "menu", "menu", show=False, id="table.menu"),
        Binding("comma s", "choose_order", "sort by", show=False, id="table.sort"),
        Binding("comma r", "turn", "turn the order round", show=False, id="table.turn"),
    ]

    cursor: reactive[int] = reactive(0, init=False)
    """The row under the cursor, counted as the rows are sorted now."""

    class RowHighlighted(Message):
        """The cursor has come to a row."""

        def __init__(self, table: EntityTable, key: str, row: int) -> None:
            super().__init__()
            self.table = table
            self.key = key
            self.row = row

        @property
        def control(self) -> EntityTable:
            return self.table

    class RowSelected(RowHighlighted):
        """A row was opened: Enter, or a double click."""

    class SortWanted(Message):
        """Rows that are read as they are drawn are to be sorted by whoever reads them."""

        def __init__(self, table: EntityTable, column: int | None, *, is_descending: bool) -> None:
            super().__init__()
            self.table = table
            self.column = column  # None for the order as given
            self.is_descending = is_descending

        @property
        def control(self) -> EntityTable:
            return self.table

    class MenuRequested(RowHighlighted):
        """The menu of a row was asked for; `screen_offset` is where it should appear."""

        def __init__(self, table: EntityTable, key: str, row: int, screen_offset: Offset) -> None:
            super().__init__(table, key, row)
            self.screen_offset = screen_offset

    def __init__(
        self,
        *columns: Column,
        empty: tuple[str, str] = ("Nothing here yet", ""),
        is_lazy: bool = False,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._columns = columns
        self._empty = empty
        self._is_lazy = is_lazy
        self._rows: Sequence[Sequence[Cell]] = ()
        self._keys: Sequence[str] = ()
        self._needed: Mapping[str, int] = {}  # cells, by the title of a column that has a `most`
        self._sort_values: Sequence[Sequence[Any]] | None = None
        self._order: Sequence[int] = ()  # row numbers as given, in the order shown
        self._sorted_by: tuple[int, bool] | None = None  # (column, is descending)
        self._is_marked: Callable[[str], bool] = lambda key: False

    @property
    def columns(self) -> Sequence[Column]:
        return self._columns

    @property
    def row_count(self) -> int:
        return len(self._order)

    @property
    def cursor_key(self) -> str | None:
        """The key of the row under the cursor."""
        return self._keys[self._order[self.cursor]] if 0 <= self.cursor < len(self._order) else None

    def show_rows(
        self,
        rows: Sequence[Sequence[Cell]],
        keys: Sequence[str],
        *,
        sort_values: Sequence[Sequence[Any]] | None = None,
    ) -> None:
        """Show rows, each with its key; the cursor stays on its key, the sorting as it is.

        `sort_values` holds for each cell what to sort by, where the text does not say it (ages, sizes).
        """
        key = self.cursor_key
        self._rows, self._keys, self._sort_values = rows, keys, sort_values
        self._needed = {
            column.title: min(column.most, max((_measure(row[place]) for row in rows), default=0))
            for place, column in enumerate(self._columns)
            if column.most
        }
        self._sort()
        self._fit_columns()
        is_kept = self.cursor < len(rows) if self._is_lazy else key is not None and self.move_to_key(key)
        if not is_kept or key is None:
            self.set_reactive(EntityTable.cursor, min(self.cursor, max(0, len(rows) - 1)))
            self._announce()
        self.refresh()

    def set_columns(self, *columns: Column) -> None:
        """Take other columns; the rows must follow."""
        self._columns, self._sorted_by = columns, None
        self.show_rows((), ())

    def say_empty(self, title: str, hint: str = "") -> None:
        """Say this where there are no rows."""
        self._empty = (title, hint)
        self.refresh()

    def show_marks(self, is_marked: Callable[[str], bool]) -> None:
        """Draw a mark before every row whose key is marked."""
        self._is_marked = is_marked
        self.refresh()

    def move_to_key(self, key: str) -> bool:
        """Move the cursor to a row by its key; return whether it is there."""
        for row, number in enumerate(self._order):
            if self._keys[number] == key:
                self.cursor = row
                return True
        return False

    def sort_by(self, column: int | None, *, is_descending: bool = False) -> None:
        """Sort by a column, numbers by their value; with None as the rows were given.

        Rows that are read as they are drawn are sorted by others, who are told.
        """
        key = self.cursor_key
        self._sorted_by = None if column is None else (column, is_descending)
        if self._is_lazy:
            self.post_message(self.SortWanted(self, column, is_descending=is_descending))
            self.refresh()
            return
        self._sort()
        if key is not None:
            self.move_to_key(key)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_size.width
        left = self.scroll_offset.x
        full = max(width, self.virtual_size.width)
        if y < HEADER_ROWS:
            return self._draw_header(full).crop(left, left + width)
        row = self.scroll_offset.y + y - HEADER_ROWS
        if row < len(self._order):
            return self._draw_row(row, full).crop(left, left + width)
        line = [] if self._order else draw_message_row(y, *self._empty, width, self.scrollable_size.height)
        return build_strip(line, self._find_ink, width)

    def validate_cursor(self, cursor: int) -> int:
        return max(0, min(cursor, len(self._order) - 1))

    def watch_cursor(self, cursor: int) -> None:
        self._reveal(cursor)
        self.refresh()
        self._announce()

    def on_resize(self, event: events.Resize) -> None:
        self._fit_columns()
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        content = event.get_content_offset(self)
        if content is None:
            return
        if content.y < HEADER_ROWS:
            self._sort_by_click(content.x + self.scroll_offset.x)
            return
        row = content.y - HEADER_ROWS + self.scroll_offset.y
        if row >= len(self._order):
            return
        self.cursor = row
        if event.button == RIGHT_BUTTON:
            self._post(self.MenuRequested, event.screen_offset)
        elif event.chain == 2:
            self._post(self.RowSelected)

    def action_move(self, rows: int) -> None:
        self.cursor += rows

    def action_move_pages(self, pages: float) -> None:
        self.cursor += round(pages * (self.scrollable_size.height - HEADER_ROWS))

    def action_move_to(self, row: int) -> None:
        self.cursor = row if row >= 0 else len(self._order) - 1

    def action_pan(self, cells: int) -> None:
        self.scroll_relative(cells, 0, animate=False, force=True)

    def action_select(self) -> None:
        self._post(self.RowSelected)

    def action_menu(self) -> None:
        row = HEADER_ROWS + self.cursor - self.scroll_offset.y
        self._post(self.MenuRequested, self.content_region.offset + Offset(2, row + 1))

    def action_choose_order(self) -> None:
        """Ask for the column to sort by; the one that it is sorted by already turns round."""
        choices = [
            Choice(id=str(number), label=column.title or "sign", note=self._tell_order(number))
            for number, column in enumerate(self._columns)
        ]
        self.app.push_screen(ContextMenu("Sort by", [*choices, AS_GIVEN]), self._take_order)

    def _tell_order(self, column: int) -> str:
        if self._sorted_by is None or self._sorted_by[0] != column:
            return ""
        return "▼ now; once more turns it round" if self._sorted_by[1] else "▲ now; once more turns it round"

    def _take_order(self, answer: str | None) -> None:
        if answer is None:
            return
        if answer == AS_GIVEN.id:
            self.sort_by(None)
        else:
            self._sort_or_turn(int(answer))

    def action_turn(self) -> None:
        """Turn the order round."""
        column, is_descending = self._sorted_by or (0, False)
        self.sort_by(column, is_descending=not is_descending)

    def _sort_or_turn(self, column: int) -> None:
        self.sort_by(column, is_descending=self._sorted_by == (column, False))

    def _sort_by_click(self, x: int) -> None:
        for column, (left, width) in enumerate(self._place_columns()):
            if left <= x < left + width + SPACING:
                self._sort_or_turn(column)

    def _sort(self) -> None:
        self._order = range(len(self._rows))
        if self._sorted_by is not None and not self._is_lazy:
            column, is_descending = self._sorted_by
            values = partial(self._find_sort_value, column=column)
            self._order = sorted(self._order, key=values, reverse=is_descending)

    def _find_sort_value(self, row: int, column: int) -> Any:
        if self._sort_values is not None:
            return self._sort_values[row][column]
        cell = self._rows[row][column]
        text = cell if isinstance(cell, str) else cell.plain
        number = NUMBER.match(text)
        return (0, float(number[1].replace(",", "")), text) if number else (1, 0.0, text.casefold())

    def _fit_columns(self) -> None:
        """Make the scroll range as wide as the columns need at least, and as high as the rows."""
        left, width = self._place_columns()[-1] if self._columns else (0, 0)
        self.virtual_size = Size(left + width + 1, len(self._order) + HEADER_ROWS)

    def _place_columns(self) -> list[tuple[int, int]]:
        """Return the first cell and the width of every column."""
        fixed = sum(column.width for column in self._columns) + SPACING * len(self._columns)
        shares = sum(column.flex for column in self._columns if not column.width)
        left_over = max(0, self.scrollable_size.width - fixed)
        widths = [column.width or left_over * column.flex // max(1, shares) for column in self._columns]
        floors = [
            column.width or max(column.least, self._needed.get(column.title, 0)) for column in self._columns
        ]
        lacking = sum(max(0, floor - width) for floor, width in zip(floors, widths, strict=True))
        places = []
        x = 1
        for floor, share in zip(floors, widths, strict=True):
            given = min(max(0, share - floor), lacking)  # what one has to spare another may need
            lacking -= given
            width = max(floor, share - given)
            places.append((x, width))
            x += width + SPACING
        return places

    def _reveal(self, row: int) -> None:
        """Scroll so that a row stands below the header and above the end of the screen."""
        top = self.scroll_offset.y
        height = self.scrollable_size.height - HEADER_ROWS
        if row < top:
            self.scroll_to(y=row, animate=False, force=True, immediate=True)
        elif row >= top + height:
            self.scroll_to(y=row - height + 1, animate=False, force=True, immediate=True)

    def _draw_header(self, width: int) -> Strip:
        texts = []
        for number, column in enumerate(self._columns):
            arrow = ""
            if self._sorted_by is not None and self._sorted_by[0] == number:
                arrow = " ▼" if self._sorted_by[1] else " ▲"
            texts.append(column.title + arrow)
        return self._draw_cells(texts, self.get_component_rich_style("table--header"), width)

    def _draw_row(self, row: int, width: int) -> Strip:
        if row == self.cursor:
            name = "table--cursor" if self.has_focus else "table--cursor-blurred"
        else:
            name = "table--odd" if row % 2 else "ink--text"
        cells = self._rows[self._order[row]]
        is_marked = self._is_marked(self._keys[self._order[row]])
        if row == self.cursor:  # a cell's own colours may not be readable on the cursor's
            cells = [cell if isinstance(cell, str) else cell.plain for cell in cells]
        return self._draw_cells(cells, self.get_component_rich_style(name), width, is_marked=is_marked)

    def _draw_cells(
        self, cells: Sequence[Cell], style: Style, width: int, *, is_marked: bool = False
    ) -> Strip:
        segments = [Segment(MARK if is_marked else " ", style)]
        for column, cell, (_, cells_wide) in zip(self._columns, cells, self._place_columns(), strict=True):
            if column.cut != "end" and isinstance(cell, str):
                fit_name = fit_middle if column.cut == "middle" else fit_tail
                segments.append(Segment(fit_name(cell, cells_wide), style))
            else:
                segments += _draw_cell(cell, cells_wide, column.align, style)
            segments.append(Segment(" " * SPACING, style))
        return Strip(segments).adjust_cell_length(width, style)

    def _announce(self) -> None:
        self._post(self.RowHighlighted)

    def _post(self, message: Any, *details: Any) -> None:
        key = self.cursor_key
        if key is not None:
            self.post_message(message(self, key, self.cursor, *details))

    def _find_ink(self, role: str) -> Style:
        return self.get_component_rich_style(f"ink--{role}")


def _measure(cell: Cell) -> int:
    return cell_len(cell if isinstance(cell, str) else cell.plain)


def _draw_cell(cell: Cell, width: int, align: str, style: Style) -> list[Segment]:
    """Return a cell in exactly `width` cells; a styled text keeps its spans when it fits."""
    if isinstance(cell, str):
        return [Segment(fit(cell, width, align), style)]
    length = cell_len(cell.plain)
    if length > width:
        return [Segment(fit(cell.plain, width, align), style + _read_style(cell))]
    before = width - length if align == "right" else (width - length) // 2 if align == "center" else 0
    segments = [Segment(" " * before, style)] if before else []
    for start, end, span in _iter_spans(cell):
        segments.append(Segment(cell.plain[start:end], style + span))
    after = width - length - before
    return [*segments, Segment(" " * after, style)] if after else segments


def _iter_spans(cell: Text) -> list[tuple[int, int, Style]]:
    """Return the text's pieces with their styles, from left to right, without gaps."""
    cuts = sorted({0, len(cell.plain), *(s.start for s in cell.spans), *(s.end for s in cell.spans)})
    pieces = []
    for start, end in pairwise(cuts):
        style = _read_style(cell)
        for span in cell.spans:
            if span.start <= start and end <= span.end:
                style += span.style if isinstance(span.style, Style) else Style.parse(span.style)
        pieces.append((start, end, style))
    return pieces


def _read_style(cell: Text) -> Style:
    return cell.style if isinstance(cell.style, Style) else Style.parse(cell.style)
