"""Whatever happens to a picture, what is drawn on it and what its annotation says still agree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlwf_tui.entities.annotation import AnnotatedObject, Geometry, GeometryKind
from mlwf_tui.media.filling import fill_geometry
from tests.operating import follow
from tests.plugins.operations.drawing import (
    HEIGHT_PX,
    PEN_PX,
    SHAPES,
    WIDTH_PX,
    draw_mask_shape,
    find_bounds,
    make_black,
    make_drawn,
    measure_agreement,
    read_grey,
    see,
)

ALL_SHAPES = {**SHAPES, "mask": draw_mask_shape()}
COPIES: dict[str, Any] = {"copies": 5, "keep_originals": False}
MOVES: list[tuple[str, dict[str, Any]]] = [
    ("flip", {"axis": "horizontal", **COPIES}),
    ("flip", {"axis": "vertical", **COPIES}),
    ("rotate", {"degrees": 60, **COPIES}),
    ("rotate", {"right_angles": True, **COPIES}),
    ("crop", {"min_size": 0.6, **COPIES}),
    ("crop", {"place": "centre", "width_px": 200, "height_px": 140, **COPIES}),
    ("crop", {"place": "fixed", "left_px": 40, "top_px": 20, "width_px": 150, "height_px": 150, **COPIES}),
    ("perspective", {"scale": 0.2, **COPIES}),
    ("elastic", {"strength": 0.05, **COPIES}),
    ("compose", {"steps": ("flip", "rotate p=0.7 degrees=20", "elastic", "perspective"), **COPIES}),
    ("resize", {"longest_px": 170}),
    ("resize", {"longest_px": 400, "enlarge": True}),
    ("resize", {"width_px": 200, "height_px": 200}),
    ("resize", {"width_px": 256, "height_px": 256, "fit": "pad"}),
    ("resize", {"width_px": 170, "height_px": 170, "fit": "cut"}),
    ("pad", {"square": True, "multiple": 64}),
    ("tiles", {"width_px": 180, "height_px": 140, "min_visible": 0.0}),
    ("crop_objects", {"padding": 0.5}),
]
IDS = [f"{name}-{index}" for index, (name, _) in enumerate(MOVES)]


@pytest.mark.parametrize("shape", ["polygon", "polygon with a hole", "mask"])
@pytest.mark.parametrize(("name", "params"), MOVES, ids=IDS)
def test_area_covers_the_pixels_that_it_covered(name: str, params: dict[str, Any], shape: str) -> None:
    results = follow(name, [make_drawn(ALL_SHAPES[shape])], **params)
    assert results
    for made in results:
        assert measure_agreement(made) > 0.93, made.item.annotation


@pytest.mark.parametrize(("name", "params"), MOVES, ids=IDS)
def test_rectangle_is_the_box_around_its_pixels(name: str, params: dict[str, Any]) -> None:
    for made in follow(name, [make_drawn(SHAPES["rectangle"])], **params):
        (labelled,) = made.item.annotation.objects
        assert find_bounds(see(made)) == pytest.approx(tuple(labelled.geometry.bounds), abs=2.5)


@pytest.mark.parametrize(("name", "params"), MOVES, ids=IDS)
def test_oriented_box_stays_a_box_around_its_pixels(name: str, params: dict[str, Any]) -> None:
    is_stretched = name == "resize" and params.get("fit", "stretch") == "stretch" and "width_px" in params
    is_exact = name not in ("elastic", "perspective", "compose") and not is_stretched
    for made in follow(name, [make_drawn(SHAPES["oriented box"])], **params):
        (labelled,) = made.item.annotation.objects
        first, second, third, fourth = (np.array(point) for point in labelled.geometry.points)
        assert first + third == pytest.approx(second + fourth, abs=0.1)
        assert abs((second - first) @ (third - second)) < 5
        assert measure_agreement(made) > (0.9 if is_exact else 0.55)


@pytest.mark.parametrize("shape", ["polyline", "point", "keypoints"])
@pytest.mark.parametrize(("name", "params"), MOVES, ids=IDS)
def test_points_lie_on_what_was_drawn_there(name: str, params: dict[str, Any], shape: str) -> None:
    if name == "crop_objects" and shape == "point":
        pytest.skip("a point has no size to cut out")
    for made in follow(name, [make_drawn(ALL_SHAPES[shape])], **params):
        seen = see(made)
        for labelled in made.item.annotation.objects:
            for x, y in labelled.geometry.points:
                column, row = min(int(x), made.item.width_px - 1), min(int(y), made.item.height_px - 1)
                near = seen[max(0, row - 2) : row + 3, max(0, column - 2) : column + 3]
                assert near.any(), (x, y, made.item)


@settings(deadline=None, max_examples=25)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(["rotate", "perspective", "elastic", "crop"]),
    st.floats(0.15, 0.45),
    st.floats(0.15, 0.45),
    st.integers(5, 9),
)
def test_any_star_stays_on_its_pixels(seed: int, name: str, across: float, down: float, spikes: int) -> None:
    angles = np.linspace(0, 2 * np.pi, spikes, endpoint=False)
    radii = np.where(np.arange(spikes) % 2, 1.0, 0.6)
    xs = WIDTH_PX * (0.5 + across * radii * np.cos(angles))
    ys = HEIGHT_PX * (0.5 + down * radii * np.sin(angles))
    ring = tuple((float(x), float(y)) for x, y in zip(xs, ys, strict=True))
    for made in follow(name, [make_drawn(Geometry(GeometryKind.POLYGON, ring))], seed=seed, **COPIES):
        if made.item.annotation.objects:
            assert measure_agreement(made) > 0.9


def test_mosaic_has_the_objects_of_all_where_they_are_seen() -> None:
    items = [make_drawn(shape, f"{at}.png") for at, shape in enumerate(
        (ALL_SHAPES["polygon"], ALL_SHAPES["mask"], ALL_SHAPES["rectangle"], ALL_SHAPES["oriented box"])
    )]  # fmt: skip
    results = follow("mosaic", items, size_px=320, keep_originals=False, min_visible=0.0)
    assert len(results) == 4
    for made in results:
        assert (made.item.width_px, made.item.height_px) == (320, 320)
        assert measure_agreement(made) > 0.93
        assert len(made.item.annotation.objects) >= 3


def test_mixup_has_the_objects_of_both_over_each_other() -> None:
    empty = make_black(None, np.zeros((HEIGHT_PX, WIDTH_PX), np.bool_), "b.png")
    first, second = follow(
        "mixup", [make_drawn(SHAPES["polygon"]), empty], keep_originals=False, low=0.5, high=0.5
    )
    for made in (first, second):
        (labelled,) = made.item.annotation.objects
        grey = read_grey(made)
        inside = fill_geometry(labelled.geometry, WIDTH_PX, HEIGHT_PX)
        assert 120 <= grey[inside].mean() <= 128
        assert grey[~inside].mean() < 2


@pytest.mark.parametrize("how", ["blur", "pixelate", "fill"])
@pytest.mark.parametrize("shape", ["rectangle", "polygon", "mask", "polyline", "keypoints"])
def test_anonymized_pixels_are_those_of_the_object_alone(how: str, shape: str) -> None:
    noise = np.random.default_rng(3).random((HEIGHT_PX, WIDTH_PX)) > 0.5
    source = make_black(AnnotatedObject("cat", ALL_SHAPES[shape]), noise, "a.png")
    (made,) = follow("anonymize", [source], classes=("cat",), how=how, strength=0.5)
    changed = see(made) != noise
    reach = fill_geometry(ALL_SHAPES[shape], WIDTH_PX, HEIGHT_PX, line_width_px=PEN_PX)
    assert not changed[~reach].any()
    assert made.item.annotation == source.item.annotation
    if shape in ("rectangle", "polygon", "mask"):
        assert changed[reach].mean() > 0.35  # noise looks the same by chance where it is guessed


def test_blurred_object_has_lost_its_detail() -> None:
    noise = np.random.default_rng(3).random((HEIGHT_PX, WIDTH_PX)) > 0.5
    source = make_black(AnnotatedObject("cat", SHAPES["rectangle"]), noise, "a.png")
    (made,) = follow("anonymize", [source], classes=("cat",))
    grey = read_grey(made)
    assert grey[50:120, 80:160].std() < 12 < grey[:40].std()


@pytest.mark.parametrize("whole_box", [False, True])
def test_an_object_that_reaches_far_out_of_its_image_is_hidden_as_well(whole_box: bool) -> None:
    far = Geometry.rectangle(-70_000, 50, 160, 120)
    noise = np.random.default_rng(3).random((HEIGHT_PX, WIDTH_PX)) > 0.5
    source = make_black(AnnotatedObject("cat", far), noise, "a.png")
    (made,) = follow("anonymize", [source], classes=("cat",), how="fill", whole_box=whole_box)
    assert not see(made)[50:120, :160].any()
    assert np.array_equal(see(made)[:, 160:], noise[:, 160:])
