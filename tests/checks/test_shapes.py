"""Shapes: what has area, what lies outside, what crosses itself, and what is left on the image."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlwf_tui.checks.shapes import clip, has_area, has_stray_keypoint, is_crossing
from mlwf_tui.entities.annotation import Geometry, GeometryKind, Point, Visibility
from mlwf_tui.entities.outlines import measure_area

SQUARE = ((0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0))
BOW = ((0.0, 0.0), (10.0, 10.0), (10.0, 0.0), (0.0, 10.0))
coordinates = st.floats(-30, 30, allow_nan=False).map(lambda value: round(value, 2))
rings = st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=8).map(tuple)


def polygon(ring: tuple[Point, ...], holes: tuple[tuple[Point, ...], ...] = ()) -> Geometry:
    return Geometry(GeometryKind.POLYGON, ring, holes)


@pytest.mark.parametrize(
    ("geometry", "expected"),
    [
        (Geometry.rectangle(1, 1, 2, 2), True),
        (Geometry.rectangle(1, 1, 1, 2), False),
        (polygon(SQUARE), True),
        (polygon(((0, 0), (5, 5), (10, 10))), False),
        (Geometry(GeometryKind.MASK, ((0, 0), (2, 2)), runs=(1, 2, 1)), True),
        (Geometry(GeometryKind.MASK, ((0, 0), (2, 2)), runs=(4,)), False),
        (Geometry(GeometryKind.POINT, ((3, 3),)), True),
        (Geometry(GeometryKind.POLYLINE, ((3, 3), (3, 9))), True),
    ],
)
def test_what_is_to_cover_something_has_area(geometry: Geometry, expected: bool) -> None:
    assert has_area(geometry) is expected


def test_only_edges_that_go_through_each_other_cross() -> None:
    assert is_crossing(BOW)
    assert not is_crossing(SQUARE)
    touching = ((0.0, 0.0), (10.0, 0.0), (5.0, 5.0), (10.0, 10.0), (0.0, 10.0), (5.0, 5.0))
    assert not is_crossing(touching)


@given(rings)
def test_a_ring_and_its_reverse_agree_on_crossing(ring: tuple[Point, ...]) -> None:
    assert is_crossing(ring) == is_crossing(ring[::-1])


def test_a_keypoint_that_is_missing_lies_nowhere() -> None:
    points = ((5.0, 5.0), (-40.0, 5.0))
    assert has_stray_keypoint(Geometry(GeometryKind.KEYPOINTS, points), 20, 20)
    seen = (Visibility.VISIBLE, Visibility.MISSING)
    assert not has_stray_keypoint(Geometry(GeometryKind.KEYPOINTS, points, visibility=seen), 20, 20)


@given(rings, st.integers(1, 20), st.integers(1, 20))
def test_a_clipped_polygon_lies_on_the_image_and_is_no_larger(
    ring: tuple[Point, ...], width_px: int, height_px: int
) -> None:
    clipped = clip(polygon(ring), width_px, height_px)
    if clipped is not None:
        points = clipped.points
        assert all(-1e-9 <= x <= width_px + 1e-9 and -1e-9 <= y <= height_px + 1e-9 for x, y in points)
        assert abs(measure_area(points)) <= width_px * height_px + 1e-6


def test_a_box_is_clipped_and_one_beside_the_image_is_gone() -> None:
    assert clip(Geometry.rectangle(-5, 2, 30, 9), 20, 20) == Geometry.rectangle(0, 2, 20, 9)
    assert clip(Geometry.rectangle(25, 2, 30, 9), 20, 20) is None


def test_a_polygon_is_clipped_with_its_holes() -> None:
    hole = ((-4.0, 4.0), (4.0, 4.0), (4.0, 6.0), (-4.0, 6.0))
    ring = ((-10.0, 0.0), (10.0, 0.0), (10.0, 10.0), (-10.0, 10.0))
    clipped = clip(polygon(ring, (hole,)), 20, 20)
    assert clipped is not None
    assert abs(measure_area(clipped.points)) == 100
    assert abs(measure_area(clipped.holes[0])) == 8


def test_a_mask_keeps_its_pixels_where_they_were() -> None:
    # Two rows of four pixels; the left two lie beside the image.
    mask = Geometry(GeometryKind.MASK, ((-2.0, 0.0), (2.0, 2.0)), runs=(0, 3, 3, 2))
    clipped = clip(mask, 20, 20)
    assert clipped == Geometry(GeometryKind.MASK, ((0.0, 0.0), (2.0, 2.0)), runs=(0, 1, 1, 2))


def test_lines_are_left_as_they_are() -> None:
    line = Geometry(GeometryKind.POLYLINE, ((-5.0, 0.0), (5.0, 5.0)))
    assert clip(line, 20, 20) is line
