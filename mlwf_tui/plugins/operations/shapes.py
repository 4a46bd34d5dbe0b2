"""Objects that follow their pixels through affine changes and cuts; pure geometry, no pixels but masks.

albumentations moves boxes too, but in 32 bits, with half a pixel between its boxes and its keypoints,
and drops a polygon's vertices instead of cutting the polygon. Here one matrix moves every kind of shape
exactly, and what is left of it is measured against what it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import assert_never

import msgspec
import numpy as np
from msgspec import structs
from msgspec.structs import replace
from numpy.typing import NDArray

from mlwf_tui.entities.annotation import AnnotatedObject, Bounds, Geometry, GeometryKind, Point
from mlwf_tui.entities.outlines import cut_ring, enclose
from mlwf_tui.media.filling import read_mask, simplify_ring
from mlwf_tui.media.outlines import draw_mask

Floats = NDArray[np.float64]
Mask = NDArray[np.uint8]

Move = Callable[[Floats], Floats]
"""Takes points (N, 2) from one picture to where they are on the next."""

_BEND_STEP_PX = 4.0
_BEND_TOLERANCE_PX = 0.1

IDENTITY: tuple[tuple[float, float, float], ...] = ((1, 0, 0), (0, 1, 0))


class Shape(msgspec.Struct, frozen=True):
    """An object under way.

    `points` are all its points wherever they went, `ring` and `holes` what the cuts left of its
    outline, `share` how much of its area that is, 0-1. `mask` is (H, W) of the whole picture.
    """

    source: AnnotatedObject
    points: Floats  # (N, 2)
    ring: Floats  # (N, 2)
    holes: tuple[Floats, ...] = ()
    mask: Mask | None = None
    share: float = 1.0


def read_shape(labelled: AnnotatedObject, width_px: int, height_px: int) -> Shape:
    """Return an object as a shape, cut to its picture first, so that shares count what was visible."""
    geometry = labelled.geometry
    points = np.array(geometry.points, dtype=np.float64)  # (N, 2)
    match geometry.kind:
        case GeometryKind.RECTANGLE:
            ring = _get_corners(geometry)
            shape = Shape(labelled, points, ring)
        case GeometryKind.MASK:
            shape = Shape(
                labelled, points, points, mask=draw_mask(geometry, width_px, height_px).astype(np.uint8)
            )
        case _:
            holes = tuple(np.array(hole, dtype=np.float64) for hole in geometry.holes)
            shape = Shape(labelled, points, points, holes)
    cut = cut_shape(shape, width_px, height_px)
    return replace(cut, share=1.0 if cut.share > 0 else 0.0)


def move_shape(shape: Shape, matrix: Floats, mask: Mask | None) -> Shape:
    """Return the shape with every point (x, y) at `matrix` (2, 3) times (x, y, 1); the mask as given."""
    return move_points(shape, partial(move_by, matrix=matrix), mask)


def move_points(shape: Shape, move: Move, mask: Mask | None, *, is_bent: bool = False) -> Shape:
    """Return the shape with its points where `move` puts them.

    Where straight lines do not stay straight, outlines get points on their edges first, and lose those
    that they do not need after.
    """
    kind = shape.source.geometry.kind
    bend = partial(_bend, move=move) if is_bent else move
    is_line = kind is GeometryKind.POLYLINE
    return replace(
        shape,
        points=_bend(shape.points, move=move, is_closed=False) if is_bent and is_line else move(shape.points),
        ring=bend(shape.ring),
        holes=tuple(bend(hole) for hole in shape.holes),
        mask=mask,
    )


def _bend(ring: Floats, *, move: Move, is_closed: bool = True) -> Floats:
    if not len(ring):
        return ring
    moved = move(_subdivide(ring, is_closed))
    points = [(float(x), float(y)) for x, y in moved]
    return np.array(simplify_ring(points, _BEND_TOLERANCE_PX, is_closed=is_closed))  # (N, 2)


def _subdivide(ring: Floats, is_closed: bool) -> Floats:
    """Return points on the edges, at most `_BEND_STEP_PX` from each other."""
    ends = np.roll(ring, -1, axis=0) if is_closed else ring[1:]
    parts = []
    for start, end in zip(ring, ends, strict=False):
        count = max(1, int(np.ceil(np.hypot(*(end - start)) / _BEND_STEP_PX)))
        parts.append(start + (end - start) * (np.arange(count) / count)[:, None])
    return np.concatenate(parts if is_closed else [*parts, ring[-1:]])


def cut_shape(shape: Shape, width_px: int, height_px: int) -> Shape:
    """Return what of the shape lies inside of a picture of that size."""
    kind = shape.source.geometry.kind
    match kind:
        case GeometryKind.RECTANGLE | GeometryKind.POLYGON | GeometryKind.ORIENTED_BOX:
            ring = _cut(shape.ring, width_px, height_px)
            holes = tuple(_cut(hole, width_px, height_px) for hole in shape.holes)
            share = shape.share * _divide(_measure(ring), _measure(shape.ring))
            return replace(shape, ring=ring, holes=tuple(h for h in holes if len(h) > 2), share=share)
        case GeometryKind.POLYLINE | GeometryKind.POINT | GeometryKind.KEYPOINTS:
            limits = np.array((width_px, height_px))
            is_inside = ((shape.points >= 0) & (shape.points <= limits)).all(axis=1)  # (N,)
            return replace(shape, share=min(shape.share, float(is_inside.mean())))
        case GeometryKind.MASK:
            return shape
    assert_never(kind)


def compare_masks(shape: Shape, before: Mask, scale: float) -> Shape:
    """Return the shape with the share of its mask that a move kept; `scale` is how areas grew."""
    after = 0 if shape.mask is None else int(shape.mask.sum())
    return replace(shape, share=shape.share * min(1.0, _divide(after, float(before.sum()) * scale)))


def write_object(shape: Shape, width_px: int, height_px: int, min_visible: float) -> AnnotatedObject | None:
    """Return the object where enough of it is left, inside of its picture, else None."""
    if shape.share <= 0 or shape.share < min_visible - 1e-9:
        return None
    geometry = _write_geometry(shape, width_px, height_px)
    return None if geometry is None else structs.replace(shape.source, geometry=geometry)


def _write_geometry(shape: Shape, width_px: int, height_px: int) -> Geometry | None:
    kind = shape.source.geometry.kind
    match kind:
        case GeometryKind.RECTANGLE:
            (left, top), (right, bottom) = _to_points([shape.ring.min(axis=0), shape.ring.max(axis=0)])
            has_area = left < right and top < bottom
            return Geometry.rectangle(left, top, right, bottom) if has_area else None
        case GeometryKind.POLYGON:
            holes = tuple(_to_points(hole) for hole in shape.holes)
            return Geometry(kind, _to_points(shape.ring), holes)
        case GeometryKind.MASK:
            return None if shape.mask is None else read_mask(shape.mask > 0)
        case GeometryKind.POLYLINE | GeometryKind.KEYPOINTS | GeometryKind.POINT:
            inside = np.clip(shape.points, 0, (width_px, height_px))
            return structs.replace(shape.source.geometry, points=_to_points(inside))
        case GeometryKind.ORIENTED_BOX:  # four corners stay four, though some may lie outside
            points = _to_points(shape.points)
            return Geometry(kind, points if is_right_angled(points) else enclose(points))
    assert_never(kind)


def is_right_angled(corners: Sequence[Point]) -> bool:
    """Say whether four corners are those of a box, but for what rounding explains."""
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = corners
    return max(abs(x0 + x2 - x1 - x3), abs(y0 + y2 - y1 - y3)) < 0.01 and (
        abs((x1 - x0) * (x2 - x1) + (y1 - y0) * (y2 - y1))
        <= 0.01 * max(1.0, np.hypot(x1 - x0, y1 - y0), np.hypot(x2 - x1, y2 - y1))
    )


# --- rings ---------------------------------------------------------------------------------------


def _cut(ring: Floats, width_px: float, height_px: float) -> Floats:
    """Return a ring (N, 2) cut to [0, width] x [0, height]; empty where nothing is inside."""
    if len(ring) and (ring >= 0).all() and (ring <= np.array((width_px, height_px))).all():
        return ring
    points = tuple((float(x), float(y)) for x, y in ring)
    cut = cut_ring(points, Bounds(0.0, 0.0, float(width_px), float(height_px)))
    return np.array(cut, dtype=np.float64).reshape(-1, 2)


def _measure(ring: Floats) -> float:
    """Return a ring's area in square pixels by the shoelace formula."""
    if len(ring) < 3:
        return 0.0
    x, y = ring[:, 0], ring[:, 1]
    around = x[-1] * y[0] - y[-1] * x[0]  # np.roll would take a tenth of all an augmentation takes
    return 0.5 * abs(float(np.dot(x[:-1], y[1:]) - np.dot(y[:-1], x[1:]) + around))


def _get_corners(rectangle: Geometry) -> Floats:
    left, top, right, bottom = rectangle.bounds
    return np.array(((left, top), (right, top), (right, bottom), (left, bottom)))  # (4, 2)


def move_by(points: Floats, matrix: Floats) -> Floats:
    """Return points (N, 2) at `matrix` (2, 3) times (x, y, 1)."""
    moved: Floats = points @ matrix[:, :2].T + matrix[:, 2]  # (N, 2)
    return moved


def _divide(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0


def _to_points(points: Sequence[Floats] | Floats) -> tuple[Point, ...]:
    """Return points rounded to a thousandth of a pixel: finer is noise of the arithmetic."""
    return tuple((round(float(x), 3), round(float(y), 3)) for x, y in points)
