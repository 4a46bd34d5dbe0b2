"""A long list of items, of which only the pages that are looked at are read."""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Sequence

from mlwf_tui.entities.item import Item
from mlwf_tui.entities.sizes import format_size
from mlwf_tui.tui.widgets.lazy import LazySequence
from mlwf_tui.tui.widgets.table import Cell

PAGE = 128  # items: some four shards of a manifest, 3 ms
MAX_PAGES = 64
MAX_WANTED = 3  # pages that were passed by in a hurry are not read any more
MISSING: tuple[Cell, ...] = ("…", "", "", "", "")


class ItemPages(LazySequence[Sequence[Cell]]):
    """The rows of a table; a row that is not read yet is drawn as missing and its page is wanted."""

    def __init__(
        self, places: Sequence[int], on_wanted: Callable[[], None], *, is_growing: bool = True
    ) -> None:
        """`places` of the manifest, one a row; they grow unless the items are sorted."""
        self._on_wanted = on_wanted
        self._places = places
        self._is_growing = is_growing
        self.cell_count = len(MISSING)
        """How many columns a row fills; the later ones are left out."""
        self._pages: OrderedDict[int, Sequence[Item]] = OrderedDict()
        self._wanted: list[int] = []

    def __len__(self) -> int:
        return len(self._places)

    def make(self, place: int) -> Sequence[Cell]:
        """Return the cells of one row."""
        item = self.find_item(place)
        return (MISSING if item is None else write_row(item))[: self.cell_count]

    def find_item(self, row: int) -> Item | None:
        """Return the item in a row, or None while its page is being read."""
        number, place = divmod(row, PAGE)
        page = self._pages.get(number)
        if page is not None and place < len(page):
            return page[place]
        if number not in self._wanted:
            self._wanted = [*self._wanted[1 - MAX_WANTED :], number]
            self._on_wanted()
        return None

    def take_wanted(self) -> tuple[int, Sequence[int]] | None:
        """Return the page wanted last and the places of its items, or None."""
        if not self._wanted:
            return None
        number = self._wanted.pop()
        rows = range(number * PAGE, min(len(self), (number + 1) * PAGE))
        return number, self._places[rows.start : rows.stop]

    def keep(self, number: int, items: Sequence[Item]) -> None:
        """Take in a page that was read; those longest not read again are dropped."""
        self._pages[number] = items
        while len(self._pages) > MAX_PAGES:
            self._pages.popitem(last=False)

    def find_row(self, place: int) -> int:
        """Return the row of the item at a place of the manifest, or of the next one that is listed.

        Where the items are sorted otherwise and it is not listed, that is the first row.
        """
        if self._is_growing:
            return bisect_left(self._places, place)
        try:
            return self._places.index(place)
        except ValueError:
            return 0


def write_row(item: Item) -> tuple[Cell, ...]:
    """Return what the table of items says of one."""
    objects = item.annotation.objects
    return (
        item.key,
        item.split.value,
        f"{len(objects):,}",
        f"{len({labelled.class_name for labelled in objects}):,}",
        format_size(item.size_bytes),
    )


class RowKeys(LazySequence[str]):
    """The keys of rows that are known by their numbers alone."""

    def __init__(self, rows: Sequence[object]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def make(self, place: int) -> str:
        """Return the key of one row."""
        return str(place)
