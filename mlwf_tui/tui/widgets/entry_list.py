"""A list of entries as a table: the versions of a project, or all models, reports or runs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from mlwf_tui.tui.widgets.entry import Entry
from mlwf_tui.tui.widgets.prompt import Prompt
from mlwf_tui.tui.widgets.table import Column, EntityTable

SortValue = str | float | datetime
FILTER_HELP = "Words that all stand in a row: a name, a state, a verb, a project, an author, in any case."
EMPTY = ("Nothing here yet", "")
NO_MATCH = ("Nothing listed is like that", "esc shows all of it again.")


@dataclass(frozen=True, slots=True)
class Listing:
    """What a list shows. `cells` and `sort_values` have one row an entry, one value a column.

    `texts` are what a filter looks through, one an entry, casefolded.
    """

    title: str
    note: str
    columns: tuple[Column, ...]
    entries: tuple[Entry, ...]
    cells: Sequence[Sequence[str]]
    sort_values: Sequence[Sequence[SortValue]]
    texts: Sequence[str]
    empty: tuple[str, str]


class EntryList(Vertical):
    """Draws a listing; the table posts its own messages, `find_entry` says what a key stands for."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("slash", "filter", "filter", id="list.filter")]
    DEFAULT_CSS = """
    EntryList {
        & > Static { height: 1; padding: 0 1; }
        & > EntityTable { height: 1fr; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._head = Static()
        self.table = EntityTable(empty=EMPTY, id="list-table")
        self._listing: Listing | None = None
        self._query = ""
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

    @property
    def hides_all(self) -> bool:
        """Whether a filter leaves nothing to be listed."""
        return bool(self._query) and self.table.row_count == 0

    def show_marks(self, keys: Collection[str]) -> None:
        """Draw which entries are marked."""
        self.table.show_marks(keys.__contains__)

    def find_entry(self, key: str) -> Entry | None:
        return self._entries.get(key)

    def show(self, listing: Listing) -> None:
        """Draw a listing; where it is the same one renewed, its filter stays, and the cursor on its entry."""
        if self._listing is not None and listing.title != self._listing.title:
            self._query = ""
        self._listing = listing
        self._entries = {entry.key: entry for entry in listing.entries}
        if listing.columns != self._columns:
            self._columns = listing.columns
            self.table.set_columns(*listing.columns)
        self._draw(listing)

    def go_back(self) -> bool:
        """Take the filter away; False where there is none."""
        had_filter = bool(self._query)
        self._filter("")
        return had_filter

    def action_filter(self) -> None:
        title = f"Filter: {self._listing.title}" if self._listing is not None else "Filter"
        prompt = Prompt(title, value=self._query, help=FILTER_HELP, can_be_empty=True)
        self.app.push_screen(prompt, lambda text: self._filter(text) if text is not None else None)

    def _filter(self, query: str) -> None:
        if query != self._query:
            self._query = query
            if self._listing is not None:
                self._draw(self._listing)

    def _draw(self, listing: Listing) -> None:
        words = self._query.casefold().split()
        rows = [row for row, text in enumerate(listing.texts) if all(word in text for word in words)]
        note = listing.note if listing.entries else " ".join(listing.empty)
        query, counted = (f"/{self._query}  ", f"{len(rows):,} of ") if words else ("", "")
        self._head.update(
            Content.assemble(
                (listing.title, "bold"), "  ", (query, "$accent"), (f"{counted}{note}", "$text-muted")
            )
        )
        self.table.say_empty(*(NO_MATCH if words else EMPTY))
        self.table.show_rows(
            [listing.cells[row] for row in rows],
            [listing.entries[row].key for row in rows],
            sort_values=[listing.sort_values[row] for row in rows],
        )
