"""Masks as PNG files: exact both ways, and hostile files bounded before they unpack."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image

from mlwf_tui.errors import InvalidInput
from mlwf_tui.media.bitmaps import MaskRuns, can_be_drawn, decode_mask, encode_mask, measure_runs

PLUS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.bool_)

pixels_of_masks = arrays(np.bool_, st.tuples(st.integers(1, 20), st.integers(1, 20)))


def save(image: Image.Image, **options: object) -> bytes:
    file = BytesIO()
    image.save(file, "png", **options)
    return file.getvalue()


@given(pixels_of_masks)
def test_a_mask_comes_back_run_by_run(pixels: NDArray[np.bool_]) -> None:
    height_px, width_px = pixels.shape
    runs = measure_runs(pixels)

    assert can_be_drawn(width_px, height_px, runs)
    assert decode_mask(encode_mask(width_px, height_px, runs)) == MaskRuns(width_px, height_px, runs)


@given(pixels_of_masks)
def test_pillow_reads_the_pixels_that_were_written(pixels: NDArray[np.bool_]) -> None:
    height_px, width_px = pixels.shape
    with Image.open(BytesIO(encode_mask(width_px, height_px, measure_runs(pixels)))) as image:
        assert image.mode == "1"
        assert (np.asarray(image) == pixels).all()


def test_runs_begin_with_the_background_and_fill_the_mask() -> None:
    assert measure_runs(PLUS) == (1, 1, 1, 3, 1, 1, 1)
    assert measure_runs(~PLUS) == (0, 1, 1, 1, 3, 1, 1, 1)
    assert measure_runs(np.zeros((2, 3), np.bool_)) == (6,)


@pytest.mark.parametrize(
    ("width_px", "height_px", "runs"),
    [
        (2, 2, ()),
        (2, 2, (3,)),
        (2, 2, (5,)),
        (2, 2, (1, 0, 3)),
        (2, 2, (-1, 5)),
        (0, 2, (0,)),
        (1 << 20, 1 << 20, (1 << 40,)),
    ],
)
def test_runs_that_would_not_come_back_cannot_be_drawn(
    width_px: int, height_px: int, runs: tuple[int, ...]
) -> None:
    assert not can_be_drawn(width_px, height_px, runs)


@pytest.mark.parametrize(
    "image",
    [
        Image.fromarray(PLUS),
        Image.fromarray(PLUS.astype(np.uint8) * 255),
        Image.fromarray(PLUS.astype(np.uint8)),
        Image.fromarray(np.stack([PLUS * 255] * 3, axis=2).astype(np.uint8)),
        Image.fromarray(np.stack([np.full((3, 3), 255)] * 3 + [PLUS * 255], axis=2).astype(np.uint8)),
    ],
    ids=["1 bit", "grey", "ones", "colours", "opacity"],
)
def test_every_way_to_say_set_is_read(image: Image.Image) -> None:
    assert decode_mask(save(image)).runs == measure_runs(PLUS)


def test_a_palette_is_read_by_its_opacity_else_by_its_colours() -> None:
    image = Image.fromarray(PLUS.astype(np.uint8))
    image.putpalette([0, 0, 0, 255, 255, 255])

    assert decode_mask(save(image)).runs == measure_runs(PLUS)
    assert decode_mask(save(image, transparency=0)).runs == measure_runs(PLUS)


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    body = zlib.compress(bytes(100))
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 1, 0, 0, 0, 0)),
        (b"IDAT", body),
        (b"IEND", b""),
    ]
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        len(part).to_bytes(4) + kind + part + zlib.crc32(kind + part).to_bytes(4) for kind, part in parts
    )

    with pytest.raises(InvalidInput, match="claims 60000x60000 pixels"):
        decode_mask(png)


def test_a_smaller_bound_may_be_set() -> None:
    png = encode_mask(3, 3, measure_runs(PLUS))

    assert decode_mask(png, max_pixels=9).width_px == 3
    with pytest.raises(InvalidInput, match="claims 3x3"):
        decode_mask(png, max_pixels=8)


def test_a_cut_file_is_damaged_or_lost_no_pixel() -> None:
    png = encode_mask(3, 3, measure_runs(PLUS))
    pixels_end = len(png) - 12 - 4  # the last chunk and the checksum before it hold none
    for length in range(len(png)):
        try:
            assert decode_mask(png[:length]).runs == measure_runs(PLUS)
        except InvalidInput as error:
            assert error.message in ("is not a PNG", "is cut off or damaged")
            assert length < pixels_end


@given(st.binary(max_size=200))
def test_bytes_of_all_kinds_are_refused(noise: bytes) -> None:
    for png in (noise, b"\x89PNG\r\n\x1a\n" + noise):
        with pytest.raises(InvalidInput):
            decode_mask(png)


def test_a_changed_byte_never_ends_in_another_error() -> None:
    png = encode_mask(3, 3, measure_runs(PLUS))
    for at in range(len(png)):
        broken = bytearray(png)
        broken[at] ^= 0xFF
        try:
            decode_mask(bytes(broken), max_pixels=1000)
        except InvalidInput:
            continue
