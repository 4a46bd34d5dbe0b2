"""Tells from an image's bytes what it is, how large it is shown, and whether it is whole; decodes little."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from mlwf_tui.entities.item import IMAGE_SUFFIXES as IMAGE_SUFFIXES
from mlwf_tui.errors import InvalidInput

MAX_PIXELS: Final = 178_000_000  # 0.5 GB decoded; larger claims come from hostile headers

_ORIENTATION_TAG = 0x0112
_END_OF_JPEG = b"\xff\xd9"
_END_OF_PNG = b"IEND\xaeB`\x82"
_PILLOW_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, ArithmeticError, LookupError, EOFError, struct.error,
    Image.DecompressionBombError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """Size in pixels as a viewer shows it, EXIF orientation applied; `format` such as `jpeg`."""

    width_px: int
    height_px: int
    format: str


def probe_image(data: bytes) -> ImageFacts:
    """Return what `data` is; of JPEG and PNG only the header and the end are read.

    Raises:
        InvalidInput: it is no image, is cut off or damaged, or claims too many pixels. The message
            is what can follow the file's name: "is cut off".
    """
    format = _find_format(data)
    image = _read_header(data, format)
    width_px, height_px = image.size
    if width_px * height_px > MAX_PIXELS:
        raise InvalidInput(
            f"claims {width_px}x{height_px} pixels", hint=f"At most {MAX_PIXELS:,} pixels can be used."
        )
    _check_whole(data, format, image)
    if _is_turned(image, format):
        width_px, height_px = height_px, width_px
    return ImageFacts(width_px, height_px, format)


def _find_format(data: bytes) -> str:
    head = data[:16]
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return "tiff"
    if head.startswith(b"BM"):
        return "bmp"
    raise InvalidInput("is not an image" if data else "is empty")


# Called by name, not through Image.open: that refuses a bomb without saying what size it claims.
_READERS: dict[str, Callable[[BytesIO], Any]] = {
    "jpeg": JpegImageFile,
    "png": PngImageFile,
    "webp": WebPImageFile,
    "gif": GifImageFile,
    "tiff": TiffImageFile,
    "bmp": BmpImageFile,
}


def _read_header(data: bytes, format: str) -> Image.Image:
    try:
        image: Image.Image = _READERS[format](BytesIO(data))
    except _PILLOW_ERRORS as error:
        raise InvalidInput("is cut off or damaged in its header") from error
    if min(image.size) < 1:
        raise InvalidInput("is an image without pixels")
    return image


def _check_whole(data: bytes, format: str, image: Image.Image) -> None:
    """Raise InvalidInput where the end is missing; formats that have no end mark are decoded."""
    if format == "jpeg":
        is_whole = _has_jpeg_end(data)
    elif format == "png":
        is_whole = data.rfind(_END_OF_PNG) >= 0
    else:
        is_whole = _can_decode(image)
    if not is_whole:
        raise InvalidInput("is cut off", hint="Copy the file again from where it came.")


def _has_jpeg_end(data: bytes) -> bool:
    if data.endswith(_END_OF_JPEG) or data.rstrip(b"\0").endswith(_END_OF_JPEG):
        return True
    # Phones append films and depth maps. The end of the image itself lies behind its first scan;
    # before that, a thumbnail's end would be found.
    scan = _find_first_scan(data)
    return scan > 0 and data.find(_END_OF_JPEG, scan) > 0


def _find_first_scan(data: bytes) -> int:
    """Return where the pixels of a JPEG begin, 0 where no scan is found."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        if data[at + 1] == 0xFF:  # fill byte
            at += 1
            continue
        if data[at + 1] == 0xDA:
            return at
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return 0


def _can_decode(image: Image.Image) -> bool:
    try:
        image.load()
    except _PILLOW_ERRORS:
        return False
    return True


def _is_turned(image: Image.Image, format: str) -> bool:
    """Say whether EXIF swaps the sides; Pillow's TIFF reader has swapped them already."""
    if format == "tiff" or "exif" not in image.info:
        return False
    try:
        orientation = image.getexif().get(_ORIENTATION_TAG)
    except _PILLOW_ERRORS:  # a broken EXIF block leaves the image as it is, as viewers do
        return False
    return orientation in (5, 6, 7, 8)
