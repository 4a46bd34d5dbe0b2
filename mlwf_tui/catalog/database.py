"""The connection to one catalog file: its settings, its transactions, and the running of queries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import peewee as pw

from mlwf_tui.catalog.faults import asking, told_damage, translated_faults
from mlwf_tui.errors import StorageFailed
from mlwf_tui.settings import is_disk_full

Entity = TypeVar("Entity")

Clock = Callable[[], datetime]
"""Says what time it is, as an aware datetime."""


class Database:
    """One SQLite file. Each thread gets its own connection at its first query, and drops it as it ends."""

    def __init__(self, path: Path, *, clock: Clock, busy_timeout_s: float) -> None:
        self.path = path
        self.busy_timeout_s = busy_timeout_s
        self.now = clock
        # FULL: a state of a run that somebody was told of survives a power cut.
        pragmas = (("foreign_keys", 1), ("synchronous", "FULL"))
        self._peewee = pw.SqliteDatabase(str(path), pragmas=pragmas, timeout=busy_timeout_s)
        self._original: Path | None = None

    def refuse_changes(self, original: Path) -> None:
        """Take no change from now on, as the file is a copy, made to read what cannot be written."""
        with translated_faults(self.path):
            self._peewee.pragma("query_only", 1, permanent=True)
        self._original = original

    @property
    def is_read_only(self) -> bool:
        """Whether no change is taken."""
        return self._original is not None

    def close(self) -> None:
        """Close the connection of the calling thread."""
        with translated_faults(self.path):
            self._peewee.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. The write lock is taken at once: a later upgrade could not wait for it.

        Inside another transaction this is a savepoint of it.

        Raises:
            StorageFailed: the file can only be read.
        """
        if self._original is not None:
            import shlex  # 2 ms for a refusal alone

            home = self._original.parent
            if is_disk_full(home):
                raise StorageFailed(
                    f"The disk of the home {home} is full.",
                    hint=f"Free some space: all in {home / 'cache'} may be deleted while nothing runs, and is"
                    " made anew. mlwf collect --apply frees more then.",
                )
            raise StorageFailed(
                f"The home {home} can only be read.",
                hint=f"Restore it where it can be written: mlwf --home {shlex.quote(str(home))} backup DEST",
            )
        with translated_faults(self.path), self._peewee.atomic("IMMEDIATE"):
            yield

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let several reads see one moment; takes no lock that a writer would wait for."""
        with translated_faults(self.path):
            if self._peewee.in_transaction():
                yield
                return
            with self._peewee.atomic("DEFERRED"):
                yield

    def fetch(self, query: pw.BaseQuery) -> list[Any]:
        """Return all rows of a query."""
        with asking(self.path):
            found = query.execute(self._peewee)
            with told_damage(self.path):  # a parameter that is too large is not damage
                return list(found)

    def fetch_plain(self, query: pw.BaseQuery) -> list[tuple[Any, ...]]:
        """Return all rows as SQLite has them, times as microseconds and JSON as text.

        A third of the time that `fetch` takes of many rows.
        """
        statement, parameters = self._peewee.get_sql_context().sql(query).query()  # type: ignore[no-untyped-call]
        with asking(self.path):
            return list(self._peewee.execute_sql(statement, parameters))  # type: ignore[no-untyped-call]

    def fetch_as(self, query: pw.BaseQuery, make: Callable[[Any], Entity]) -> tuple[Entity, ...]:
        """Return the entity that `make` makes of each row, its fields of the types that it declares."""
        return self.make_all(self.fetch(query), make)

    def make_all(self, rows: Iterable[Any], make: Callable[[Any], Entity]) -> tuple[Entity, ...]:
        """Return what `make` makes of rows that were read before, as `fetch_as` does."""
        with self.working_on_rows():
            return tuple(_check_types(make(row)) for row in rows)

    def working_on_rows(self) -> AbstractContextManager[None]:
        """Say that the catalog is damaged where what its rows hold does not fit the work in the block."""
        return told_damage(self.path)

    def find(self, query: pw.Query) -> Any:
        """Return the first row of a query, or None."""
        rows = self.fetch(query.limit(1))
        return rows[0] if rows else None

    def read_value(self, query: pw.Query) -> Any:
        """Return the first column of the first row of a query, or None."""
        row = self.find(query.tuples())
        return None if row is None else row[0]

    def execute(self, query: pw.BaseQuery) -> int:
        """Run a change; return the sequence of an inserted row, or how many rows were changed."""
        with asking(self.path):
            return int(query.execute(self._peewee))

    def execute_sql(self, statement: str, values: Sequence[object] = ()) -> list[Any]:
        """Run one statement as it stands, and return its rows; for migrations and queries kept as text.

        The rows are read here: SQLite does the work, and finds a disk full, as they are asked for.
        """
        with asking(self.path):
            return list(self._peewee.execute_sql(statement, values))  # type: ignore[no-untyped-call]

    def list_tables(self) -> tuple[str, ...]:
        """Return the names of all tables in the file, our own or not."""
        with asking(self.path):
            return tuple(self._peewee.get_tables())

    def use_wal(self) -> None:
        """Let readers and a writer work side by side; the file remembers it.

        Raises:
            StorageFailed: the file system cannot do it, as on network drives.
        """
        mode = self.execute_sql("PRAGMA journal_mode = WAL")[0][0]
        if mode != "wal":
            raise StorageFailed(
                f"The file system of {self.path} cannot hold a catalog: it has no shared memory.",
                hint="Put the home on a local disk.",
            )


def _check_types(entity: Any) -> Any:
    """Return a struct if each field is of its declared type; in SQLite any column may hold anything."""
    return msgspec.convert(msgspec.structs.asdict(entity), type(entity))
