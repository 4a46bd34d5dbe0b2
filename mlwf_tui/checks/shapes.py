"""What is wrong with one shape on one image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mlwf_tui.entities.annotation import Bounds, Geometry, GeometryKind, Point, Visibility
from mlwf_tui.entities.outlines import measure_area
from mlwf_tui.media.conversions import clip_geometry

WITH_AREA: Final = frozenset(
    {GeometryKind.RECTANGLE, GeometryKind.POLYGON, GeometryKind.MASK, GeometryKind.ORIENTED_BOX}
)
TOLERANCE_PX: Final = 0.5  # formats that count pixels from one, or round, are off by so much
MAX_CROSSING_POINTS: Final = 4_000  # every edge is compared with every other one


def has_area(geometry: Geometry) -> bool:
    """Say whether a shape that is to cover something does so; points and lines need not."""
    if geometry.kind not in WITH_AREA:
        return True
    if not geometry.points:
        return False
    bounds = geometry.bounds
    if bounds.width_px <= 0 or bounds.height_px <= 0:
        return False
    match geometry.kind:
        case GeometryKind.MASK:
            return sum(geometry.runs[1::2]) > 0
        case GeometryKind.POLYGON | GeometryKind.ORIENTED_BOX:
            return abs(measure_area(geometry.points)) > 0
        case _:
            return True


def is_inside(bounds: Bounds, width_px: int, height_px: int) -> bool:
    """Say whether a shape lies within its image, but for what rounding explains."""
    return (
        bounds.left >= -TOLERANCE_PX
        and bounds.top >= -TOLERANCE_PX
        and bounds.right <= width_px + TOLERANCE_PX
        and bounds.bottom <= height_px + TOLERANCE_PX
    )


def has_stray_keypoint(geometry: Geometry, width_px: int, height_px: int) -> bool:
    """Say whether a keypoint that is on the image, by what is said of it, lies beside it."""
    known = geometry.visibility or (Visibility.VISIBLE,) * len(geometry.points)
    return any(
        seen is not Visibility.MISSING and not is_inside(Bounds(x, y, x, y), width_px, height_px)
        for (x, y), seen in zip(geometry.points, known, strict=False)
    )


def is_crossing(ring: Sequence[Point]) -> bool:
    """Say whether edges of a ring cross each other; touching is allowed. Very long rings are not looked at.

    Edges a and b cross where the ends of each lie strictly on both sides of the other.
    """
    if not 4 <= len(ring) <= MAX_CROSSING_POINTS:
        return False
    starts = np.array(ring, np.float64)  # (N, 2)
    edges = np.roll(starts, -1, axis=0) - starts  # (N, 2)
    sides = _find_sides(starts, edges)  # (N, N): on which side of edge i point j lies
    ends = np.roll(sides, -1, axis=1)  # the same of the point behind j
    is_split = sides * ends < 0  # (N, N): edge j goes through the line of edge i
    return bool((is_split & is_split.T).any())


def _find_sides(starts: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return +1, -1, or 0 for every point (columns) seen from every edge (rows)."""
    x, y = starts[:, 0], starts[:, 1]
    across = edges[:, :1] * (y[None, :] - y[:, None]) - edges[:, 1:] * (x[None, :] - x[:, None])
    return np.sign(np.where(np.abs(across) < 1e-9, 0.0, across))


def clip(geometry: Geometry, width_px: int, height_px: int) -> Geometry | None:
    """Return what of a box, polygon or mask lies on the image, None where nothing does.

    Other shapes come back as they are: cut, they would be shapes of another kind.
    """
    match geometry.kind:
        case GeometryKind.RECTANGLE | GeometryKind.POLYGON:
            return clip_geometry(geometry, width_px, height_px)
        case GeometryKind.MASK:
            return _clip_mask(geometry, width_px, height_px)
        case _:
            return geometry


def _clip_mask(geometry: Geometry, width_px: int, height_px: int) -> Geometry | None:
    from mlwf_tui.media.bitmaps import can_be_drawn, measure_runs  # Pillow, which only masks need

    (left, top), (right, bottom) = geometry.points
    mask_width_px, mask_height_px = round(right - left), round(bottom - top)
    if not can_be_drawn(mask_width_px, mask_height_px, geometry.runs):
        return geometry  # it does not say what its pixels are
    x0, y0 = max(0, round(-left)), max(0, round(-top))
    x1, y1 = min(mask_width_px, round(width_px - left)), min(mask_height_px, round(height_px - top))
    if x0 >= x1 or y0 >= y1:
        return None
    values = np.arange(len(geometry.runs)) % 2 == 1
    pixels = np.repeat(values, geometry.runs).reshape(mask_height_px, mask_width_px)[y0:y1, x0:x1]  # (H, W)
    if not pixels.any():
        return None
    corners = (left + x0, top + y0), (left + x1, top + y1)
    return Geometry(geometry.kind, corners, runs=measure_runs(pixels))
