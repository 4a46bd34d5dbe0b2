"""Images as operations decode them: whatever can be imported, as a viewer shows it."""

from __future__ import annotations

import hashlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.operations.pixels import Picture, Pixels, encode, find_suffix, read_picture
from mlwf_tui.protocols.operations import SourceItem

SLOPE = np.linspace(0, 65_535, 60 * 40).reshape(40, 60)


def make_tiff(pixels: np.ndarray[tuple[int, ...], np.dtype[np.generic]], compression: str | None) -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).save(file, "TIFF", compression=compression)
    return file.getvalue()


def decode(data: bytes) -> Pixels:
    item = Item(
        dataset="main",
        name="a.tif",
        blob=Digest(hashlib.sha256(data).hexdigest()),
        size_bytes=len(data),
        width_px=60,
        height_px=40,
    )
    return read_picture(SourceItem(item, lambda: data)).pixels


@pytest.mark.parametrize("compression", [None, "zstd", "lzma"])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_tiff_has_its_pixels_however_it_is_packed(compression: str | None, bits: int) -> None:
    pixels = (SLOPE / 256).astype(np.uint8) if bits == 8 else SLOPE.astype(np.uint16)
    seen = decode(make_tiff(pixels, compression)).astype(int)  # (H, W, 3)
    assert np.abs(seen - (SLOPE // 256)[:, :, None]).max() <= 1


def test_what_is_cut_off_is_told() -> None:
    with pytest.raises(InvalidInput, match=r"main/a\.tif cannot be decoded"):
        decode(make_tiff(SLOPE.astype(np.uint16), "zstd")[:300])


def test_a_picture_too_wide_for_its_file_is_told() -> None:
    wide = Picture(np.zeros((1, 65_501, 3), np.uint8), ())
    with pytest.raises(InvalidInput, match=r"^An image of 65501x1 pixels cannot be written as \.jpg\.$"):
        encode(wide, ".jpg")
    assert encode(wide, ".png")


@pytest.mark.parametrize("name", ["a.tif", "a.TIFF", "a.bmp", "a.gif", "a.png"])
def test_what_had_no_loss_has_none_behind_an_operation(name: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    again = decode(encode(Picture(noise, ()), find_suffix(name)))
    assert np.array_equal(again, noise)


def test_names_of_changed_images_say_what_they_are() -> None:
    names = ["a.JPG", "a.jpeg", "a.webp", "a", "a.Png", "a.TIF"]
    assert [find_suffix(name) for name in names] == [".JPG", ".jpeg", ".jpg", ".jpg", ".Png", ".png"]
