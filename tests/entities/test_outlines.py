"""Shapes as other shapes: areas that stay, boxes that enclose, cuts that keep what is inside."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlwf_tui.entities.annotation import Bounds, Geometry, GeometryKind, Point
from mlwf_tui.entities.outlines import (
    cut_polygon,
    cut_ring,
    enclose,
    join_rings,
    measure_area,
    to_corners,
    turn_against,
)

points = st.tuples(st.floats(-100, 100), st.floats(-100, 100))


def test_a_hole_on_a_bridge_takes_its_area_away() -> None:
    outline = to_corners(Bounds(0, 0, 10, 10))
    hole = to_corners(Bounds(2, 2, 5, 6))
    joined = join_rings((outline, turn_against(hole, outline)))
    assert measure_area(joined) == pytest.approx(100 - 12)
    assert join_rings((outline,)) == outline


def test_a_ring_is_cut_along_the_border() -> None:
    assert set(cut_ring(((-5, 2), (5, 2), (5, 8), (-5, 8)), Bounds(0, 0, 10, 10))) == {
        (0, 2), (5, 2), (5, 8), (0, 8),
    }  # fmt: skip
    assert cut_ring(((-5, 2), (-1, 2), (-1, 8)), Bounds(0, 0, 10, 10)) == ()


@given(st.lists(points, min_size=3, max_size=8))
def test_what_was_cut_lies_inside_and_has_no_more_area(ring: list[Point]) -> None:
    cut = cut_ring(tuple(ring), Bounds(-50, -50, 50, 50))
    assert all(-50.001 <= x <= 50.001 and -50.001 <= y <= 50.001 for x, y in cut)
    if all(abs(x) <= 50 and abs(y) <= 50 for x, y in ring):
        assert cut == tuple(ring)


@given(st.lists(points, min_size=3, max_size=8))
def test_cutting_twice_cuts_once(ring: list[Point]) -> None:
    bounds = Bounds(-50, -50, 50, 50)
    once = cut_ring(tuple(ring), bounds)
    assert cut_ring(once, bounds) == once


def test_a_cut_triangle_has_the_area_that_is_inside() -> None:
    cut = cut_ring(((-10, 0), (10, 0), (-10, 20)), Bounds(0, 0, 40, 30))
    assert abs(measure_area(cut)) == pytest.approx(50)


def test_a_polygon_is_cut_with_its_holes() -> None:
    holes = (to_corners(Bounds(-4, 4, 4, 6)), to_corners(Bounds(-9, 1, -5, 3)))  # the second one outside
    polygon = Geometry(GeometryKind.POLYGON, to_corners(Bounds(-10, 0, 10, 10)), holes)
    cut = cut_polygon(polygon, Bounds(0, 0, 20, 20))
    assert cut is not None
    assert measure_area(cut.points) == 100
    assert [measure_area(hole) for hole in cut.holes] == [8]
    assert cut_polygon(polygon, Bounds(11, 0, 20, 20)) is None


@given(
    st.floats(5, 40), st.floats(1, 4), st.floats(0, math.pi), points
)  # a box that is turned comes back as it was
def test_a_turned_box_encloses_itself(long: float, short: float, angle: float, centre: Point) -> None:
    cos, sin = math.cos(angle), math.sin(angle)
    corners = [
        (centre[0] + x * cos - y * sin, centre[1] + x * sin + y * cos)
        for x, y in ((0, 0), (long, 0), (long, short), (0, short))
    ]
    box = enclose(corners)
    assert abs(measure_area(box)) == pytest.approx(long * short, rel=1e-6)
    assert all(min(math.dist(corner, other) for other in box) < 1e-6 for corner in corners)


@given(st.lists(points, min_size=1, max_size=10))
def test_a_box_around_points_holds_them_all(found: list[Point]) -> None:
    (x0, y0), (x1, y1), _, (x3, y3) = enclose(found)
    for along in (((x1 - x0, y1 - y0)), (x3 - x0, y3 - y0)):
        length = math.hypot(*along)
        for x, y in found:
            place = (x - x0) * along[0] + (y - y0) * along[1]
            assert -1e-6 * (1 + length) <= place <= length**2 + 1e-6 * (1 + length)
