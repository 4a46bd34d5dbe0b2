"""Shapes in dashes: the pieces lie on the border, in the proportions of the pattern."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from mlwf_tui.entities.annotation import Geometry, GeometryKind
from mlwf_tui.entities.dashes import dash

BOX = Geometry.rectangle(0, 0, 30, 20)


def measure(pieces: tuple[Geometry, ...]) -> float:
    return sum(math.dist(*edge) for piece in pieces for edge in pairwise(piece.points))


def test_half_of_a_border_is_drawn_where_dashes_and_gaps_are_equal() -> None:
    pieces = dash(BOX, (1, 1), 5.0)
    assert len(pieces) == 10
    assert measure(pieces) == pytest.approx(50)
    for piece in pieces:
        assert all(x in (0, 30) or y in (0, 20) for x, y in piece.points)


def test_a_dash_goes_round_the_corner_and_patterns_of_four_turn() -> None:
    pieces = dash(BOX, (25, 10, 5, 10), 1.0)
    assert pieces[0].points == ((0, 0), (25, 0))
    assert pieces[1].points == ((30, 5), (30, 10))
    assert pieces[2].points == ((30, 20), (5, 20))
    turned = Geometry(GeometryKind.ORIENTED_BOX, ((10, 0), (20, 10), (10, 20), (0, 10)))
    assert measure(dash(turned, (3, 1), 1.0)) == pytest.approx(
        measure(dash(turned, (1,), 1.0)) * 1.5, rel=0.1
    )


def test_what_has_no_border_or_too_long_a_one_stays_whole() -> None:
    point = Geometry(GeometryKind.POINT, ((3, 3),))
    assert dash(point, (1, 1), 1.0) == (point,)
    assert dash(BOX, (), 1.0) == (BOX,)
    assert dash(BOX, (1, 1), 0.0) == (BOX,)
    assert dash(Geometry.rectangle(0, 0, 1e6, 1e6), (1, 1), 1.0)[0].kind is GeometryKind.RECTANGLE
