"""Advisory locks on open files, which the kernel drops when their holder dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlwf_tui.errors import Busy
from mlwf_tui.store.failures import guard_storage

_POLL_S = 0.02
_OPENING_TIMEOUT_S = 60.0


def try_lock(descriptor: int, mode: int = fcntl.LOCK_EX) -> bool:
    """Take the lock of an open file, exclusive unless `mode` says shared, if nobody is in the way."""
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def hold_folder(folder: Path, *, timeout_s: float = _OPENING_TIMEOUT_S) -> Iterator[None]:
    """Hold the exclusive lock of a folder for the time of the body.

    Raises:
        Busy: another process held it for all of `timeout_s`.
    """
    busy = Busy(
        f"Another process has been opening {folder} for {timeout_s:.0f} s.",
        hint="Wait for it to end, or stop it.",
    )
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    with _hold(descriptor, fcntl.LOCK_EX, timeout_s, busy):
        yield


@contextmanager
def hold_file(path: Path, *, is_shared: bool, timeout_s: float, busy: Busy) -> Iterator[None]:
    """Hold the lock of a file, made where it is missing, together with others or alone.

    Raises:
        Busy: `busy`, where others were in the way for all of `timeout_s`.
        StorageFailed: the file cannot be opened.
    """
    with guard_storage(f"open {path}"):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    with _hold(descriptor, fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX, timeout_s, busy):
        yield


@contextmanager
def _hold(descriptor: int, mode: int, timeout_s: float, busy: Busy) -> Iterator[None]:
    try:
        deadline = time.monotonic() + timeout_s
        while not try_lock(descriptor, mode):
            if time.monotonic() > deadline:
                raise busy
            time.sleep(_POLL_S)  # flock has no timeout of its own
        yield
    finally:
        os.close(descriptor)
