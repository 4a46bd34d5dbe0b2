"""The one place where SQLite's errors become the project's; nothing else names an SQLite code."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import peewee as pw

from mlwf_tui.errors import Busy, Conflict, CorruptData, InvalidInput, MlwfError, NotFound, StorageFailed

ROLLED_BACK = ("no transaction is active", "no such savepoint")


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
    return None if code is None else _translate_code(path, code & 0xFF, error)


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
            return CorruptData(
                f"The catalog {path} is damaged: {error}.",
                hint="Move the file away and put back a copy from a backup; the store is not harmed.",
            )
        case sqlite3.SQLITE_FULL:
            return StorageFailed(
                f"The disk of the catalog {path} is full.", hint="Make room, then try again."
            )
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
            return StorageFailed(
                f"The catalog {path} cannot be written: {error}.",
                hint="Check the mode of the file and of its folder.",
            )
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_IOERR | sqlite3.SQLITE_NOLFS:
            return StorageFailed(
                f"The catalog {path} cannot be opened or read: {error}.",
                hint="Check that its folder exists, is yours, and lies on a disk that works.",
            )
        case _:
            return None
