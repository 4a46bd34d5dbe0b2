"""Going to what is looked for in a log, and showing only that; where the lines are drawn is the view's."""

from __future__ import annotations

from typing import Protocol

from mlwf_tui.logs.levels import Level
from mlwf_tui.logs.query import Query, read_query
from mlwf_tui.tui.widgets.log_hunt import Hunt
from mlwf_tui.tui.widgets.log_page import LogPage
from mlwf_tui.tui.widgets.log_reader import LogReader
from mlwf_tui.tui.widgets.log_searches import Hunted, LogSearches, Purpose

LEVELS = (Level.PROGRESS, Level.INFO, Level.WARNING, Level.ERROR)
ERRORS = Query(level=Level.ERROR)


class Ground(Protocol):
    """The view on which lines are shown."""

    is_following: bool

    def find_first_line(self) -> int: ...
    def find_origin(self) -> int: ...
    def show_line(self, number: int, *, is_middle: bool = False) -> None: ...
    def grow(self) -> None: ...
    def redraw(self) -> None: ...


class LogFinder:
    """Begins hunts, takes what they find, and goes there."""

    def __init__(self, ground: Ground, page: LogPage, reader: LogReader, searches: LogSearches) -> None:
        self._ground = ground
        self._page = page
        self._reader = reader
        self._searches = searches
        self._kept = self._shown = -1  # the line that a filter is to keep in view, and where that stands now

    def search(self, pattern: str) -> Hunt | None:
        """Begin to look for an expression, and go to its last line at or before what is shown."""
        self._searches.end("search")
        self._page.current = -1
        self._ground.redraw()
        if not pattern or self._reader.path is None:
            return None
        hunt = self.begin("search", read_query(pattern))
        self._searches.want_step("search", -1)
        return hunt

    def filter(self, query: Query) -> Hunt | None:
        """Begin to show only the lines that the query wants; an empty one shows all again."""
        line = self._ground.find_first_line()
        self._searches.end("filter")
        if not query.is_empty and self._reader.path is not None:
            hunt = self.begin("filter", query)
            self._kept, self._shown = line, self._ground.find_first_line()
            return hunt
        self._ground.grow()
        self._ground.show_line(line)
        return None

    def begin(self, purpose: Purpose, query: Query) -> Hunt:
        """Begin a hunt in the log that is open."""
        assert self._reader.path is not None, "a log is open"
        hunt = self._searches.begin(self._reader.path, purpose, query)
        self._ground.grow()
        return hunt

    def take(self, event: Hunted) -> None:
        """Take what a hunt has found, and go where it is now certain."""
        purpose = self._searches.find_purpose(event.hunt)
        is_moving = purpose == "filter" and not self._ground.is_following
        line = self._find_kept() if is_moving else -1
        event.hunt.take(event.found)
        if purpose is None:
            return
        if purpose == "filter":
            self._ground.grow()
            if line >= 0:
                self._ground.show_line(line)
                self._shown = self._ground.find_first_line()
        elif step := self._searches.find_wanted(purpose):
            self._step(purpose, step)
        self._ground.redraw()

    def _find_kept(self) -> int:
        """Return the line that stays in view while more is found; a person may have gone on."""
        first = self._ground.find_first_line()
        if first != self._shown:
            self._kept = first
        return self._kept

    def step_match(self, step: int) -> None:
        """Go to the next or previous matching line, seen from the last one gone to or from the screen."""
        if "search" in self._searches:
            self._step("search", step)

    def step_error(self, step: int) -> None:
        """Go to the next or previous line of an error; the first time they are looked for."""
        if self._reader.path is None or not self._reader.line_count:
            return
        if "error" not in self._searches:
            self.begin("error", ERRORS)
        self._step("error", step)

    def step_level(self) -> None:
        """Show only lines of the next graver level; after the gravest all again."""
        query = self._searches.filter
        index = LEVELS.index(query.level) + 1 if query.level in LEVELS else 0
        self.filter(Query(query.pattern, LEVELS[index % len(LEVELS)], query.is_inverted))

    def leave(self) -> None:
        """End the search and forget where it went; where there is none, the filter."""
        if self._page.current >= 0 or "search" in self._searches or "error" in self._searches:
            self._searches.end("search")
            self._searches.end("error")
            self._page.current = -1
        else:
            self.filter(Query())

    def _step(self, purpose: Purpose, step: int) -> None:
        """Go to the next line found, or remember to as soon as it is certain which that is."""
        line = self._searches.find_next(purpose, step, self._ground.find_origin())
        if line >= 0:
            self._page.current = line
            self._ground.show_line(line, is_middle=True)
        self._ground.redraw()
