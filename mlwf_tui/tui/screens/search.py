"""Searching in the pane that has the focus: the tree is filtered, graph and log jump to matches."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from textual.screen import Screen

from mlwf_tui.tui.screens.telling import Teller
from mlwf_tui.tui.widgets.lineage_view import LineageView
from mlwf_tui.tui.widgets.log_view import LogView
from mlwf_tui.tui.widgets.prompt import Prompt

MATCH_TIMEOUT_S = 2.0


class Search:
    """Asks for a text and looks for it; `filter_tree` gets it keystroke by keystroke.

    `on_filtered` is called once a person is content with it.
    """

    def __init__(
        self,
        screen: Screen[Any],
        teller: Teller,
        filter_tree: Callable[[str], None],
        on_filtered: Callable[[], None],
    ) -> None:
        self._screen = screen
        self._teller = teller
        self._filter_tree = filter_tree
        self._on_filtered = on_filtered
        self._view: LineageView | None = None
        self._text = ""
        self._matches: tuple[str, ...] = ()
        self._place = -1

    def begin(self, present_filter: str) -> None:
        """Ask what to look for where the focus is."""
        match self._screen.focused:
            case LineageView() as view:
                prompt = Prompt("Find on the graph", value=self._text)
                self._put(prompt, lambda text: self._search_graph(view, text))
            case LogView() as log_view:
                help = "A regular expression; ! in front finds the other lines"
                self._put(Prompt("Search the log", help=help), lambda text: self._search_log(log_view, text))
            case _:
                prompt = Prompt(
                    "Filter the projects",
                    value=present_filter,
                    can_be_empty=True,
                    on_change=self._filter_tree,
                )
                self._screen.app.push_screen(prompt, partial(self._end_filter, present_filter))

    def _end_filter(self, before: str, text: str | None) -> None:
        self._filter_tree(text or "")
        if text and text != before:
            self._on_filtered()

    def step(self, by: int) -> None:
        """Go to the next match on the graph, or to the one before."""
        if not any(view.is_on_screen for view in self._screen.query(LineageView)):
            self._teller.refuse("Matches are on the graph and in a log: this view has none to go on to.")
            return
        if self._view is None or not self._matches:
            self._teller.refuse("Nothing is searched for on the graph: / begins.")
            return
        self._place = (self._place + by) % len(self._matches)
        self._view.select(self._matches[self._place])
        place = f"Match {self._place + 1} of {len(self._matches)}"
        self._screen.notify(place, timeout=MATCH_TIMEOUT_S)

    def _put(self, prompt: Prompt, then: Callable[[str], None]) -> None:
        self._screen.app.push_screen(prompt, lambda text: then(text) if text is not None else None)

    def _search_graph(self, view: LineageView, text: str) -> None:
        wanted = text.casefold()
        self._view, self._text, self._place = view, text, -1
        self._matches = tuple(
            node.id
            for node in view.graph.nodes
            if wanted in f"{node.title} {node.detail} {node.state} {' '.join(node.tags)}".casefold()
        )
        if self._matches:
            self.step(1)
        else:
            self._teller.refuse(f"Nothing on the graph holds “{text}”.")

    def _search_log(self, log_view: LogView, text: str) -> None:
        search = log_view.search(text)  # which says itself how far it is, and what it has found
        self._screen.run_worker(search, group="search", exclusive=True, exit_on_error=False)
