"""Masks as polygons: the outline of a mask's pixels, exactly, along the edges between pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mlwf_tui.entities.annotation import Geometry, GeometryKind, Point
from mlwf_tui.entities.outlines import Ring, join_rings
from mlwf_tui.errors import InvalidInput

Pixels = NDArray[np.bool_]


def fill_runs(width_px: int, height_px: int, runs: Sequence[int]) -> Pixels:
    """Return the pixels (H, W) of a mask's runs, which are row-major and begin with the background.

    Raises:
        InvalidInput: the runs do not fill that many pixels.
    """
    if min(width_px, height_px) < 0 or min(runs, default=0) < 0 or sum(runs) != width_px * height_px:
        raise InvalidInput(
            f"A mask of {width_px}x{height_px} pixels has runs of {sum(runs):,}.",
            hint="Draw it anew, or leave it out with `drop_objects`.",
        )
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape(height_px, width_px)


def draw_mask(geometry: Geometry, width_px: int, height_px: int) -> Pixels:
    """Return a mask's pixels on an image (H, W); what lies outside of it is cut off."""
    left, top, right, bottom = (int(edge) for edge in geometry.bounds)
    cut = fill_runs(right - left, bottom - top, geometry.runs)
    image = np.zeros((height_px, width_px), np.bool_)
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(right, width_px), min(bottom, height_px)
    if x0 < x1 and y0 < y1:
        image[y0:y1, x0:x1] = cut[y0 - top : y1 - top, x0 - left : x1 - left]
    return image


def trace_mask(geometry: Geometry) -> Geometry:
    """Return a mask as one polygon of the same area; parts and holes hang on bridges without width."""
    left, top, right, bottom = (int(edge) for edge in geometry.bounds)
    pixels = fill_runs(right - left, bottom - top, geometry.runs)
    rings = [tuple((x + left, y + top) for x, y in ring) for ring in trace_pixels(pixels)]
    return Geometry(GeometryKind.POLYGON, join_rings(rings))


def outline_mask(geometry: Geometry) -> Geometry:
    """Return a mask's borders as the rings of a polygon, the first as its points and all others as holes.

    Where nothing is set it is the mask itself. To be drawn; as a shape its parts would be holes.
    """
    left, top, right, bottom = (int(edge) for edge in geometry.bounds)
    rings = trace_pixels(fill_runs(right - left, bottom - top, geometry.runs))
    if not rings:
        return geometry
    first, *others = (tuple((x + left, y + top) for x, y in ring) for ring in rings)
    return Geometry(GeometryKind.POLYGON, first, tuple(others))


def trace_pixels(pixels: Pixels) -> list[Ring]:
    """Return the closed borders of the set pixels (H, W), corners alone; the pixels lie to the right.

    Where two pixels touch at a corner only, the border goes round each of them by itself.
    """
    follows = _find_edges(np.pad(pixels, 1))
    rings: list[Ring] = []
    while follows:
        start = next(iter(follows))
        rings.append(_follow(follows, start))
    return rings


def _find_edges(padded: Pixels) -> dict[Point, list[Point]]:
    """Return where the border goes on from each corner, one pixel edge at a time."""
    follows: dict[Point, list[Point]] = {}

    def enter(rows: NDArray[np.intp], columns: NDArray[np.intp], step: tuple[int, int]) -> None:
        for y, x in zip(rows.tolist(), columns.tolist(), strict=True):
            follows.setdefault((x, y), []).append((x + step[0], y + step[1]))

    inner = padded[1:-1, 1:-1]  # (H, W)
    rows, columns = np.nonzero(inner & ~padded[:-2, 1:-1])  # free above: to the right along the top
    enter(rows, columns, (1, 0))
    rows, columns = np.nonzero(inner & ~padded[1:-1, 2:])  # free at the right: down
    enter(rows, columns + 1, (0, 1))
    rows, columns = np.nonzero(inner & ~padded[2:, 1:-1])  # free below: to the left
    enter(rows + 1, columns + 1, (-1, 0))
    rows, columns = np.nonzero(inner & ~padded[1:-1, :-2])  # free at the left: up
    enter(rows + 1, columns, (0, -1))
    return follows


def _follow(follows: dict[Point, list[Point]], start: Point) -> Ring:
    """Take one border out, turning right where there are two ways, and return its corners."""
    path = [start]
    point, step = start, (0.0, 0.0)
    while True:
        ways = follows[point]
        right = (point[0] - step[1], point[1] + step[0])
        target = right if right in ways and len(ways) > 1 else ways[0]
        ways.remove(target)
        if not ways:
            del follows[point]
        turned = (target[0] - point[0], target[1] - point[1])
        if turned == step:
            path[-1] = target
        else:
            path.append(target)
        point, step = target, turned
        if point == start:
            break
    return _close(path)


def _close(path: list[Point]) -> Ring:
    """Return a path that ends where it began as a ring of corners."""
    ring = path[:-1]
    (x0, y0), (x1, y1), (x2, y2) = ring[-1], ring[0], ring[1]
    is_straight = (x0 == x1 == x2) or (y0 == y1 == y2)
    return tuple(ring[1:] if is_straight else ring)
