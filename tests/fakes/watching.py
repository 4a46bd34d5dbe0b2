"""A store that notes whether others could write to a catalog whenever somebody reads from it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from mlwf_tui.entities.ids import Digest
from mlwf_tui.store.store import Store


class WatchingStore(Store):
    """Counts what is read, and what of it while somebody held the catalog's write lock."""

    def __init__(self, folder: Path, catalog: Path) -> None:
        super().__init__(folder)
        self.read_count = 0
        self.held_count = 0
        self._catalog = catalog

    def read(self, digest: Digest) -> bytes:
        self.read_count += 1
        self.held_count += not self._is_writable()
        return super().read(digest)

    def _is_writable(self) -> bool:
        with closing(sqlite3.connect(self._catalog, timeout=0, isolation_level=None)) as other:
            try:
                other.execute("BEGIN IMMEDIATE")
                other.execute("ROLLBACK")
            except sqlite3.OperationalError:
                return False
        return True
