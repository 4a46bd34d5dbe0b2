"""Pictures of a few cells: in proportion, upright, bounded, with outlines where the objects are."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mlwf_tui.entities.annotation import Geometry, GeometryKind
from mlwf_tui.entities.picture import Outline, Picture, Window
from mlwf_tui.errors import InvalidInput
from mlwf_tui.media import pictures
from mlwf_tui.media.pictures import decode_upright, draw_picture, fit_size
from tests.making import make_image

RED = (255, 0, 0)


def encode(image: Image.Image, format: str = "png", **options: object) -> bytes:
    file = BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def find_marks(picture: Picture) -> set[tuple[int, int]]:
    return {
        (place % picture.columns, place // picture.columns)
        for place, value in enumerate(picture.marks)
        if value
    }


def draw_shape(geometry: Geometry, *, opacity: float = 1.0, fill: float = 0.0) -> Picture:
    """Draw one shape on a black square of 40 pixels, drawn at one pixel each."""
    outline = Outline(geometry, RED, opacity, fill)
    return draw_picture(encode(Image.new("RGB", (40, 40))), [outline], 40, 20)


def test_a_window_shows_that_part_alone_with_what_is_drawn_there() -> None:
    image = Image.new("RGB", (40, 40))
    image.paste((0, 0, 255), (20, 0, 40, 20))
    box = Outline(Geometry.rectangle(22, 4, 30, 12), RED)
    hidden = Outline(Geometry.rectangle(2, 24, 8, 30), RED)
    picture = draw_picture(encode(image), [box, hidden], 40, 20, window=Window(0.5, 0.0, 1.0, 0.5))
    assert (picture.columns, picture.rows) == (40, 20)
    assert picture.find_color(39, 39) == (0, 0, 255)
    marks = find_marks(picture)
    assert min(marks) == (4, 8)
    assert max(marks) == (19, 23), "twice as large, from the window's corner"


def test_a_mask_that_begins_outside_of_a_window_has_no_border_where_it_is_cut() -> None:
    mask = Geometry(GeometryKind.MASK, points=((0, 0), (40, 40)), runs=(0, 1600))
    inner = draw_picture(
        encode(Image.new("RGB", (40, 40))),
        [Outline(mask, RED)],
        40,
        20,
        window=Window(0.25, 0.25, 0.75, 0.75),
    )
    assert not find_marks(inner)
    corner = draw_picture(
        encode(Image.new("RGB", (40, 40))), [Outline(mask, RED)], 40, 20, window=Window(0.0, 0.0, 0.5, 0.5)
    )
    assert find_marks(corner) == {(x, y) for x in range(40) for y in range(40) if min(x, y) == 0}


@given(st.integers(1, 20_000), st.integers(1, 20_000), st.integers(1, 300), st.integers(1, 100))
def test_a_picture_fits_its_room_and_keeps_its_proportions(
    width_px: int, height_px: int, columns: int, rows: int
) -> None:
    width, height = fit_size(width_px, height_px, columns, rows)
    assert 1 <= width <= columns
    assert 2 <= height <= 2 * rows
    assert height % 2 == 0
    scale = min(columns / width_px, 2 * rows / height_px, 8)
    assert abs(width - width_px * scale) <= 1
    assert abs(height - height_px * scale) <= 2


@pytest.mark.parametrize("format", ["jpeg", "png", "bmp", "webp", "gif", "tiff"])
def test_every_format_is_drawn_in_its_colours(format: str) -> None:
    image = Image.new("RGB", (80, 40), (10, 20, 30))
    image.paste((200, 100, 50), (40, 0, 80, 40))
    picture = draw_picture(encode(image, format), (), 40, 40)
    assert (picture.columns, picture.rows) == (40, 10)
    assert len(picture.pixels) == 3 * len(picture.marks) == 3 * 40 * 20
    assert np.allclose(picture.find_color(5, 5), (10, 20, 30), atol=12)
    assert np.allclose(picture.find_color(35, 5), (200, 100, 50), atol=12)
    assert not any(picture.marks)


def test_a_turned_photo_is_drawn_upright() -> None:
    data = make_image(width_px=64, height_px=32, orientation=6)
    picture = draw_picture(data, (), 32, 32)
    assert picture.columns < 2 * picture.rows  # 32 wide, 64 high


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "RGBA", "I;16", "CMYK", "F"])
def test_every_kind_of_pixels_is_drawn(mode: str) -> None:
    format = {"CMYK": "jpeg", "F": "tiff"}.get(mode, "png")
    picture = draw_picture(encode(Image.new(mode, (20, 20)), format), (), 20, 10)
    assert len(picture.pixels) == 20 * 20 * 3


@pytest.mark.parametrize(
    ("values", "greys"),
    [
        (np.array([0, 0.5, 1], np.float32), [0, 128, 255]),
        (np.array([0, 100, 200], np.float32), [0, 100, 200]),
        (np.array([0, 32768, 65535], np.int32), [0, 128, 255]),
        (np.array([0, 2040, 4080], np.int32), [0, 128, 255]),
        (np.array([-1, 0, 1.5], np.float32), [0, 102, 255]),
        (np.array([0.001, 0.002, 0.003], np.float32), [0, 128, 255]),
        (np.array([np.nan, np.inf, 1], np.float32), [0, 0, 255]),
        (np.array([np.nan, np.nan, np.nan], np.float32), [0, 0, 0]),
        (np.array([7, 7, 7e9], np.float32), [0, 0, 255]),
        (np.array([-3e38, 0, 3e38], np.float32), [0, 128, 255]),
        (np.array([-3, -3, -3], np.int32), [0, 0, 0]),
        (np.array([0, 4080, 65535], np.uint16), [0, 15, 255]),
    ],
)
def test_wide_pixels_are_scaled_by_what_they_reach(values: Any, greys: list[int]) -> None:
    image = decode_upright(encode(Image.fromarray(values[None]), "tiff"), 3)
    assert (image.mode, list(image.tobytes())) == ("L", greys)


def test_a_rectangle_is_outlined_where_it_is() -> None:
    picture = draw_shape(Geometry.rectangle(10, 10, 30, 20))
    marks = find_marks(picture)
    assert {(10, 10), (29, 10), (10, 19), (29, 19), (20, 10)} <= marks
    assert (20, 15) not in marks
    assert (30, 15) not in marks
    assert picture.find_color(10, 10) == RED
    assert picture.find_color(20, 15) == (0, 0, 0)


def test_a_polygon_is_outlined_with_its_holes() -> None:
    ring = ((5.0, 5.0), (35.0, 5.0), (35.0, 35.0), (5.0, 35.0))
    hole = ((15.0, 15.0), (25.0, 15.0), (25.0, 25.0))
    marks = find_marks(draw_shape(Geometry(GeometryKind.POLYGON, ring, (hole,))))
    assert {(5, 5), (35, 20), (15, 15), (20, 15)} <= marks
    assert (10, 10) not in marks


def test_a_mask_is_outlined_along_what_it_fills() -> None:
    # Columns 5 to 9 of every row of a rectangle of 10 by 10 pixels.
    runs = (5, *((5,) * 19))
    geometry = Geometry(GeometryKind.MASK, ((10, 10), (20, 20)), runs=runs)
    marks = find_marks(draw_shape(geometry))
    assert {(15, 10), (15, 15), (19, 19)} <= marks
    assert (17, 15) not in marks
    assert not any(x < 15 for x, _ in marks)


def test_the_inside_of_a_mask_is_filled_where_it_is_wanted_and_marks_nothing() -> None:
    mask = Geometry(GeometryKind.MASK, points=((10, 10), (20, 20)), runs=(0, 60, 40))
    picture = draw_shape(mask, fill=0.4)
    assert picture.find_color(15, 10) == RED  # its border
    assert picture.find_color(15, 13) == (102, 0, 0)
    assert picture.find_color(15, 17) == picture.find_color(30, 30) == (0, 0, 0)
    assert (15, 13) not in find_marks(picture)
    assert draw_shape(mask).find_color(15, 13) == (0, 0, 0)


def test_points_and_lines_are_drawn() -> None:
    assert (20, 20) in find_marks(draw_shape(Geometry(GeometryKind.POINT, ((20, 20),))))
    line = find_marks(draw_shape(Geometry(GeometryKind.POLYLINE, ((0, 0), (39, 0)))))
    assert len(line) == 40


def test_a_faint_outline_is_mixed_in_and_marks_nothing() -> None:
    picture = draw_shape(Geometry.rectangle(10, 10, 30, 20), opacity=0.4)
    assert not find_marks(picture)
    assert 90 < picture.find_color(10, 10)[0] < 115


@pytest.mark.parametrize("far", [-1e300, 1e300])
def test_what_lies_far_outside_does_no_harm(far: float) -> None:
    ring = ((far, 5.0), (5.0, far), (20.0, 20.0))
    draw_shape(Geometry(GeometryKind.POLYGON, ring))
    draw_shape(Geometry.rectangle(min(0.0, far), 0, max(1.0, far), 1))


def test_a_mask_whose_runs_do_not_fit_is_outlined_as_a_box() -> None:
    geometry = Geometry(GeometryKind.MASK, ((10, 10), (20, 20)), runs=(3, 4))
    assert (10, 10) in find_marks(draw_shape(geometry))


def test_a_damaged_image_is_refused_in_words() -> None:
    with pytest.raises(InvalidInput, match=r"damaged|cut off"):
        draw_picture(make_image(format="png")[:-40], (), 20, 20)
    with pytest.raises(InvalidInput, match="not an image"):
        draw_picture(b"GIF, said nobody", (), 20, 20)
    broken = bytearray(make_image(format="png"))
    broken[60:80] = bytes(20)
    with pytest.raises(InvalidInput, match="damaged"):
        draw_picture(bytes(broken), (), 20, 20)


def test_too_many_pixels_are_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MAX_PIXELS", 1000)
    with pytest.raises(InvalidInput, match="too large"):
        draw_picture(make_image(format="png"), (), 20, 20)
    draw_picture(make_image(format="jpeg"), (), 20, 20)  # decoded at an eighth


def test_few_colours_are_left() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    picture = draw_picture(encode(Image.fromarray(noise)), (), 100, 50)
    colors = {picture.pixels[at : at + 3] for at in range(0, len(picture.pixels), 3)}
    assert len(colors) <= pictures.MAX_COLORS
