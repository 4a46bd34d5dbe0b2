"""Shapes as other shapes: corners, outlines without holes, boxes around points, and cuts; pure geometry."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from msgspec.structs import replace

from mlwf_tui.entities.annotation import Bounds, Geometry, GeometryKind, Point

Ring = tuple[Point, ...]


def to_corners(bounds: Bounds) -> Ring:
    """Return the corners of a box from the left top on, clockwise on the screen."""
    left, top, right, bottom = bounds
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def join_rings(rings: Sequence[Ring]) -> Ring:
    """Return rings as one that fills the same area, by bridges without width to the first ring's start.

    Exact by the even-odd rule, and by the non-zero rule where holes turn the other way.
    """
    first, *others = rings
    joined = list(first)
    if others:
        joined.append(first[0])
    for ring in others:
        joined += [*ring, ring[0], first[0]]
    return tuple(joined[:-1] if others else joined)


def turn_against(hole: Ring, outline: Ring) -> Ring:
    """Return a hole so that it turns the other way than its outline."""
    return hole[::-1] if (measure_area(hole) > 0) == (measure_area(outline) > 0) else hole


def measure_area(ring: Ring) -> float:
    """Return the area of a ring, negative where it turns counter-clockwise on the screen.

    Source: the shoelace formula.
    """
    return sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairwise((*ring, ring[0]))) / 2


def cut_ring(ring: Ring, bounds: Bounds) -> Ring:
    """Return what of a ring lies inside of a box; empty where nothing does.

    Source: Sutherland and Hodgman, Reentrant polygon clipping, 1974.
    """
    cut = list(ring)
    for axis, limit, sign in (
        (0, bounds.left, 1), (0, bounds.right, -1), (1, bounds.top, 1), (1, bounds.bottom, -1),
    ):  # fmt: skip
        if not cut:
            return ()
        cut = _cut_side(cut, axis, limit, sign)
    return tuple(cut)


def _cut_side(ring: list[Point], axis: int, limit: float, sign: int) -> list[Point]:
    kept: list[Point] = []
    for before, point in zip((ring[-1], *ring[:-1]), ring, strict=True):
        was_inside, is_inside = (sign * (p[axis] - limit) >= 0 for p in (before, point))
        if was_inside != is_inside:
            share = (limit - before[axis]) / (point[axis] - before[axis])
            other = before[1 - axis] + share * (point[1 - axis] - before[1 - axis])
            kept.append((limit, other) if axis == 0 else (other, limit))
        if is_inside:
            kept.append(point)
    return kept


def cut_line(line: Sequence[Point], bounds: Bounds) -> tuple[Ring, ...]:
    """Return the pieces of a line that lie inside of a box, in order; none without length.

    Source: Liang and Barsky, A new concept and method for line clipping, 1984.
    """
    pieces: list[list[Point]] = []
    for start, end in pairwise(line):
        cut = _cut_edge(start, end, bounds)
        if cut is None:
            continue
        if not pieces or pieces[-1][-1] != cut[0]:
            pieces.append([cut[0]])
        pieces[-1].append(cut[1])
    return tuple(map(tuple, pieces))


def _cut_edge(start: Point, end: Point, bounds: Bounds) -> tuple[Point, Point] | None:
    (x0, y0), (x1, y1) = start, end
    enters, leaves = 0.0, 1.0  # as shares of the way
    for step, room in (
        (x0 - x1, x0 - bounds.left), (x1 - x0, bounds.right - x0),
        (y0 - y1, y0 - bounds.top), (y1 - y0, bounds.bottom - y0),
    ):  # fmt: skip
        if step < 0:
            enters = max(enters, room / step)
        elif step > 0:
            leaves = min(leaves, room / step)
        elif room < 0:
            return None
    if enters >= leaves or start == end:
        return None

    def find_point(share: float) -> Point:
        x, y = x0 + share * (x1 - x0), y0 + share * (y1 - y0)
        return (min(max(x, bounds.left), bounds.right), min(max(y, bounds.top), bounds.bottom))

    return start if enters == 0 else find_point(enters), end if leaves == 1 else find_point(leaves)


def cut_polygon(polygon: Geometry, bounds: Bounds) -> Geometry | None:
    """Return what of a polygon lies inside of a box, its holes cut as well; None where it is no area."""
    ring = cut_ring(polygon.points, bounds)
    if len(ring) < 3 or not measure_area(ring):
        return None
    holes = (cut_ring(hole, bounds) for hole in polygon.holes)
    kept = tuple(hole for hole in holes if len(hole) > 2 and measure_area(hole))
    return replace(polygon, points=ring, holes=kept)


def clamp_point(point: Point, width_px: float, height_px: float) -> Point:
    """Return the nearest point of an image."""
    return (min(max(point[0], 0.0), width_px), min(max(point[1], 0.0), height_px))


def enclose(points: Sequence[Point]) -> Ring:
    """Return the four corners of the smallest box around points, turned as it must be.

    Source: one side of it lies on the convex hull (Freeman and Shapira, 1975).
    """
    hull = find_hull(points)
    best: Ring = to_corners(Geometry(GeometryKind.POLYLINE, tuple(points)).bounds)
    smallest = math.inf
    for (x0, y0), (x1, y1) in pairwise((*hull, hull[0])):
        length = math.hypot(x1 - x0, y1 - y0)
        if not length:
            continue
        ux, uy = (x1 - x0) / length, (y1 - y0) / length  # along the side; (-uy, ux) across it
        along = [x * ux + y * uy for x, y in hull]
        across = [y * ux - x * uy for x, y in hull]
        low, high, near, far = min(along), max(along), min(across), max(across)
        if (high - low) * (far - near) < smallest:
            smallest = (high - low) * (far - near)
            corners = ((low, near), (high, near), (high, far), (low, far))
            best = tuple((a * ux - b * uy, a * uy + b * ux) for a, b in corners)
    return best


def find_hull(points: Sequence[Point]) -> list[Point]:
    """Return the convex hull in order. Source: Andrew, Another efficient algorithm, 1979."""
    ordered = sorted(set(points))
    if len(ordered) < 3:
        return ordered
    halves = []
    for sequence in (ordered, ordered[::-1]):
        half: list[Point] = []
        for point in sequence:
            while len(half) > 1 and _turn(half[-2], half[-1], point) <= 0:
                half.pop()
            half.append(point)
        halves.append(half[:-1])
    return halves[0] + halves[1]


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
