"""Masks as polygons: the same pixels, whatever the parts and holes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from mlwf_tui.entities.annotation import Geometry, GeometryKind
from mlwf_tui.entities.outlines import measure_area
from mlwf_tui.errors import InvalidInput
from mlwf_tui.media.bitmaps import measure_runs
from mlwf_tui.media.outlines import draw_mask, trace_mask, trace_pixels

masks = arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9))).filter(lambda mask: mask.any())


def make_mask(pixels: NDArray[np.bool_], left: int = 0, top: int = 0) -> Geometry:
    height_px, width_px = pixels.shape
    corners = ((float(left), float(top)), (float(left + width_px), float(top + height_px)))
    return Geometry(GeometryKind.MASK, corners, runs=measure_runs(pixels))


def is_inside(x: float, y: float, ring: tuple[tuple[float, float], ...]) -> bool:
    """Say whether a point lies in a ring by the even-odd rule."""
    crossings = 0
    for (x0, y0), (x1, y1) in zip(ring, (*ring[1:], ring[0]), strict=True):
        if (y0 <= y) != (y1 <= y) and x0 + (y - y0) / (y1 - y0) * (x1 - x0) > x:
            crossings += 1
    return crossings % 2 == 1


@given(masks, st.integers(-3, 30), st.integers(-3, 30))
def test_the_outline_of_a_mask_encloses_its_pixels_and_no_others(
    pixels: NDArray[np.bool_], left: int, top: int
) -> None:
    polygon = trace_mask(make_mask(pixels, left, top))
    assert measure_area(polygon.points) == pixels.sum()
    for (row, column), is_set in np.ndenumerate(pixels):
        assert is_inside(column + left + 0.5, row + top + 0.5, polygon.points) == is_set


def test_corners_alone_are_kept() -> None:
    assert len(trace_pixels(np.ones((3, 4), np.bool_))[0]) == 4


@given(masks, st.integers(-12, 12), st.integers(-12, 12))
def test_a_mask_is_drawn_where_it_lies_and_cut_at_the_border(
    pixels: NDArray[np.bool_], left: int, top: int
) -> None:
    image = draw_mask(make_mask(pixels, left, top), 10, 8)
    for row, column in np.ndindex(8, 10):
        inside = 0 <= row - top < pixels.shape[0] and 0 <= column - left < pixels.shape[1]
        assert image[row, column] == (inside and pixels[row - top, column - left])


@pytest.mark.parametrize("runs", [(), (1, 2), (6, 10**12), (10, -4)])
def test_runs_that_do_not_fill_a_mask_are_told_and_not_drawn(runs: tuple[int, ...]) -> None:
    mask = Geometry(GeometryKind.MASK, ((0.0, 0.0), (3.0, 2.0)), runs=runs)
    for use in (lambda: draw_mask(mask, 10, 10), lambda: trace_mask(mask)):
        with pytest.raises(InvalidInput, match=r"^A mask of 3x2 pixels has runs of "):
            use()
