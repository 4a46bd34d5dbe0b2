"""Where each digest lies, in SQLite; a cache of the packs' footers that can be made again from them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import RLock
from typing import Any, NamedTuple

from mlwf_tui.errors import Busy, Conflict, CorruptData, MlwfError, StorageFailed
from mlwf_tui.store.format import Codec, Record, RecordKind

_BUSY_TIMEOUT_S = 30.0

# One entry a schema version; an entry that has been released is never edited.
_MIGRATIONS = (
    """
    CREATE TABLE packs (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        size_bytes INTEGER NOT NULL
    );
    CREATE TABLE blobs (
        digest BLOB NOT NULL PRIMARY KEY,
        pack INTEGER NOT NULL REFERENCES packs (id),
        offset INTEGER NOT NULL,
        stored_size INTEGER NOT NULL,
        raw_size INTEGER NOT NULL,
        codec INTEGER NOT NULL,
        kind INTEGER NOT NULL
    ) WITHOUT ROWID;
    """,
)

PackRecords = tuple[str, int, Iterable[Record]]
"""A pack's name, its size in bytes, and its records."""


class Totals(NamedTuple):
    """Sums over the index."""

    blob_count: int
    raw_bytes: int
    stored_bytes: int
    pack_count: int


class Index:
    """The rows of one store. Safe for threads: one connection reads, one writes, each behind a lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read_lock = RLock()
        self._write_lock = RLock()
        with _translate(path):
            self._writer = _connect(path)
            try:
                _migrate(self._writer, path)
                self._reader = _connect(path)
            except BaseException:
                self._writer.close()
                raise

    def close(self) -> None:
        self._reader.close()
        self._writer.close()

    def find(self, digest: bytes) -> tuple[str, Record] | None:
        """Return the pack and the record that hold a digest, or None."""
        row = self._fetch_one(
            "SELECT name, kind, codec, raw_size, stored_size, offset FROM blobs"
            " JOIN packs ON packs.id = blobs.pack WHERE digest = ?",
            (digest,),
        )
        if row is None:
            return None
        name, kind, codec, raw_size, stored_size, offset = row
        try:
            found = RecordKind(kind), Codec(codec)
        except ValueError as error:
            raise _describe_damage(self.path, error) from error
        return name, Record(*found, raw_size, stored_size, digest, offset)

    def contains(self, digest: bytes) -> bool:
        return self._fetch_one("SELECT 1 FROM blobs WHERE digest = ?", (digest,)) is not None

    def list_packs(self) -> set[str]:
        """Return the names of the packs that are known."""
        with self._read_lock, _translate(self.path):
            return {name for (name,) in self._reader.execute("SELECT name FROM packs")}

    def count_rows(self) -> dict[str, int]:
        """Return for each named pack how many digests are read from it."""
        with self._read_lock, _translate(self.path):
            return dict(
                self._reader.execute(
                    "SELECT name, COUNT(digest) FROM packs LEFT JOIN blobs ON blobs.pack = packs.id"
                    " GROUP BY packs.id"
                )
            )

    def find_damage(self) -> str:
        """Return what SQLite finds wrong with the file, or an empty text; reads all of it."""
        try:
            row = self._fetch_one("PRAGMA quick_check(1)", ())
        except CorruptData as error:
            return error.message
        return "" if row == ("ok",) else f"The index {self.path} is damaged: {row[0] if row else '?'}."

    def read_totals(self) -> Totals:
        """Return the sums; raw bytes count chunks, not the lists that put them together."""
        count_kinds = (RecordKind.BLOB, RecordKind.CHUNK_LIST)
        row = self._fetch_one(
            "SELECT COALESCE(SUM(kind IN (?, ?)), 0),"
            " COALESCE(SUM(CASE WHEN kind = ? THEN 0 ELSE raw_size END), 0),"
            " (SELECT COALESCE(SUM(size_bytes), 0) FROM packs), (SELECT COUNT(*) FROM packs) FROM blobs",
            (*count_kinds, RecordKind.CHUNK_LIST),
        )
        return Totals(*(row or (0, 0, 0, 0)))

    def add_packs(self, packs: Iterable[PackRecords]) -> None:
        """Name sealed packs and their records in one transaction; what is known already stays."""
        with self._transaction() as connection:
            for pack in packs:
                _insert_pack(connection, pack)

    def drop_packs(self, names: Iterable[str]) -> None:
        """Forget packs and all records that are read from them, in one transaction."""
        with self._transaction() as connection:
            for name in names:
                connection.execute(
                    "DELETE FROM blobs WHERE pack = (SELECT id FROM packs WHERE name = ?)", (name,)
                )
                connection.execute("DELETE FROM packs WHERE name = ?", (name,))

    def replace_all(self, packs: Iterable[PackRecords]) -> None:
        """Make the whole index again in one transaction; readers see the old one until it ends."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM blobs")
            connection.execute("DELETE FROM packs")
            for pack in packs:
                _insert_pack(connection, pack)

    def _fetch_one(self, query: str, values: tuple[object, ...]) -> tuple[Any, ...] | None:
        with self._read_lock, _translate(self.path):
            row: tuple[Any, ...] | None = self._reader.execute(query, values).fetchone()
            return row

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._write_lock, _translate(self.path):
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise


def remove_index(path: Path) -> None:
    """Remove a damaged index; the log first, since SQLite would play an orphan into a new file."""
    for suffix in ("-wal", "-shm", ""):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _insert_pack(connection: sqlite3.Connection, pack: PackRecords) -> None:
    name, size_bytes, records = pack
    connection.execute("INSERT OR IGNORE INTO packs (name, size_bytes) VALUES (?, ?)", (name, size_bytes))
    with closing(connection.execute("SELECT id FROM packs WHERE name = ?", (name,))) as cursor:
        pack_id = cursor.fetchone()[0]
    connection.executemany(
        "INSERT OR IGNORE INTO blobs (digest, pack, offset, stored_size, raw_size, codec, kind)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        ((r.digest, pack_id, r.offset, r.stored_size, r.raw_size, r.codec, r.kind) for r in records),
    )


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        # A lost transaction loses no bytes: the next open adopts the packs that it had named.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY) WITHOUT ROWID")
    current = connection.execute("SELECT COALESCE(MAX(version), 0) FROM migrations").fetchone()[0]
    if current > len(_MIGRATIONS):
        raise Conflict(f"The index {path} was made by a newer mlwf (schema {current}).", hint="Upgrade mlwf.")
    for version, script in enumerate(_MIGRATIONS[current:], start=current + 1):
        connection.executescript(
            f"BEGIN IMMEDIATE; {script} INSERT INTO migrations VALUES ({version}); COMMIT;"
        )


@contextmanager
def _translate(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        if not hasattr(error, "sqlite_errorname"):
            raise  # a misuse of the module, which says nothing of the file
        raise _describe(path, error) from error


def _describe(path: Path, error: sqlite3.DatabaseError) -> MlwfError:
    name = error.sqlite_errorname
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return Busy(f"The index {path} is in use by another process.", hint="Try again in a moment.")
    if name.startswith(("SQLITE_FULL", "SQLITE_READONLY", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return StorageFailed(
            f"Could not write the index {path}: {error}.",
            hint="Check the space, owner and mode of its folder.",
        )
    return _describe_damage(path, error)


def _describe_damage(path: Path, error: Exception) -> CorruptData:
    return CorruptData(
        f"The index {path} is damaged: {error}.",
        hint="Close mlwf and delete it; it is made again from the packs.",
    )
