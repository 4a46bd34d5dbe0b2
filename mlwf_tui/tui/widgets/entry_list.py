"""A list of entries as a table: the versions of a project, or all models, reports or runs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from mlwf_tui.tui.widgets.entry import Entry
from mlwf_tui.tui.widgets.table import Column, EntityTable

SortValue = str | float | datetime


@dataclass(frozen=True, slots=True)
class Listing:
    """What a list shows. `cells` and `sort_values` have one row an entry, one value a column."""

    title: str
    note: str
    columns: tuple[Column, ...]
    entries: tuple[Entry, ...]
    cells: Sequence[Sequence[str]]
    sort_values: Sequence[Sequence[SortValue]]
    empty: tuple[str, str]


class EntryList(Vertical):
    """Draws a listing; the table posts its own messages, `find_entry` says what a key stands for."""

    DEFAULT_CSS = """
    EntryList {
        & > Static { height: 1; padding: 0 1; }
        & > EntityTable { height: 1fr; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._head = Static()
        self.table = EntityTable(id="list-table")
        self._entries: dict[str, Entry] = {}
        self._columns: tuple[Column, ...] = ()

    def compose(self) -> ComposeResult:
        yield self._head
        yield self.table

    @property
    def entry(self) -> Entry | None:
        """What the cursor stands on."""
        key = self.table.cursor_key
        return self.find_entry(key) if key is not None else None

    def show_marks(self, keys: Collection[str]) -> None:
        """Draw which entries are marked."""
        self.table.show_marks(keys.__contains__)

    def find_entry(self, key: str) -> Entry | None:
        return self._entries.get(key)

    def show(self, listing: Listing) -> None:
        """Draw a listing; the cursor stays where its entry is still listed."""
        note = listing.note if listing.entries else " ".join(listing.empty)
        self._head.update(Content.assemble((listing.title, "bold"), "  ", (note, "$text-muted")))
        self._entries = {entry.key: entry for entry in listing.entries}
        if listing.columns != self._columns:
            self._columns = listing.columns
            self.table.set_columns(*listing.columns)
        self.table.show_rows(listing.cells, list(self._entries), sort_values=listing.sort_values)
