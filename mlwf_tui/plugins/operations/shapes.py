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

from mlwf_tui.entities.annotation import (
    AnnotatedObject,
    Bounds,
    Geometry,
    GeometryKind,
    Point,
    Visibility,
)
from mlwf_tui.entities.figures import Custom, read_figure, write_figure
from mlwf_tui.entities.keypoints import (
    KEYPOINT_BOX,
    find_flip,
    list_visibility,
    place_points,
    read_keypoint_box,
)
from mlwf_tui.entities.outlines import cut_line, cut_ring, enclose, to_corners
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
    outline, `share` how much of its area, its length or its keypoints that is, 0-1. `mask` is (H, W)
    of the whole picture. Of keypoints `ring` is the box beside them, if they have one, and `visibility`
    what is known of each; those that a cut has left outside are missing from then on. Of a line
    `pieces` are what the cuts left. `figure` are the points of a figure told by custom facts.
    """

    source: AnnotatedObject
    points: Floats  # (N, 2)
    ring: Floats  # (N, 2)
    holes: tuple[Floats, ...] = ()
    mask: Mask | None = None
    share: float = 1.0
    visibility: tuple[Visibility, ...] = ()
    pieces: tuple[Floats, ...] = ()
    figure: tuple[Point, ...] = ()


def read_shape(labelled: AnnotatedObject, width_px: int, height_px: int) -> Shape:
    """Return an object as a shape, cut to its picture first, so that shares count what was visible."""
    geometry = labelled.geometry
    points = _to_array(geometry.points)
    shape = Shape(labelled, points, points, figure=read_figure(labelled.custom))
    match geometry.kind:
        case GeometryKind.RECTANGLE:
            shape = replace(shape, ring=_to_array(to_corners(geometry.bounds)))
        case GeometryKind.MASK:
            shape = replace(shape, mask=draw_mask(geometry, width_px, height_px).astype(np.uint8))
        case GeometryKind.POLYLINE:
            shape = replace(shape, ring=_to_array(()), pieces=(points,))
        case GeometryKind.KEYPOINTS:
            box = read_keypoint_box(labelled)
            ring = _to_array(to_corners(box) if box else ())
            shape = replace(shape, ring=ring, visibility=list_visibility(geometry))
        case _:
            shape = replace(shape, holes=tuple(map(_to_array, geometry.holes)))
    cut = cut_shape(shape, width_px, height_px)
    return replace(cut, share=1.0 if cut.share > 0 else 0.0)


def find_shown(shape: Shape) -> Floats:
    """Return points (N, 2) whose bounds are those of what shows of a shape."""
    if shape.pieces:
        return np.concatenate(shape.pieces)
    is_known = np.array(shape.visibility, np.bool_)  # (N,), of keypoints
    return shape.ring if len(shape.ring) or not is_known.size else shape.points[is_known]


def move_shape(shape: Shape, matrix: Floats, mask: Mask | None) -> Shape:
    """Return the shape with every point (x, y) at `matrix` (2, 3) times (x, y, 1); the mask as given.

    Where the matrix mirrors, the keypoints that names tell to be of the left become those of the right.
    """
    moved = move_points(shape, partial(move_by, matrix=matrix), mask)
    if shape.figure:
        moved = replace(moved, figure=tuple(map(tuple, move_by(_to_array(shape.figure), matrix).tolist())))
    is_mirrored = shape.visibility and float(np.linalg.det(matrix[:, :2])) < 0
    return _swap_sides(moved) if is_mirrored else moved


def _swap_sides(shape: Shape) -> Shape:
    partners = list(find_flip(shape.source.geometry.names))
    if not partners:
        return shape
    visibility = tuple(shape.visibility[partner] for partner in partners)
    return replace(shape, points=shape.points[partners], visibility=visibility)


def move_points(shape: Shape, move: Move, mask: Mask | None, *, is_bent: bool = False) -> Shape:
    """Return the shape with its points where `move` puts them.

    Where straight lines do not stay straight, outlines get points on their edges first, and lose those
    that they do not need after. A figure is none any more.
    """
    bend = partial(_bend, move=move) if is_bent else move
    bend_line = partial(_bend, move=move, is_closed=False) if is_bent else move
    return replace(
        shape,
        points=move(shape.points),
        ring=bend(shape.ring),
        holes=tuple(bend(hole) for hole in shape.holes),
        mask=mask,
        pieces=tuple(bend_line(piece) for piece in shape.pieces),
        figure=(),
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
        case GeometryKind.POLYLINE:
            cut = tuple(part for piece in shape.pieces for part in _cut_line(piece, width_px, height_px))
            whole = _measure_lines(shape.pieces)
            return replace(shape, pieces=cut, share=shape.share * _divide(_measure_lines(cut), whole))
        case GeometryKind.KEYPOINTS:
            return _cut_keypoints(shape, width_px, height_px)
        case GeometryKind.POINT:
            is_kept = bool(_find_inside(shape.points, width_px, height_px).all())
            return replace(shape, share=shape.share if is_kept else 0.0)
        case GeometryKind.MASK:
            return shape
    assert_never(kind)


def _cut_keypoints(shape: Shape, width_px: int, height_px: int) -> Shape:
    is_inside = _find_inside(shape.points, width_px, height_px)  # (N,)
    visibility = tuple(
        seen if inside else Visibility.MISSING
        for seen, inside in zip(shape.visibility, is_inside, strict=True)
    )
    share = shape.share * _divide(sum(map(bool, visibility)), sum(map(bool, shape.visibility)))
    return replace(shape, ring=_cut(shape.ring, width_px, height_px), visibility=visibility, share=share)


def compare_masks(shape: Shape, before: Mask, scale: float) -> Shape:
    """Return the shape with the share of its mask that a move kept; `scale` is how areas grew."""
    after = 0 if shape.mask is None else int(shape.mask.sum())
    return replace(shape, share=shape.share * min(1.0, _divide(after, float(before.sum()) * scale)))


def write_objects(shape: Shape, min_visible: float) -> tuple[AnnotatedObject, ...]:
    """Return the object where enough of it is left, a line as one for each of its pieces; else nothing."""
    if shape.share <= 0 or shape.share < min_visible - 1e-9:
        return ()
    source, custom = shape.source, _write_custom(shape)
    if source.geometry.kind is GeometryKind.POLYLINE:
        lines = [structs.replace(source.geometry, points=_to_points(piece)) for piece in shape.pieces]
        return tuple(structs.replace(source, geometry=line, custom=custom) for line in lines)
    geometry = _write_geometry(shape)
    return () if geometry is None else (structs.replace(source, geometry=geometry, custom=custom),)


def _write_custom(shape: Shape) -> Custom:
    """Return the custom facts, where they tell places on the picture those of now."""
    custom = shape.source.custom
    if shape.figure != read_figure(custom):
        custom = write_figure(custom, shape.figure)
    before = read_keypoint_box(shape.source) if shape.visibility else None
    if before is None:
        return custom
    others = {name: fact for name, fact in custom.items() if name not in KEYPOINT_BOX}
    if not len(shape.ring):
        return others
    box = (*shape.ring.min(axis=0).tolist(), *shape.ring.max(axis=0).tolist())
    if box == before:
        return custom
    return {**others, **{name: round(edge, 3) for name, edge in zip(KEYPOINT_BOX, box, strict=True)}}


def _write_geometry(shape: Shape) -> Geometry | None:
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
        case GeometryKind.KEYPOINTS:
            return place_points(shape.source.geometry, _to_points(shape.points), shape.visibility)
        case GeometryKind.POINT:
            return structs.replace(shape.source.geometry, points=_to_points(shape.points))
        case GeometryKind.POLYLINE:
            raise AssertionError("a line is written piece by piece")
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
    if _find_inside(ring, width_px, height_px).all():
        return ring
    points = tuple((float(x), float(y)) for x, y in ring)
    return _to_array(cut_ring(points, Bounds(0.0, 0.0, float(width_px), float(height_px))))


def _cut_line(line: Floats, width_px: float, height_px: float) -> tuple[Floats, ...]:
    """Return the pieces of a line (N, 2) that lie in [0, width] x [0, height]."""
    if _find_inside(line, width_px, height_px).all():
        return (line,)
    points = [(float(x), float(y)) for x, y in line]
    return tuple(map(_to_array, cut_line(points, Bounds(0.0, 0.0, float(width_px), float(height_px)))))


def _find_inside(points: Floats, width_px: float, height_px: float) -> NDArray[np.bool_]:
    """Return which of points (N, 2) lie in [0, width] x [0, height]."""
    return np.asarray(((points >= 0) & (points <= np.array((width_px, height_px)))).all(axis=1), np.bool_)


def _measure_lines(lines: Sequence[Floats]) -> float:
    """Return the length of lines in pixels; one that has none counts a little, so that it can be seen."""
    return sum(max(float(np.hypot(*np.diff(line, axis=0).T).sum()), 1e-6) for line in lines)


def _measure(ring: Floats) -> float:
    """Return a ring's area in square pixels by the shoelace formula."""
    if len(ring) < 3:
        return 0.0
    x, y = ring[:, 0], ring[:, 1]
    around = x[-1] * y[0] - y[-1] * x[0]  # np.roll would take a tenth of all an augmentation takes
    return 0.5 * abs(float(np.dot(x[:-1], y[1:]) - np.dot(y[:-1], x[1:]) + around))


def move_by(points: Floats, matrix: Floats) -> Floats:
    """Return points (N, 2) at `matrix` (2, 3) times (x, y, 1)."""
    moved: Floats = points @ matrix[:, :2].T + matrix[:, 2]  # (N, 2)
    return moved


def _divide(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0


def _to_array(points: Sequence[Point]) -> Floats:
    """Return points as (N, 2)."""
    return np.array(points, dtype=np.float64).reshape(-1, 2)


def _to_points(points: Sequence[Floats] | Floats) -> tuple[Point, ...]:
    """Return points rounded to a thousandth of a pixel: finer is noise of the arithmetic."""
    return tuple((round(float(x), 3), round(float(y), 3)) for x, y in points)
