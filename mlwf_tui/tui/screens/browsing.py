"""The view that looks through the items of a version, a head or a dataset; it only reads."""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Sequence
from functools import partial
from typing import ClassVar

from msgspec.structs import replace
from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.item import Item
from mlwf_tui.tui.screens.item_picture import ItemPicture
from mlwf_tui.tui.screens.item_rows import ItemRows
from mlwf_tui.tui.screens.newest import Newest
from mlwf_tui.tui.screens.outline import make_item_entry
from mlwf_tui.tui.screens.pages import RowKeys
from mlwf_tui.tui.screens.picture_pane import PicturePane, make_picture_keys
from mlwf_tui.tui.screens.thumbnails import Thumbnails
from mlwf_tui.tui.screens.work import Work
from mlwf_tui.tui.widgets.drawing import shorten
from mlwf_tui.tui.widgets.entry import Entry
from mlwf_tui.tui.widgets.item_preview import ItemPreview, Layer
from mlwf_tui.tui.widgets.prompt import Prompt
from mlwf_tui.tui.widgets.table import Column, EntityTable
from mlwf_tui.tui.widgets.thumbnail_grid import ThumbnailGrid
from mlwf_tui.workflow.items import ItemSource, find_item_place, find_named_place, find_query_fault
from mlwf_tui.workflow.ordering import NAME
from mlwf_tui.workspace import Workspace

FILTER_HELP = (
    "Words in the name, dataset, split, class or tag: all must fit; class:{word} looks at one of them.\n"
    "Or an expression: count({name}) > 20 and split == train"
)
WORD = re.compile(r"[^\W\d][\w-]*")
"""A name that an expression takes without quotes."""
FIND_HELP = "A name's beginning, with its dataset, or a part of it: the first such item is shown as you type."
EMPTY = ("No items", "Images with their labels appear here: i imports some into the project.")
NO_MATCH = ("No item matches", "esc shows all of them again.")
LOOKING = ("Looking…", "Items appear as they are found.")
COLUMNS = (
    Column("item", cut="start"),
    Column("split", 6),
    Column("obj", 5, align="right"),
    Column("cls", 5, align="right"),
    Column("size", 8, align="right"),
)
ORDERS = (NAME, "split", "objects", "classes", "size")
"""What each column sorts by."""
PADDING = 2  # cells around the heading
LEAST_NAME = 12  # cells of each name in it, however little room the counts leave
FEW_COLUMNS = 3  # the first, where there is no room for all
ROOM_FOR_ALL = 100  # cells


class BrowsePane(PicturePane):
    """Lists the items of one manifest and shows the one under the cursor; pages are read when drawn."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "filter", id="browse.filter"),
        Binding("f", "find", "go to name", id="browse.find"),
        Binding("w", "toggle_bare", "large picture", id="browse.large"),
        Binding("Z", "toggle_grid", "thumbnails", id="browse.grid"),
        Binding("n", "step(1)", "next item", show=False, id="browse.next"),
        Binding("N", "step(-1)", "item before", show=False, id="browse.before"),
        *make_picture_keys("browse", "item"),
        Binding("comma b", "toggle_layer('boxes')", "boxes", show=False, id="browse.boxes"),
        Binding("comma m", "toggle_layer('masks')", "masks and outlines", show=False, id="browse.masks"),
        Binding("comma n", "toggle_layer('names')", "names on the picture", show=False, id="browse.names"),
        Binding("comma s", "choose_order", "sort by", show=False, id="browse.sort"),
        Binding("comma r", "turn", "turn the order round", show=False, id="browse.turn"),
    ]
    DEFAULT_CSS = """
    BrowsePane {
        & > Static { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
        & > Horizontal { height: 1fr; }
        & #browse-items { width: 50%; max-width: 64; border-right: solid $border; }
        & > Horizontal > ItemPreview { width: 1fr; height: 1fr; }
        &.-bare #browse-items { display: none; }
        & ThumbnailGrid { display: none; width: 1fr; height: 1fr; }
        &.-grid ThumbnailGrid { display: block; }
        &.-grid #browse-items, &.-grid ItemPreview { display: none; }
        &.-grid.-bare ThumbnailGrid { display: none; }
        &.-grid.-bare ItemPreview { display: block; }
    }
    """

    class Chosen(Message):
        """The cursor stands on another item, which is what verbs are done to now; None: none is listed."""

        def __init__(self, entry: Entry | None) -> None:
            super().__init__()
            self.entry = entry

    def __init__(self, workspace: Workspace, work: Work, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._workspace = workspace
        self._work = work
        self._head = Static()
        self.table = EntityTable(*COLUMNS, empty=EMPTY, is_lazy=True, id="browse-items")
        self._preview: ItemPreview = ItemPreview()
        self._thumbnails = Thumbnails(workspace, work, on_drawn=self._draw_thumbnails)
        self._grid = ThumbnailGrid(
            self._find_item, self._thumbnails.find, self._thumbnails.is_broken, id="browse-grid"
        )
        self._picture = ItemPicture(workspace, work, self._preview)
        self._rows = ItemRows(
            workspace, work, lambda: self.app,
            on_listed=self._show_rows, on_grown=self._show_more, on_read=self._show_page,
        )  # fmt: skip
        self._source: ItemSource | None = None
        self.within: Entry | None = None
        """The project or version that is looked through."""
        self._searched = Newest()
        self._is_find_over = threading.Event()  # of the name that is looked for
        self._wanted_key = ""  # of the item to go to once other rows are listed
        self._marks: Collection[str] = ()

    def compose(self) -> ComposeResult:
        yield self._head
        with Horizontal():
            yield self.table
            yield self._grid
            yield self._preview

    def on_resize(self) -> None:
        """Leave columns out where the list has no room for all."""
        if self._count_columns() != len(self.table.columns) and self._source is not None:
            cursor = self.table.cursor
            self._fill_table()
            self.table.cursor = cursor
        self._draw_head()

    def _count_columns(self) -> int:
        return len(COLUMNS) if self.size.width >= ROOM_FOR_ALL else FEW_COLUMNS

    def _fill_table(self) -> None:
        pages, count = self._rows.pages, self._count_columns()
        pages.cell_count = count
        if count != len(self.table.columns):
            self.table.set_columns(*COLUMNS[:count])
        self.table.show_rows(pages, RowKeys(pages))

    def on_unmount(self) -> None:
        self._rows.end()

    def notify_style_update(self) -> None:
        """Draw the outlines in the colours of the theme that was just chosen."""
        super().notify_style_update()
        if self._source is not None and self.is_mounted:
            self._order_picture()
            self._order_thumbnails()

    @property
    def entry(self) -> Entry | None:
        """The item under the cursor."""
        return self._make_entry(self._rows.find_item(self.table.cursor))

    @property
    def is_empty(self) -> bool:
        """Whether no item is listed: there is none, or none that the filter has found."""
        return not len(self._rows.pages)

    def find_entry(self, key: str) -> Entry | None:
        """Return what a row of the table stands for."""
        return self._make_entry(self._rows.find_item(int(key)))

    def _make_entry(self, item: Item | None) -> Entry | None:
        if item is None or self.within is None:
            return None
        return make_item_entry(self.within, item)

    def show(self, source: ItemSource, within: Entry) -> None:
        """Begin to look through these items of a project or version, from the first."""
        self._source, self.within = source, within
        self._preview.set_schema(source.schema)
        self._picture.begin(source.manifest)
        self._thumbnails.forget()
        self.table.set_columns(*COLUMNS[: self._count_columns()])
        self.table.say_empty(*EMPTY)
        self._rows.begin(source)
        self.go_large(False)

    @property
    def dataset(self) -> str:
        """The dataset that is looked through; "" for all."""
        return self._source.dataset if self._source is not None else ""

    def renew(self, source: ItemSource, within: Entry) -> None:
        """Look through these items in the place of older ones of the same project; all else stays."""
        if self._source is not None and source.manifest == self._source.manifest:
            return  # it was asked for twice
        item = self._rows.find_item(self.table.cursor)
        self._wanted_key = item.key if item is not None else self._wanted_key
        self._source, self.within = source, within
        self._preview.set_schema(source.schema)
        self._picture.begin(source.manifest)
        self._thumbnails.forget()
        self._rows.renew(source, self._wanted_key)

    def rename(self, within: Entry) -> None:
        """Call what is looked through by the name that it has now."""
        if self._source is not None:
            self._source, self.within = replace(self._source, ref=within.ref), within
            self._draw_head()

    def show_marks(self, keys: Collection[str]) -> None:
        """Draw which items are marked."""
        self._marks = keys

        def is_marked(row: int) -> bool:
            entry = self._make_entry(self._rows.find_item(row)) if keys else None
            return entry is not None and entry.key in keys

        self.table.show_marks(lambda key: is_marked(int(key)))
        self._grid.show_marks(is_marked)

    def go_back(self) -> bool:
        """Undo what hides a part: the zoom, the large picture, the filter. False where nothing does."""
        if super().go_back():
            return True
        if self.has_class("-grid"):
            self.action_toggle_grid()
        elif self._rows.query:
            self._rows.show_all()
        else:
            return False
        return True

    def _find_list(self) -> Widget:
        return self._grid if self.has_class("-grid") else self.table

    # --- keys ----------------------------------------------------------------------------------

    def action_toggle_grid(self) -> None:
        """Show the items as thumbnails, or as a list again; the cursor stays on its item."""
        had_focus = self.has_focus_within
        self.toggle_class("-grid")
        if had_focus:
            self._find_list().focus()
        self._grid.place_cursor(self.table.cursor)
        self._order_thumbnails()

    def action_toggle_layer(self, layer: str) -> None:
        self._preview.toggle(Layer(layer))

    def action_choose_order(self) -> None:
        self.table.action_choose_order()

    def action_turn(self) -> None:
        self.table.action_turn()

    def action_filter(self) -> None:
        if self._source is None:
            return
        prompt = Prompt(
            "Filter the items", value=self._rows.query, can_be_empty=True,
            help=_write_filter_help(self._source.schema.class_names),
            find_fault=partial(find_query_fault, schema=self._source.schema),
        )  # fmt: skip
        self.app.push_screen(prompt, lambda text: self._rows.filter(text) if text is not None else None)

    def action_find(self) -> None:
        """Ask for a name and go there while it is typed; Esc goes back to where one was."""
        before = self.table.cursor

        def answered(text: str | None) -> None:
            if text is None:
                self._searched.forget()
                self.table.cursor = before

        prompt = Prompt("Go to an item", help=FIND_HELP, on_change=lambda text: self._find(prompt, text))
        self.app.push_screen(prompt, answered)

    @on(ThumbnailGrid.Highlighted)
    def _on_thumbnail_highlighted(self, event: ThumbnailGrid.Highlighted) -> None:
        event.stop()
        self.table.cursor = event.number

    @on(ThumbnailGrid.Opened)
    def _on_thumbnail_opened(self, event: ThumbnailGrid.Opened) -> None:
        event.stop()
        self.go_large(True)

    @on(ThumbnailGrid.MenuRequested)
    def _on_thumbnail_menu(self, event: ThumbnailGrid.MenuRequested) -> None:
        event.stop()
        number = event.number
        self.post_message(EntityTable.MenuRequested(self.table, str(number), number, event.screen_offset))

    @on(EntityTable.SortWanted, "#browse-items")
    def _on_sort_wanted(self, event: EntityTable.SortWanted) -> None:
        event.stop()
        self._rows.sort(
            NAME if event.column is None else ORDERS[event.column], is_descending=event.is_descending
        )

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

    # --- what is listed ------------------------------------------------------------------------

    def _show_rows(self, row: int | None) -> None:
        """List other rows, at this row or from the first."""
        pages = self._rows.pages
        self.table.say_empty(*self._find_empty())
        if row is None:
            self.table.show_rows((), ())
        else:
            self._wanted_key = ""
        self._fill_table()
        self._grid.show(len(pages), self._find_empty())
        self.table.cursor = row or 0
        if self._wanted_key and self._source is not None:
            work = partial(find_item_place, self._workspace, self._source, self._wanted_key)
            self._work.start("item", work, self._searched.take(self._go_to))
            self._wanted_key = ""
        self._draw_head()
        self._show_current()

    def _show_more(self) -> None:
        """List what a filter has found by now."""
        pages = self._rows.pages
        self.table.say_empty(*self._find_empty())
        if self.table.row_count != len(pages):
            self._fill_table()
        self._grid.show(len(pages), self._find_empty())
        if self._preview.item is None:
            self._show_current()
        self._draw_head()

    def _show_page(self) -> None:
        """Draw items that were read."""
        self.table.refresh()
        self._grid.refresh()
        self._order_thumbnails()
        self._show_current()

    def _find_empty(self) -> tuple[str, str]:
        if not self._rows.query:
            return EMPTY
        return NO_MATCH if self._rows.passed is None else LOOKING

    def _find(self, prompt: Prompt, text: str) -> None:
        """Go to the first item whose name begins so, else holds it, or say that there is none."""
        self._is_find_over.set()
        over = self._is_find_over = threading.Event()

        def done(place: int | None) -> None:
            if place is not None:
                self._go_to(place)
            elif prompt.is_active:
                prompt.say_fault(f"No item's name holds “{text.strip()}”.")
            else:
                self.notify(f"No item's name holds “{text.strip()}”.", severity="warning", markup=False)

        if self._source is None or not text.strip():
            self._searched.forget()
            return
        work = partial(
            find_named_place, self._workspace, self._source, text.strip(), lambda: not over.is_set()
        )
        self._work.start("item", work, self._searched.take(done))

    def _go_to(self, place: int) -> None:
        self.table.cursor = self._rows.pages.find_row(place)

    # --- the item under the cursor -------------------------------------------------------------

    @on(EntityTable.RowHighlighted, "#browse-items")
    def _on_row_highlighted(self, event: EntityTable.RowHighlighted) -> None:
        event.stop()
        if not self._grid.has_focus:  # or it would be taken back to where it was a key ago
            self._grid.place_cursor(event.row)
        self._draw_head()
        self._show_current()

    def _show_current(self) -> None:
        item = self._rows.find_item(self.table.cursor)
        if item is not self._preview.item:
            self._preview.show_item(item)
            self._picture.begin_item()
            entry = self._make_entry(item)
            if entry is not None and self.has_focus_within:
                self.post_message(self.Chosen(entry))
        if self.is_empty:
            self._picture.show_none()
            if self.has_focus_within:
                self.post_message(self.Chosen(None))
        self._order_picture()

    @on(ItemPreview.Outdated)
    def _order_picture(self) -> None:
        self._picture.order()

    def _draw_head(self) -> None:
        source = self._source
        if source is None:
            return
        lead = "head of " if source.is_head else ""
        rows = len(self._rows.pages)
        place = f"{self.table.cursor + 1:,} of " if rows else ""
        counted = f"{place}{format_count(rows, 'item')}"
        if self._rows.query:
            matched = f"{counted} that match, of {source.item_count:,}"
            drawn = Content.assemble((f"/{self._rows.query}", "$accent"), f"  {matched}")
        elif source.object_count is not None:
            objects = format_count(source.object_count, "object")
            drawn = Content.assemble(counted, (f"  {objects}", "$text-muted"))
        else:
            drawn = Content(counted)
        state = "  " if source.is_head else "  read-only   "  # items of the head are tagged and deleted here
        room = self.size.width - PADDING - cell_len(lead + state) - drawn.cell_length
        name, dataset = _shorten_both(source.ref, source.dataset, room)
        passed = "" if self._rows.passed is None else f"  … {self._rows.passed:,} looked through"
        self._head.update(
            Content.assemble(
                (lead + name, "bold"), (dataset, "bold $secondary"), (state, "$warning"), drawn,
                (passed + self._picture.describe_zoom(), "$text-muted"),
            )
        )  # fmt: skip


def _write_filter_help(class_names: Sequence[str]) -> str:
    """Return the help with a class that is there, so that what it shows can be typed."""
    word = next(filter(WORD.fullmatch, class_names), "")
    name = word or (f'"{class_names[0]}"' if class_names else "cat")
    return FILTER_HELP.format(word=next(iter(re.findall(r"\w+", name)), "cat").casefold(), name=name)


def _shorten_both(name: str, dataset: str, room: int) -> tuple[str, str]:
    """Return a heading's name and dataset in so many cells; the dataset, if any, stands behind two blanks."""
    if not dataset:
        return shorten(name, max(LEAST_NAME, room)), ""
    short = shorten(dataset, max(LEAST_NAME, room // 2))
    return shorten(name, max(LEAST_NAME, room - 2 - cell_len(short))), f"  {short}"
