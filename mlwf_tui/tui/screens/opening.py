"""Opening an entry in its view, and the menu of all that can be done with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from textual.geometry import Offset
from textual.screen import Screen

from mlwf_tui.entities.project import Project
from mlwf_tui.tui.screens.choices import list_menu, relabel
from mlwf_tui.tui.screens.marks import Marks
from mlwf_tui.tui.screens.navigation import DETAILS
from mlwf_tui.tui.screens.reader import Reader
from mlwf_tui.tui.screens.snapshot import Snapshot
from mlwf_tui.tui.screens.views import Views
from mlwf_tui.tui.widgets.context_menu import ContextMenu
from mlwf_tui.tui.widgets.entry import Entry, EntryKind
from mlwf_tui.tui.widgets.lineage_view import LineageView
from mlwf_tui.tui.widgets.pane_grid import PaneGrid
from mlwf_tui.tui.widgets.project_tree import ProjectTree
from mlwf_tui.workspace import Workspace

T = TypeVar("T")


class Host(Protocol):
    """What is needed of the screen."""

    workspace: Workspace
    marks: Marks

    @property
    def snapshot(self) -> Snapshot:
        """What was read last."""

    @property
    def entry(self) -> Entry | None:
        """What is selected."""

    def put(self, dialog: Screen[T | None], then: Callable[[T], None]) -> None:
        """Show a dialog and hand on what it returns, unless it was closed without an answer."""

    def action_perform(self, name: str) -> None:
        """Do what a menu line stands for."""


class Opening:
    """Opens whatever was activated: in the tree, the lineage, the list, or by a key of `by_key`."""

    def __init__(self, host: Host, tree: ProjectTree, panes: PaneGrid, views: Views, reader: Reader) -> None:
        self._host = host
        self._tree = tree
        self._panes = panes
        self._views = views
        self._reader = reader
        self.by_key: Mapping[str, Callable[[], object]] = {
            "open": self.open_selected,
            "menu": self.show_own_menu,
        }

    def open_selected(self) -> None:
        """Open what is selected."""
        if self._host.entry is not None:
            self.open(self._host.entry)

    def show_own_menu(self) -> None:
        """Show the menu of what is selected, below the tree's cursor where that has the focus."""
        if self._host.entry is not None:
            self.show_menu(self._host.entry, self._tree.find_cursor() if self._tree.has_focus else None)

    def open(self, entry: Entry) -> None:
        """Open it in its view; what has none goes to the details, and branches of the tree unfold."""
        self.open_branch(entry)
        if entry.kind is EntryKind.WORKSPACE:
            self._tree.toggle_branch()
        elif entry.kind in (EntryKind.FOLDER, EntryKind.FILE):
            self._host.action_perform("contents")
        elif entry.kind is EntryKind.GROUP:
            self._unfold()
        elif not self._views.open(entry):
            self._panes.go_to(DETAILS)

    def _unfold(self) -> None:
        view = self._views.shown
        if isinstance(view, LineageView):
            view.action_fold()

    def open_listed(self, entry: Entry) -> None:
        """Open a row of the list."""
        if not self._views.open(entry, is_listed=True):
            self._panes.go_to(DETAILS)

    def open_branch(self, entry: Entry) -> None:
        """Read what stands below a project."""
        if isinstance(entry.entity, Project):
            self._reader.open(entry.entity.id)

    def show_menu(self, entry: Entry, at: Offset | None) -> None:
        """Show all that can be done with an entry, and do what is chosen."""
        listed = list_menu(entry, self._host.snapshot, self._host.marks.entries)
        choices = relabel(listed, self._host.workspace.settings.keys)
        self._host.put(ContextMenu(entry.ref or entry.title, choices, at=at), self._host.action_perform)
