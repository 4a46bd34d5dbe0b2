"""The index as a file: its schema, its connections, and what SQLite's complaints about it mean."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlwf_tui.errors import Busy, Conflict, CorruptData, MlwfError, StorageFailed

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
    """
    ALTER TABLE packs ADD COLUMN verified_turn INTEGER;
    ALTER TABLE packs ADD COLUMN is_name_checked INTEGER NOT NULL DEFAULT 0;
    """,
    """
    CREATE TABLE era (token BLOB NOT NULL);
    INSERT INTO era VALUES (randomblob(16));
    CREATE TABLE damaged (
        digest BLOB NOT NULL,
        pack INTEGER NOT NULL REFERENCES packs (id),
        PRIMARY KEY (digest, pack)
    ) WITHOUT ROWID;
    """,
)


def connect(path: Path) -> sqlite3.Connection:
    """Open a connection that any thread may use, one at a time; transactions are begun by hand."""
    connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA cell_size_check = ON")  # a damaged page is refused, not followed
        connection.execute("PRAGMA journal_mode = WAL")
        # A lost transaction loses no bytes: the next open adopts the packs that it had named.
        connection.execute("PRAGMA synchronous = NORMAL")
        # No foreign_keys: to drop a pack SQLite would look through all blobs, for each pack again.
    except BaseException:
        connection.close()
        raise
    return connection


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the schema up to date.

    Raises:
        Conflict: a newer mlwf made it.
    """
    connection.execute("CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY) WITHOUT ROWID")
    current = connection.execute("SELECT COALESCE(MAX(version), 0) FROM migrations").fetchone()[0]
    if current > len(_MIGRATIONS):
        raise Conflict(f"The index {path} was made by a newer mlwf (schema {current}).", hint="Upgrade mlwf.")
    for version, script in enumerate(_MIGRATIONS[current:], start=current + 1):
        connection.executescript(
            f"BEGIN IMMEDIATE; {script} INSERT INTO migrations VALUES ({version}); COMMIT;"
        )


@contextmanager
def translate(path: Path) -> Iterator[None]:
    """Tell what SQLite refuses as an error of ours: it is busy, the disk refuses, or the file is damaged."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if str(error).startswith("Could not decode"):  # the module's own, for a text that is none
            raise _describe_damage(path, error) from error
        if not hasattr(error, "sqlite_errorname"):
            raise  # a misuse of the module, which says nothing of the file
        raise _describe(path, error) from error
    except UnicodeDecodeError as error:  # in the message of an error about a schema of garbage
        raise _describe_damage(path, error) from error


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


def remove_index(path: Path) -> None:
    """Remove a damaged index; the log first, since SQLite would play an orphan into a new file."""
    for part in list_index_parts(path):
        part.unlink(missing_ok=True)


def list_index_parts(path: Path) -> list[Path]:
    """Return the files of SQLite that make an index, the log first."""
    return [path.with_name(path.name + suffix) for suffix in ("-wal", "-shm", "")]
