"""The house key: one opened home with its store, catalog, plug-ins and settings; no verbs."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from mlwf_tui.catalog.catalog import Catalog
from mlwf_tui.entities.ids import RunId
from mlwf_tui.errors import CorruptData, StorageFailed
from mlwf_tui.registry import Registry
from mlwf_tui.settings import Settings, is_disk_full, prepare_home, read_settings
from mlwf_tui.store.failures import guard_storage
from mlwf_tui.store.store import INDEX, Store

CATALOG = "catalog.sqlite"


class Adoption(msgspec.Struct):
    """A run that waits for its verb to record it."""

    run_id: RunId
    verb: str
    is_taken: bool = False


class Pulse(msgspec.Struct):
    """Lets what is done now and again be done once, however many followers of an opened home ask for it."""

    beaten_at_s: float = -math.inf  # by the monotonic clock

    def is_due(self, interval_s: float) -> bool:
        """Whether `interval_s` seconds have passed; who is told so does it."""
        now_s = time.monotonic()
        if now_s - self.beaten_at_s < interval_s:
            return False
        self.beaten_at_s = now_s
        return True


class Workspace(msgspec.Struct, frozen=True, kw_only=True):
    """What every verb takes first. Safe to use from several threads; closed by whoever opened it."""

    home: Path
    settings: Settings
    store: Store
    catalog: Catalog
    registry: Registry
    adopted: Adoption | None = None  # in a worker: the run that it was started for
    pulse: Pulse = msgspec.field(default_factory=Pulse)
    scratch: Path | None = None  # where databases are that would lie in a home which cannot be written

    @property
    def is_read_only(self) -> bool:
        """Whether the home cannot be written: its queue stands still, and no change is taken."""
        return self.catalog.original is not None

    @property
    def place(self) -> str:
        """Where the home really lies, whatever links lead there; a copy of it has another place."""
        return str(self.home.resolve())

    def check_home(self) -> None:
        """See that what was opened is still the home at its path, before anything is begun in it.

        Raises:
            StorageFailed: it was moved, deleted, or another was put in its place.
        """
        if self.catalog.is_in_place():
            return
        what = "is another one now" if has_catalog(self.home) else "is not there any more"
        raise StorageFailed(
            f"The home {self.home} {what}: it was moved or deleted while it was open here.",
            hint="Open it where it lies now, with --home.",
        )

    def adopt_run(self, verb: str) -> RunId | None:
        """Return the run that a worker was started for, to the first one that records this verb.

        So a verb that was queued records itself as the run that a person has seen since.
        """
        if self.adopted is None or self.adopted.is_taken or self.adopted.verb != verb:
            return None
        self.adopted.is_taken = True
        return self.adopted.run_id

    def run_folder(self, run_id: str) -> Path:
        """Where a run keeps its log, its events and its scratch files."""
        return self.home / "runs" / run_id

    @property
    def cache_folder(self) -> Path:
        """Where lies what is found out once, and may be deleted at any time."""
        return (self.scratch or self.home) / "cache"

    @property
    def exports_folder(self) -> Path:
        """Versions written out for trainers; may be deleted at any time when no run is going."""
        return self.home / "cache" / "exports"


@contextmanager
def open_workspace(home: Path, *, may_be_read_only: bool = False) -> Iterator[Workspace]:
    """Open a home, making it where it is missing, and close it at the end.

    With `may_be_read_only` also one that cannot be written, or whose disk is full: all of it can be read, and
    nothing changed.

    Raises:
        StorageFailed: the home is not ours or cannot be written.
        CorruptData: the catalog or the store's index is damaged.
    """
    may_be_read_only = may_be_read_only and has_catalog(home)
    is_writable = prepare_home(home, may_be_read_only=may_be_read_only)
    settings = read_settings(home)
    _check_catalog(home)
    with ExitStack() as held:
        try:
            opened = held.enter_context(_open(home) if is_writable else _open_copies(home))
        except StorageFailed:
            if not (is_writable and may_be_read_only and is_disk_full(home)):
                raise
            opened = held.enter_context(_open_copies(home))
        store, catalog, scratch = opened
        yield Workspace(
            home=home,
            settings=settings,
            store=store,
            catalog=catalog,
            registry=Registry(),
            scratch=scratch,
        )


@contextmanager
def _open(home: Path) -> Iterator[tuple[Store, Catalog, None]]:
    with Store(home / "store") as store, Catalog(home / CATALOG) as catalog:
        yield store, catalog, None


@contextmanager
def _open_copies(home: Path) -> Iterator[tuple[Store, Catalog, Path]]:
    """Open a home whose databases cannot be written: SQLite writes where it only reads, so to copies."""
    from tempfile import TemporaryDirectory  # 5 ms that homes which can be written do without

    from mlwf_tui.catalog.copies import copy_to_read

    with ExitStack() as held:
        with guard_storage(f"copy the catalog of {home} to read it"):
            scratch = Path(held.enter_context(TemporaryDirectory(prefix="mlwf-")))
            copy_to_read(home / CATALOG, scratch / CATALOG)
            if (home / "store" / INDEX).is_file():  # else it is made from the packs
                copy_to_read(home / "store" / INDEX, scratch / INDEX)
        store = Store(home / "store", scratch_folder=scratch)
        with store, Catalog(scratch / CATALOG, original=home / CATALOG) as catalog:
            yield store, catalog, scratch


def has_catalog(home: Path) -> bool:
    """Whether a home was made there, and is still."""
    try:
        return (home / CATALOG).stat().st_size > 0
    except (FileNotFoundError, NotADirectoryError):
        return False


def _check_catalog(home: Path) -> None:
    """Refuse a store without its catalog: an empty list of projects would look like a loss."""
    if has_catalog(home):
        return
    if any((home / "store" / "packs").glob("*.pack")):
        raise CorruptData(
            f"{home / CATALOG} is missing or empty, but the store beside it holds data.",
            hint="Put the catalog back from a backup, or choose another home.",
        )
