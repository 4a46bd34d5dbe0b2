from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageFilter

from mlwf_tui.errors import InvalidInput
from mlwf_tui.media.looks import Look, make_look, read_look


def draw(size: tuple[int, int] = (400, 300), *, blur: float = 0, gain: float = 1) -> Image.Image:
    pixels = np.random.default_rng(1).integers(0, 256, (30, 40), np.uint8) * gain
    image = Image.fromarray(pixels.astype(np.uint8)).resize(size, Image.Resampling.NEAREST)
    return image.filter(ImageFilter.GaussianBlur(blur)) if blur else image


def look(image: Image.Image) -> Look:
    file = BytesIO()
    image.save(file, "PNG")
    return read_look(make_look(file.getvalue()))


def test_a_darker_image_is_less_bright_and_a_blurred_one_less_sharp() -> None:
    plain = look(draw())
    assert look(draw(gain=0.5)).brightness == pytest.approx(plain.brightness / 2, rel=0.02)
    assert look(draw(blur=6)).sharpness < plain.sharpness / 10


def test_black_and_white_are_the_ends_of_the_scale() -> None:
    assert look(Image.new("RGB", (30, 20))) == Look(0, 0)
    assert look(Image.new("RGB", (30, 20), "white")) == Look(255, 0)


def test_an_image_of_one_pixel_has_a_look() -> None:
    assert look(Image.new("L", (1, 1), 7)) == Look(7, 0)


def test_what_is_no_image_is_refused() -> None:
    with pytest.raises(InvalidInput):
        make_look(b"GIF89a but not really")
