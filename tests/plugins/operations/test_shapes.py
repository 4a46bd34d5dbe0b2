"""Shapes follow their pixels exactly and never leave the picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlwf_tui.entities.annotation import AnnotatedObject, Geometry, GeometryKind, Point
from mlwf_tui.plugins.operations.shapes import cut_shape, move_shape, read_shape, write_objects

WIDTH_PX, HEIGHT_PX = 64, 48
FLIP = np.array(((-1.0, 0, WIDTH_PX), (0, 1, 0)))
TURN = np.array(((0.0, 1, 0), (-1, 0, WIDTH_PX)))  # a quarter counter-clockwise

coordinates = st.integers(-40, 120).map(lambda eighths: eighths / 2)
sides = st.integers(1, 80).map(lambda eighths: eighths / 2)
inner_boxes = st.tuples(
    st.integers(0, WIDTH_PX - 1), st.integers(0, HEIGHT_PX - 1), st.integers(1, 64), st.integers(1, 48)
).map(lambda b: (b[0], b[1], min(b[0] + b[2], WIDTH_PX), min(b[1] + b[3], HEIGHT_PX)))
angles = st.floats(-180, 180).map(np.radians)


def label(geometry: Geometry) -> AnnotatedObject:
    return AnnotatedObject("cat", geometry)


def follow(
    geometry: Geometry, *matrices: np.ndarray[tuple[int, int], np.dtype[np.float64]]
) -> Geometry | None:
    """Return a geometry after moves, each cut to a picture of the size that it gives."""
    shape = read_shape(label(geometry), WIDTH_PX, HEIGHT_PX)
    size = (WIDTH_PX, HEIGHT_PX)
    for matrix in matrices:
        size = size[::-1] if matrix is TURN else size
        shape = cut_shape(move_shape(shape, matrix, None), *size)
    written = write_objects(shape, 0.0)
    assert len(written) < 2
    return written[0].geometry if written else None


def rotate(angle: float) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    cos, sin = np.cos(angle), np.sin(angle)
    x, y = WIDTH_PX / 2, HEIGHT_PX / 2
    return np.array(((cos, sin, x - cos * x - sin * y), (-sin, cos, y + sin * x - cos * y)))


@given(inner_boxes)
def test_box_follows_a_flip_exactly(box: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = box
    flipped = follow(Geometry.rectangle(*box), FLIP)
    assert flipped == Geometry.rectangle(WIDTH_PX - right, top, WIDTH_PX - left, bottom)
    assert follow(flipped, FLIP) == Geometry.rectangle(*box)


@given(inner_boxes)
def test_box_follows_a_quarter_turn_exactly(box: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = box
    turned = follow(Geometry.rectangle(*box), TURN)
    assert turned == Geometry.rectangle(top, WIDTH_PX - right, bottom, WIDTH_PX - left)


@given(coordinates, coordinates, sides, sides, angles, angles)
def test_box_never_leaves_the_picture(
    left: float, top: float, width: float, height: float, first: float, second: float
) -> None:
    geometry = follow(
        Geometry.rectangle(left, top, left + width, top + height), rotate(first), rotate(second), FLIP
    )
    if geometry is not None:
        bounds = geometry.bounds
        assert 0 <= bounds.left < bounds.right <= WIDTH_PX
        assert 0 <= bounds.top < bounds.bottom <= HEIGHT_PX


@given(st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=8), angles)
def test_polygon_never_leaves_the_picture(points: list[Point], angle: float) -> None:
    geometry = follow(Geometry(GeometryKind.POLYGON, tuple(points)), rotate(angle))
    if geometry is not None:
        for x, y in geometry.points:
            assert 0 <= x <= WIDTH_PX
            assert 0 <= y <= HEIGHT_PX


@pytest.mark.parametrize(("shift", "is_kept"), [(6, True), (7, True), (7.5, False), (10, False)])
def test_object_is_dropped_below_its_visible_share(shift: float, is_kept: bool) -> None:
    shape = read_shape(label(Geometry.rectangle(0, 0, 10, 10)), WIDTH_PX, HEIGHT_PX)
    moved = move_shape(shape, np.array(((1.0, 0, -shift), (0, 1, 0))), None)
    written = write_objects(cut_shape(moved, WIDTH_PX, HEIGHT_PX), 0.3)
    assert bool(written) is is_kept


def test_share_counts_what_was_visible_at_the_start() -> None:
    half_outside = read_shape(label(Geometry.rectangle(-10, 0, 10, 10)), WIDTH_PX, HEIGHT_PX)
    assert half_outside.share == 1
    assert write_objects(half_outside, 1.0)


def test_holes_are_cut_with_their_polygon() -> None:
    outer = ((0.0, 0.0), (40.0, 0.0), (40.0, 40.0), (0.0, 40.0))
    near, far = (((2.0, 2.0), (8.0, 2.0), (8.0, 8.0)), ((20.0, 20.0), (30.0, 20.0), (30.0, 30.0)))
    geometry = follow(
        Geometry(GeometryKind.POLYGON, outer, (near, far)), np.array(((1.0, 0, -10), (0, 1, 0)))
    )
    assert geometry is not None
    assert geometry.holes == (((10.0, 20.0), (20.0, 20.0), (20.0, 30.0)),)


def test_points_outside_are_dropped_and_lines_pulled_in() -> None:
    away = np.array(((1.0, 0, -20), (0, 1, 0)))
    assert follow(Geometry(GeometryKind.POINT, ((10.0, 10.0),)), away) is None
    line = follow(Geometry(GeometryKind.POLYLINE, ((10.0, 5.0), (40.0, 5.0))), away)
    assert line is not None
    assert line.points == ((0.0, 5.0), (20.0, 5.0))


def test_oriented_box_keeps_its_four_corners() -> None:
    corners = ((10.0, 0.0), (20.0, 10.0), (10.0, 20.0), (0.0, 10.0))
    geometry = follow(Geometry(GeometryKind.ORIENTED_BOX, corners), np.array(((1.0, 0, -4), (0, 1, 0))))
    assert geometry is not None
    assert geometry.points[3] == (-4.0, 10.0)
    assert len(geometry.points) == 4


@given(st.lists(st.booleans(), min_size=12, max_size=12).filter(any))
def test_mask_is_read_as_it_was_drawn(cells: list[bool]) -> None:
    pixels = np.array(cells).reshape(3, 4)
    flat = [False, *cells]
    borders = [at for at in range(12) if flat[at] != flat[at + 1]]
    runs = tuple(int(run) for run in np.diff([0, *borders, 12]))
    shape = read_shape(label(Geometry(GeometryKind.MASK, ((5, 6), (9, 9)), runs=runs)), WIDTH_PX, HEIGHT_PX)
    assert shape.mask is not None
    assert np.array_equal(shape.mask[6:9, 5:9].astype(bool), pixels)
    (written,) = write_objects(shape, 0.0)
    again = read_shape(written, WIDTH_PX, HEIGHT_PX)
    assert again.mask is not None
    assert np.array_equal(again.mask, shape.mask)
