"""The door to the catalog: opens one file, brings it to today's format, and holds its repositories."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from mlwf_tui.catalog.artifacts import Artifacts
from mlwf_tui.catalog.cards import Cards
from mlwf_tui.catalog.contents import Contents
from mlwf_tui.catalog.database import Clock, Database
from mlwf_tui.catalog.deletions import Deletions
from mlwf_tui.catalog.intermediates import Intermediates
from mlwf_tui.catalog.jobs import Jobs
from mlwf_tui.catalog.journal import Journal
from mlwf_tui.catalog.lineage import Lineage
from mlwf_tui.catalog.migrations import migrate
from mlwf_tui.catalog.models import Models
from mlwf_tui.catalog.projects import Projects
from mlwf_tui.catalog.queue import Queue
from mlwf_tui.catalog.recipes import Recipes
from mlwf_tui.catalog.reports import Reports
from mlwf_tui.catalog.roots import Roots
from mlwf_tui.catalog.runs import Runs
from mlwf_tui.catalog.standings import Standings
from mlwf_tui.catalog.tags import Tags
from mlwf_tui.catalog.versions import Versions
from mlwf_tui.errors import Busy

BUSY_TIMEOUT_S = 30.0
RETRY_S = 0.01


def read_clock() -> datetime:
    """Return the time it is."""
    return datetime.now(UTC)


class Catalog:
    """Everything of a home that is not bytes.

    Any number of threads and processes may use one file. Every changing method is one short
    transaction of its own, or a part of the `transaction()` around it, with its journal event.

    Raises, from any method:
        Busy: another process held the file for longer than the timeout.
        StorageFailed: the disk is full, or the file cannot be opened or written.
        CorruptData: the file is damaged.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock = read_clock,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
        original: Path | None = None,
    ) -> None:
        """Open a catalog, or make it; a copy of an `original` that cannot be written takes no changes."""
        self.original = original
        self._database = Database(path, clock=clock, busy_timeout_s=busy_timeout_s)
        self.journal = Journal(self._database)
        self.projects = Projects(self._database, self.journal)
        self.versions = Versions(self._database, self.journal)
        self.tags = Tags(self._database, self.journal)
        self.contents = Contents(self._database)
        self.roots = Roots(self._database)
        self.runs = Runs(self._database, self.journal)
        self.standings = Standings(self._database)
        self.jobs = Jobs(self._database, self.journal)
        self.queue = Queue(self._database, self.journal, self.runs, self.jobs)
        self.models = Models(self._database, self.journal)
        self.reports = Reports(self._database, self.journal)
        self.deletions = Deletions(self._database, self.projects, self.versions, self.models, self.reports)
        self.recipes = Recipes(self._database, self.journal)
        self.intermediates = Intermediates(self._database)
        self.artifacts = Artifacts(self._database, self.journal)
        self.cards = Cards(self._database, self.journal)
        self.lineage = Lineage(self._database, self.journal)
        try:
            _open(self._database)
            if original is not None:
                self._database.refuse_changes(original)
            self._file = _identify(path)
        except BaseException:
            self.close()
            raise

    @property
    def path(self) -> Path:
        """The file that was opened."""
        return self._database.path

    def is_in_place(self) -> bool:
        """Whether the file that was opened still lies where it did; one that was moved works on."""
        return _identify(self._database.path) == self._file

    def transaction(self) -> AbstractContextManager[None]:
        """Make several changes one: all are seen by others, or none. May be nested."""
        return self._database.transaction()

    def close(self) -> None:
        """Close the connection of this thread; those of others close as their threads end."""
        self._database.close()

    def __enter__(self) -> Catalog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _identify(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from any other, or None where there is none."""
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_dev, status.st_ino


def _open(database: Database) -> None:
    """Migrate, again while others do: SQLite does not wait by itself where a file changes to WAL."""
    deadline = time.monotonic() + database.busy_timeout_s
    while True:
        try:
            migrate(database)
            return
        except Busy:
            if time.monotonic() > deadline:
                raise
            time.sleep(RETRY_S)
