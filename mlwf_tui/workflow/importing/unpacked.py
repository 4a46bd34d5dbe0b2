"""Folders of the home that archives are unpacked into; gone when the import has ended. Not a verb.

Each has a lock beside it that the kernel drops with its process: the next import knows what was left.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mlwf_tui.entities.ids import new_id
from mlwf_tui.store.failures import guard_storage
from mlwf_tui.store.locks import try_lock

_FLAGS = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC


def clear_unpacked(home: Path) -> None:
    """Take away what imports that were killed have left; those that go on are let alone."""
    for lock in sorted(_get_folder(home).glob("*.lock")):
        with suppress(OSError):
            descriptor = os.open(lock, _FLAGS)
            try:
                if try_lock(descriptor):
                    import shutil  # brings compressors along, 5 ms

                    shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
                    lock.unlink()
            finally:
                os.close(descriptor)


@contextmanager
def hold_place(home: Path) -> Iterator[Path]:
    """Give an empty folder for as long as the block runs.

    Raises:
        StorageFailed: the disk refused.
    """
    import shutil

    place = _get_folder(home) / new_id()
    lock = place.with_suffix(".lock")
    with guard_storage(f"make {place}"):
        place.parent.mkdir(parents=True, exist_ok=True)
        descriptor = _lock_new(lock)
    try:
        with guard_storage(f"make {place}"):
            place.mkdir(mode=0o700)
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        lock.unlink(missing_ok=True)
        os.close(descriptor)


def _get_folder(home: Path) -> Path:
    return home / "cache" / "unpacked"


def _lock_new(lock: Path) -> int:
    """Return the locked file; another import's clearing may take it away before it is locked."""
    while True:
        descriptor = os.open(lock, _FLAGS | os.O_CREAT, 0o600)
        with suppress(FileNotFoundError):
            if try_lock(descriptor) and lock.stat().st_ino == os.fstat(descriptor).st_ino:
                return descriptor
        os.close(descriptor)
