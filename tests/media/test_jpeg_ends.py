"""JPEGs whose pixels end before their end marker, which decoders pass over in silence."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mlwf_tui.errors import InvalidInput
from mlwf_tui.media.fingerprints import make_fingerprint
from mlwf_tui.media.jpeg_ends import ends_early

NOISE = Image.fromarray(np.random.default_rng(3).integers(0, 256, (150, 203, 3), np.uint8))
GREY = Image.new("RGB", (203, 150), (128, 128, 128))


def encode(image: Image.Image, **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, "JPEG", **options)
    return file.getvalue()


def is_early(data: bytes) -> bool:
    return ends_early(data, Image.open(BytesIO(data)))


@pytest.mark.parametrize("kept", [0.4, 0.7, 0.97])
@pytest.mark.parametrize(
    "options", [{}, {"subsampling": 0}, {"optimize": True}, {"quality": 40}], ids=lambda one: str(one)
)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_pixels_that_are_missing_before_the_end_marker_are_noticed(
    kept: float, options: dict[str, Any], mode: str
) -> None:
    whole = encode(NOISE.convert(mode), **options)
    cut = whole[: int(len(whole) * kept)] + b"\xff\xd9"

    assert not is_early(whole)
    assert is_early(cut)
    assert is_early(cut + b"appended \xff\xd9"), "as phones do"
    with pytest.raises(InvalidInput, match="before its end marker"):
        make_fingerprint(cut)


@pytest.mark.parametrize("turn", range(1, 9))
def test_one_that_is_shown_turned_is_noticed_as_well(turn: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    whole = encode(NOISE, exif=exif)

    assert make_fingerprint(whole)
    with pytest.raises(InvalidInput):
        make_fingerprint(whole[: len(whole) // 2] + b"\xff\xd9")


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
def test_what_really_has_that_grey_in_its_corner_is_whole(options: dict[str, Any]) -> None:
    half = NOISE.copy()
    half.paste(GREY.crop((0, 0, 203, 60)), (0, 90))
    for image in (GREY, GREY.convert("L"), half):
        data = encode(image, **options)
        assert not is_early(data)
        assert make_fingerprint(data)
