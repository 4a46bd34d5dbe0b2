"""How large shapes are and how much of each other they cover, in pixels; pure geometry, no arrays."""

from __future__ import annotations

import math
from itertools import pairwise

from mlwf_tui.entities.annotation import AnnotatedObject, Geometry, GeometryKind
from mlwf_tui.entities.keypoints import find_extent
from mlwf_tui.entities.outlines import measure_area


def measure_geometry(geometry: Geometry) -> float:
    """Return the area of a shape in square pixels: its pixels where it is a mask, 0 for lines and points."""
    match geometry.kind:
        case GeometryKind.RECTANGLE:
            bounds = geometry.bounds
            return max(0.0, bounds.width_px) * max(0.0, bounds.height_px)
        case GeometryKind.MASK:
            return float(sum(geometry.runs[1::2]))
        case GeometryKind.POLYGON | GeometryKind.ORIENTED_BOX:
            if len(geometry.points) < 3:
                return 0.0
            holes = sum(abs(measure_area(hole)) for hole in geometry.holes if len(hole) > 2)
            return max(0.0, abs(measure_area(geometry.points)) - holes)
        case _:
            return 0.0


def measure_object(labelled: AnnotatedObject) -> float:
    """Return the area of an object in square pixels, of keypoints that of the box beside or around them."""
    if labelled.geometry.kind is not GeometryKind.KEYPOINTS:
        return measure_geometry(labelled.geometry)
    box = find_extent(labelled)
    return max(0.0, box.width_px) * max(0.0, box.height_px)


def measure_length(geometry: Geometry) -> float:
    """Return the length of a line in pixels, of the outline of a shape with area; 0 for points."""
    points = geometry.points
    match geometry.kind:
        case GeometryKind.POLYLINE:
            edges = pairwise(points)
        case GeometryKind.POLYGON | GeometryKind.ORIENTED_BOX:
            edges = pairwise((*points, points[0]))
        case GeometryKind.RECTANGLE | GeometryKind.MASK:
            bounds = geometry.bounds
            return 2 * (bounds.width_px + bounds.height_px)
        case _:
            return 0.0
    return sum(math.dist(one, other) for one, other in edges)
