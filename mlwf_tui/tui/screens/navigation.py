"""Getting around: panes, views, the zoom, the filter, and the way back out of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from textual.widget import Widget

from mlwf_tui.tui.screens.browsing import BrowsePane
from mlwf_tui.tui.screens.marks import Marks, describe_marks
from mlwf_tui.tui.screens.selecting import LISTS
from mlwf_tui.tui.screens.telling import Teller
from mlwf_tui.tui.screens.view_host import EVIDENCE, LINEAGE, REPORT, TITLES
from mlwf_tui.tui.screens.views import ROOMY, Views
from mlwf_tui.tui.widgets.lineage_view import LineageView
from mlwf_tui.tui.widgets.pane_grid import Pane, PaneGrid
from mlwf_tui.tui.widgets.pane_shares import ScreenSize
from mlwf_tui.tui.widgets.project_tree import ProjectTree
from mlwf_tui.tui.widgets.table import EntityTable
from mlwf_tui.tui.widgets.thumbnail_grid import ThumbnailGrid

TREE, STAGE, DETAILS = "tree", "stage", "details"
PARENTS = {EVIDENCE: REPORT}  # where the way back leads that was not come by


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

    def __init__(
        self,
        panes: PaneGrid,
        views: Views,
        *,
        on_filter: Callable[[], None],
        teller: Teller,
        marks: Marks,
    ) -> None:
        self._panes = panes
        self._teller = teller
        self._views = views
        self._marks = marks
        self._on_filter = on_filter
        self.filter = ""
        self._is_zoomed_for_view = False  # the view took the room itself, and gives it back
        self._shown = LINEAGE
        self._way: list[str] = []  # the views that one came through to the one that is shown
        self.by_key: Mapping[str, Callable[[], object]] = {
            "back": self.go_back,
            "zoom": self.toggle_zoom,
            "pane_next": lambda: panes.go_on(1),
            "pane_previous": lambda: panes.go_on(-1),
            "pane_tree": lambda: panes.go_to(TREE),
            "pane_view": lambda: panes.go_to(STAGE),
            "pane_details": lambda: panes.go_to(DETAILS),
            "pane_hide": self.hide_pane,
            "pane_reset": panes.reset,
            "border_left": lambda: self.move_border(-1, 0),
            "border_right": lambda: self.move_border(1, 0),
            "border_up": lambda: self.move_border(0, -1),
            "border_down": lambda: self.move_border(0, 1),
            "pane_grow": lambda: self.grow_pane(1),
            "pane_shrink": lambda: self.grow_pane(-1),
            "view_next": lambda: views.show_neighbour(1),
            "view_previous": lambda: views.show_neighbour(-1),
        }

    @property
    def is_narrowed(self) -> bool:
        """Whether something hides what there is: a filter, a zoom, another view than the lineage."""
        return bool(self.filter) or self._panes.is_zoomed or self._views.active != LINEAGE

    @property
    def is_unmarking(self) -> bool:
        """Whether the way back takes marks away first: there are some, and the focus is where one marks."""
        return len(self._marks) > 0 and _has_rows(self._panes.screen.focused, self._views.shown)

    def toggle_zoom(self) -> None:
        """Give the current pane all the room, or share it again."""
        self._is_zoomed_for_view = False
        self._panes.zoom(not self._panes.is_zoomed)

    def move_border(self, columns: int, rows: int) -> None:
        """Move the border beside or below the current pane, or say why there is none."""
        if not self._panes.move_border(columns, rows):
            self._teller.refuse(self._explain_still())

    def grow_pane(self, steps: int) -> None:
        """Make the current pane larger or smaller, or say why it cannot be."""
        if not self._panes.grow(steps):
            self._teller.refuse(self._explain_still())

    def hide_pane(self) -> None:
        """Hide the current pane; its digit shows it again."""
        name = self._panes.current
        if not self._panes.hide_current():
            self._teller.refuse("This is the only pane that is left.")
        else:
            self._teller.hint(f"Hidden: {self._panes.get_digit(name)} shows it again.")

    def _explain_still(self) -> str:
        if self._panes.is_zoomed:
            return "This pane has the whole screen: z shares it again."
        if self._panes.shares.size is ScreenSize.NARROW:
            return "A window this narrow has room for one pane at a time."
        return "No border of this pane moves that way."

    def go_back(self) -> None:
        """In a list take the marks away; undo the last that narrows the pane; go where one came from."""
        if self.is_unmarking:
            text = f"No longer marked: {describe_marks(self._marks.entries)}."
            self._marks.clear()
            self._teller.hint(text)
            return
        if self._panes.current == TREE and self.filter:
            self.set_filter("")
            return
        if self._panes.current == STAGE and self._views.go_back():
            return
        if self._panes.is_zoomed and not self._is_zoomed_for_view:
            self._panes.zoom(False)
            return
        before = self._way[-1] if self._way else PARENTS.get(self._views.active)
        if before is not None and self._panes.current == STAGE:
            self._views.show(before)
            self._make_room()
            return
        if self._views.active != LINEAGE and self._views.has_lineage:
            self._views.show(LINEAGE)
        self._panes.go_home()

    def show_view(self, *, is_opened: bool) -> None:
        """Follow the stage to its view; where it was opened with something new, with the focus."""
        self._note_way(is_opened=is_opened)
        self._panes.rename(STAGE, TITLES[self._views.active])
        if is_opened:
            self._make_room()
        if self._views.active not in ROOMY and self._is_zoomed_for_view:
            self._panes.zoom(False)
            self._is_zoomed_for_view = False
        if is_opened or self._panes.current == STAGE:
            self._panes.go_to(STAGE)

    def _note_way(self, *, is_opened: bool) -> None:
        """Remember by which views one came to this one; from another pane, or by the tabs, by none."""
        before, self._shown = self._shown, self._views.active
        is_from_pane = is_opened and self._panes.current != STAGE
        if self._shown in self._way and not is_from_pane:
            del self._way[self._way.index(self._shown) :]
        elif not is_opened or is_from_pane:
            self._way.clear()
        elif before != self._shown and self._views.has_lineage:
            self._way.append(before)

    def _make_room(self) -> None:
        """Give a view the whole screen that is one of pictures or of many columns."""
        if self._views.active in ROOMY and not self._panes.is_zoomed:
            self._panes.go_to(STAGE)
            self._panes.zoom(True)
            self._is_zoomed_for_view = True

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
            self._panes.rename(
                TREE, f"Projects  /{self.filter}" if has_any else f"No match  /{self.filter}  esc shows all"
            )


def _has_rows(focused: Widget | None, view: Widget | None) -> bool:
    """Whether the focus is on something that can be marked; what a filter has emptied has nothing."""
    match focused:
        case ProjectTree():
            return focused.entry is not None
        case LineageView():
            return not focused.hides_all
        case EntityTable():
            return isinstance(view, LISTS) and focused.row_count > 0
        case ThumbnailGrid():
            return isinstance(view, BrowsePane) and not view.is_empty
        case _:
            return False
