"""The page of a thing's history: what was said and done of it, and the states that can be brought back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec
from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.lines import first_line
from mlwf_tui.tui.widgets.drawing import shorten
from mlwf_tui.tui.widgets.entry import Entry, EntryKind
from mlwf_tui.tui.widgets.table import Column, EntityTable
from mlwf_tui.workflow.history import Change

COLUMNS = (
    Column("state", 7),
    Column("when", 11),
    Column("author", 10),
    Column("what", 12),
    Column("said and done", flex=1),
)
LEAD = "History of "
PADDING = 2  # cells around the heading
LEAST_NAME = 12  # cells of a heading's name, however little room the counts leave
EMPTY = ("Nothing was said of it yet", "Words, tags and changes are listed here: e describes it, # tags it.")


class History(msgspec.Struct, frozen=True, kw_only=True):
    """What the page shows: the thing and its changes, newest first."""

    subject: Entry
    changes: tuple[Change, ...]


class HistoryPane(Vertical):
    """Draws a history as a table; a row with a state stands for it, so that all verbs act on that."""

    DEFAULT_CSS = """
    HistoryPane {
        & > Static { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
        & > EntityTable { height: 1fr; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._head = Static()
        self.table = EntityTable(*COLUMNS, id="history-table", empty=EMPTY)
        self._history: History | None = None

    def compose(self) -> ComposeResult:
        yield self._head
        yield self.table

    @property
    def subject(self) -> Entry | None:
        """What the history is of."""
        return self._history.subject if self._history is not None else None

    @property
    def entry(self) -> Entry | None:
        """What the cursor stands on: a state, or the thing itself."""
        key = self.table.cursor_key
        return self.find_entry(key) if key is not None else self.subject

    def show_marks(self, keys: Collection[str]) -> None:
        """Draw which entries are marked."""

        def is_marked(row: str) -> bool:
            entry = self.find_entry(row)
            return entry is not None and entry.key in keys

        self.table.show_marks(is_marked)

    def find_entry(self, key: str) -> Entry | None:
        """Return what a row stands for; rows are numbered from the oldest, before which none comes."""
        if self._history is None:
            return None
        change = self._history.changes[-1 - int(key)]
        return make_state_entry(self._history.subject, change) if change.ref else self._history.subject

    def show(self, history: History, now: datetime) -> None:
        """Draw a history; the cursor stays on its change where the thing is the same."""
        if self.subject is None or self.subject.key != history.subject.key:
            self.table.show_rows((), ())
        self._history = history
        self._draw_head()
        rows = draw_rows(history.changes, now)
        self.table.show_rows(rows, [str(number) for number in reversed(range(len(rows)))])

    def on_resize(self) -> None:
        self._draw_head()

    def _draw_head(self) -> None:
        if self._history is None:
            return
        subject, changes = self._history.subject, self._history.changes
        states = len({change.ref for change in changes if change.ref})
        counts = f"  {format_count(len(changes), 'change')}"
        counts += f", {format_count(states, 'state')}" if states else ""
        how = "; r brings the one under the cursor back" if states else ""
        room = self.size.width - PADDING - cell_len(LEAD + counts + how[:1])  # where the rest is cut away
        name = shorten(subject.ref or subject.title, max(LEAST_NAME, room))
        self._head.update(Content.assemble((LEAD + name, "bold"), (counts + how, "$text-muted")))


def draw_rows(changes: Sequence[Change], now: datetime) -> list[tuple[str, ...]]:
    """Return a row for each change, in their order."""
    return [
        (
            change.ref,
            _tell_time(change.at, now),
            change.author or "-",
            change.what,
            _tell(change),
        )
        for change in changes
    ]


def _tell_time(at: datetime, now: datetime) -> str:
    local = at.astimezone(now.tzinfo)
    return f"{local:%m-%d %H:%M}" if (now - at).days < 300 else f"{local:%Y-%m-%d}"


def _tell(change: Change) -> str:
    """Return the first line of the words, without the number that stands in a column of its own."""
    text = change.text.removeprefix(f"{change.ref} ") if change.ref else change.text
    return first_line(text) + (f"  ← {first_line(change.before)}" if change.before else "")


def make_state_entry(subject: Entry, change: Change) -> Entry:
    """Return the entry of a state of the project that a history is of."""
    kind = EntryKind.STATE if "." in change.ref else EntryKind.VERSION
    return Entry(
        kind=kind,
        key=f"{kind.value}:{subject.target}{change.ref}",
        ref=f"{subject.ref}{change.ref}",
        target=f"{subject.target}{change.ref}",
        title=f"{subject.title}{change.ref}",
        note=change.text,
    )
