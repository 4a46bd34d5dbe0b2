"""Searching in the pane that has the focus: the tree is filtered, graph and log jump to matches."""

from __future__ import annotations

from textual.widget import Widget

from mlwf_tui.entities.lineage import LineageGraph
from mlwf_tui.tui.widgets.lineage_view import LineageView
from mlwf_tui.tui.widgets.log_view import LogView


class GraphSearch:
    """The nodes of a graph whose title or detail holds a text, and which of them comes next."""

    def __init__(self) -> None:
        self.text = ""
        self._matches: tuple[str, ...] = ()
        self._place = 0

    def find(self, graph: LineageGraph, text: str) -> int:
        """Look for `text` in any case and return how many nodes have it."""
        wanted = text.casefold()
        self.text = text
        found = (
            n.id for n in graph.nodes if wanted and wanted in f"{n.title} {n.detail} {n.state}".casefold()
        )
        self._matches = tuple(found)
        self._place = -1
        return len(self._matches)

    def step(self, by: int) -> str:
        """Return the id of the next match, round the ends, or "" where there is none."""
        if not self._matches:
            return ""
        self._place = (self._place + by) % len(self._matches)
        return self._matches[self._place]

    @property
    def standing(self) -> str:
        return f"{self._place + 1} of {len(self._matches)}"


def name_search(widget: Widget | None) -> str:
    """Return what a search in this widget is called."""
    match widget:
        case LineageView():
            return "Find on the graph"
        case LogView():
            return "Search the log"
        case _:
            return "Filter the projects"
