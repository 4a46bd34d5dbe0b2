"""The picture of the item that is looked at: which part of it is seen, and what is drawn over it."""

from __future__ import annotations

from time import monotonic

from textual.timer import Timer

from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.picture import WHOLE, Picture, Window
from mlwf_tui.errors import MlwfError
from mlwf_tui.tui.screens.pictures import Order, Pictures
from mlwf_tui.tui.screens.work import Work
from mlwf_tui.tui.widgets.item_preview import ItemPreview
from mlwf_tui.tui.widgets.picture_zoom import Zoom
from mlwf_tui.workspace import Workspace

REST_S = 0.12  # keys that are held down come faster


class ItemPicture:
    """Has the picture of a preview's item drawn, as large as a person wants. All is called on the loop."""

    def __init__(self, workspace: Workspace, work: Work, preview: ItemPreview) -> None:
        self._preview = preview
        self._pictures = Pictures(workspace, work, on_drawn=self._show, on_broken=self._say_broken)
        self._manifest: Digest | None = None
        self._window: Window = WHOLE  # of the picture that is drawn
        self.zoom = Zoom()
        self._timer: Timer | None = None
        self._shown_at_s = 0.0

    def begin(self, manifest: Digest) -> None:
        """Draw items of this manifest from now on."""
        self._manifest = manifest
        self._pictures.forget()

    def show_item(self, item: Item | None) -> None:
        """Say what is known of an item, and begin with the whole of its picture.

        While one item follows another the picture waits until a person rests: each is up to 100 KB to send.
        """
        self.zoom = Zoom()
        self._preview.show_item(item)
        is_hurried = monotonic() - self._shown_at_s < REST_S
        self._shown_at_s = monotonic()
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        self._preview.picture.is_awaited = is_hurried
        if is_hurried:
            self._timer = self._preview.set_timer(REST_S, self._rest)
        else:
            self.order()

    def _rest(self) -> None:
        self._timer = None
        self._preview.picture.is_awaited = False
        self.order()

    def show_none(self) -> None:
        """Draw nothing: no item is listed."""
        self._pictures.forget()
        self._preview.picture.say("")

    def step(self, by: int) -> None:
        """Draw the picture larger or smaller; with 0 the whole of it."""
        self.zoom = self.zoom.step(by) if by else Zoom()
        self.order()

    def pan(self, across: float, down: float) -> None:
        """Move what is seen by shares of it, where not all is."""
        item = self._preview.item
        if item is not None and not self.zoom.is_whole:
            size_px = item.width_px, item.height_px
            self.zoom = self.zoom.pan(across, down, size_px, self._preview.picture.room)
            self.order()

    def order(self) -> None:
        """Have the picture drawn as it is wanted now."""
        item = self._preview.item
        if item is None or self._manifest is None or self._timer is not None:
            return
        columns, rows = self._preview.picture.room
        window = self._window = self.zoom.find_window((item.width_px, item.height_px), (columns, rows))
        key = (
            item.key, item.blob, self._manifest, self._preview.selected, self._preview.shown_layers, window,
            columns, rows, self._preview.app.theme,
        )  # fmt: skip
        outlines = self._preview.list_outlines()
        self._pictures.want(Order(key, item, outlines, columns, rows, window=window))

    def _show(self, picture: Picture) -> None:
        self._preview.show_picture(picture, self._window)

    def _say_broken(self, error: MlwfError) -> None:
        self._preview.picture.say(error.message, error.hint)
