"""Where each digest lies, in SQLite; a cache of the packs' footers that can be made again from them."""

from __future__ import annotations

import logging
import os
import sqlite3
import struct
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from threading import RLock
from typing import Any, NamedTuple

from mlwf_tui.errors import CorruptData
from mlwf_tui.store.format import Codec, Record, RecordKind, encode_record_header
from mlwf_tui.store.index_file import connect, list_index_parts, migrate, remove_index, translate

logger = logging.getLogger(__name__)

_BATCH = 250  # digests to a query: fewer cost more calls, more cost longer statements
_SCAN_ROWS = 1000
_MAX_OFFSET = 1 << 62

PACK_ITSELF = b""
"""Stands among the digests of damaged records for the rest of their pack."""

PackRecords = tuple[str, int, Iterable[Record]]
"""A pack's name, its size in bytes, and its records."""

BlobRow = tuple[bytes, str, int, int, int, int, int]
"""A row of the index: digest, pack, offset, stored size, raw size, codec, kind."""


class Totals(NamedTuple):
    """Sums over the index."""

    blob_count: int
    raw_bytes: int
    stored_bytes: int
    pack_count: int


class PackRow(NamedTuple):
    """What the index knows of one pack."""

    name: str
    size_bytes: int
    row_count: int  # digests that are read from it
    verified_turn: int | None  # rises with every pack that is verified; None: not since it was written
    is_name_checked: bool  # whether its name is known to be the digest of its bytes
    is_damaged: bool  # whether a verify has found damage in it


class Index:
    """The rows of one store. Safe for threads: one connection reads, one writes, each behind a lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read_lock = RLock()
        self._write_lock = RLock()
        with translate(path):
            self._writer = connect(path)
            try:
                migrate(self._writer, path)
                self._reader = connect(path)
            except BaseException:
                self._writer.close()
                raise

    def close(self) -> None:
        """Close it, as soon as no other thread is in the middle of a query: SQLite would crash."""
        with self._read_lock:
            self._reader.close()
        with self._write_lock:
            self._writer.close()

    def find(self, digest: bytes) -> tuple[str, Record] | None:
        """Return the pack and the record that hold a digest, or None."""
        row = self._fetch_one(_select_rows("digest = ?"), (digest,))
        if row is None:
            return None
        return row[1], to_record(row)

    def contains(self, digest: bytes) -> bool:
        return self._fetch_one("SELECT 1 FROM blobs WHERE digest = ?", (digest,)) is not None

    def list_packs(self) -> set[str]:
        """Return the names of the packs that are known."""
        with self._read_lock, translate(self.path):
            return {name for (name,) in self._reader.execute("SELECT name FROM packs")}

    def read_packs(self) -> tuple[PackRow, ...]:
        """Return all packs in the order in which they were entered."""
        with self._read_lock, translate(self.path):
            counts = dict(self._reader.execute("SELECT pack, COUNT(*) FROM blobs GROUP BY pack"))
            rows = self._reader.execute(
                "SELECT id, name, size_bytes, verified_turn, is_name_checked,"
                " id IN (SELECT pack FROM damaged) FROM packs ORDER BY id"
            )
            return tuple(
                PackRow(name, size, counts.get(number, 0), turn, bool(is_checked), bool(is_damaged))
                for number, name, size, turn, is_checked, is_damaged in rows
            )

    def find_rows(self, digests: Sequence[bytes]) -> set[BlobRow]:
        """Return the rows of those digests that are known."""
        found: set[BlobRow] = set()
        for start in range(0, len(digests), _BATCH):
            batch = digests[start : start + _BATCH]
            with self._read_lock, translate(self.path):
                found.update(self._reader.execute(_select_rows(f"digest IN ({_marks(batch)})"), batch))
        return found

    def find_missing(self, digests: Collection[bytes]) -> set[bytes]:
        """Return those digests that are not known."""
        return self._find_without(digests, "1")

    def find_unstored(self, digests: Collection[bytes]) -> set[bytes]:
        """Return those digests that are not known, or are read from where they were found damaged."""
        return self._find_without(digests, f"NOT {_is_damaged('blobs')}")

    def _find_without(self, digests: Collection[bytes], condition: str) -> set[bytes]:
        missing = set(digests)
        pending = iter(digests)
        while batch := list(islice(pending, _BATCH)):
            with self._read_lock, translate(self.path):
                query = f"SELECT digest FROM blobs WHERE digest IN ({_marks(batch)}) AND {condition}"
                missing.difference_update(row[0] for row in self._reader.execute(query, batch))
        return missing

    def iter_rows(self, packs: Iterable[str] | None = None) -> Iterator[BlobRow]:
        """Yield all rows, or those of some packs, as they are now; SQLite goes through the whole table."""
        with translate(self.path), closing(connect(self.path)) as connection:
            condition = "1"
            if packs is not None:
                _fill_chosen(connection, packs)
                condition = "pack IN (SELECT id FROM packs JOIN chosen USING (name))"
            cursor = connection.execute(_select_rows(condition))
            while rows := cursor.fetchmany(_SCAN_ROWS):
                yield from rows

    def list_digests(self, kind: RecordKind) -> list[bytes]:
        """Return the digests of all records of one kind."""
        with self._read_lock, translate(self.path):
            rows = self._reader.execute("SELECT digest FROM blobs WHERE kind = ?", (kind,))
            return [digest for (digest,) in rows]

    def find_damage(self) -> str:
        """Return what SQLite finds wrong with the file, or an empty text; reads all of it."""
        try:
            row = self._fetch_one("PRAGMA quick_check(1)", ())
        except CorruptData as error:
            return error.message
        fault = row[0].rpartition("\n")[2] if row else "?"  # behind a heading
        return "" if fault == "ok" else f"The index {self.path} is damaged: {fault}."

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

    def read_era(self) -> str:
        """Return what is another text as soon as records were lost, or may have been.

        As long as it stays the same, whatever was stored and is still needed is still named.
        """
        row = self._fetch_one("SELECT hex(token) FROM era", ())
        return row[0] if row else ""

    def add_packs(self, packs: Iterable[PackRecords], *, is_name_checked: bool = True) -> None:
        """Name sealed packs and their records in one transaction; what is known already stays.

        What was found damaged in its pack is read from the added one from then on.
        `is_name_checked` False: the packs were found, and nobody has compared their names and bytes.
        """
        with self._transaction() as connection:
            for pack in packs:
                _insert_pack(connection, pack, is_name_checked=is_name_checked)

    def drop_packs(self, names: Iterable[str]) -> None:
        """Forget packs and all records that are read from them, in one transaction."""
        with self._transaction() as connection:
            _drop_packs(connection, names)

    def drop_unread(self, names: Iterable[str]) -> list[str]:
        """Forget those packs from which nothing is read, and return their names."""
        with self._transaction() as connection:
            _fill_chosen(connection, names)
            unread = [
                name
                for (name,) in connection.execute(
                    "SELECT name FROM packs JOIN chosen USING (name)"
                    " WHERE id NOT IN (SELECT DISTINCT pack FROM blobs)"
                )
            ]
            _drop_packs(connection, unread)
        return unread

    def replace_packs(
        self,
        added: Iterable[PackRecords],
        dropped: Iterable[str],
        *,
        is_name_checked: bool = True,
        is_loss: bool = False,
    ) -> None:
        """Read the records of some packs from there, and forget others, in one transaction.

        `is_loss`: some of what is forgotten may still be needed, and a new era begins.
        """
        with self._transaction() as connection:
            for pack in added:
                _insert_pack(connection, pack, is_name_checked=is_name_checked, is_taking_over=True)
            _drop_packs(connection, dropped)
            if is_loss:
                _begin_era(connection)

    def mark_verified(self, name: str, *, is_sound: bool, damaged: Collection[bytes] = ()) -> None:
        """Note that every byte of a pack was found sound just now, and its name true; or that not.

        `damaged` are the digests of its damaged records, and `PACK_ITSELF` where it is more than records.
        A new era begins where something is damaged that was not known to be.
        """
        pack_id = "(SELECT id FROM packs WHERE name = ?)"
        with self._transaction() as connection:
            if is_sound:
                connection.execute(f"DELETE FROM damaged WHERE pack = {pack_id}", (name,))
            rows = ((digest, name) for digest in damaged)
            marked = connection.executemany(f"INSERT OR IGNORE INTO damaged VALUES (?, {pack_id})", rows)
            if marked.rowcount > 0:
                _begin_era(connection)
            # A turn, no time: which pack was verified longest ago must not hang on a clock.
            turn = "(SELECT COALESCE(MAX(verified_turn), 0) + 1 FROM packs), is_name_checked = 1"
            connection.execute(
                f"UPDATE packs SET verified_turn = {turn if is_sound else 'NULL'} WHERE name = ?", (name,)
            )

    def replace_all(self, packs: Iterable[PackRecords]) -> None:
        """Make the whole index again in one transaction; readers see the old one until it ends."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM damaged")
            connection.execute("DELETE FROM blobs")
            connection.execute("DELETE FROM packs")
            for pack in packs:
                _insert_pack(connection, pack, is_name_checked=False)
            _begin_era(connection)

    def _fetch_one(self, query: str, values: tuple[object, ...]) -> Any:
        with self._read_lock, translate(self.path):
            row: tuple[Any, ...] | None = self._reader.execute(query, values).fetchone()
            return row

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._write_lock, translate(self.path):
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise


def open_index(path: Path) -> Index:
    """Open the index; one that is no index any more is made anew, empty: it is a cache of the packs.

    Raises:
        StorageFailed: the disk refuses.
    """
    for part in list_index_parts(path):
        if part.is_dir():  # nothing of ours: moved away, and SQLite would only half notice it
            part.rename(part.with_name(f"{part.name}.{os.urandom(4).hex()}.odd"))
    try:
        return Index(path)
    except CorruptData as error:
        logger.warning("the index is made again: %s", error.message)
        remove_index(path)
        return Index(path)


def to_record(row: BlobRow) -> Record:
    """Return the record that a row tells of.

    Raises:
        CorruptData: no record can be like that.
    """
    digest, _, offset, stored_size, raw_size, codec, kind = row
    try:
        record = Record(RecordKind(kind), Codec(codec), raw_size, stored_size, digest, offset)
        encode_record_header(record)  # refuses what no record can be
        if not 0 <= offset < _MAX_OFFSET:
            raise ValueError(f"{offset} is no offset")
    except (ValueError, TypeError, struct.error) as error:
        raise CorruptData(
            f"The index is damaged: {error}.", hint="Make it again: mlwf verify --rebuild-index"
        ) from error
    return record


def _insert_pack(
    connection: sqlite3.Connection, pack: PackRecords, *, is_name_checked: bool, is_taking_over: bool = False
) -> None:
    name, size_bytes, records = pack
    connection.execute(
        "INSERT INTO packs (name, size_bytes, is_name_checked) VALUES (?, ?, ?)"
        " ON CONFLICT (name) DO UPDATE SET size_bytes = excluded.size_bytes",
        (name, size_bytes, is_name_checked),
    )
    with closing(connection.execute("SELECT id FROM packs WHERE name = ?", (name,))) as cursor:
        pack_id = cursor.fetchone()[0]
    if is_name_checked:  # it was written just now, perhaps in the place of a damaged one of the same records
        connection.execute("DELETE FROM damaged WHERE pack = ?", (pack_id,))
    is_better = f"NOT {_is_damaged('excluded')}" + ("" if is_taking_over else f" AND {_is_damaged('blobs')}")
    connection.executemany(
        "INSERT INTO blobs (digest, pack, offset, stored_size, raw_size, codec, kind)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (digest) DO UPDATE SET"
        " pack = excluded.pack, offset = excluded.offset, stored_size = excluded.stored_size,"
        f" raw_size = excluded.raw_size, codec = excluded.codec, kind = excluded.kind WHERE {is_better}",
        ((r.digest, pack_id, r.offset, r.stored_size, r.raw_size, r.codec, r.kind) for r in records),
    )


def _is_damaged(row: str) -> str:
    """Return the condition that a record was found damaged in its pack."""
    return f"EXISTS (SELECT 1 FROM damaged AS d WHERE d.digest = {row}.digest AND d.pack = {row}.pack)"


def _drop_packs(connection: sqlite3.Connection, names: Iterable[str]) -> None:
    _fill_chosen(connection, names)
    chosen = "(SELECT id FROM packs JOIN chosen USING (name))"
    for table in ("blobs", "damaged"):  # one scan for all of them
        connection.execute(f"DELETE FROM {table} WHERE pack IN {chosen}")
    connection.execute("DELETE FROM packs WHERE name IN (SELECT name FROM chosen)")


def _begin_era(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE era SET token = randomblob(16)")


def _fill_chosen(connection: sqlite3.Connection, names: Iterable[str]) -> None:
    """Put names of packs into a table that this connection alone sees."""
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS chosen (name TEXT PRIMARY KEY)")
    connection.execute("DELETE FROM chosen")
    connection.executemany("INSERT OR IGNORE INTO chosen VALUES (?)", ((name,) for name in names))


def _select_rows(condition: str) -> str:
    return (
        "SELECT digest, name, offset, stored_size, raw_size, codec, kind FROM blobs"
        f" CROSS JOIN packs ON packs.id = blobs.pack WHERE {condition}"  # CROSS: blobs is the outer loop
    )


def _marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))
