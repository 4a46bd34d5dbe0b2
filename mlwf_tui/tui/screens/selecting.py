"""The one thing that is selected: by whichever pane has the focus, shown in the details, kept up to date."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from msgspec.structs import replace
from textual.screen import Screen

from mlwf_tui.entities.lineage import LineageNode
from mlwf_tui.tui.screens.browsing import BrowsePane
from mlwf_tui.tui.screens.experiments import ModelsPane
from mlwf_tui.tui.screens.facts import Facts
from mlwf_tui.tui.screens.history import HistoryPane
from mlwf_tui.tui.screens.outline import find_node_id, make_node_entry, renew_entry
from mlwf_tui.tui.screens.snapshot import Snapshot
from mlwf_tui.tui.screens.view_host import LINEAGE
from mlwf_tui.tui.screens.views import Views
from mlwf_tui.tui.screens.work import Work
from mlwf_tui.tui.widgets.details import Details
from mlwf_tui.tui.widgets.entry import Entry
from mlwf_tui.tui.widgets.entry_list import EntryList
from mlwf_tui.tui.widgets.lineage_view import LineageView
from mlwf_tui.tui.widgets.project_tree import ProjectTree
from mlwf_tui.tui.widgets.table import EntityTable
from mlwf_tui.workflow.show import Shown
from mlwf_tui.workspace import Workspace

LISTS = EntryList | HistoryPane | ModelsPane | BrowsePane
"""Views of a table whose rows are selected."""


class Host(Protocol):
    """What is needed of the screen."""

    read_clock: Callable[[], datetime]

    @property
    def snapshot(self) -> Snapshot:
        """What was read last."""


class Selection:
    """Follows the cursors of the tree, the lineage and the list; `on_change` is told of every other entry."""

    def __init__(
        self,
        host: Host,
        tree: ProjectTree,
        views: Views,
        details: Details,
        *,
        on_change: Callable[[], None],
    ) -> None:
        self._host = host
        self._tree = tree
        self._views = views
        self._details = details
        self._on_change = on_change
        self.entry: Entry | None = None
        self._followed: str | None = None  # the node that the tree has led the lineage to
        self._led_to: str | None = None  # it, or what stands for it there
        self.facts: Facts | None = None

    @property
    def is_reading(self) -> bool:
        """Whether something is still read of what is selected."""
        return self.facts is not None and self.facts.is_busy

    def begin(self, screen: Screen[Any], workspace: Workspace, work: Work) -> None:
        """Have what only reading tells of entries read from now on."""
        self.facts = Facts(screen, workspace, work, self._take_facts)

    def select(self, entry: Entry) -> None:
        """Select this, and show it."""
        self.entry = entry
        found = self.facts.find(entry) if self.facts is not None else {}
        self._details.show(entry, self._host.read_clock(), found)
        self._on_change()

    def clear(self) -> None:
        """Select nothing: where the cursor should be is nothing that a verb could be done to."""
        if self.entry is not None:
            self.entry = None
            self._details.show(None, self._host.read_clock())
            self._on_change()

    def _take_facts(self, entry: Entry, shown: Shown) -> None:
        if self.entry is not None and self.entry.key == entry.key:
            self.entry = replace(entry, entity=shown.entity)
            self._details.show(self.entry, self._host.read_clock(), shown.facts)
            self._on_change()

    def draw_age(self) -> None:
        """Draw the details anew: what they say of time has changed."""
        if self.entry is not None:
            self._details.show(self.entry, self._host.read_clock())

    def refresh(self) -> None:
        """Show the selected thing as it is now; it may have changed while it stayed selected."""
        if self._stands_nowhere:
            self.clear()
            return
        in_tree = self._tree.entry
        renewed = None
        if self.entry is not None and (in_tree is None or in_tree.key != self.entry.key):
            renewed = renew_entry(self.entry, self._host.snapshot, self._host.read_clock())
        chosen = renewed or in_tree
        if chosen is not None:
            self.select(chosen)
        if in_tree is not None and self._is_lineage_behind(in_tree):
            self._lead_lineage(in_tree)

    def _is_lineage_behind(self, entry: Entry) -> bool:
        """Whether the lineage's cursor is where the tree has led it, and the entry is elsewhere by now."""
        view = self._views.stage.find_view(LINEAGE)
        if self._followed is None or not isinstance(view, LineageView) or view.has_focus:
            return False
        is_there = view.selected == self._led_to
        return is_there and find_node_id(entry, self._host.snapshot) != self._followed

    def follow_tree(self, entry: Entry) -> None:
        """Take what the tree's cursor has come to, and show it in the lineage."""
        if not self._tree.has_focus and (self.entry is not None or self._stands_nowhere):
            return
        self.select(entry)
        self._lead_lineage(entry)

    def _lead_lineage(self, entry: Entry) -> None:
        """Put the lineage's cursor on what stands for an entry of the tree."""
        node_id = find_node_id(entry, self._host.snapshot)
        view = self._views.stage.find_view(LINEAGE)
        if node_id is not None and isinstance(view, LineageView):
            self._followed, self._led_to = node_id, view.select_near(node_id)

    def follow_keys(self) -> None:
        """Take what the cursor is on that has the focus: keys in a burst overtake its message."""
        current = self._find_current()
        if self._stands_nowhere:
            self.clear()
        elif current is not None and (self.entry is None or self.entry.key != current.key):
            self.select(current)

    def follow_focus(self) -> None:
        """Take what the cursor is on in the pane that the focus has come to."""
        view = self._views.shown
        current = self._find_current()
        if self._stands_nowhere:
            self.clear()
        elif current is not None:
            self.select(current)
        elif isinstance(view, LineageView) and view.has_focus and view.selected_node is not None:
            self.select(self.make_entry(view.selected_node))
        self._on_change()

    @property
    def _stands_nowhere(self) -> bool:
        """Whether the focus is on a list of items that lists none, or on what a filter has emptied."""
        match view := self._views.shown:
            case BrowsePane():
                return view.has_focus_within and view.is_empty
            case EntryList() | ModelsPane():
                return view.has_focus_within and view.hides_all
            case LineageView():
                return view.has_focus and view.hides_all
            case _:
                return False

    def _find_current(self) -> Entry | None:
        """Return what the cursor of the tree or of a list stands on, where that has the focus."""
        if self._tree.has_focus:
            return self._tree.entry
        view = self._views.shown
        if isinstance(view, BrowsePane):
            return view.entry if view.has_focus_within else None
        return view.entry if isinstance(view, LISTS) and view.table.has_focus else None

    def make_entry(self, node: LineageNode) -> Entry:
        """Return the entry of a node of the lineage."""
        return make_node_entry(node, self._host.snapshot, self._host.read_clock())

    def find_listed(self, table: EntityTable, key: str) -> Entry | None:
        """Return what a row of the list, history or table of models or items that is shown stands for."""
        view = self._views.shown
        if isinstance(view, LISTS) and view.table is table:
            return view.find_entry(key)
        return None
