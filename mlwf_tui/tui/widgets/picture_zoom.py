"""Which part of an image is seen: how much larger it is drawn, and around which point; no widget."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from mlwf_tui.entities.picture import WHOLE, Window

LEVELS = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0)
"""How many times larger than the whole image fits."""
PAN_SHARE = 0.25  # of what is seen, a step


class Zoom(msgspec.Struct, frozen=True):
    """Begins with the whole image; `x` and `y` are the middle of what is seen, as shares of the image."""

    level: int = 0
    x: float = 0.5
    y: float = 0.5

    @property
    def factor(self) -> float:
        return LEVELS[self.level]

    @property
    def is_whole(self) -> bool:
        return self.level == 0

    def step(self, by: int) -> Zoom:
        """Return the zoom so many levels nearer; the whole image is in the middle again."""
        level = min(max(self.level + by, 0), len(LEVELS) - 1)
        return replace(self, level=level) if level else Zoom()

    def find_window(self, image_px: tuple[int, int], room: tuple[int, int]) -> Window:
        """Return what of an image is seen in a room of so many columns and rows of two pixels each.

        The room is used whole: it may be of another shape than the image.
        """
        if self.is_whole or min(*image_px, *room) < 1:
            return WHOLE
        (width_px, height_px), (columns, rows) = image_px, room
        scale = min(columns / width_px, 2 * rows / height_px) * self.factor
        across, down = min(1.0, columns / scale / width_px), min(1.0, 2 * rows / scale / height_px)
        left, top = _place(self.x, across), _place(self.y, down)
        return Window(left, top, left + across, top + down)

    def pan(self, across: float, down: float, image_px: tuple[int, int], room: tuple[int, int]) -> Zoom:
        """Return the zoom moved by shares of what is seen; it stays on the image."""
        seen = self.find_window(image_px, room)
        width, height = seen.right - seen.left, seen.bottom - seen.top
        x = _place((seen.left + seen.right) / 2 + across * width, width) + width / 2
        y = _place((seen.top + seen.bottom) / 2 + down * height, height) + height / 2
        return replace(self, x=x, y=y)


def _place(middle: float, share: float) -> float:
    """Return where a part of this share begins around a middle, moved so that it lies on the image."""
    return min(max(middle - share / 2, 0.0), 1.0 - share)
