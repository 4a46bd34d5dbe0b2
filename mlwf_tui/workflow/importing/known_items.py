"""What the last import of a folder knew, met again in path order or by signature; not a verb."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import chain

from mlwf_tui.entities.folder import FileFinder, FolderListing, FoundFile
from mlwf_tui.entities.keys import KeySet
from mlwf_tui.workflow.importing.cached_items import CachedItem, to_place
from mlwf_tui.workflow.importing.signatures import get_times_ns

_BEHIND_ALL = "\U0010ffff"


class KnownItems:
    """Items of the last import that may be believed: all but those under keys that were `changed` since.

    `list_runs` gives them in runs, each in path order; `scanned_at_ns` is when that import looked. A
    folder that is renamed leaves its files as they are, with their signatures, so what is under a new
    path may be known from an old one.

    Where nothing may be believed, the keys that images had are known all the same: an image keeps its key as
    long as it stays where it is, so that none gets that of another.
    """

    def __init__(
        self,
        list_runs: Callable[[], Sequence[Iterator[CachedItem]]],
        scanned_at_ns: int,
        changed: Collection[str],
        listing: FolderListing,
        *,
        is_believed: bool = True,
    ) -> None:
        self._is_believed = is_believed
        self._list_runs = list_runs
        self._scanned_at_ns = scanned_at_ns
        self._changed = changed
        self._listing = listing
        self._cursors = [_Cursor(run) for run in list_runs()]
        self._lost: dict[tuple[bytes, bytes], CachedItem | None] | None = None
        self._held: KeySet | None = None

    def find(self, image: str) -> CachedItem | None:
        """Return the item of an image; asked in path order, since what was passed is not found again."""
        item = self._meet(image)
        return item if item is not None and self._is_believed and item.key not in self._changed else None

    def find_key(self, image: str) -> str:
        """Return the key that an image had, empty where it had none; asked in path order, as `find`."""
        item = self._meet(image)
        return item.key if item is not None else ""

    def holds(self, key: str) -> bool:
        """Say whether a key is that of an image that is still where it was."""
        if not self._cursors:
            return False
        if self._held is None:
            self._held = self._gather_held()
        return self._held.holds(key)

    def _meet(self, image: str) -> CachedItem | None:
        place = to_place(image)
        for cursor in self._cursors:
            if cursor.place < place:
                cursor.skip_to(place)
            if cursor.place == place and cursor.item is not None:
                return cursor.item
        return None

    def _gather_held(self) -> KeySet:
        finder, held = FileFinder(self._listing), KeySet()
        for item in chain.from_iterable(self._list_runs()):
            folder, _, name = item.image.rpartition("/")
            if item.key and finder.find(folder, name) is not None:
                held.add(item.key)
        return held

    def find_moved(self, image: FoundFile, source_signature: bytes) -> CachedItem | None:
        """Return the item that an image and its source were before a folder above them was renamed.

        Only what is no longer at its old path, without problems, and the only one of its signatures.
        """
        # What has changed since the last look, as every new file has, cannot have been seen by it.
        if (
            not self._cursors
            or not self._is_believed
            or max(get_times_ns(image.signature)) >= self._scanned_at_ns
        ):
            return None
        if self._lost is None:
            self._lost = self._list_lost()
        return self._lost.get((image.signature, source_signature))

    def _list_lost(self) -> dict[tuple[bytes, bytes], CachedItem | None]:
        """Return the items whose images are not where they were, by their signatures; None for several."""
        finder = FileFinder(self._listing)
        lost: dict[tuple[bytes, bytes], CachedItem | None] = {}
        for item in chain.from_iterable(self._list_runs()):
            folder, _, name = item.image.rpartition("/")
            position = finder.find(folder, name)
            if position is not None and finder.get(position).signature == item.image_signature:
                continue
            signatures = item.image_signature, item.source_signature
            is_usable = bool(item.key) and not item.problems and item.key not in self._changed
            lost[signatures] = item if is_usable and signatures not in lost else None
        return lost


class _Cursor:
    """Goes through the items of one run, which come in path order."""

    def __init__(self, items: Iterator[CachedItem]) -> None:
        self._items = items
        self.item: CachedItem | None = None
        self.place = ""

    def skip_to(self, place: str) -> None:
        """Go on to the first item at a place or behind it."""
        for item in self._items:
            self.place = to_place(item.image)
            if self.place >= place:
                self.item = item
                return
        self.item, self.place = None, _BEHIND_ALL
