"""Pipes to processes of our own; not a verb. It imports next to nothing: some are started before all else."""

from __future__ import annotations

import fcntl
import os

_BEHIND_STREAMS = 3  # the first descriptor that is none of input, output and errors


def open_pipe() -> tuple[int, int]:
    """Return the ends of a pipe to read from and to write to.

    Neither is a standard stream of whoever inherits it, though this process may have some of these closed.

    Raises:
        OSError: no descriptor is left.
    """
    ends = os.pipe()
    try:
        reading, writing = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, _BEHIND_STREAMS) for end in ends)
    finally:
        for end in ends:
            os.close(end)
    return reading, writing
