"""PNG headers without a library: what is told agrees with the library, the rest is left to it."""

from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from mlwf_tui.media import headers
from mlwf_tui.media.exif import StoredSize
from mlwf_tui.media.png import read_size

MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")


def encode(mode: str = "RGB", **options: object) -> bytes:
    file = BytesIO()
    Image.new(mode, (300, 20)).save(file, "png", **options)
    return file.getvalue()


@pytest.mark.parametrize("mode", MODES)
def test_every_kind_of_pixel_is_known(mode: str) -> None:
    assert read_size(encode(mode)) == StoredSize(300, 20)


def test_texts_before_the_pixels_are_passed_over() -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Title", "x" * 100)
    assert read_size(encode(pnginfo=texts, dpi=(72, 72))) == StoredSize(300, 20)


def test_an_image_that_exif_turns_says_so() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert read_size(encode(exif=exif)) == StoredSize(300, 20, 6)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(MODES), st.data())
def test_a_damaged_header_tells_what_the_library_reads_or_nothing(mode: str, draw: st.DataObject) -> None:
    data = bytearray(encode(mode))
    for _ in range(draw.draw(st.integers(1, 3))):
        data[draw.draw(st.integers(8, 60))] ^= draw.draw(st.integers(1, 255))
    size = read_size(bytes(data))
    if size is not None:
        assert size == headers.read_size(bytes(data), "png")


@given(st.integers(0, 60))
def test_a_header_that_is_cut_tells_nothing_or_the_size(length: int) -> None:
    assert read_size(encode()[:length]) in (None, StoredSize(300, 20))
