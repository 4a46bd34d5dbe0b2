"""The append-only table of committed changes, by which every face learns what anybody did."""

from __future__ import annotations

from collections.abc import Iterable

import peewee as pw

from mlwf_tui.catalog.database import Database
from mlwf_tui.catalog.lookup import is_one_of
from mlwf_tui.catalog.tables import JournalRow
from mlwf_tui.entities.change import JournalEvent


class Journal:
    """Appends events inside the transaction of the change they tell of, and reads them in order."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, kind: str, subject: str, *, author: str = "", **payload: str) -> int:
        """Append an event and return its sequence, larger than that of any event before."""
        event = JournalRow.insert(
            at=self._database.now(), kind=kind, subject=subject, author=author, payload=payload
        )
        with self._database.transaction():
            return self._database.execute(event)

    def read_since(self, sequence: int, limit: int = 500) -> tuple[JournalEvent, ...]:
        """Return the first events after `sequence`, oldest first; 0 starts at the beginning."""
        query = (
            JournalRow.select()
            .where(JournalRow.sequence > sequence)
            .order_by(JournalRow.sequence)
            .limit(limit)
        )
        return self._database.fetch_as(query, _to_event)

    def read_of(self, subjects: Iterable[str]) -> tuple[JournalEvent, ...]:
        """Return all events of some things, by their ids, oldest first."""
        query = JournalRow.select().where(is_one_of(JournalRow.subject, subjects))
        return self._database.fetch_as(query.order_by(JournalRow.sequence), _to_event)

    def latest(self) -> int:
        """Return the sequence of the newest event, 0 where there is none."""
        return int(self._database.read_value(JournalRow.select(pw.fn.MAX(JournalRow.sequence))) or 0)


def _to_event(row: JournalRow) -> JournalEvent:
    return JournalEvent(
        sequence=row.sequence,
        at=row.at,
        kind=row.kind,
        subject=row.subject,
        author=row.author,
        payload=row.payload,
    )
