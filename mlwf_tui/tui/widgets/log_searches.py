"""What is looked for in a log that a view shows: the filter, the search and the errors; no drawing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from textual.message import Message
from textual.widget import Widget

from mlwf_tui.logs.patience import compile_pattern
from mlwf_tui.logs.query import Query
from mlwf_tui.logs.seeker import Found
from mlwf_tui.tui.widgets.log_hunt import Hunt
from mlwf_tui.tui.widgets.log_page import LogPage
from mlwf_tui.tui.widgets.log_status import Progress

Purpose = Literal["filter", "search", "error"]


class Hunted(Message, bubble=False):
    """A search has found something, or ended; posted to the view itself."""

    def __init__(self, hunt: Hunt, found: Found | None) -> None:
        super().__init__()
        self.hunt = hunt
        self.found = found


class LogSearches:
    """At most one hunt for each purpose, and where each is to go as soon as that is certain."""

    def __init__(self, view: Widget, page: LogPage, ready: asyncio.Event) -> None:
        self._view = view
        self._page = page
        self._ready = ready  # until then lines have other numbers
        self._hunts: dict[Purpose, Hunt] = {}
        self._steps: dict[Purpose, int] = {}  # where to go as soon as enough has been found

    def __contains__(self, purpose: Purpose) -> bool:
        return purpose in self._hunts

    def __bool__(self) -> bool:
        return bool(self._hunts)

    @property
    def is_complete(self) -> bool:
        """Whether all have looked through the whole log."""
        return all(hunt.is_complete for hunt in self._hunts.values())

    @property
    def filter(self) -> Query:
        """What the filter wants; an empty query where there is none."""
        return self._hunts["filter"].query if "filter" in self._hunts else Query()

    @property
    def queries(self) -> Mapping[Purpose, Query]:
        return {purpose: hunt.query for purpose, hunt in self._hunts.items()}

    def get(self, purpose: Purpose) -> Hunt:
        return self._hunts[purpose]

    def find_purpose(self, hunt: Hunt) -> Purpose | None:
        """Return what a hunt is for; None where it was ended meanwhile."""
        return next((purpose for purpose, one in self._hunts.items() if one is hunt), None)

    def begin(self, path: Path, purpose: Purpose, query: Query) -> Hunt:
        """Look for something in place of what was looked for before."""
        self.end(purpose)
        hunt = self._hunts[purpose] = Hunt(path, query)
        if purpose == "filter":
            self._page.filter = hunt.lines
        elif purpose == "search" and not query.is_inverted:
            self._page.expression = compile_pattern(query.pattern)
        self._view.run_worker(self._start(hunt), group="hunt", name=f"begin the {purpose}")
        return hunt

    async def _start(self, hunt: Hunt) -> None:
        await self._ready.wait()

        def tell(found: Found | None) -> None:
            self._view.post_message(Hunted(hunt, found))

        hunt.start(tell)

    def go_on(self) -> None:
        """Look through what was appended too."""
        for hunt in self._hunts.values():
            hunt.go_on()

    def end(self, purpose: Purpose) -> None:
        self._steps.pop(purpose, None)
        hunt = self._hunts.pop(purpose, None)
        if purpose == "filter":
            self._page.filter = None
        elif purpose == "search":
            self._page.expression = None
        if hunt is not None:
            hunt.stop()
            hunt.completed.set()

    def end_all(self) -> None:
        for purpose in tuple(self._hunts):
            self.end(purpose)

    def want_step(self, purpose: Purpose, step: int) -> None:
        """Note that the view is to go one match on or back once it has been found."""
        self._steps[purpose] = step

    def find_wanted(self, purpose: Purpose) -> int:
        """Return the step that is still wanted, 0 for none."""
        return self._steps.get(purpose, 0)

    def find_next(self, purpose: Purpose, step: int, origin: int) -> int:
        """Return the match to go to from a line; -1 where there is none, or none is certain yet.

        What is not certain is wanted from then on.
        """
        hunt = self._hunts[purpose]
        lines = hunt.lines
        index = lines.count_before(origin + 1) if step > 0 else lines.count_before(origin) - 1
        if step < 0 and self._page.current < 0:
            index = lines.count_before(origin + 1) - 1  # the search begins: what is on the screen counts
        is_certain = hunt.is_complete or (index >= 0 if step < 0 else 0 < index < len(lines))
        self._steps[purpose] = 0 if is_certain else step
        return lines.get(index % len(lines)) if is_certain and len(lines) else -1

    def describe(self, purpose: Purpose) -> Progress | None:
        """Return how a search stands; where only errors are looked for, those."""
        hunt = self._hunts.get(purpose)
        if hunt is None and purpose == "search" and self._page.current >= 0:
            hunt = self._hunts.get("error")
        if hunt is None:
            return None
        return Progress(
            query=hunt.query,
            count=len(hunt.lines),
            share=hunt.share,
            is_complete=hunt.is_complete,
            is_hopeless=hunt.is_hopeless,
            hard_lines=hunt.hard_lines,
            place=hunt.lines.count_before(self._page.current) + 1 if self._page.current in hunt.lines else 0,
        )
