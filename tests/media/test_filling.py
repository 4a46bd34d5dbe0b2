"""Shapes become the pixels that they cover, and outlines keep to what they stood for."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from mlwf_tui.entities.annotation import Geometry, GeometryKind, Visibility
from mlwf_tui.entities.measures import measure_geometry, measure_length
from mlwf_tui.media.conversions import convert_shape
from mlwf_tui.media.filling import fill_geometry, fill_rings, rasterise, read_mask, simplify_ring
from mlwf_tui.media.outlines import draw_mask, trace_pixels

masks = arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9)))
coordinates = st.floats(0, 40).map(lambda value: round(value, 2))
rings = st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=8)


@given(masks)
def test_filling_the_outline_of_a_mask_gives_the_mask(mask: NDArray[np.bool_]) -> None:
    assert np.array_equal(fill_rings(trace_pixels(mask), mask.shape[1], mask.shape[0]), mask)


@given(masks, st.integers(-3, 3), st.integers(-3, 3))
def test_mask_read_from_pixels_draws_the_same_pixels(mask: NDArray[np.bool_], left: int, top: int) -> None:
    found = read_mask(mask, left + 3, top + 3)
    drawn = np.zeros((20, 20), np.bool_) if found is None else draw_mask(found, 20, 20)
    expected = np.zeros((20, 20), np.bool_)
    expected[top + 3 : top + 3 + mask.shape[0], left + 3 : left + 3 + mask.shape[1]] = mask
    assert np.array_equal(drawn, expected)


@given(rings)
def test_filled_pixels_are_those_whose_centres_are_inside(ring: list[tuple[float, float]]) -> None:
    filled = fill_rings([ring], 41, 41)
    for y in range(0, 41, 7):
        for x in range(0, 41, 5):
            assert filled[y, x] == is_inside(ring, x + 0.5, y + 0.5)


def is_inside(ring: list[tuple[float, float]], x: float, y: float) -> bool:
    """Say so by counting the edges that a ray to the left crosses."""
    count = 0
    for (x0, y0), (x1, y1) in zip(ring, ring[1:] + ring[:1], strict=True):
        if (y0 <= y) != (y1 <= y):
            count += x0 + (y - y0) * ((x1 - x0) / (y1 - y0)) <= x
    return count % 2 == 1


def test_a_hole_stays_free_and_an_image_cuts() -> None:
    ring = ((-5.0, -5.0), (6.0, -5.0), (6.0, 6.0), (-5.0, 6.0))
    hole = ((1.0, 1.0), (3.0, 1.0), (3.0, 3.0), (1.0, 3.0))
    pixels = fill_geometry(Geometry(GeometryKind.POLYGON, ring, (hole,)), 8, 8)
    assert pixels.sum() == 36 - 4
    assert not pixels[1:3, 1:3].any()


def test_a_line_has_the_pixels_of_a_pen_and_none_without_width() -> None:
    line = Geometry(GeometryKind.POLYLINE, ((2.0, 10.0), (18.0, 10.0)))
    assert not fill_geometry(line, 20, 20).any()
    pixels = fill_geometry(line, 20, 20, line_width_px=4)
    assert pixels[8:12, 2:18].all()
    assert pixels.sum() == pytest.approx(16 * 4 + math.pi * 4, abs=4)


@settings(deadline=None)
@given(rings, st.floats(0.1, 5))
def test_no_point_left_out_was_far_from_the_line(ring: list[tuple[float, float]], epsilon_px: float) -> None:
    kept = simplify_ring(ring, epsilon_px, is_closed=True)
    assert set(kept) <= set(ring)
    for point in ring:
        edges = zip(kept, (*kept[1:], kept[0]), strict=True)
        assert min(measure_distance(point, *edge) for edge in edges) <= epsilon_px + 1e-9


def measure_distance(
    point: tuple[float, float], start: tuple[float, float], end: tuple[float, float]
) -> float:
    along = (end[0] - start[0], end[1] - start[1])
    length = along[0] ** 2 + along[1] ** 2
    dot = (point[0] - start[0]) * along[0] + (point[1] - start[1]) * along[1]
    share = min(1.0, max(0.0, dot / length)) if length else 0.0
    return math.dist(point, (start[0] + share * along[0], start[1] + share * along[1]))


# --- conversions -----------------------------------------------------------------------------------

SQUARE = Geometry.rectangle(2, 3, 12, 9)
KINDS_WITH_AREA = (
    GeometryKind.RECTANGLE, GeometryKind.POLYGON, GeometryKind.MASK, GeometryKind.ORIENTED_BOX,
)  # fmt: skip


@pytest.mark.parametrize("source", KINDS_WITH_AREA)
@pytest.mark.parametrize("target", KINDS_WITH_AREA)
def test_a_box_on_whole_pixels_keeps_its_area_through_all_kinds(
    source: GeometryKind, target: GeometryKind
) -> None:
    first = convert_shape(SQUARE, source)
    assert first is not None
    second = convert_shape(first, target)
    assert second is not None
    assert second.kind is target
    assert measure_geometry(second) == pytest.approx(60)
    assert tuple(second.bounds) == pytest.approx((2, 3, 12, 9))


def test_lines_and_points_get_an_area_from_a_pen() -> None:
    line = Geometry(GeometryKind.POLYLINE, ((2.0, 10.0), (18.0, 10.0)))
    assert convert_shape(line, GeometryKind.RECTANGLE) is None
    mask = convert_shape(line, GeometryKind.MASK, line_width_px=4)
    assert mask is not None
    assert measure_geometry(mask) == pytest.approx(76, abs=4)
    point = Geometry(GeometryKind.POINT, ((5.0, 6.0),))
    box = convert_shape(point, GeometryKind.RECTANGLE, line_width_px=4)
    assert box is not None
    assert tuple(box.bounds) == (3, 4, 7, 8)


def test_keypoints_that_are_missing_do_not_stretch_their_box() -> None:
    keypoints = Geometry(
        GeometryKind.KEYPOINTS,
        ((0.0, 0.0), (5.0, 6.0), (9.0, 8.0)),
        names=("a", "b", "c"),
        visibility=(Visibility.MISSING, Visibility.VISIBLE, Visibility.HIDDEN),
    )
    box = convert_shape(keypoints, GeometryKind.RECTANGLE)
    assert box is not None
    assert tuple(box.bounds) == (5, 6, 9, 8)
    assert convert_shape(SQUARE, GeometryKind.KEYPOINTS) is None


def test_outline_and_middle_of_a_box() -> None:
    line = convert_shape(SQUARE, GeometryKind.POLYLINE)
    assert line is not None
    assert line.points[0] == line.points[-1]
    assert measure_length(line) == pytest.approx(measure_length(SQUARE)) == 32
    assert convert_shape(SQUARE, GeometryKind.POINT) == Geometry(GeometryKind.POINT, ((7.0, 6.0),))


def test_what_covers_no_pixel_is_no_mask() -> None:
    assert rasterise(Geometry.rectangle(1.6, 1.6, 2.4, 2.4)) is None
