"""Writes a file outside the store whole or not at all; not a verb."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from mlwf_tui.errors import StorageFailed


def replace_file(path: Path, content: bytes) -> None:
    """Let `path` hold this from now on; its folder is made. What dies half-way leaves what was there.

    Raises:
        StorageFailed: the disk refused.
    """
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with scratch.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    except OSError as error:
        with suppress(OSError):  # where its folder is none, or the disk is read-only, nothing was made
            scratch.unlink()
        raise StorageFailed(
            f"{path} cannot be written: {error.strerror}.", hint="Look at the disk."
        ) from error
