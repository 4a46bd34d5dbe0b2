"""Shapes as pixels and pixels as masks: a pixel belongs to a shape where its centre lies inside."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlwf_tui.entities.annotation import Geometry, GeometryKind, Point
from mlwf_tui.entities.outlines import to_corners
from mlwf_tui.media.bitmaps import measure_runs
from mlwf_tui.media.outlines import draw_mask, fill_runs

Pixels = NDArray[np.bool_]
Floats = NDArray[np.float64]

MAX_SIDE_PX: Final = 65_535
_BLOCK_PIXELS: Final = 1 << 22


class Window(NamedTuple):
    """Pixels of a part of an image (h, w), and where that begins."""

    left: int
    top: int
    pixels: Pixels

    @property
    def rows(self) -> slice:
        return slice(self.top, self.top + self.pixels.shape[0])

    @property
    def columns(self) -> slice:
        return slice(self.left, self.left + self.pixels.shape[1])


def draw_window(geometry: Geometry, width_px: int, height_px: int) -> Window:
    """Return the part of an image that a shape with area lies in, and the pixels whose centre it covers.

    Empty where it lies outside. An image has often a hundred times as many pixels as one of its objects.
    """
    left, top, right, bottom = geometry.bounds
    if geometry.kind is GeometryKind.RECTANGLE:  # to the first pixel whose centre lies inside
        left, top, right, bottom = (math.ceil(edge - 0.5) for edge in geometry.bounds)
    x0, y0 = max(math.floor(left), 0), max(math.floor(top), 0)
    x1, y1 = min(math.ceil(right), width_px), min(math.ceil(bottom), height_px)
    if x0 >= x1 or y0 >= y1:
        return Window(0, 0, np.zeros((0, 0), np.bool_))
    if geometry.kind is GeometryKind.RECTANGLE:
        return Window(x0, y0, np.ones((y1 - y0, x1 - x0), np.bool_))
    if geometry.kind is GeometryKind.MASK:
        x, y = int(left), int(top)
        pixels = fill_runs(int(right) - x, int(bottom) - y, geometry.runs)
        return Window(x0, y0, pixels[y0 - y : y1 - y, x0 - x : x1 - x])
    moved = shift(geometry, -x0, -y0)
    return Window(x0, y0, fill_geometry(moved, x1 - x0, y1 - y0))


def fill_geometry(geometry: Geometry, width_px: int, height_px: int, *, line_width_px: float = 0) -> Pixels:
    """Return the pixels (H, W) of a shape on an image; what lies outside of it is cut off.

    Lines and points have pixels only where `line_width_px` gives them a width.
    """
    match geometry.kind:
        case GeometryKind.MASK:
            return draw_mask(geometry, width_px, height_px)
        case GeometryKind.RECTANGLE:
            return fill_rings([to_corners(geometry.bounds)], width_px, height_px)
        case GeometryKind.POLYGON | GeometryKind.ORIENTED_BOX:
            return fill_rings([geometry.points, *geometry.holes], width_px, height_px)
        case GeometryKind.POLYLINE:
            points = geometry.points if len(geometry.points) > 1 else geometry.points * 2
            return _fill_edges(list(pairwise(points)), width_px, height_px, line_width_px)
        case _:
            return _fill_edges([(p, p) for p in geometry.points], width_px, height_px, line_width_px)


def fill_rings(rings: Sequence[Sequence[Point]], width_px: int, height_px: int) -> Pixels:
    """Return the pixels (H, W) between rings by the even-odd rule; the inverse of `trace_pixels`.

    On each row the centres between the first and the second crossing, the third and the fourth, and so
    on are inside: so each crossing turns all pixels to its right over.
    """
    crossings = [
        crossing
        for ring in rings
        for crossing in _iter_crossings(np.array(ring, np.float64), width_px, height_px)
    ]
    pixels = np.zeros((height_px, width_px), np.bool_)
    if not crossings:
        return pixels
    rows, columns = (np.concatenate(parts) for parts in zip(*crossings, strict=True))  # (N,) each
    step = max(1, _BLOCK_PIXELS // (width_px + 1))
    for start in range(0, height_px, step):  # a hostile shape may claim a great many rows
        is_here = (rows >= start) & (rows < start + step)
        if is_here.any():
            turned = np.zeros((min(step, height_px - start), width_px + 1), np.int32)  # crossings, by column
            np.add.at(turned, (rows[is_here] - start, columns[is_here]), 1)
            pixels[start : start + step] = np.cumsum(turned, axis=1, dtype=np.int32)[:, :width_px] % 2 == 1
    return pixels


def _iter_crossings(
    ring: Floats, width_px: int, height_px: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield for each edge the rows whose centres it crosses, and the first column to its right."""
    for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        low, high = min(y0, y1), max(y0, y1)
        first, last = max(0, math.ceil(low - 0.5)), min(height_px, math.ceil(high - 0.5))
        if first >= last:
            continue
        rows = np.arange(first, last)
        crossed = x0 + (rows + 0.5 - y0) * ((x1 - x0) / (y1 - y0))
        yield rows, np.clip(np.ceil(crossed - 0.5), 0, width_px).astype(np.intp)


def _fill_edges(
    edges: Sequence[tuple[Point, Point]], width_px: int, height_px: int, line_width_px: float
) -> Pixels:
    """Return the pixels whose centres are at most half a line's width from one of the edges."""
    pixels = np.zeros((height_px, width_px), np.bool_)
    radius = line_width_px / 2
    if radius <= 0:
        return pixels
    for (x0, y0), (x1, y1) in edges:
        left, right = max(0, int(min(x0, x1) - radius)), min(width_px, int(max(x0, x1) + radius) + 1)
        top, bottom = max(0, int(min(y0, y1) - radius)), min(height_px, int(max(y0, y1) + radius) + 1)
        if left >= right or top >= bottom:
            continue
        x, y = np.meshgrid(np.arange(left, right) + 0.5 - x0, np.arange(top, bottom) + 0.5 - y0)
        dx, dy = x1 - x0, y1 - y0
        length = dx * dx + dy * dy
        share = np.clip((x * dx + y * dy) / length, 0, 1) if length else np.zeros_like(x)
        pixels[top:bottom, left:right] |= np.hypot(x - share * dx, y - share * dy) <= radius
    return pixels


def read_mask(pixels: Pixels, left_px: int = 0, top_px: int = 0) -> Geometry | None:
    """Return the set pixels (H, W) as a mask cut to its bounds, None where none is set."""
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    if not rows.size:
        return None
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    corners = (
        (float(left + left_px), float(top + top_px)),
        (float(right + left_px), float(bottom + top_px)),
    )
    return Geometry(GeometryKind.MASK, corners, runs=measure_runs(pixels[top:bottom, left:right]))


def rasterise(geometry: Geometry, *, line_width_px: float = 0) -> Geometry | None:
    """Return a shape as a mask, None where it covers no pixel's centre; nothing is cut at the image.

    A shape of more than 65,535 pixels a side is none either.
    """
    if geometry.kind is GeometryKind.MASK:
        return geometry
    reach = math.ceil(line_width_px / 2)
    bounds = geometry.bounds
    left, top = math.floor(bounds.left) - reach, math.floor(bounds.top) - reach
    width_px, height_px = math.ceil(bounds.right) + reach - left, math.ceil(bounds.bottom) + reach - top
    if not (0 < width_px <= MAX_SIDE_PX and 0 < height_px <= MAX_SIDE_PX):
        return None
    moved = shift(geometry, -left, -top)
    return read_mask(fill_geometry(moved, width_px, height_px, line_width_px=line_width_px), left, top)


def shift(geometry: Geometry, x_px: float, y_px: float) -> Geometry:
    """Return a shape at another place."""
    return Geometry(
        geometry.kind,
        _shift_ring(geometry.points, x_px, y_px),
        tuple(_shift_ring(hole, x_px, y_px) for hole in geometry.holes),
        geometry.runs,
        geometry.names,
        geometry.visibility,
    )


def _shift_ring(ring: Sequence[Point], x_px: float, y_px: float) -> tuple[Point, ...]:
    return tuple((x + x_px, y + y_px) for x, y in ring)


def simplify_ring(points: Sequence[Point], epsilon_px: float, *, is_closed: bool) -> tuple[Point, ...]:
    """Return points of which no left out one is more than `epsilon_px` from the line that stays.

    Source: Douglas and Peucker, 1973; a ring is taken apart at its first point and the one farthest off.
    """
    if len(points) < 3 or epsilon_px <= 0:
        return tuple(points)
    line = np.array([*points, points[0]] if is_closed else points, np.float64)  # (N, 2)
    keep = np.zeros(len(line), np.bool_)
    keep[0] = keep[-1] = True
    middle = int(np.hypot(*(line - line[0]).T).argmax()) if is_closed else len(line) - 1
    keep[middle] = True
    spans = [(0, middle), (middle, len(line) - 1)]
    while spans:
        start, end = spans.pop()
        if end - start < 2:
            continue
        distances = _measure_distances(line[start + 1 : end], line[start], line[end])
        farthest = int(distances.argmax())
        if distances[farthest] > epsilon_px:
            keep[start + 1 + farthest] = True
            spans += [(start, start + 1 + farthest), (start + 1 + farthest, end)]
    kept = line[keep][:-1] if is_closed else line[keep]
    return tuple((float(x), float(y)) for x, y in kept)


def _measure_distances(points: Floats, start: Floats, end: Floats) -> Floats:
    """Return how far points (N, 2) are from the stretch between two others."""
    along = end - start
    length = float(along @ along)
    share = np.clip((points - start) @ along / length, 0, 1) if length else np.zeros(len(points))
    distances: Floats = np.hypot(*(points - start - share[:, None] * along).T)
    return distances
