"""Which items are listed, and in which order: all, or those that match a filter, sorted as a person likes."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from textual.app import App

from mlwf_tui.entities.item import Item
from mlwf_tui.errors import MlwfError
from mlwf_tui.tui.screens.pages import PAGE, ItemPages
from mlwf_tui.tui.screens.work import Work
from mlwf_tui.workflow.items import ItemSource, find_item_place, iter_matches, read_items
from mlwf_tui.workflow.ordering import NAME, sort_items
from mlwf_tui.workspace import Workspace


class ItemRows:
    """Reads pages, filters and sorts in threads. All but that is called on the loop.

    `on_listed` is told that other rows are listed, and the row to stay at where that is known, `on_grown`
    that a filter has found more or is done, `on_read` that a page is there.
    """

    def __init__(
        self,
        workspace: Workspace,
        work: Work,
        app: Callable[[], App[Any]],
        *,
        on_listed: Callable[[int | None], None],
        on_grown: Callable[[], None],
        on_read: Callable[[], None],
    ) -> None:
        self._workspace, self._work, self._app = workspace, work, app
        self._on_listed, self._on_grown, self._on_read = on_listed, on_grown, on_read
        self._source: ItemSource | None = None
        self._listed: ItemSource | None = None  # what the pages are of, until newer ones are read
        self._matches: array[int] | None = None  # places of what a filter has found, in key order
        self._ended = threading.Event()  # of the filter or sorting that is at it
        self._is_reading = False
        self.pages = ItemPages((), self._read_later)
        self.query = ""
        self.order: tuple[str, bool] = (NAME, False)  # by what, and whether the largest comes first
        self.passed: int | None = None  # items looked through by a filter that is still at it

    @property
    def is_sorted(self) -> bool:
        """Whether the order is another than that of the names."""
        return self.order != (NAME, False)

    def begin(self, source: ItemSource) -> None:
        """List all items of a source by their names."""
        self._source = source
        self.order = (NAME, False)
        self.show_all()

    def renew(self, source: ItemSource, key: str) -> None:
        """List the items of another source as those before were: with the same filter, order and item."""
        self._source = source
        if self.query:
            self.filter(self.query)
        elif self.is_sorted or not source.places:
            self.show_all()
        else:
            self._list_around(source, key)

    def end(self) -> None:
        """Let go of what is being looked for."""
        self._ended.set()

    def show_all(self) -> None:
        """List all items, in the order that was chosen."""
        self._restart()
        self.query, self.passed, self._matches = "", None, None
        self._list()

    def filter(self, query: str) -> None:
        """List what matches a query; items appear in key order, and are sorted when all are found."""
        if self._source is None or not query:
            self.show_all()
            return
        ended = self._restart()
        matches = self._matches = array("I")
        self.query, self.passed = query, 0
        self._show(matches)
        scan = partial(self._scan, self._source, query, matches, ended)

        def refused(error: MlwfError) -> None:
            self._end_scan(ended)
            self._work.fail(error)

        self._work.start("filter", scan, lambda _: self._end_scan(ended), fail=refused)

    def sort(self, by: str, *, is_descending: bool) -> None:
        """List the same items in another order."""
        self.order = (by, is_descending)
        if self.passed is None:
            self._restart()
            self._list()

    def find_item(self, row: int) -> Item | None:
        """Return the item in a row, or None while it is being read."""
        return self.pages.find_item(row) if 0 <= row < len(self.pages) else None

    def _restart(self) -> threading.Event:
        self._ended.set()
        self._ended = threading.Event()
        return self._ended

    def _list(self) -> None:
        """List what there is, at once where the order is that of the names."""
        source, ended = self._source, self._ended
        if source is None:
            return
        if not self.is_sorted:
            self._show(source.places if self._matches is None else self._matches)
            return
        by, is_descending = self.order
        work = partial(
            sort_items, self._workspace, source, by, is_descending=is_descending, places=self._matches
        )

        def sorted_so(places: array[int]) -> None:
            if not ended.is_set():
                self._show(places, is_growing=False)

        self._work.start("sorting", work, sorted_so)

    def _list_around(self, source: ItemSource, key: str) -> None:
        """List all items once those around one are read; what was listed is seen until then."""
        ended = self._restart()

        def read() -> tuple[int, dict[int, tuple[Item, ...]]]:
            row = find_item_place(self._workspace, source, key) - source.places.start
            here = row // PAGE
            places = {n: source.places[n * PAGE : (n + 1) * PAGE] for n in range(max(0, here - 1), here + 2)}
            return row, {n: read_items(self._workspace, source, some) for n, some in places.items() if some}

        def done(found: tuple[int, dict[int, tuple[Item, ...]]]) -> None:
            if ended.is_set():
                return
            row, read_pages = found
            self.pages, self._listed = ItemPages(source.places, self._read_later), source
            for number, items in read_pages.items():
                self.pages.keep(number, items)
            self._on_listed(row)

        self._work.start("items", read, done)

    def _show(self, places: Sequence[int], *, is_growing: bool = True) -> None:
        self.pages = ItemPages(places, self._read_later, is_growing=is_growing)
        self._listed = self._source
        self._on_listed(None)

    def _scan(self, source: ItemSource, query: str, matches: array[int], ended: threading.Event) -> None:
        """Look through all items, in a thread, until somebody ends it."""
        for passed, found in iter_matches(self._workspace, source, query):
            if ended.is_set():
                return
            self._app().call_from_thread(self._take, matches, passed, found, ended)

    def _take(self, matches: array[int], passed: int, found: tuple[int, ...], ended: threading.Event) -> None:
        if not ended.is_set():
            self.passed = passed
            matches.extend(found)
            self._on_grown()

    def _end_scan(self, ended: threading.Event) -> None:
        if ended.is_set():
            return
        self.passed = None
        self._on_grown()
        if self.is_sorted:
            self._list()

    # --- reading pages -------------------------------------------------------------------------

    def _read_later(self) -> None:
        self._app().call_later(self._read_next)

    def _read_next(self) -> None:
        wanted = None if self._is_reading else self.pages.take_wanted()
        if wanted is None or self._listed is None:
            return
        number, places = wanted
        self._is_reading = True
        work = partial(read_items, self._workspace, self._listed, places)
        self._work.start("items", work, partial(self._keep, self.pages, number), fail=self._give_up)

    def _keep(self, pages: ItemPages, number: int, items: tuple[Item, ...]) -> None:
        self._is_reading = False
        pages.keep(number, items)
        if pages is self.pages:
            self._on_read()
        self._read_next()

    def _give_up(self, error: MlwfError) -> None:
        self._is_reading = False
        self._work.fail(error)
