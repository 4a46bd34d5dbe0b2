"""Turns what the file system refuses into StorageFailed; knows nothing of packs."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from mlwf_tui.errors import StorageFailed

_HINTS = {
    errno.ENOSPC: "Free some space on that disk, then try again.",
    errno.EDQUOT: "Free some of your quota, then try again.",
    errno.EFBIG: "Raise the limit on the size of files (ulimit -f), then try again.",
    errno.EROFS: "The file system is mounted read-only: mount it for writing, or choose another place.",
    errno.EACCES: "Check the owner and the mode of the folder.",
    errno.EPERM: "Check the owner and the mode of the folder.",
    errno.EMFILE: "Raise the limit on open files (ulimit -n), then try again.",
}


@contextmanager
def guard_storage(action: str) -> Iterator[None]:
    """Raise StorageFailed where the body raises OSError; `action` completes "Could not …".

    Raises:
        StorageFailed: with the system's reason, and a hint where the errno tells one.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageFailed(
            f"Could not {action}: {reason}.",
            hint=_HINTS.get(error.errno or 0, "Check the disk and the folder."),
        ) from error
