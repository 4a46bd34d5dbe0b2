"""EXIF orientation means the same everywhere: to the import, the pictures, and what decodes for training."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from mlwf_tui.media.pictures import draw_picture
from mlwf_tui.media.probe import probe_image

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>'
    b"</rdf:RDF></x:xmpmeta>"
)


def make_exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def encode(format: str, **options: object) -> bytes:
    """Return an image of 48 by 32 pixels, black but for its left upper quarter."""
    pixels = np.zeros((32, 48, 3), np.uint8)
    pixels[:16, :24] = 255
    file = BytesIO()
    Image.fromarray(pixels).save(file, format, **options)
    return file.getvalue()


def move_exif_to_the_end(png: bytes) -> bytes:
    block = b"eXIf" + make_exif(6).tobytes().removeprefix(b"Exif\0\0")
    chunk = struct.pack(">I", len(block) - 4) + block + struct.pack(">I", zlib.crc32(block))
    return png[:-12] + chunk + png[-12:]


def find_bright_quarter(pixels: NDArray[Any]) -> tuple[bool, bool]:
    """Return whether the bright quarter of (H, W, 3) is the lower one, the right one."""
    height, width = pixels.shape[:2]
    rows, columns = np.nonzero(pixels[:, :, 0] > 128)
    return bool(rows.mean() > height / 2), bool(columns.mean() > width / 2)


INFO = PngImagePlugin.PngInfo()
INFO.add_itxt("XML:com.adobe.xmp", XMP.decode())
ODD = {
    "png with exif behind its pixels": move_exif_to_the_end(encode("png")),
    "png with xmp": encode("png", pnginfo=INFO),
    "jpeg with xmp": encode("jpeg", xmp=XMP),
    "jpeg with xmp and exif of other things": encode("jpeg", xmp=XMP, exif=make_exif(1)),
}
CASES = {
    f"{format} {orientation}": encode(format, exif=make_exif(orientation))
    for format in ("jpeg", "png", "webp", "tiff")
    for orientation in range(1, 9)
} | ODD


@pytest.mark.parametrize("data", CASES.values(), ids=CASES.keys())
def test_size_picture_and_training_pixels_are_turned_alike(data: bytes) -> None:
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)  # as Ultralytics loads it
    assert decoded is not None
    facts = probe_image(data)
    assert (facts.height_px, facts.width_px) == decoded.shape[:2]

    picture = draw_picture(data, (), facts.width_px, facts.height_px)
    drawn = np.frombuffer(picture.pixels, np.uint8).reshape(2 * picture.rows, picture.columns, 3)
    assert find_bright_quarter(drawn) == find_bright_quarter(decoded)
