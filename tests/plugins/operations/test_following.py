"""What is told beside an object moves with its pixels; what leaves the picture is missing or cut."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from mlwf_tui.entities.annotation import (
    AnnotatedObject,
    Annotation,
    Geometry,
    GeometryKind,
    LabelSchema,
    Point,
    Visibility,
)
from mlwf_tui.entities.figures import CUBOID_ENDS
from mlwf_tui.evaluation.keypoints import BOX_SHARE, measure_truth
from mlwf_tui.protocols.operations import SourceItem
from tests.operating import Made, follow
from tests.plugins.operations.drawing import HEIGHT_PX, SHAPES, WIDTH_PX, make_black

ALONE: dict[str, Any] = {"keep_originals": False}
CUT_LEFT: dict[str, Any] = {"place": "fixed", "width_px": 100, "height_px": 180, **ALONE}  # x from 0 to 100
CUT_RIGHT: dict[str, Any] = {**CUT_LEFT, "left_px": 100, "width_px": 140}  # x from 100 to 240
FACE = Geometry(
    GeometryKind.KEYPOINTS,
    ((120.0, 60.0), (150.0, 60.0), (135.0, 80.0)),
    names=("left_eye", "right_eye", "nose"),
)
BOX = {"box_left": 90.0, "box_top": 40.0, "box_right": 190.0, "box_bottom": 120.0}
CIRCLE = {"shape": "circle", "x": 100.0, "y": 60.0, "radius": 20.0}


def make_one(geometry: Geometry, **custom: Any) -> SourceItem:
    labelled = AnnotatedObject("cat", geometry, custom=custom)
    return make_black(labelled, np.zeros((HEIGHT_PX, WIDTH_PX), np.bool_), "a.png")


def follow_one(name: str, source: SourceItem, **params: Any) -> AnnotatedObject:
    """Return what the only object of the only result is."""
    (made,) = follow(name, [source], **params)
    (labelled,) = made.item.annotation.objects
    return labelled


def read_box(labelled: AnnotatedObject) -> tuple[Any, ...]:
    return tuple(labelled.custom.get(name) for name in BOX)


@pytest.mark.parametrize(
    ("name", "params", "box"),
    [
        ("flip", ALONE, (50, 40, 150, 120)),
        ("flip", {"axis": "vertical", **ALONE}, (90, 60, 190, 140)),
        ("resize", {"longest_px": 120}, (45, 20, 95, 60)),
        ("resize", {"width_px": 240, "height_px": 90}, (90, 20, 190, 60)),
        ("pad", {"square": True}, (90, 70, 190, 150)),
        ("crop", CUT_RIGHT, (0, 40, 90, 120)),
        ("blur", ALONE, (90, 40, 190, 120)),
        ("anonymize", {"classes": ("cat",)}, (90, 40, 190, 120)),
        ("compose", {"steps": ("flip", "flip"), **ALONE}, (90, 40, 190, 120)),
        ("crop_objects", {"padding": 0}, (0, 0, 100, 80)),
    ],
)
def test_box_beside_keypoints_moves_with_them(
    name: str, params: dict[str, Any], box: tuple[float, ...]
) -> None:
    assert read_box(follow_one(name, make_one(FACE, **BOX), **params)) == pytest.approx(box)


@pytest.mark.parametrize("name", ["rotate", "perspective", "elastic", "augment"])
def test_box_beside_keypoints_stays_around_them(name: str) -> None:
    tight = {"box_left": 119.0, "box_top": 59.0, "box_right": 151.0, "box_bottom": 81.0}
    for made in follow(name, [make_one(FACE, **tight)], copies=5, min_visible=0, **ALONE):
        for labelled in made.item.annotation.objects:
            left, top, right, bottom = read_box(labelled)
            assert 0 <= left < right <= made.item.width_px
            assert 0 <= top < bottom <= made.item.height_px
            assert all(left <= x <= right and top <= y <= bottom for x, y in labelled.geometry.points)


def test_box_beside_keypoints_has_its_place_in_a_mosaic() -> None:
    sources = [make_one(FACE, **BOX)] * 4
    named = [replace(s, item=replace(s.item, name=f"{at}.png")) for at, s in enumerate(sources)]
    for made in follow("mosaic", named, size_px=400, min_visible=1, **ALONE):
        assert made.item.annotation.objects
        for labelled in made.item.annotation.objects:
            left, top, right, bottom = read_box(labelled)
            assert all(left <= x <= right and top <= y <= bottom for x, y in labelled.geometry.points)


def test_size_of_keypoints_shrinks_with_their_image() -> None:
    halved = follow_one("resize", make_one(FACE, **BOX), longest_px=120)
    assert measure_truth(halved) == pytest.approx(50 * 40 * BOX_SHARE)


def test_box_that_has_left_is_told_no_more() -> None:
    far = {"box_left": 0.0, "box_top": 0.0, "box_right": 20.0, "box_bottom": 20.0}
    assert follow_one("crop", make_one(FACE, **far), **CUT_RIGHT).custom == {}


@pytest.mark.parametrize(
    ("name", "params", "told"),
    [
        ("flip", ALONE, {"shape": "circle", "x": 140, "y": 60, "radius": 20}),
        ("resize", {"longest_px": 120}, {"shape": "circle", "x": 50, "y": 30, "radius": 10}),
        (
            "resize",
            {"width_px": 240, "height_px": 90},
            {"shape": "ellipse", "x": 100, "y": 30, "radius_x": 20, "radius_y": 10},
        ),
        ("elastic", ALONE, {}),
        ("blur", ALONE, CIRCLE),
    ],
)
def test_circle_beside_an_outline_moves_with_it(
    name: str, params: dict[str, Any], told: dict[str, Any]
) -> None:
    followed = follow_one(name, make_one(SHAPES["polygon"], note="mine", **CIRCLE), **params)
    assert followed.custom == {"note": "mine", **told}


def test_ellipse_turns_with_its_outline() -> None:
    ellipse = {
        "shape": "ellipse",
        "x": 100.0,
        "y": 60.0,
        "radius_x": 20.0,
        "radius_y": 10.0,
        "rotation": 30.0,
    }
    flipped = follow_one("flip", make_one(SHAPES["polygon"], **ellipse), **ALONE)
    assert flipped.custom == {**ellipse, "x": 140.0, "rotation": 150.0}
    stretched = follow_one("resize", make_one(SHAPES["polygon"], **ellipse), width_px=480, height_px=180)
    numbers = {name: float(value) for name, value in stretched.custom.items() if name != "shape"}
    assert numbers["radius_x"] * numbers["radius_y"] == pytest.approx(2 * 20 * 10, rel=1e-3)
    angle = np.radians(numbers["rotation"])
    axis = np.array((np.cos(angle) / 2, np.sin(angle))) * numbers["radius_x"]  # as it was before
    turned = (
        np.array(((np.cos(np.pi / 6), np.sin(np.pi / 6)), (-np.sin(np.pi / 6), np.cos(np.pi / 6)))) @ axis
    )
    assert np.hypot(*(turned / (20, 10))) == pytest.approx(1, abs=1e-3)


def test_corners_of_a_cuboid_move_with_its_outline() -> None:
    corners = {f"{axis}{end}": 10.0 * at for at, end in enumerate(CUBOID_ENDS) for axis in "xy"}
    halved = follow_one("resize", make_one(SHAPES["polygon"], shape="cuboid", **corners), longest_px=120)
    assert halved.custom == {"shape": "cuboid", **{name: value / 2 for name, value in corners.items()}}


# --- keypoints -----------------------------------------------------------------------------------


def test_keypoints_that_leave_are_missing() -> None:
    labelled = follow_one("crop", make_one(FACE), left_px=130, min_visible=0, **{**CUT_LEFT, "width_px": 110})
    assert labelled.geometry.visibility == (Visibility.MISSING, Visibility.VISIBLE, Visibility.VISIBLE)
    assert labelled.geometry.points == ((20.0, 60.0), (20.0, 60.0), (5.0, 80.0))


def test_keypoints_that_have_left_do_not_come_back() -> None:
    steps = ("crop place=fixed left_px=130 width_px=110 height_px=180", "rotate degrees=0")
    cut = follow_one("compose", make_one(FACE), steps=steps, min_visible=0, **ALONE)
    assert cut.geometry.visibility[0] is Visibility.MISSING


@pytest.mark.parametrize(("min_visible", "is_kept"), [(0.6, True), (0.7, False)])
def test_share_of_keypoints_counts_those_that_are_labelled(min_visible: float, is_kept: bool) -> None:
    missing = (Visibility.MISSING,) * 8
    points: tuple[Point, ...] = ((150.0, 60.0), (160.0, 60.0), (50.0, 60.0), *((50.0, 60.0),) * 8)
    geometry = Geometry(GeometryKind.KEYPOINTS, points, visibility=(*(Visibility.VISIBLE,) * 3, *missing))
    (made,) = follow("crop", [make_one(geometry)], min_visible=min_visible, **CUT_RIGHT)
    assert bool(made.item.annotation.objects) is is_kept


@pytest.mark.parametrize("axis", ["horizontal", "vertical"])
def test_mirror_swaps_left_and_right(axis: str) -> None:
    seen = (Visibility.HIDDEN, Visibility.VISIBLE, Visibility.VISIBLE)
    source = make_one(replace(FACE, visibility=seen))
    mirrored = follow_one("flip", source, axis=axis, **ALONE).geometry
    assert mirrored.names == FACE.names
    y = 60.0 if axis == "horizontal" else 120.0
    left, right = (90.0, 120.0) if axis == "horizontal" else (150.0, 120.0)
    assert mirrored.points[:2] == ((left, y), (right, y))
    assert mirrored.visibility == (Visibility.VISIBLE, Visibility.HIDDEN, Visibility.VISIBLE)


def test_turn_keeps_left_and_right() -> None:
    turned = follow_one("compose", make_one(FACE), steps=("flip", "flip axis=vertical"), **ALONE)
    assert turned.geometry.points[0] == (120.0, 120.0)


def test_keypoints_without_sides_stay_in_order_when_mirrored() -> None:
    plain = replace(FACE, names=("a", "b", "c"))
    assert follow_one("flip", make_one(plain), **ALONE).geometry.points[0] == (120.0, 60.0)
    assert follow_one("flip", make_one(replace(FACE, names=())), **ALONE).geometry.points[1] == (90.0, 60.0)


# --- lines ---------------------------------------------------------------------------------------


def list_lines(made: Made) -> list[tuple[Point, ...]]:
    return [labelled.geometry.points for labelled in made.item.annotation.objects]


def test_line_is_cut_where_it_leaves() -> None:
    line = Geometry(GeometryKind.POLYLINE, ((50.0, 20.0), (150.0, 40.0), (150.0, 90.0)))
    (made,) = follow("crop", [make_one(line)], min_visible=0, **CUT_LEFT)
    assert list_lines(made) == [((50.0, 20.0), (100.0, 30.0))]


def test_line_that_comes_back_is_one_object_for_each_piece() -> None:
    line = Geometry(GeometryKind.POLYLINE, ((50.0, 20.0), (150.0, 20.0), (150.0, 60.0), (50.0, 60.0)))
    source = make_one(line, track=7.0)
    (made,) = follow("crop", [source], min_visible=0, **CUT_LEFT)
    assert list_lines(made) == [((50.0, 20.0), (100.0, 20.0)), ((100.0, 60.0), (50.0, 60.0))]
    assert [labelled.custom for labelled in made.item.annotation.objects] == [{"track": 7.0}] * 2


def test_line_between_points_outside_shows() -> None:
    line = Geometry(GeometryKind.POLYLINE, ((50.0, 20.0), (239.0, 20.0)))
    (made,) = follow("crop", [make_one(line)], min_visible=0, **{**CUT_LEFT, "left_px": 100, "width_px": 40})
    assert list_lines(made) == [((0.0, 20.0), (40.0, 20.0))]


@pytest.mark.parametrize(("min_visible", "is_kept"), [(0.45, True), (0.55, False)])
def test_share_of_a_line_is_that_of_its_length(min_visible: float, is_kept: bool) -> None:
    line = Geometry(GeometryKind.POLYLINE, ((50.0, 20.0), (140.0, 20.0), (150.0, 20.0)))
    (made,) = follow("crop", [make_one(line)], min_visible=min_visible, **CUT_LEFT)
    assert bool(made.item.annotation.objects) is is_kept


def test_clip_cuts_lines_and_misses_keypoints() -> None:
    line = Geometry(
        GeometryKind.POLYLINE, ((-10.0, 10.0), (10.0, 10.0), (10.0, -10.0), (20.0, -10.0), (20.0, 9.0))
    )
    (made,) = follow("clip", [make_one(line)])
    assert list_lines(made) == [((0.0, 10.0), (10.0, 10.0), (10.0, 0.0)), ((20.0, 0.0), (20.0, 9.0))]
    outside = replace(FACE, points=((-3.0, 60.0), *FACE.points[1:]))
    clipped = follow_one("clip", make_one(outside, **{**BOX, "box_left": -5.0}))
    assert clipped.geometry.visibility[0] is Visibility.MISSING
    assert read_box(clipped) == (0.0, 40.0, 190.0, 120.0)


# --- keypoints as the box beside them ------------------------------------------------------------


@pytest.mark.parametrize(("name", "params"), [("prepare", {"task": "detect"}), ("convert_shapes", {})])
def test_keypoints_become_the_box_beside_them(name: str, params: dict[str, Any]) -> None:
    converted = follow_one(name, make_one(FACE, note="mine", **BOX), **params)
    assert converted.geometry == Geometry.rectangle(*BOX.values())
    assert converted.custom == {"note": "mine"}


def test_keypoints_are_as_large_as_the_box_beside_them() -> None:
    source = make_one(FACE, **BOX)
    assert follow_one("drop_objects", source, min_area_px=7000).geometry == FACE
    assert follow_one("drop_objects", source, min_side_px=79).geometry == FACE
    (made,) = follow("drop_objects", [source], min_area_px=8001)
    assert not made.item.annotation.objects


def test_overlap_of_keypoints_is_that_of_their_boxes() -> None:
    other = AnnotatedObject(
        "cat", replace(FACE, points=((100.0, 50.0), (101.0, 50.0), (101.0, 51.0))), custom=BOX
    )
    source = make_one(FACE, **BOX)
    both = replace(
        source, item=replace(source.item, annotation=Annotation((*source.item.annotation.objects, other)))
    )
    (made,) = follow("nms", [both])
    assert len(made.item.annotation.objects) == 1


def test_keypoints_cut_out_show_the_box_beside_them() -> None:
    flat = replace(FACE, points=((120.0, 60.0), (150.0, 60.0), (135.0, 60.0)))
    (made,) = follow("crop_objects", [make_one(flat, **BOX)], padding=0, schema=LabelSchema())
    assert (made.item.width_px, made.item.height_px) == (100, 80)
