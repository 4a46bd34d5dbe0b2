"""Copies of a whole catalog: made while others use it, compared with their original, put in its place."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from mlwf_tui.catalog.faults import asking, copying, told_damage, translated_faults
from mlwf_tui.errors import Busy, CorruptData

_BUSY_TIMEOUT_S = 30.0
_LEAST_SHARED_BYTES = 32 << 10
_OWN_TABLES = {"migration", "project_state", "run_edge", "journal"}

# What a reader of a copy may add to it by looking: runs whose processes are gone are marked so, and what was
# written to files elsewhere is noted.
_LAST_CHANGE = """
    SELECT sequence, at, kind, subject FROM journal
    WHERE kind NOT LIKE 'run.%' AND kind NOT LIKE 'job.%' AND kind NOT LIKE 'queue.%'
    AND kind != 'folder.added'
    OR kind = 'run.created' AND json_extract(payload, '$.verb') NOT IN ('export', 'checkout')
    ORDER BY sequence DESC LIMIT 1
"""
_FIRST_CHANGE = "SELECT sequence, at, kind, subject FROM journal ORDER BY sequence LIMIT 1"
_SAME_CHANGE = "SELECT 1 FROM journal WHERE sequence = ? AND at = ? AND kind = ? AND subject = ?"


def copy_catalog(source: Path, target: Path) -> None:
    """Write the catalog as it is at one moment to `target`, which is made anew, durable and checked.

    Raises:
        CorruptData: the catalog is damaged, so its copy is.
        StorageFailed: the disk refused.
    """
    remove_catalog(target)
    with _open(source) as original, _open(target) as copy:
        with copying(source, target):
            _copy_pages(original, copy, source)
        with asking(target), told_damage(target):
            said = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
    if said != "ok":
        fault = said.rpartition("\n")[2]  # behind a heading
        raise CorruptData(
            f"The catalog {source} is damaged: {fault}.", hint="Put back a copy from an older backup."
        )


def copy_to_read(source: Path, target: Path) -> None:
    """Copy a database whose folder cannot be written, to be read there; `target` does not exist.

    Raises:
        CorruptData: it is no database.
        StorageFailed, OSError: a disk refused.
    """
    log, shared = (source.with_name(f"{source.name}-{part}") for part in ("wal", "shm"))
    with copying(source, target):
        if _is_open(shared):  # by somebody, perhaps where this folder can be written
            uri = f"file:{quote(str(source))}?mode=ro"
            with (
                closing(sqlite3.connect(uri, uri=True, timeout=_BUSY_TIMEOUT_S)) as original,
                _open(target) as copy,
            ):
                _copy_pages(original, copy, source)
        else:
            shutil.copyfile(source, target)
            if log.exists():
                shutil.copyfile(log, target.with_name(f"{target.name}-wal"))


def _is_open(shared: Path) -> bool:
    """Say whether a database's shared memory is one: on a full disk SQLite leaves the stump of one."""
    try:
        return shared.stat().st_size >= _LEAST_SHARED_BYTES
    except FileNotFoundError:
        return False


def install_catalog(copy: Path, target: Path) -> None:
    """Let `target` become what `copy` is, and remove `copy`; a kill leaves the former or the new.

    Who reads `target` meanwhile sees one or the other.

    Raises:
        Busy: another process is writing to `target`.
        StorageFailed: the disk refused.
    """
    if not target.exists():
        copy.rename(target)
        return
    # Not by a rename: a write-ahead log that a dead process left would be played into the new file.
    with _open(copy) as new, _open(target) as old, translated_faults(target):
        _copy_pages(new, old, target)
    remove_catalog(copy)


def find_own_change(copy: Path, original: Path) -> str:
    """Return what was changed last in a copy and not in its original, or nothing: it is an earlier state.

    Raises:
        CorruptData: one of them is no catalog.
    """
    with _open(copy) as one, _open(original) as other, asking(copy), told_damage(copy):
        for query in (_FIRST_CHANGE, _LAST_CHANGE):
            change = one.execute(query).fetchone()
            if change and not other.execute(_SAME_CHANGE, change).fetchone():
                _, at, kind, _ = change
                return f"{kind} of {datetime.fromtimestamp(at / 1_000_000, UTC):%Y-%m-%d %H:%M} UTC"
    return ""


def read_origin(path: Path) -> int:
    """Return when the catalog was made, in microseconds since the epoch: all its copies share that.

    Raises:
        CorruptData: it is no catalog.
    """
    with _open(path) as connection, asking(path), told_damage(path):
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        if not tables.issuperset(_OWN_TABLES):
            raise CorruptData(f"{path} is no catalog.", hint="Choose another folder.")
        return int(connection.execute("SELECT applied_at FROM migration WHERE number = 1").fetchone()[0])


def remove_catalog(path: Path) -> None:
    """Remove a catalog's file; its log first, since SQLite would play it into the next file."""
    for suffix in ("-wal", "-shm", "-journal", ""):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _copy_pages(source: sqlite3.Connection, target: sqlite3.Connection, busy: Path) -> None:
    """Copy a database in one step and one transaction; sqlite3 itself would wait for a lock for ever."""
    deadline = time.monotonic() + _BUSY_TIMEOUT_S

    def look(status: int, remaining: int, total: int) -> None:
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) and time.monotonic() > deadline:
            raise Busy(f"The catalog {busy} is held by another process.", hint="Wait for its work to end.")

    source.backup(target, progress=look)


@contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    with translated_faults(path):
        connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S)
    with closing(connection):
        yield connection
