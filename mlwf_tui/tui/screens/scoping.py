"""Which part of the lineage is drawn: a workspace's, a project's, one thing's; and what its filter wants."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Protocol, TypeVar

from textual.screen import Screen

from mlwf_tui.entities.project import Project
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.tui.screens.navigation import STAGE, Navigation
from mlwf_tui.tui.screens.snapshot import Snapshot
from mlwf_tui.tui.screens.telling import Teller
from mlwf_tui.tui.screens.views import LINEAGE, Views
from mlwf_tui.tui.widgets.entry import Entry, EntryKind
from mlwf_tui.tui.widgets.graph_filter import HELP, parse_filter
from mlwf_tui.tui.widgets.graph_lens import Scope
from mlwf_tui.tui.widgets.lineage_view import LineageView
from mlwf_tui.tui.widgets.pane_grid import PaneGrid
from mlwf_tui.tui.widgets.prompt import Prompt
from mlwf_tui.workflow.graph import list_node_ids
from mlwf_tui.workspace import Workspace

T = TypeVar("T")


class Host(Protocol):
    """What is needed of the screen."""

    workspace: Workspace
    read_clock: Callable[[], datetime]

    @property
    def entry(self) -> Entry | None:
        """What is selected."""

    @property
    def snapshot(self) -> Snapshot:
        """What was read last."""

    def ask(self, what: str, work: Callable[[], T], done: Callable[[T], None]) -> None:
        """Do `work` in a thread and hand its result to `done`."""

    def put(self, dialog: Screen[T | None], then: Callable[[T], None]) -> None:
        """Show a dialog and hand on what it returns, unless it was closed without an answer."""


class Scoping:
    """Enters scopes and filters; esc leads out of them, and the pane's title says where one is."""

    def __init__(
        self, host: Host, views: Views, panes: PaneGrid, navigation: Navigation, teller: Teller
    ) -> None:
        self._host = host
        self._views = views
        self._panes = panes
        self._navigation = navigation
        self._teller = teller
        self.by_key: Mapping[str, Callable[[], object]] = {"graph": self.show_selected}

    def show_selected(self) -> None:
        """Draw only the lineage of what is selected."""
        entry = self._host.entry
        if entry is None:
            return
        projects = self._list_projects(entry)
        if projects:
            self._ask_starts(projects, lambda starts: self._enter(entry, starts, projects))
        else:
            self._enter(entry, frozenset({entry.key}), ())

    def renew(self) -> None:
        """Take new states and versions into the scope that is drawn."""
        view = self._get_view()
        scope = view.lens.scopes[-1] if view.lens.scopes else None
        if scope is None or not scope.projects:
            return

        def done(starts: frozenset[str]) -> None:
            if view.lens.scopes and view.lens.scopes[-1] is scope and starts != scope.starts:
                view.enter_scope(Scope(title=scope.title, starts=starts, projects=scope.projects))

        known = tuple(p for p in scope.projects if self._host.snapshot.find_project(p) is not None)
        self._ask_starts(known, done)

    def ask_filter(self, view: LineageView) -> None:
        """Ask which nodes are wanted."""
        text = view.lens.filter.text
        prompt = Prompt("Filter the lineage", value=text, help=HELP, can_be_empty=True)
        self._host.put(prompt, partial(self._filter, view))

    def show_title(self, view: LineageView) -> None:
        """Say in the pane's title which part is drawn."""
        self._navigation.name_lineage(view.narrowing)

    def _filter(self, view: LineageView, text: str) -> None:
        try:
            view.filter_nodes(parse_filter(text, self._host.read_clock()))
        except InvalidParameter as error:
            self._teller.refuse(f"{error.message}\n{error.hint}")

    def _enter(self, entry: Entry, starts: frozenset[str], projects: tuple[str, ...]) -> None:
        view = self._get_view()
        snapshot = self._host.snapshot
        known = [node.id for node in (*snapshot.graph.nodes, *snapshot.folders) if node.id in starts]
        if not known:
            self._teller.refuse(f"No run has touched {entry.ref or entry.title} yet.")
            return
        title = entry.title if entry.kind is EntryKind.WORKSPACE else entry.ref or entry.title
        view.enter_scope(Scope(title=title, starts=starts, projects=projects))
        self._views.show(LINEAGE)
        self._panes.go_to(STAGE)
        if view.selected not in starts:
            view.selected = known[0]

    def _list_projects(self, entry: Entry) -> tuple[str, ...]:
        if isinstance(entry.entity, Project):
            return (entry.entity.id,)
        if entry.kind is not EntryKind.WORKSPACE:
            return ()
        return tuple(p.id for p in self._host.snapshot.projects if p.workspace == entry.title)

    def _ask_starts(self, projects: Iterable[str], done: Callable[[frozenset[str]], None]) -> None:
        work = partial(list_node_ids, self._host.workspace, tuple(projects))
        self._host.ask("lineage", work, done)

    def _get_view(self) -> LineageView:
        view = self._views.stage.get_view(LINEAGE)
        assert isinstance(view, LineageView)
        return view
