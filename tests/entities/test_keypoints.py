from __future__ import annotations

import pytest

from mlwf_tui.entities.annotation import AnnotatedObject, Bounds, Geometry, GeometryKind, Visibility
from mlwf_tui.entities.keypoints import find_extent, find_flip, place_points

POINTS = ((10.0, 20.0), (30.0, 40.0), (50.0, 10.0))
FACE = Geometry(GeometryKind.KEYPOINTS, POINTS, names=("left_eye", "right_eye", "nose"))
SOME = (Visibility.MISSING, Visibility.HIDDEN, Visibility.VISIBLE)


@pytest.mark.parametrize(
    ("names", "flip"),
    [
        (("nose", "left_eye", "right_eye"), (0, 2, 1)),
        (("L_hip", "r_hip", "tail"), (1, 0, 2)),
        (("leftEar", "rightEar"), (1, 0)),
        (("nose", "tail"), ()),
        (("left_eye", "nose"), ()),
        (("left_eye", "right_eye", "left_eye"), ()),
        ((), ()),
    ],
)
def test_partners_are_told_by_names(names: tuple[str, ...], flip: tuple[int, ...]) -> None:
    assert find_flip(names) == flip


def test_a_missing_keypoint_stands_where_the_first_labelled_one_does() -> None:
    placed = place_points(FACE, POINTS, SOME)
    assert placed.points == (POINTS[1], *POINTS[1:])
    assert placed.visibility == SOME
    assert place_points(FACE, POINTS, (Visibility.VISIBLE,) * 3) == FACE


def test_the_extent_of_keypoints_is_the_box_beside_them_or_around_those_that_are_labelled() -> None:
    assert find_extent(AnnotatedObject("face", FACE)) == Bounds(10, 10, 50, 40)
    some = Geometry(GeometryKind.KEYPOINTS, POINTS, visibility=SOME)
    assert find_extent(AnnotatedObject("face", some)) == Bounds(30, 10, 50, 40)
    box = {"box_left": 1.0, "box_top": 2, "box_right": 60.0, "box_bottom": 70.0}
    assert find_extent(AnnotatedObject("face", FACE, custom=box)) == Bounds(1, 2, 60, 70)
    assert find_extent(AnnotatedObject("face", FACE, custom={**box, "box_top": "2"})) == Bounds(
        10, 10, 50, 40
    )
