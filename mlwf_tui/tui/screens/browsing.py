"""The view that looks through the items of a version or head; it only reads."""

from __future__ import annotations

import threading
from array import array
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from mlwf_tui.entities.item import Item
from mlwf_tui.errors import MlwfError
from mlwf_tui.tui.screens.pages import ItemPages, RowKeys
from mlwf_tui.tui.screens.pictures import Order, Pictures
from mlwf_tui.tui.screens.thumbnails import Thumbnails
from mlwf_tui.tui.screens.work import Work
from mlwf_tui.tui.widgets.formats import format_count
from mlwf_tui.tui.widgets.item_preview import ItemPreview
from mlwf_tui.tui.widgets.prompt import Prompt
from mlwf_tui.tui.widgets.table import Column, EntityTable
from mlwf_tui.tui.widgets.thumbnail_grid import ThumbnailGrid
from mlwf_tui.workflow.items import ItemSource, find_item_place, find_query_fault, iter_matches, read_items
from mlwf_tui.workspace import Workspace

FILTER_HELP = (
    "Words in the name, dataset, split, class or tag: all must fit; class:rbc looks at one of them.\n"
    "Or an expression: count(rbc) > 20 and split == train"
)
EMPTY = ("No items", "Images with their labels appear here: i imports some into the project.")
NO_MATCH = ("No item matches", "esc shows all of them again.")


class BrowsePane(Vertical):
    """Lists the items of one manifest and shows the one under the cursor; pages are read when drawn."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "filter", id="browse.filter"),
        Binding("f", "find", "go to name", id="browse.find"),
        Binding("w", "toggle_bare", "large picture", id="browse.large"),
        Binding("Z", "toggle_grid", "thumbnails", id="browse.grid"),
        Binding("n,j,down", "step(1)", "next item", show=False, id="browse.next"),
        Binding("N,k,up", "step(-1)", "item before", show=False, id="browse.before"),
    ]
    DEFAULT_CSS = """
    BrowsePane {
        & > Static { height: 1; padding: 0 1; }
        & > Horizontal { height: 1fr; }
        & #browse-items { width: 44%; max-width: 46; border-right: solid $border; }
        & > Horizontal > ItemPreview { width: 1fr; height: 1fr; }
        &.-bare #browse-items { display: none; }
        & ThumbnailGrid { display: none; width: 1fr; height: 1fr; }
        &.-grid ThumbnailGrid { display: block; }
        &.-grid #browse-items, &.-grid ItemPreview { display: none; }
        &.-grid.-bare ThumbnailGrid { display: none; }
        &.-grid.-bare ItemPreview { display: block; }
    }
    """

    def __init__(self, workspace: Workspace, work: Work, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._workspace = workspace
        self._work = work
        self._head = Static()
        self._table = EntityTable(
            Column("item", keeps_tail=True), Column("split", 5), Column("obj", 4, align="right"),
            empty=EMPTY, is_lazy=True, id="browse-items",
        )  # fmt: skip
        self._preview = ItemPreview()
        self._thumbnails = Thumbnails(workspace, work, on_drawn=self._draw_thumbnails)
        self._grid = ThumbnailGrid(
            self._find_item, self._thumbnails.find, self._thumbnails.is_broken, id="browse-grid"
        )
        self._pictures = Pictures(
            workspace, work, on_drawn=self._preview.show_picture, on_broken=self._say_broken
        )
        self._source: ItemSource | None = None
        self._rows = ItemPages(0, self._read_later)
        self._query = ""
        self._passed: int | None = None  # items looked through by a filter that is still at it
        self._scan_ended = threading.Event()
        self._is_reading = False

    def compose(self) -> ComposeResult:
        yield self._head
        with Horizontal():
            yield self._table
            yield self._grid
            yield self._preview

    def on_unmount(self) -> None:
        self._scan_ended.set()

    def notify_style_update(self) -> None:
        """Draw the outlines in the colours of the theme that was just chosen."""
        super().notify_style_update()
        if self._source is not None and self.is_mounted:
            self._order_picture()
            self._order_thumbnails()

    def show(self, source: ItemSource) -> None:
        """Begin to look through these items, from the first."""
        self._source = source
        self._preview.set_schema(source.schema)
        self._pictures.forget()
        self._thumbnails.forget()
        self._show_all()
        self.go_large(False)

    def go_back(self) -> bool:
        """Undo what hides a part: the large picture, the filter. False where nothing does."""
        if self.has_class("-bare"):
            self.go_large(False)
        elif self.has_class("-grid"):
            self.action_toggle_grid()
        elif self._query:
            self._show_all()
        else:
            return False
        return True

    def go_large(self, is_large: bool) -> None:
        """Give the picture all the room, or share it again; the keys go on moving through the items."""
        self.set_class(is_large, "-bare")
        self._preview.set_class(is_large, "-bare")
        if self.has_focus_within:
            self._find_list().focus() if not is_large else self._preview.picture.focus()

    def _find_list(self) -> Widget:
        return self._grid if self.has_class("-grid") else self._table

    # --- keys ----------------------------------------------------------------------------------

    def action_toggle_bare(self) -> None:
        self.go_large(not self.has_class("-bare"))

    def action_toggle_grid(self) -> None:
        """Show the items as thumbnails, or as a list again; the cursor stays on its item."""
        had_focus = self.has_focus_within
        self.toggle_class("-grid")
        if had_focus:
            self._find_list().focus()
        self._grid.place_cursor(self._table.cursor)
        self._order_thumbnails()

    def action_step(self, rows: int) -> None:
        self._table.cursor += rows

    def action_filter(self) -> None:
        if self._source is None:
            return
        prompt = Prompt(
            "Filter the items", value=self._query, help=FILTER_HELP, can_be_empty=True,
            find_fault=partial(find_query_fault, schema=self._source.schema),
        )  # fmt: skip
        self.app.push_screen(prompt, lambda text: self._filter(text) if text is not None else None)

    def action_find(self) -> None:
        help_text = "Where a name begins, with its dataset: the first item from there on is shown."
        prompt = Prompt("Go to an item", help=help_text)
        self.app.push_screen(prompt, lambda text: self._find(text) if text else None)

    @on(ThumbnailGrid.Highlighted)
    def _on_thumbnail_highlighted(self, event: ThumbnailGrid.Highlighted) -> None:
        event.stop()
        self._table.cursor = event.number

    @on(ThumbnailGrid.Opened)
    def _on_thumbnail_opened(self, event: ThumbnailGrid.Opened) -> None:
        event.stop()
        self.go_large(True)

    def _find_item(self, row: int) -> Item | None:
        return self._rows.find_item(row)

    def _draw_thumbnails(self) -> None:
        self._grid.refresh()

    @on(ThumbnailGrid.Seen)
    def _order_thumbnails(self) -> None:
        """Ask for what can be seen; pages of items that are missing come first, and call this again."""
        if self._source is None or not self.has_class("-grid"):
            return
        items = [self._rows.find_item(row) for row in self._grid.seen]
        known = [(item, self._preview.list_outlines_of(item)) for item in items if item is not None]
        self._thumbnails.want(known)

    @on(EntityTable.RowSelected, "#browse-items")
    def _on_item_opened(self, event: EntityTable.RowSelected) -> None:
        event.stop()
        self.go_large(True)

    # --- what is listed ------------------------------------------------------------------------

    def _show_all(self) -> None:
        assert self._source is not None
        self._scan_ended.set()
        self._query, self._passed = "", None
        self._table.say_empty(*EMPTY)
        self._show_rows(ItemPages(self._source.item_count, self._read_later))

    def _show_rows(self, rows: ItemPages) -> None:
        self._rows = rows
        self._table.show_rows((), ())
        self._table.show_rows(rows, RowKeys(rows))
        self._grid.show(len(rows), self._find_empty())
        self._draw_head()
        self._show_current()

    def _find_empty(self) -> tuple[str, str]:
        if not self._query:
            return EMPTY
        return NO_MATCH if self._passed is None else ("Looking…", "Items appear as they are found.")

    def _filter(self, query: str) -> None:
        if self._source is None:
            return
        self._show_all()
        if not query:
            return
        self._query, self._passed = query, 0
        ended = self._scan_ended = threading.Event()
        places = array("I")
        self._table.say_empty("Looking…", "Items appear as they are found.")
        self._show_rows(ItemPages(0, self._read_later, places))
        scan = partial(self._scan, self._source, query, places, ended)
        self._work.start("filter", scan, lambda _: self._end_scan(ended))

    def _scan(self, source: ItemSource, query: str, places: array[int], ended: threading.Event) -> None:
        """Look through all items, in a thread, until somebody ends it."""
        for passed, found in iter_matches(self._workspace, source, query):
            if ended.is_set():
                return
            self.app.call_from_thread(self._take, places, passed, found, ended)

    def _take(self, places: array[int], passed: int, found: tuple[int, ...], ended: threading.Event) -> None:
        if ended.is_set():
            return
        self._passed = passed
        is_first = not places
        places.extend(found)
        if found:
            self._table.show_rows(self._rows, RowKeys(self._rows))
            self._grid.show(len(self._rows), self._find_empty())
            if is_first:
                self._show_current()
        self._draw_head()

    def _end_scan(self, ended: threading.Event) -> None:
        if not ended.is_set():
            self._passed = None
            self._table.say_empty(*NO_MATCH)
            self._grid.show(len(self._rows), self._find_empty())
            self._draw_head()

    def _find(self, key: str) -> None:
        if self._source is not None:
            work = partial(find_item_place, self._workspace, self._source, key)
            self._work.start("item", work, self._go_to)

    def _go_to(self, place: int) -> None:
        self._table.cursor = self._rows.find_row(place)

    # --- reading pages -------------------------------------------------------------------------

    def _read_later(self) -> None:
        self.call_later(self._read_next)

    def _read_next(self) -> None:
        wanted = None if self._is_reading else self._rows.take_wanted()
        if wanted is None or self._source is None:
            return
        number, places = wanted
        self._is_reading = True
        work = partial(read_items, self._workspace, self._source, places)
        self._work.start("items", work, partial(self._keep, self._rows, number), fail=self._give_up)

    def _keep(self, rows: ItemPages, number: int, items: tuple[Item, ...]) -> None:
        self._is_reading = False
        rows.keep(number, items)
        if rows is self._rows:
            self._table.refresh()
            self._grid.refresh()
            self._order_thumbnails()
            self._show_current()
        self._read_next()

    def _give_up(self, error: MlwfError) -> None:
        self._is_reading = False
        self._work.fail(error)

    # --- the item under the cursor -------------------------------------------------------------

    @on(EntityTable.RowHighlighted, "#browse-items")
    def _on_row_highlighted(self, event: EntityTable.RowHighlighted) -> None:
        event.stop()
        self._grid.place_cursor(event.row)
        self._draw_head()
        self._show_current()

    def _show_current(self) -> None:
        row = self._table.cursor
        item = self._rows.find_item(row) if row < len(self._rows) else None
        if item is not self._preview.item:
            self._preview.show_item(item)
        if not len(self._rows):
            self._pictures.forget()
            self._preview.picture.say("")
        self._order_picture()

    @on(ItemPreview.Outdated)
    def _order_picture(self) -> None:
        item = self._preview.item
        if item is None or self._source is None:
            return
        columns, rows = self._preview.picture.room
        key = (
            item.key,
            item.blob,
            self._source.manifest,
            self._preview.selected,
            columns,
            rows,
            self.app.theme,
        )
        self._pictures.want(Order(key, item, self._preview.list_outlines(), columns, rows))

    def _say_broken(self, error: MlwfError) -> None:
        self._preview.picture.say(error.message, error.hint)

    def _draw_head(self) -> None:
        source = self._source
        assert source is not None
        name = f"head of {source.ref}" if source.is_head else source.ref
        place = f"{self._table.cursor + 1:,} of " if len(self._rows) else ""
        counted = f"{place}{format_count(len(self._rows), 'item')}"
        if self._query:
            matched = f"{counted} that match, of {source.item_count:,}"
            drawn = Content.assemble((f"/{self._query}", "$accent"), f"  {matched}")
        else:
            objects = format_count(source.object_count, "object")
            drawn = Content.assemble(counted, (f"  {objects}", "$text-muted"))
        passed = "" if self._passed is None else f"  … {self._passed:,} looked through"
        self._head.update(
            Content.assemble((name, "bold"), ("  read-only   ", "$warning"), drawn, (passed, "$text-muted"))
        )
