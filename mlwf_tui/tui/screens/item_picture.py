"""The picture of the item that is looked at: which part of it is seen, and what is drawn over it."""

from __future__ import annotations

from collections.abc import Hashable
from time import monotonic
from typing import Protocol

from textual.timer import Timer

from mlwf_tui.entities.item import Item
from mlwf_tui.entities.picture import WHOLE, Outline, Picture, Window
from mlwf_tui.errors import MlwfError
from mlwf_tui.tui.screens.pictures import Order, Pictures
from mlwf_tui.tui.screens.work import Work
from mlwf_tui.tui.widgets.picture_view import PictureView
from mlwf_tui.tui.widgets.picture_zoom import PAN_SHARE, Zoom
from mlwf_tui.workspace import Workspace

REST_S = 0.12  # keys that are held down come faster


WHOLE_PICTURE = Zoom()
STEPS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
"""Where a key moves over a picture, and through the list that it stands in."""


class Preview(Protocol):
    """A widget that shows the picture of one item."""

    item: Item | None

    @property
    def picture(self) -> PictureView:
        """Where it is drawn."""

    @property
    def look(self) -> Hashable:
        """What the outlines depend on, beside item and window."""

    def set_class(self, add: bool, *class_names: str) -> object:
        """Have these classes, or not, as any widget."""

    def list_outlines(self, window: Window) -> list[Outline]:
        """Return what to draw over the picture where this part of the image is seen."""

    def show_picture(self, picture: Picture, window: Window) -> None:
        """Draw the picture, which is of this part of the image."""


class ItemPicture:
    """Has the picture of a preview's item drawn, as large as a person wants. All is called on the loop."""

    def __init__(self, workspace: Workspace, work: Work, preview: Preview) -> None:
        self._preview = preview
        self._pictures = Pictures(workspace, work, on_drawn=self._show, on_broken=self.say_broken)
        self._source: Hashable = None
        self._window: Window = WHOLE  # of the picture that is drawn
        self.zoom = Zoom()
        self._timer: Timer | None = None
        self._shown_at_s = 0.0

    def begin(self, source: Hashable) -> None:
        """Draw items of this source from now on: a key of one means something else in another."""
        self._source = source
        self._pictures.forget()

    def begin_item(self, zoom: Zoom = WHOLE_PICTURE) -> None:
        """Begin with the picture of the item that the preview has been told: the whole of it, or closer.

        While one item follows another the picture waits until a person rests: each is up to 100 KB to send.
        """
        self.zoom = zoom
        is_hurried = monotonic() - self._shown_at_s < REST_S
        self._shown_at_s = monotonic()
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        self._preview.picture.is_awaited = is_hurried
        if is_hurried:
            self._timer = self._preview.picture.set_timer(REST_S, self._rest)
        else:
            self.order()

    def _rest(self) -> None:
        self._timer = None
        self._preview.picture.is_awaited = False
        self.order()

    def show_none(self, title: str = "", hint: str = "") -> None:
        """Draw nothing, or these words: no item is listed."""
        self._pictures.forget()
        self._preview.picture.say(title, hint)

    def step(self, by: int) -> None:
        """Draw the picture larger or smaller; with 0 the whole of it."""
        self.zoom = self.zoom.step(by) if by else Zoom()
        self.order()

    def move(self, direction: str) -> int:
        """Move over the picture where it is larger than its room, else return by how many items to go on."""
        across, down = STEPS[direction]
        if self.zoom.is_whole:
            return across + down
        self._pan(across * PAN_SHARE, down * PAN_SHARE)
        return 0

    def follow(self, event: PictureView.Moved) -> None:
        """Do what the wheel or dragging asks for."""
        columns, rows = event.view.room
        if event.zoom:
            self.step(event.zoom)
        else:
            self._pan(event.columns / max(1, columns), event.rows / max(1, rows))

    def _pan(self, across: float, down: float) -> None:
        """Move what is seen by shares of it, where not all is."""
        item = self._preview.item
        if item is not None and not self.zoom.is_whole:
            size_px = item.width_px, item.height_px
            self.zoom = self.zoom.pan(across, down, size_px, self._preview.picture.room)
            self.order()

    def describe_zoom(self) -> str:
        """Return how much larger the picture is drawn, and how to see all of it; "" for the whole."""
        return "" if self.zoom.is_whole else f"  {self.zoom.factor:g}× larger, 0 shows the whole"

    def order(self) -> None:
        """Have the picture drawn as it is wanted now."""
        item = self._preview.item
        if item is None or self._source is None or self._timer is not None:
            return
        columns, rows = self._preview.picture.room
        window = self._window = self.zoom.find_window((item.width_px, item.height_px), (columns, rows))
        theme = self._preview.picture.app.theme
        key = (self._source, item.key, item.blob, self._preview.look, window, columns, rows, theme)
        outlines = self._preview.list_outlines(window)
        self._pictures.want(Order(key, item, outlines, columns, rows, window=window))

    def _show(self, picture: Picture) -> None:
        self._preview.show_picture(picture, self._window)

    def say_broken(self, error: MlwfError) -> None:
        """Say in place of the picture why there is none."""
        self._preview.picture.say(error.message, error.hint)
