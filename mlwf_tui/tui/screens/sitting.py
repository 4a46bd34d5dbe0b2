"""Keeps where a person is in the app, and takes them back there when it is opened again."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from msgspec.structs import replace
from textual.css.query import NoMatches
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget

from mlwf_tui.entities.sitting import KeptPlace, KeptScope, Sitting
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.tui.screens.navigation import Navigation
from mlwf_tui.tui.screens.snapshot import Snapshot
from mlwf_tui.tui.screens.touring import Tour
from mlwf_tui.tui.screens.view_host import EVIDENCE, LINEAGE, REPORT
from mlwf_tui.tui.screens.views import Views
from mlwf_tui.tui.screens.work import Work
from mlwf_tui.tui.widgets.graph_filter import parse_filter
from mlwf_tui.tui.widgets.graph_lens import Lens, Scope
from mlwf_tui.tui.widgets.lineage_view import LineageView
from mlwf_tui.tui.widgets.log_view import LogView
from mlwf_tui.tui.widgets.pane_grid import PaneGrid
from mlwf_tui.tui.widgets.pane_shares import ScreenSize
from mlwf_tui.tui.widgets.project_tree import ProjectTree
from mlwf_tui.tui.widgets.table import EntityTable
from mlwf_tui.workflow.personal.sittings import write_sitting
from mlwf_tui.workspace import Workspace

logger = logging.getLogger(__name__)
DELAY_S = 0.5  # a drag of the mouse moves a border twenty times a second
TRY_S = 0.1
MAX_TRIES = 30  # what scrolls is filled by and by: its place is there when enough is
GIVE_UP_S = 10.0  # a view that cannot be read is told of, and not waited for
MAX_STARTS = 500  # of scopes that are kept; more make a file of megabytes


class SittingKeeper:
    """Knows how the last sitting ended; all is called on the loop."""

    def __init__(
        self, screen: Screen[Any], tree: ProjectTree, panes: PaneGrid, views: Views, navigation: Navigation
    ) -> None:
        self._screen = screen
        self._tree = tree
        self._panes = panes
        self._views = views
        self._navigation = navigation
        self._left = Sitting()  # how the app was left the last time
        self._written = Sitting()
        self._timer: Timer | None = None
        self._is_coming_back = False
        self._node = ""  # of the lineage, where it is still there

    def begin(self, workspace: Workspace, work: Work, left: Sitting, tour: Tour) -> None:
        """Take over how the app was left, before anything was read."""
        self._workspace, self._work, self._tour = workspace, work, tour
        self._left = self._written = left
        known = {size: left.arrangements[size] for size in ScreenSize if size in left.arrangements}
        self._panes.use(known)
        self._tree.remember({**dict.fromkeys(left.opened, True), **dict.fromkeys(left.closed, False)})

    @property
    def opened_projects(self) -> tuple[str, ...]:
        """Ids of the projects whose versions were seen."""
        return tuple(key.removeprefix("head:") for key in self._left.opened if key.startswith("head:"))

    # --- coming back ---------------------------------------------------------------------------

    def come_back(self, snapshot: Snapshot, now: datetime) -> None:
        """Go to where a person was, as far as it is still there."""
        left = self._left
        if not left.view or snapshot.is_empty:
            return
        self._is_coming_back = True
        self._tree.select(left.selected)
        self._return_to_lineage(left, snapshot, now)
        if left.view == LINEAGE or not self._views.reopen(left.view, left.source, self._tree.find):
            self._screen.call_after_refresh(self._arrive)
        self._screen.set_timer(GIVE_UP_S, self._give_up)

    def _give_up(self) -> None:
        self._is_coming_back = False

    def view_changed(self, view: str) -> None:
        """Take notice that a view is shown: the one that was asked for, if it has been filled by now.

        Images behind a number come over their report, or are not found any more: then it is the report.
        """
        is_there = view == self._left.view or (view == REPORT and self._left.view == EVIDENCE)
        if self._is_coming_back and is_there:
            self._screen.call_after_refresh(self._arrive)
        elif view != LINEAGE:
            self._is_coming_back = False  # a person was faster

    def _return_to_lineage(self, left: Sitting, snapshot: Snapshot, now: datetime) -> None:
        view = self._views.stage.get_view(LINEAGE)
        assert isinstance(view, LineageView)
        try:
            view.filter_nodes(parse_filter(left.graph_filter, now))
        except InvalidParameter as error:
            logger.info("the filter of the last sitting is not understood any more: %s", error)
        view.show_scopes(_find_scopes(left.scopes, snapshot))
        self._node = left.node if left.node in snapshot.nodes else ""

    def _arrive(self) -> None:
        if not self._is_coming_back:
            return
        self._is_coming_back = False
        left = self._left
        if left.pane in self._panes.shares.seen:
            self._focus(left)
        if left.is_zoomed != self._panes.is_zoomed:
            self._navigation.toggle_zoom()
        self._screen.call_after_refresh(self._finish)  # behind the focus, and what the tree's cursor leads to

    def _finish(self) -> None:
        lineage = self._views.stage.find_view(LINEAGE)
        if self._node and isinstance(lineage, LineageView):
            lineage.selected = self._node
        for id, place in self._left.places.items():
            self._scroll(id, place, MAX_TRIES)

    def _focus(self, left: Sitting) -> None:
        self._panes.go_to(left.pane)
        try:
            widget = self._screen.query_one(f"#{left.focus}") if left.focus else None
        except NoMatches:
            return
        if widget is not None and widget.is_on_screen:
            widget.focus()

    def _scroll(self, id: str, place: KeptPlace, tries: int) -> None:
        """Bring a list back to its place as soon as it reaches that far, if nobody has moved it meanwhile."""
        try:
            widget = self._screen.query_one(f"#{id}")
        except NoMatches:
            return
        if isinstance(widget, EntityTable) and widget.cursor == 0:
            is_found = bool(place.key) and widget.move_to_key(place.key)
            if not is_found and place.row < widget.row_count:
                widget.cursor = place.row
        if widget.scroll_offset == (0, 0) or isinstance(widget, LineageView | EntityTable | ProjectTree):
            if isinstance(widget, LogView):
                widget.is_following = False
            widget.scroll_to(place.left, place.top, animate=False, force=True, immediate=True)
        is_short = widget.max_scroll_y < place.top or (
            isinstance(widget, LineageView) and widget.is_laying_out
        )
        if tries > 0 and is_short:
            self._screen.set_timer(TRY_S, partial(self._scroll, id, place, tries - 1))

    # --- keeping -------------------------------------------------------------------------------

    def note(self) -> None:
        """Remember soon how the panes stand, if nothing else changes."""
        if self._timer is None:
            self._timer = self._screen.set_timer(DELAY_S, self.keep_soon)

    def keep_soon(self) -> None:
        """Remember where a person is, in a thread: not every end comes with a warning."""
        self._timer = None
        sitting = self.describe()
        if sitting != self._written:
            self._written = sitting
            author = self._workspace.settings.author
            work = partial(write_sitting, self._workspace.home, author, sitting)
            self._work.start("sitting", work, lambda _: None)

    def keep(self) -> None:
        """Remember where a person is before the app ends."""
        write_sitting(self._workspace.home, self._workspace.settings.author, self.describe())

    def describe(self) -> Sitting:
        """Return where a person is now; how it was left, as long as nothing of the home is shown."""
        arrangements = {size.value: kept for size, kept in self._panes.arrangements.items()}
        tour = self._tour
        common = replace(self._left, arrangements=arrangements, tour_step=tour.step, is_touring=tour.is_on)
        shown = self._views.shown
        lineage = self._views.stage.find_view(LINEAGE)
        if self._is_coming_back or shown is None or not isinstance(lineage, LineageView):
            return common
        source = self._views.find_source()
        focused = self._screen.focused
        opened, closed = self._tree.list_open()
        return replace(
            common,
            pane=self._panes.current,
            focus=(focused.id or "") if focused is not None else "",
            is_zoomed=self._panes.is_zoomed,
            selected=self._tree.entry.key if self._tree.entry is not None else "",
            opened=opened,
            closed=closed,
            view=self._views.active if source is not None else LINEAGE,
            source=source or (),
            node=lineage.selected or "",
            scopes=_keep_scopes(lineage.lens),
            graph_filter=lineage.lens.filter.text,
            places=_find_places((self._tree, shown, *shown.query(Widget))),
        )


def _find_places(widgets: Iterable[Widget]) -> Mapping[str, KeptPlace]:
    """Return where each widget stands that scrolls and has a name."""
    places = {}
    for widget in widgets:
        left, top = widget.scroll_offset
        is_at_end = isinstance(widget, LogView) and widget.is_following
        row = widget.cursor if isinstance(widget, EntityTable) else 0
        if widget.id and widget.display and not is_at_end and (left or top or row):
            key = (widget.cursor_key or "") if isinstance(widget, EntityTable) else ""
            places[widget.id] = KeptPlace(left=left, top=top, row=row, key="" if key == str(row) else key)
    return places


def _keep_scopes(lens: Lens) -> tuple[KeptScope, ...]:
    if sum(len(scope.starts) for scope in lens.scopes) > MAX_STARTS:
        return ()
    return tuple(
        KeptScope(
            title=scope.title,
            starts=tuple(sorted(scope.starts)),
            projects=scope.projects,
            around=scope.around,
        )
        for scope in lens.scopes
    )


def _find_scopes(kept: Iterable[KeptScope], snapshot: Snapshot) -> tuple[Scope, ...]:
    """Return the scopes of which something is still there."""
    return tuple(
        Scope(title=scope.title, starts=starts, projects=scope.projects, around=scope.around)
        for scope in kept
        if (starts := frozenset(scope.starts) & snapshot.nodes.keys())
    )
