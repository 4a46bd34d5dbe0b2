"""Converts shapes to other kinds, and cuts them to their image."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from mlwf_tui.entities.annotation import AnnotatedObject, Geometry, GeometryKind, Point, Visibility
from mlwf_tui.entities.keypoints import KEYPOINT_BOX, list_visibility, place_points, read_keypoint_box
from mlwf_tui.entities.outlines import (
    clamp_point,
    cut_polygon,
    enclose,
    join_rings,
    to_corners,
    turn_against,
)

_WITH_AREA = frozenset(
    {GeometryKind.RECTANGLE, GeometryKind.POLYGON, GeometryKind.MASK, GeometryKind.ORIENTED_BOX}
)


def convert_geometry(geometry: Geometry, target: GeometryKind) -> Geometry:
    """Return a shape with area as another kind: a box around it, its outline, or a turned box around it.

    A polygon of a rectangle, an oriented box or a mask has the very same area, and so has an oriented
    box of a rectangle; the others are larger than what they enclose. For masks see `draw_geometry`.
    """
    assert geometry.kind in _WITH_AREA, geometry.kind  # abilities convert no others
    match target:
        case GeometryKind.RECTANGLE:
            return Geometry.rectangle(*geometry.bounds)
        case GeometryKind.POLYGON:
            return _to_polygon(geometry)
        case GeometryKind.ORIENTED_BOX:
            is_box = geometry.kind is GeometryKind.RECTANGLE
            points = to_corners(geometry.bounds) if is_box else enclose(_to_polygon(geometry).points)
            return Geometry(GeometryKind.ORIENTED_BOX, points)
    raise AssertionError(f"nothing is converted to {target}")


def convert_object(
    labelled: AnnotatedObject, target: GeometryKind, *, line_width_px: float = 0
) -> AnnotatedObject | None:
    """Return an object as another kind of shape, None where it cannot be one.

    Keypoints with a box beside them are that box, which is no fact beside them any more; else as
    `convert_shape`.
    """
    geometry, custom = labelled.geometry, labelled.custom
    if geometry.kind is GeometryKind.KEYPOINTS and target not in (geometry.kind, GeometryKind.POLYLINE):
        box = read_keypoint_box(labelled)
        custom = {name: fact for name, fact in custom.items() if name not in KEYPOINT_BOX}
        if box is not None and box.width_px > 0 < box.height_px:
            geometry = Geometry.rectangle(*box)
    converted = convert_shape(geometry, target, line_width_px=line_width_px)
    return None if converted is None else replace(labelled, geometry=converted, custom=custom)


def convert_shape(geometry: Geometry, target: GeometryKind, *, line_width_px: float = 0) -> Geometry | None:
    """Return any shape as another kind, None where it cannot be one.

    Lines and points get an area from `line_width_px`. A line around a shape with area is its outline,
    without holes; a point its middle. Nothing but keypoints becomes keypoints.
    """
    if geometry.kind is target:
        return geometry
    has_area = geometry.kind in _WITH_AREA
    match target:
        case GeometryKind.KEYPOINTS:
            return None
        case GeometryKind.POINT:
            return Geometry(target, (_find_middle(geometry),))
        case GeometryKind.POLYLINE:
            ring = _to_polygon(geometry).points if has_area else ()
            return Geometry(target, (*ring, ring[0])) if ring else None
        case GeometryKind.MASK:
            from mlwf_tui.media.filling import rasterise  # numpy, as below

            return rasterise(geometry, line_width_px=0 if has_area else line_width_px)
        case _:
            area = geometry if has_area else _widen(geometry, line_width_px)
            return None if area is None else convert_geometry(area, target)


def _widen(geometry: Geometry, line_width_px: float) -> Geometry | None:
    """Return a shape without area as one with: its box where it has one, else as drawn with a pen."""
    bounds = geometry.bounds
    if geometry.kind is GeometryKind.POLYLINE and not line_width_px:
        return Geometry.rectangle(*bounds) if bounds.width_px > 0 < bounds.height_px else None
    if geometry.kind is GeometryKind.KEYPOINTS:
        seen = tuple(p for p, known in zip(geometry.points, list_visibility(geometry), strict=True) if known)
        bounds = Geometry(GeometryKind.POLYLINE, seen).bounds if seen else bounds
    left, top, right, bottom = bounds
    half = line_width_px / 2
    if geometry.kind is GeometryKind.POLYLINE:
        from mlwf_tui.media.filling import rasterise

        return rasterise(geometry, line_width_px=line_width_px)
    box = Geometry.rectangle(left - half, top - half, right + half, bottom + half)
    return box if box.bounds.width_px > 0 < box.bounds.height_px else None


def _find_middle(geometry: Geometry) -> Point:
    left, top, right, bottom = geometry.bounds
    return ((left + right) / 2, (top + bottom) / 2)


def draw_geometry(geometry: Geometry, width_px: int, height_px: int) -> Geometry | None:
    """Return a shape with area as a mask on its image, or None where it covers no pixel's centre."""
    from mlwf_tui.media.filling import draw_window, read_mask  # numpy, which a start does not need

    window = draw_window(geometry, width_px, height_px)
    return read_mask(window.pixels, window.left, window.top) if window.pixels.size else None


def cover_masks(masks: Sequence[Geometry], width_px: int, height_px: int) -> list[Geometry | None]:
    """Return masks without what later ones cover of them; None where nothing is left."""
    import numpy as np  # not at the start

    from mlwf_tui.media.filling import draw_window, read_mask

    covered = np.zeros((height_px, width_px), np.bool_)
    left: list[Geometry | None] = []
    for mask in reversed(masks):
        window = draw_window(mask, width_px, height_px)
        below = covered[window.rows, window.columns]
        is_free = not (below & window.pixels).any()
        left.append(mask if is_free else read_mask(window.pixels & ~below, window.left, window.top))
        below |= window.pixels
    return left[::-1]


def clip_geometry(geometry: Geometry, width_px: int, height_px: int) -> Geometry | None:
    """Return what of a shape lies on the image, or None; corners of a turned box go to its border."""
    image = Geometry.rectangle(0, 0, width_px, height_px).bounds
    match geometry.kind:
        case GeometryKind.RECTANGLE:
            left, top, right, bottom = geometry.bounds
            box = (max(left, 0), max(top, 0), min(right, width_px), min(bottom, height_px))
            return Geometry.rectangle(*box) if box[0] < box[2] and box[1] < box[3] else None
        case GeometryKind.POLYGON:
            if _is_inside(geometry.points, width_px, height_px):
                return geometry
            return cut_polygon(geometry, image)
        case GeometryKind.MASK:
            is_inside = _is_inside(geometry.points, width_px, height_px)
            return geometry if is_inside else draw_geometry(geometry, width_px, height_px)
        case GeometryKind.KEYPOINTS:
            return _hide_outside(geometry, width_px, height_px)
        case _:
            points = tuple(clamp_point(point, width_px, height_px) for point in geometry.points)
            bounds = replace(geometry, points=points).bounds
            return replace(geometry, points=points) if bounds.width_px > 0 < bounds.height_px else None


def _hide_outside(geometry: Geometry, width_px: int, height_px: int) -> Geometry | None:
    """Return keypoints with those outside of the image as missing; None where none is left."""
    before = list_visibility(geometry)
    visibility = tuple(
        seen if _is_inside((point,), width_px, height_px) else Visibility.MISSING
        for point, seen in zip(geometry.points, before, strict=True)
    )
    if not any(visibility):
        return None
    return geometry if visibility == before else place_points(geometry, geometry.points, visibility)


def _is_inside(points: tuple[Point, ...], width_px: int, height_px: int) -> bool:
    return all(0 <= x <= width_px and 0 <= y <= height_px for x, y in points)


def _to_polygon(geometry: Geometry) -> Geometry:
    match geometry.kind:
        case GeometryKind.RECTANGLE:
            return Geometry(GeometryKind.POLYGON, to_corners(geometry.bounds))
        case GeometryKind.MASK:
            from mlwf_tui.media.outlines import trace_mask  # numpy, which a start does not need

            return trace_mask(geometry)
        case _:
            return Geometry(GeometryKind.POLYGON, geometry.points, holes=geometry.holes)


def join_holes(geometry: Geometry) -> Geometry:
    """Return a polygon without holes that fills the same area: bridges without width lead to them."""
    holes = (turn_against(hole, geometry.points) for hole in geometry.holes)
    return replace(geometry, points=join_rings((geometry.points, *holes)), holes=())
