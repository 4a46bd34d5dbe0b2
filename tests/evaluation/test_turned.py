"""Areas that turned boxes share, against clipping with exact fractions, and what must not change them."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlwf_tui.evaluation.columns import Floats
from mlwf_tui.evaluation.turned import intersect

Corner = tuple[Fraction, Fraction]


def _turn(x: float, y: float, width: float, height: float, angle: float) -> Floats:
    corners = np.array([[-width, -height], [width, -height], [width, height], [-width, height]]) / 2
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    turned: Floats = corners @ turn + [x, y]
    return turned


def _clip(first: Floats, second: Floats) -> float:
    """Return the shared area by Sutherland and Hodgman, with no rounding at all."""
    shape = [(Fraction(x), Fraction(y)) for x, y in first.tolist()]
    border = [(Fraction(x), Fraction(y)) for x, y in second.tolist()]
    for start, end in zip(border, border[1:] + border[:1], strict=True):
        shape = _cut(shape, start, end)
    if len(shape) < 3:
        return 0.0
    following = shape[1:] + shape[:1]
    twice = sum((a[0] * b[1] - a[1] * b[0] for a, b in zip(shape, following, strict=True)), Fraction(0))
    return abs(float(twice)) / 2


def _cut(shape: list[Corner], start: Corner, end: Corner) -> list[Corner]:
    def find_side(point: Corner) -> Fraction:
        return (end[0] - start[0]) * (point[1] - start[1]) - (end[1] - start[1]) * (point[0] - start[0])

    kept: list[Corner] = []
    for one, other in zip(shape, shape[1:] + shape[:1], strict=True):
        before, after = find_side(one), find_side(other)
        if before >= 0:
            kept.append(one)
        if before * after < 0:
            share = before / (before - after)
            kept.append((one[0] + (other[0] - one[0]) * share, one[1] + (other[1] - one[1]) * share))
    return kept


BOXES = st.builds(
    _turn,
    st.floats(0, 40), st.floats(0, 40), st.floats(0.5, 50), st.floats(0.5, 50), st.floats(0, 6.3),
)  # fmt: skip


@given(BOXES, BOXES)
def test_shared_area_is_that_of_exact_clipping(first: Floats, second: Floats) -> None:
    shared = intersect(first[None], second[None])[0]

    assert shared == pytest.approx(_clip(first, second), abs=1e-7)


@given(BOXES, st.integers(0, 3), st.booleans(), st.floats(-1e-11, 1e-11))
def test_a_box_shares_all_of_itself_wherever_its_corners_begin(
    box: Floats, start: int, is_turned: bool, noise: float
) -> None:
    other = np.roll(box, start, axis=0)[:: -1 if is_turned else 1] + noise

    shared = intersect(box[None], other[None])[0]

    sides = np.hypot(*(box[1] - box[0])), np.hypot(*(box[2] - box[1]))
    assert shared == pytest.approx(sides[0] * sides[1], rel=1e-9)


def test_boxes_that_touch_or_lie_apart_share_nothing() -> None:
    box, beside, far = (_turn(x, 0, 10, 10, 0) for x in (0, 10, 40))

    assert intersect(np.stack([box, box]), np.stack([beside, far])) == pytest.approx([0, 0], abs=1e-9)
