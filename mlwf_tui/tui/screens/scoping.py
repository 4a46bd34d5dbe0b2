"""Which part of the lineage is drawn: a workspace's, a project's, one thing's; and what its filter wants."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Protocol, TypeVar

from msgspec.structs import replace
from textual.screen import Screen

from mlwf_tui.entities.project import Project
from mlwf_tui.tui.screens.crumbs import Crumb, find_place, list_around, list_crumbs, make_crumbs
from mlwf_tui.tui.screens.navigation import STAGE
from mlwf_tui.tui.screens.snapshot import Snapshot
from mlwf_tui.tui.screens.telling import Teller
from mlwf_tui.tui.screens.view_host import LINEAGE
from mlwf_tui.tui.screens.views import Views
from mlwf_tui.tui.widgets.context_menu import Choice, ContextMenu
from mlwf_tui.tui.widgets.entry import Entry, EntryKind
from mlwf_tui.tui.widgets.graph_filter import HELP, find_fault, parse_filter
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
    """Enters scopes and filters; esc leads out of them, and a line above the graph says where one is."""

    def __init__(self, host: Host, views: Views, panes: PaneGrid, teller: Teller) -> None:
        self._host = host
        self._views = views
        self._panes = panes
        self._teller = teller
        self.by_key: Mapping[str, Callable[[], object]] = {
            "graph": self.show_selected,
            "places": self.ask_place,
        }

    def show_selected(self) -> None:
        """Draw only the lineage of what is selected."""
        if self._host.entry is not None:
            self._show_entry(self._host.entry)

    def _show_entry(self, entry: Entry, *, is_whole: bool = False) -> None:
        """Draw the lineage of an entry, within the scope that is drawn or, `is_whole`, in its place."""
        projects = self._list_projects(entry)
        if projects:
            self._ask_starts(projects, lambda starts: self._enter(entry, starts, projects, is_whole))
        else:
            self._enter(entry, frozenset({entry.key}), (), is_whole)

    def renew(self) -> None:
        """Take new states and versions into the scope that is drawn."""
        view = self._get_view()
        scope = view.lens.scopes[-1] if view.lens.scopes else None
        if scope is None or not scope.projects:
            return

        def done(starts: frozenset[str]) -> None:
            if view.lens.scopes and view.lens.scopes[-1] is scope and starts != scope.starts:
                view.enter_scope(replace(scope, starts=starts))

        known = tuple(p for p in scope.projects if self._host.snapshot.find_project(p) is not None)
        self._ask_starts(known, done)

    def ask_filter(self, view: LineageView) -> None:
        """Ask which nodes are wanted."""
        text = view.lens.filter.text
        prompt = Prompt(
            "Filter the lineage", value=text, help=HELP, can_be_empty=True, is_suggestion=True,
            find_fault=lambda written: find_fault(written, self._host.read_clock()),
        )  # fmt: skip
        self._host.put(prompt, partial(self._filter, view))

    def show_place(self, view: LineageView) -> None:
        """Say above the graph which part of it is drawn."""
        titles = [crumb.title for crumb in self._list_crumbs()]
        self._views.stage.show_crumbs(LINEAGE, titles, view.narrowing)

    def go_to(self, number: int) -> None:
        """Draw the place of this number on the line of crumbs."""
        crumbs = self._list_crumbs()
        if number < len(crumbs):
            self._go(crumbs[number])

    def ask_place(self) -> None:
        """Ask where to go: to a place on the line of crumbs, or to one around the selected thing."""
        crumbs, entry = self._list_crumbs(), self._host.entry
        beside = make_crumbs(list_around(entry, self._host.snapshot), self._host.snapshot) if entry else []
        if entry is not None:
            beside.append(Crumb(title=entry.ref or entry.title, key=entry.key))
        known = {crumb.title for crumb in crumbs}
        offered = [*crumbs, *(crumb for crumb in beside if crumb.title not in known)]
        here = len(crumbs) - 1
        choices = [
            Choice(
                id=str(number),
                label=crumb.title,
                key=str(number) if number < 10 else "",
                note="here" if number == here else crumb.kind,
                group="The way here" if number <= here else "Around the selection",
            )
            for number, crumb in enumerate(offered)
        ]
        self._host.put(ContextMenu("Show the lineage of", choices), lambda id: self._go(offered[int(id)]))

    def _list_crumbs(self) -> list[Crumb]:
        return list_crumbs(self._get_view().lens.scopes, self._host.snapshot)

    def _go(self, crumb: Crumb) -> None:
        view = self._get_view()
        self._views.show(LINEAGE)
        self._panes.go_to(STAGE)
        if crumb.depth is not None:
            view.show_scopes(view.lens.scopes[: crumb.depth])
            return
        entry = find_place(crumb.key, self._host.snapshot, self._host.read_clock())
        if entry is not None:
            self._show_entry(entry, is_whole=entry.kind in (EntryKind.WORKSPACE, EntryKind.PROJECT))

    def _filter(self, view: LineageView, text: str) -> None:
        view.filter_nodes(parse_filter(text, self._host.read_clock()))

    def _enter(self, entry: Entry, starts: frozenset[str], projects: tuple[str, ...], is_whole: bool) -> None:
        view = self._get_view()
        snapshot = self._host.snapshot
        known = [node.id for node in (*snapshot.graph.nodes, *snapshot.folders) if node.id in starts]
        if not known:
            self._teller.refuse(f"No run has touched {entry.ref or entry.title} yet.")
            return
        title = entry.title if entry.kind is EntryKind.WORKSPACE else entry.ref or entry.title
        around = tuple(list_around(entry, snapshot))
        scope = Scope(title=title, starts=starts, projects=projects, around=around)
        if is_whole:
            view.show_scopes((scope,))
        else:
            view.enter_scope(scope)
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
