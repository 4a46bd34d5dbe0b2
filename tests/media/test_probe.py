"""What an image is, told from its bytes."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from mlwf_tui.errors import InvalidInput
from mlwf_tui.media.probe import IMAGE_SUFFIXES, ImageFacts, probe_image

FORMATS = ("jpeg", "png", "bmp", "webp", "tiff", "gif")


def encode(format: str, *, width_px: int = 40, height_px: int = 30, orientation: int = 1) -> bytes:
    pixels = np.random.default_rng(7).integers(0, 255, (height_px, width_px, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"exif": exif} if orientation != 1 else {}
    file = BytesIO()
    Image.fromarray(pixels).save(file, format, **options)
    return file.getvalue()


def claim_png(width_px: int, height_px: int) -> bytes:
    """Return a PNG whose header claims a size that its few bytes do not hold."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_is_known_with_its_size(format: str) -> None:
    assert probe_image(encode(format)) == ImageFacts(40, 30, format)


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "tiff"])
@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_size_is_as_shown_after_exif_orientation(format: str, orientation: int) -> None:
    facts = probe_image(encode(format, orientation=orientation))
    assert (facts.width_px, facts.height_px) == ((40, 30) if orientation == 3 else (30, 40))


@pytest.mark.parametrize("format", FORMATS)
def test_file_cut_in_half_is_refused(format: str) -> None:
    data = encode(format)
    with pytest.raises(InvalidInput, match="cut off"):
        probe_image(data[: len(data) // 2])


@pytest.mark.parametrize("format", ["jpeg", "png"])
def test_file_without_its_last_bytes_is_refused(format: str) -> None:
    with pytest.raises(InvalidInput, match=r"^is cut off$"):
        probe_image(encode(format)[:-2])


def test_a_jpeg_whose_parts_lead_nowhere_may_be_whole_but_damaged() -> None:
    data = bytearray(encode("jpeg") + b"film")
    tables = data.index(b"\xff\xc4")  # behind the size
    data[tables + 2 : tables + 4] = b"\x77\x77"
    with pytest.raises(InvalidInput, match=r"^is cut off or damaged in its header$"):
        probe_image(bytes(data))


def test_zeros_behind_the_end_of_a_jpeg_are_allowed() -> None:
    assert probe_image(encode("jpeg") + b"\0" * 100).format == "jpeg"


def test_film_appended_to_a_jpeg_is_allowed() -> None:
    assert probe_image(encode("jpeg") + b"\0\0\0\x18ftypmp42" + b"film" * 100).width_px == 40


def test_end_of_a_thumbnail_is_not_the_end_of_the_jpeg() -> None:
    exif = b"Exif\0\0" + encode("jpeg", width_px=8, height_px=8)
    data = encode("jpeg")
    with_thumbnail = data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]
    assert probe_image(with_thumbnail).width_px == 40
    with pytest.raises(InvalidInput, match="cut off"):
        probe_image(with_thumbnail[:-200])


@pytest.mark.parametrize("data", [b"not an image at all", b"\0" * 64, b"<html></html>"])
def test_garbage_is_not_an_image(data: bytes) -> None:
    with pytest.raises(InvalidInput, match="is not an image"):
        probe_image(data)


def test_empty_file_is_named_empty() -> None:
    with pytest.raises(InvalidInput, match="is empty"):
        probe_image(b"")


def test_decompression_bomb_is_refused_by_its_header() -> None:
    with pytest.raises(InvalidInput, match="claims 65000x65000 pixels"):
        probe_image(claim_png(65000, 65000))


def test_image_just_below_the_limit_is_taken() -> None:
    assert probe_image(claim_png(10_000, 17_000)).height_px == 17_000


def test_suffixes_are_lower_case_with_their_dot() -> None:
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in IMAGE_SUFFIXES)


@settings(max_examples=200, deadline=None)
@example(format="gif", changes=[(10, 0)], length=141)  # a frame far beyond the picture
@given(
    format=st.sampled_from(FORMATS),
    changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=6),
    length=st.integers(0, 4000),
)
@pytest.mark.filterwarnings("ignore")
def test_damaged_bytes_give_facts_or_a_reason(
    format: str, changes: list[tuple[int, int]], length: int
) -> None:
    data = bytearray(encode(format)[:length])
    for at, value in changes:
        if at < len(data):
            data[at] = value
    try:
        facts = probe_image(bytes(data))
    except InvalidInput as error:
        assert error.message
    else:
        assert facts.width_px >= 1
        assert facts.height_px >= 1
