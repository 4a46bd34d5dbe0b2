"""Advisory locks on open files, which the kernel drops when their holder dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlwf_tui.errors import Busy

_POLL_S = 0.02


def try_lock(descriptor: int) -> bool:
    """Take the exclusive lock of an open file if nobody holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def hold_folder(folder: Path, *, timeout_s: float = 60.0) -> Iterator[None]:
    """Hold the exclusive lock of a folder for the time of the body.

    Raises:
        Busy: another process held it for all of `timeout_s`.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        deadline = time.monotonic() + timeout_s
        while not try_lock(descriptor):
            if time.monotonic() > deadline:
                raise Busy(
                    f"Another process has been opening {folder} for {timeout_s:.0f} s.",
                    hint="Wait for it to end, or stop it.",
                )
            time.sleep(_POLL_S)  # flock has no timeout of its own
        yield
    finally:
        os.close(descriptor)
