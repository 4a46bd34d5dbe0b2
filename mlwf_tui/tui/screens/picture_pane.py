"""A list beside the picture of what its cursor is on: drawn larger, and moved over, by key or mouse."""

from __future__ import annotations

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widget import Widget

from mlwf_tui.tui.screens.item_picture import ItemPicture, Preview
from mlwf_tui.tui.widgets.picture_view import PictureView
from mlwf_tui.tui.widgets.table import EntityTable


def make_picture_keys(pane: str, thing: str) -> list[BindingType]:
    """Return the keys that a pane has for its picture; `thing` is what they go through where all is seen.

    Those that move are the picture's while it has the focus: the tables have their own.
    """
    return [
        Binding("j,down", "move('down')", f"next {thing}, or down", show=False, id=f"{pane}.down"),
        Binding("k,up", "move('up')", f"{thing} before, or up", show=False, id=f"{pane}.up"),
        Binding("l,right", "move('right')", f"next {thing}, or right", show=False, id=f"{pane}.right"),
        Binding("h,left", "move('left')", f"{thing} before, or left", show=False, id=f"{pane}.left"),
        Binding("plus,equals_sign", "zoom(1)", "zoom in", show=False, id=f"{pane}.zoom_in"),
        Binding("minus", "zoom(-1)", "zoom out", show=False, id=f"{pane}.zoom_out"),
        Binding("0", "zoom(0)", "the whole picture", show=False, id=f"{pane}.whole"),
    ]


class PicturePane(Vertical):
    """What panes with `make_picture_keys` do alike; each makes the three, fills them, and draws its head."""

    table: EntityTable
    _preview: Preview
    _picture: ItemPicture

    def _draw_head(self) -> None:
        """Say what is listed, and how much larger its picture is drawn."""
        raise NotImplementedError

    def _find_list(self) -> Widget:
        """Return what has the keys while the picture has not all the room."""
        return self.table

    def go_back(self) -> bool:
        """Undo what hides a part: the zoom, then the large picture. False where nothing does."""
        if not self._picture.zoom.is_whole:
            self.action_zoom(0)
        elif self.has_class("-bare"):
            self.go_large(False)
        else:
            return False
        return True

    def go_large(self, is_large: bool) -> None:
        """Give the picture all the room, or share it again; the keys go on moving through the list."""
        self.set_class(is_large, "-bare")
        self._preview.set_class(is_large, "-bare")
        if self.has_focus_within:
            (self._preview.picture if is_large else self._find_list()).focus()

    def action_toggle_bare(self) -> None:
        self.go_large(not self.has_class("-bare"))

    def action_step(self, rows: int) -> None:
        self.table.cursor += rows

    def action_move(self, direction: str) -> None:
        """Move over the picture where it is larger than its room, else through the list."""
        self.action_step(self._picture.move(direction))

    def action_zoom(self, step: int) -> None:
        """Draw the picture larger or smaller; with 0 the whole of it."""
        self._picture.step(step)
        self._draw_head()

    @on(PictureView.Moved)
    def _on_picture_moved(self, event: PictureView.Moved) -> None:
        event.stop()
        self._picture.follow(event)
        self._draw_head()

    @on(EntityTable.RowSelected)
    def _on_row_opened(self, event: EntityTable.RowSelected) -> None:
        if event.table is self.table:
            event.stop()
            self.go_large(True)
