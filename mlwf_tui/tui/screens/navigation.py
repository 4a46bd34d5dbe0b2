"""Getting around: panes, views, the zoom, the filter, and the way back out of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from textual.widget import Widget

from mlwf_tui.tui.screens.marks import Marks
from mlwf_tui.tui.screens.views import LINEAGE, ROOMY, TITLES, Views
from mlwf_tui.tui.widgets.pane_grid import Pane, PaneGrid

TREE, STAGE, DETAILS = "tree", "stage", "details"


def make_panes(tree: Widget, stage: Widget, details: Widget) -> PaneGrid:
    """Return the grid of the three panes; digits go there."""
    panes = (
        Pane(TREE, "1", "Projects", tree),
        Pane(STAGE, "2", "Lineage", stage),
        Pane(DETAILS, "3", "Details", details),
    )
    return PaneGrid(panes, id="panes-grid")


class Navigation:
    """Does the keys that only change what is seen; `by_key` has them by their ids."""

    def __init__(self, panes: PaneGrid, views: Views, *, on_filter: Callable[[], None], marks: Marks) -> None:
        self._panes = panes
        self._views = views
        self._marks = marks
        self._on_filter = on_filter
        self.filter = ""
        self._is_zoomed_for_view = False  # the view took the room itself, and gives it back
        self.by_key: Mapping[str, Callable[[], object]] = {
            "back": self.go_back,
            "zoom": self.toggle_zoom,
            "pane_next": lambda: panes.go_on(1),
            "pane_previous": lambda: panes.go_on(-1),
            "pane_tree": lambda: panes.go_to(TREE),
            "pane_view": lambda: panes.go_to(STAGE),
            "pane_details": lambda: panes.go_to(DETAILS),
            "view_next": lambda: views.show_neighbour(1),
            "view_previous": lambda: views.show_neighbour(-1),
        }

    @property
    def is_narrowed(self) -> bool:
        """Whether something hides what there is: a filter, a zoom, another view than the lineage."""
        return bool(self.filter) or self._panes.is_zoomed or self._views.active != LINEAGE

    def toggle_zoom(self) -> None:
        """Give the current pane all the room, or share it again."""
        self._is_zoomed_for_view = False
        self._panes.zoom(not self._panes.is_zoomed)

    def go_back(self) -> None:
        """Undo the last thing that narrows what is seen; then go to the projects."""
        if self.filter:
            self.set_filter("")
            return
        if self._panes.current == STAGE and self._views.go_back():
            return
        if self._marks.clear():
            return
        if self._panes.is_zoomed and not self._is_zoomed_for_view:
            self._panes.zoom(False)
            return
        if self._views.active != LINEAGE and self._views.has_lineage:
            self._views.show(LINEAGE)
        self._panes.go_to(TREE)

    def show_view(self, *, is_opened: bool) -> None:
        """Follow the stage to its view; where it was opened with something new, with the focus."""
        self._panes.rename(STAGE, TITLES[self._views.active])
        is_roomy = self._views.active in ROOMY
        if is_roomy and is_opened and not self._panes.is_zoomed:
            self._panes.go_to(STAGE)
            self._panes.zoom(True)
            self._is_zoomed_for_view = True
        elif not is_roomy and self._is_zoomed_for_view:
            self._panes.zoom(False)
            self._is_zoomed_for_view = False
        if is_opened or self._panes.current == STAGE:
            self._panes.go_to(STAGE)

    def leave_view(self) -> None:
        """Share the room again once the focus has gone from a view that took it to another pane."""
        if self._is_zoomed_for_view and self._panes.current != STAGE:
            self._is_zoomed_for_view = False
            self._panes.zoom(False)

    def set_filter(self, text: str) -> None:
        """Show only what holds `text` in the tree; "" shows everything."""
        self.filter = text
        if text:
            self._panes.show(TREE)
        else:
            self._panes.rename(TREE, "Projects")
        self._on_filter()

    def name_matches(self, has_any: bool) -> None:
        """Say in the tree's frame what it is filtered by."""
        if self.filter:
            self._panes.rename(TREE, f"{'Projects' if has_any else 'No match'}  /{self.filter}")
