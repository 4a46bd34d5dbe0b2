"""Writes a file outside the store whole or not at all; not a verb."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

from mlwf_tui.errors import Conflict, StorageFailed
from mlwf_tui.settings import expand_path

NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)
"""How FAT and some network disks refuse a hard link."""
_FULL = (errno.ENOSPC, errno.EDQUOT)


def _place_new(whole: Path, path: Path) -> None:
    """Give a whole file its name, unless that is taken; on a disk without hard links in two steps."""
    try:
        os.link(whole, path)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        path.open("x").close()
        try:
            whole.replace(path)
        except OSError:
            path.unlink(missing_ok=True)
            raise


def create_file(path: Path, content: bytes) -> None:
    """Let `path`, where nothing is yet, hold this; what dies half-way leaves nothing there.

    On a disk without hard links a process that is killed may leave an empty file.

    Raises:
        FileExistsError: something is there, be it since a moment ago.
        StorageFailed: the disk refused.
    """
    whole = path.with_name(f".{path.name}.{os.getpid()}.whole")
    if path.exists():
        raise FileExistsError(path)
    if not path.parent.is_dir():
        raise StorageFailed(f"{path} cannot be written: there is no such folder.", hint="Make it first.")
    try:
        _write(whole, content)
        _place_new(whole, path)
    except FileExistsError:
        raise
    except OSError as error:
        raise _refuse(path, error) from error
    finally:
        with suppress(OSError):
            whole.unlink()


def write_new_file(dest: Path, text: str) -> Path:
    """Write a text to a file that a person named and that is not there yet; return its path.

    Raises:
        Conflict: the file exists.
        StorageFailed: it cannot be written.
    """
    path = expand_path(dest)
    try:
        create_file(path, text.encode())
    except FileExistsError as error:
        raise Conflict(f"{path} exists already.", hint="Choose another name.") from error
    return path


def replace_file(path: Path, content: bytes) -> None:
    """Let `path` hold this from now on; its folder is made. What dies half-way leaves what was there.

    Raises:
        StorageFailed: the disk refused.
    """
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(scratch, content)
        scratch.replace(path)
    except OSError as error:
        with suppress(OSError):  # where its folder is none, or the disk is read-only, nothing was made
            scratch.unlink()
        raise _refuse(path, error) from error


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _refuse(path: Path, error: OSError) -> StorageFailed:
    return StorageFailed(f"{path} cannot be written: {error.strerror}.", hint=suggest_place(error))


def suggest_place(error: OSError) -> str:
    """Return what to do where something could not be written to a place that a person chose."""
    space = "Free some space on its disk, or choose" if error.errno in _FULL else "Choose"
    return f"{space} another place."
