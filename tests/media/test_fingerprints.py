"""Fingerprints: the same image at another size or quality is near, another one is far."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageFilter

from mlwf_tui.errors import InvalidInput
from mlwf_tui.media.fingerprints import FINGERPRINT_BYTES, make_fingerprint


def draw(seed: int) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 255, (12, 16, 3), dtype=np.uint8)
    image = Image.fromarray(pixels).resize((640, 480), Image.Resampling.BICUBIC)
    return image.filter(ImageFilter.GaussianBlur(4))


def encode(image: Image.Image, format: str = "jpeg", **options: object) -> bytes:
    file = BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def measure_distance(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one[:16], "big") ^ int.from_bytes(other[:16], "big")).bit_count()


@pytest.mark.parametrize(
    "data",
    [
        encode(draw(1), quality=30),
        encode(draw(1), "png"),
        encode(draw(1).resize((320, 240))),
        encode(draw(1).convert("L"), "webp"),
    ],
    ids=["quality", "format", "size", "grey"],
)
def test_the_same_image_is_near(data: bytes) -> None:
    original = make_fingerprint(encode(draw(1), quality=95))
    assert len(original) == FINGERPRINT_BYTES
    assert measure_distance(original, make_fingerprint(data)) <= 8


def test_another_image_is_far() -> None:
    assert measure_distance(make_fingerprint(encode(draw(1))), make_fingerprint(encode(draw(2)))) > 30


def test_a_turned_photo_is_near_to_its_upright_copy() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = make_fingerprint(encode(draw(1), exif=exif))
    upright = make_fingerprint(encode(draw(1).transpose(Image.Transpose.ROTATE_270)))
    assert measure_distance(turned, upright) <= 8


def test_a_very_large_image_is_near_to_a_small_one() -> None:
    large = Image.linear_gradient("L").resize((9000, 8500))
    small = large.resize((360, 340))
    distance = measure_distance(
        make_fingerprint(encode(large, "png", compress_level=1)), make_fingerprint(encode(small, "png"))
    )
    assert distance <= 8


def test_pixels_that_are_damaged_are_refused() -> None:
    data = bytearray(encode(draw(1), "png"))
    data[200:240] = bytes(40)
    with pytest.raises(InvalidInput, match="damaged"):
        make_fingerprint(bytes(data))
