"""What lies at the path of a folder or file on the lineage now; when a run used it it may have differed."""

from __future__ import annotations

import os
import stat
from itertools import islice
from pathlib import Path

import msgspec

from mlwf_tui.errors import NotFound, StorageFailed

MAX_ENTRIES = 500
MAX_HEAD_BYTES = 8192


class PathEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing in a folder; a folder in it has no size."""

    name: str
    size_bytes: int | None


class PathContents(msgspec.Struct, frozen=True, kw_only=True):
    """What is there: of a folder its first entries, of a file its size and the text it begins with."""

    path: str
    entries: tuple[PathEntry, ...] = ()
    is_cut: bool = False  # there are more entries, or more text
    size_bytes: int | None = None
    text: str = ""  # "" also where it is no text


def read_path(path: str) -> PathContents:
    """Look at a path, without following it where it is no folder or plain file.

    Raises:
        NotFound: nothing is there any more.
        StorageFailed: it cannot be read.
    """
    try:
        found = Path(path).stat()
        if stat.S_ISDIR(found.st_mode):
            return _read_folder(path)
        if not stat.S_ISREG(found.st_mode):
            return PathContents(path=path)
        return _read_file(path, found.st_size)
    except FileNotFoundError as error:
        hint = "The lineage keeps its card; history tells what was done with it."
        raise NotFound(f"Nothing lies at {path} any more.", hint=hint) from error
    except (OSError, ValueError) as error:
        raise StorageFailed(f"{path} cannot be read: {error}.", hint="Look at its permissions.") from error


def _read_folder(path: str) -> PathContents:
    with os.scandir(path) as listing:
        found = list(islice(listing, MAX_ENTRIES + 1))
    entries = [
        PathEntry(
            name=entry.name,
            size_bytes=None if entry.is_dir() else entry.stat(follow_symlinks=False).st_size,
        )
        for entry in sorted(found[:MAX_ENTRIES], key=lambda entry: entry.name)
    ]
    return PathContents(path=path, entries=tuple(entries), is_cut=len(found) > MAX_ENTRIES)


def _read_file(path: str, size_bytes: int) -> PathContents:
    with Path(path).open("rb") as file:
        head = file.read(MAX_HEAD_BYTES)
    text = "" if b"\0" in head else head.decode("utf-8", "replace")
    return PathContents(path=path, size_bytes=size_bytes, text=text, is_cut=size_bytes > len(head))
