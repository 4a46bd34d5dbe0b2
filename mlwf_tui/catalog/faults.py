"""The one place where SQLite's errors, and values that no catalog writes, become the project's errors."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import peewee as pw

from mlwf_tui.errors import Busy, Conflict, CorruptData, InvalidInput, MlwfError, NotFound, StorageFailed
from mlwf_tui.settings import is_disk_full

ROLLED_BACK = ("no transaction is active", "no such savepoint")
# Our own SQL names what the migrations made, and each of them runs once.
WRONG_SCHEMA = (
    "no such column", "no such table", "no such index", "already exists", "duplicate column",
    "unknown function", "unsupported file format", "malformed JSON",
)  # fmt: skip
NOT_TEXT = "Could not decode"  # the module's own error, which carries no code


@contextmanager
def translated_faults(path: Path) -> Iterator[None]:
    """Raise what SQLite says about the catalog at `path` as one of the project's errors.

    Errors that no state of the disk explains (wrong SQL) are ours, and pass as they are.
    """
    try:
        yield
    except (pw.PeeweeException, sqlite3.Error) as error:
        known = _translate(path, _find_cause(error))
        if known is None:
            raise
        raise known from error
    except OverflowError as error:
        raise InvalidInput(
            f"A number is too large for the catalog: {error}.", hint="Stay below 2 to the power of 63."
        ) from error


@contextmanager
def told_damage(path: Path) -> Iterator[None]:
    """Raise CorruptData for a value that no catalog writes; for blocks that only ask and work on rows.

    One flipped bit can make a state that does not exist, a number of a text, or JSON that is none.
    """
    try:
        yield
    except (ValueError, TypeError, AttributeError, LookupError, OverflowError, msgspec.MsgspecError) as error:
        raise _describe_damage(path, error) from error


@contextmanager
def asking(path: Path) -> Iterator[None]:
    """Translate the faults of one statement; SQLite's own words about a garbled schema may be no text."""
    with translated_faults(path):
        try:
            yield
        except UnicodeDecodeError as error:
            raise _describe_damage(path, error) from error


@contextmanager
def copying(source: Path, target: Path) -> Iterator[None]:
    """Translate the faults of copying a catalog, each told of the file that it is of.

    What is read needs no room: a disk is full where the copy is written.
    """
    try:
        yield
    except (pw.PeeweeException, sqlite3.Error) as error:
        code = (_read_code(_find_cause(error)) or 0) & 0xFF
        is_unwritten = code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY) or (
            code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR) and is_disk_full(target.parent)
        )
        with translated_faults(target if is_unwritten else source):
            raise
    except UnicodeDecodeError as error:
        raise _describe_damage(source, error) from error


def _find_cause(error: BaseException) -> BaseException:
    """Return the error behind a failed rollback: SQLite rolls back by itself when a disk is full."""
    while error.__context__ is not None and any(text in str(error) for text in ROLLED_BACK):
        error = error.__context__
    return error


def _translate(path: Path, error: BaseException) -> MlwfError | None:
    if isinstance(error, MlwfError):
        return error
    code = _read_code(error)
    if code == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
        return NotFound(
            "The change refers to something that is not in the catalog.", hint="Check the ids it names."
        )
    if code == sqlite3.SQLITE_CONSTRAINT_UNIQUE:
        return Conflict("The catalog holds this already.", hint="Choose another name, or use what is there.")
    if code is None:
        return _describe_damage(path, error) if NOT_TEXT in str(error) else None
    return _translate_code(path, code & 0xFF, error)


def _read_code(error: object) -> int | None:
    while isinstance(error, pw.PeeweeException):  # an error while connecting is wrapped twice
        error = getattr(error, "orig", None)
    return getattr(error, "sqlite_errorcode", None)


def _translate_code(path: Path, code: int, error: BaseException) -> MlwfError | None:
    match code:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return Busy(
                f"The catalog {path} is held by another process.",
                hint="Wait for its work to end, then try again.",
            )
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return _describe_damage(path, error)
        case sqlite3.SQLITE_ERROR if any(text in str(error) for text in WRONG_SCHEMA):
            return _describe_damage(path, error)
        case sqlite3.SQLITE_FULL:
            return _describe_full(path)
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
            return StorageFailed(
                f"The catalog {path} cannot be written: {error}.",
                hint="Check the mode of the file and of its folder.",
            )
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_IOERR if is_disk_full(path.parent):
            return _describe_full(path)
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_IOERR | sqlite3.SQLITE_NOLFS:
            return StorageFailed(
                f"The catalog {path} cannot be opened or read: {error}.",
                hint="Check that its folder exists, is yours, and lies on a disk that works.",
            )
        case _:
            return None


def _describe_full(path: Path) -> StorageFailed:
    return StorageFailed(
        f"The disk of the catalog {path} is full.",
        hint="Make room on it (even reading takes 100 KB there), then try again.",
    )


def _describe_damage(path: Path, error: BaseException) -> CorruptData:
    return CorruptData(
        f"The catalog {path} is damaged: {error}.",
        hint="Move the file away and put back a copy from a backup; the store is not harmed.",
    )
