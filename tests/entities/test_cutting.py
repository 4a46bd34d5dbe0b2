from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlwf_tui.entities.annotation import Bounds, Point
from mlwf_tui.entities.outlines import cut_line

BOX = Bounds(0, 0, 10, 8)
lines = st.lists(st.tuples(st.integers(-40, 80), st.integers(-40, 80)), min_size=2, max_size=6).map(
    lambda points: tuple((x / 4, y / 4) for x, y in points)
)


def measure(line: tuple[Point, ...]) -> float:
    return sum(math.dist(start, end) for start, end in pairwise(line))


@given(lines)
def test_pieces_of_a_line_are_all_that_lies_inside(line: tuple[Point, ...]) -> None:
    pieces = cut_line(line, BOX)
    assert all(0 <= x <= 10 and 0 <= y <= 8 for piece in pieces for x, y in piece)
    assert all(len(piece) > 1 for piece in pieces)
    steps, inside = 400, 0.0
    for (x0, y0), (x1, y1) in pairwise(line):
        middles = ((step + 0.5) / steps for step in range(steps))
        hits = sum(0 <= x0 + t * (x1 - x0) <= 10 and 0 <= y0 + t * (y1 - y0) <= 8 for t in middles)
        inside += math.dist((x0, y0), (x1, y1)) * hits / steps
    assert sum(map(measure, pieces)) == pytest.approx(inside, abs=0.5)


@pytest.mark.parametrize(
    "line",
    [
        ((1.0, 1.0), (9.0, 7.0)),
        ((0.0, 0.0), (10.0, 0.0), (10.0, 8.0)),
    ],
)
def test_a_line_inside_stays_as_it_is(line: tuple[Point, ...]) -> None:
    assert cut_line(line, BOX) == (line,)


@pytest.mark.parametrize(
    "line", [((-1.0, 0.0), (0.0, -1.0)), ((5.0, -3.0), (5.0, 0.0)), ((11.0, 1.0), (11.0, 7.0))]
)
def test_a_line_that_only_touches_leaves_nothing(line: tuple[Point, ...]) -> None:
    assert cut_line(line, BOX) == ()
