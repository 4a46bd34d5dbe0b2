"""Keeps images as files that exports share by hard links; not a verb.

A shared file is one file under several names: whoever writes into it changes it in every linked export.
So it is read-only, and has a time that an edit would change: an edited one is never linked again. The
store holds its own bytes and is out of reach of such an edit.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

import msgspec

from mlwf_tui.entities.ids import new_id
from mlwf_tui.entities.item import Item
from mlwf_tui.workspace import Workspace

MARK_TIME_NS = 946_684_800 * 10**9  # 2000-01-01 UTC
_CANNOT_LINK = frozenset({errno.EXDEV, errno.EMLINK, errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS})


class ImageLinks(msgspec.Struct):
    """Links images of a home into folders, and counts them."""

    workspace: Workspace
    linked_count: int = 0

    @property
    def folder(self) -> Path:
        return self.workspace.exports_folder / "images"

    def share(self, item: Item) -> Path:
        """Return the item's shared file, written now where it is missing or was edited.

        Raises:
            OSError: the disk is full or cannot be written.
            CorruptData: the stored image is damaged.
        """
        shared = self.folder / item.blob[:2] / item.blob
        if not _is_untouched(shared, item.size_bytes):
            self._write(shared, item)
        return shared

    def link(self, shared: Path, path: Path) -> bool:
        """Make `path` a name of a shared file.

        False where the file system has no such links, or `path` lies on another one.

        Raises:
            OSError: the disk is full or cannot be written.
        """
        try:
            path.hardlink_to(shared)
        except OSError as error:
            if error.errno in _CANNOT_LINK:
                return False
            raise
        self.linked_count += 1
        return True

    def _write(self, shared: Path, item: Item) -> None:
        """Write a new file that takes the place of whatever had its name; links to that one keep it."""
        shared.parent.mkdir(parents=True, exist_ok=True)
        fresh = shared.with_name(f".{shared.name}-{new_id()}")
        try:
            fresh.write_bytes(self.workspace.store.read(item.blob))
            fresh.chmod(0o444)
            os.utime(fresh, ns=(MARK_TIME_NS, MARK_TIME_NS))
            fresh.replace(shared)
        finally:
            fresh.unlink(missing_ok=True)


def _is_untouched(shared: Path, size_bytes: int) -> bool:
    try:
        status = shared.stat()
    except FileNotFoundError:
        return False
    return status.st_size == size_bytes and status.st_mtime_ns == MARK_TIME_NS
