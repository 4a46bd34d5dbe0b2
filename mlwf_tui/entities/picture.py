"""Pictures as a terminal can draw them: small, two pixels a cell; and the shapes drawn over them."""

from __future__ import annotations

import msgspec

from mlwf_tui.entities.annotation import Bounds, Geometry

Rgb = tuple[int, int, int]
"""Red, green and blue, 0–255."""

GREY: Rgb = (128, 128, 128)


class Outline(msgspec.Struct, frozen=True):
    """A shape in pixels of the whole image, and the colour of its border; of a mask also of its inside."""

    geometry: Geometry
    color: Rgb
    opacity: float = 1.0
    fill: float = 0.0  # opacity of the inside


class Window(msgspec.Struct, frozen=True):
    """The part of an image that is seen, its edges as shares of the whole, 0–1."""

    left: float
    top: float
    right: float
    bottom: float

    def measure(self, width_px: int, height_px: int) -> tuple[float, float]:
        """Return width and height of the part of an image of this size, in its pixels."""
        return (self.right - self.left) * width_px, (self.bottom - self.top) * height_px

    def place(self, bounds: Bounds, width_px: int, height_px: int) -> tuple[float, float] | None:
        """Return the upper left corner of what is seen of bounds in pixels, as shares of the window.

        None where nothing of them is seen.
        """
        left, right = (self._share(x / width_px, self.left, self.right) for x in (bounds.left, bounds.right))
        top, bottom = (self._share(y / height_px, self.top, self.bottom) for y in (bounds.top, bounds.bottom))
        is_seen = left <= 1 and right >= 0 and top <= 1 and bottom >= 0
        return (max(0.0, left), max(0.0, top)) if is_seen else None

    def _share(self, at: float, first: float, last: float) -> float:
        return (at - first) / (last - first)


WHOLE = Window(0.0, 0.0, 1.0, 1.0)


class Picture(msgspec.Struct, frozen=True):
    """An image of `columns` x `rows` cells, each with one pixel above another."""

    columns: int
    rows: int
    pixels: bytes  # (2 * rows, columns, 3) uint8 RGB
    marks: bytes  # (2 * rows, columns) uint8: not 0 where an outline is drawn
    sharp: bytes = b""  # the same in more pixels, as a PNG file, for a terminal that shows those

    def find_color(self, x: int, y: int) -> Rgb:
        """Return the colour of a pixel; y counts pixels, not cells."""
        at = 3 * (y * self.columns + x)
        red, green, blue = self.pixels[at : at + 3]
        return red, green, blue


def parse_color(text: str) -> Rgb:
    """Return the colour that "#rrggbb" says; grey where it says none."""
    try:
        red, green, blue = bytes.fromhex(text.removeprefix("#"))
    except ValueError:
        return GREY
    return red, green, blue
