"""Puts what was read of the home on the screen: the outline on the left, lineage and list in the middle."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Protocol

from mlwf_tui.errors import MlwfError
from mlwf_tui.tui.screens.navigation import STAGE, Navigation
from mlwf_tui.tui.screens.outline import build_outline
from mlwf_tui.tui.screens.snapshot import Snapshot
from mlwf_tui.tui.screens.view_host import LINEAGE
from mlwf_tui.tui.screens.views import Views
from mlwf_tui.tui.widgets.entry import NAMED, filter_branches, find_match
from mlwf_tui.tui.widgets.notice import Notice
from mlwf_tui.tui.widgets.pane_grid import PaneGrid
from mlwf_tui.tui.widgets.project_tree import ProjectTree
from mlwf_tui.tui.widgets.welcome import Welcome


class Host(Protocol):
    """What is needed of the screen."""

    read_clock: Callable[[], datetime]
    is_loaded: bool  # whether anything was read yet

    @property
    def snapshot(self) -> Snapshot:
        """What was read last."""


class Showing:
    """Shows the newest snapshot; an empty home gets a welcome, one that cannot be read says why."""

    def __init__(
        self, host: Host, tree: ProjectTree, panes: PaneGrid, views: Views, navigation: Navigation
    ) -> None:
        self._host = host
        self._tree = tree
        self._panes = panes
        self._views = views
        self._navigation = navigation
        self.wanted_key = ""  # of the entry that is to be selected once it is there
        self._match_key = ""  # of the first entry that the filter means

    def show_outline(self) -> None:
        """Show the branches, or what the filter leaves of them."""
        text = self._navigation.filter
        branches = build_outline(self._host.snapshot, self._host.read_clock(), is_filtered=bool(text))
        shown = filter_branches(branches, text)
        match = find_match(shown, text)
        self._tree.show(shown, is_filtered=bool(text))
        self._navigation.name_matches(match is not None)
        self._match_key = match.key if match is not None else ""
        if self.wanted_key and self._tree.select(self._find_key(self.wanted_key)):
            self.wanted_key = ""

    def go_to_match(self) -> None:
        """Put the tree's cursor on the first entry that the filter means."""
        self._tree.select(self._match_key)

    def _find_key(self, wanted: str) -> str:
        """Return the key of an entry; a project that was just made is asked for by its name."""
        name, snapshot = wanted.removeprefix(NAMED), self._host.snapshot
        if name == wanted:
            return wanted
        alike = [one for one in snapshot.projects if name in (snapshot.refer_to(one), one.name)]
        newest = max(alike, key=lambda project: project.created_at, default=None)
        return f"head:{newest.id}" if newest is not None else wanted

    def show_marks(self, keys: Collection[str]) -> None:
        """Draw what is marked so, in the tree and in all views."""
        self._tree.show_marks(keys)
        self._views.show_marks(keys)

    def show_middle(self) -> None:
        """Show what the views draw of all of the home."""
        if self._host.snapshot.is_empty:
            if not isinstance(self._views.shown, Welcome):
                self._views.stage.show_alone(Welcome(id="welcome"))
                self._panes.go_to(STAGE)
            return
        self._views.show_lineage()
        self._views.renew_list()
        self._views.renew_models()
        self._views.renew_items()
        self._views.renew_check()
        self._views.renew_history()
        self._views.trials.renew()
        self._views.diffs.renew()
        self._views.reports.renew_board()
        if not self._host.is_loaded or isinstance(self._views.shown, Welcome):
            self._views.show(LINEAGE)
            self._panes.go_home()

    def show_broken(self, error: MlwfError) -> None:
        """Say why nothing could be read, where nothing is shown yet."""
        if not self._host.is_loaded:
            hint = f"{error.hint}\nF5 reads again." if error.hint else "F5 reads again."
            self._views.stage.show_alone(Notice(error.message, hint, is_error=True))
