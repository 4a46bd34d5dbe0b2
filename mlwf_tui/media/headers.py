"""Reads image headers with Pillow: the formats and the EXIF blocks that are worth a library."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from mlwf_tui.errors import InvalidInput
from mlwf_tui.media import png

_ORIENTATION_TAG = 0x0112
_PILLOW_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, ArithmeticError, LookupError, EOFError, struct.error,
    Image.DecompressionBombError,
)  # fmt: skip

# Called by name, not through Image.open: that refuses a bomb without saying what size it claims.
_READERS: dict[str, Callable[[BytesIO], Any]] = {
    "jpeg": JpegImageFile,
    "png": PngImageFile,
    "webp": WebPImageFile,
    "gif": GifImageFile,
    "tiff": TiffImageFile,
    "bmp": BmpImageFile,
}


@dataclass(frozen=True, slots=True)
class Header:
    """An image that was opened but not decoded; sizes in pixels as the file stores them."""

    data: bytes
    format: str
    image: Image.Image

    @property
    def width_px(self) -> int:
        return self.image.width

    @property
    def height_px(self) -> int:
        return self.image.height

    @property
    def shown_size(self) -> tuple[int, int]:
        """Width and height as a viewer shows them."""
        is_turned = _is_turned(self.image, self.format)
        return (self.height_px, self.width_px) if is_turned else (self.width_px, self.height_px)

    def is_whole(self) -> bool:
        """Say whether the end is there; formats without an end mark are decoded for it."""
        if self.format == "png":
            return png.has_end(self.data)
        return _can_decode(self.image)


def read_header(data: bytes, format: str) -> Header:
    """Return the header of an image of a known format.

    Raises:
        InvalidInput: it is damaged, or has no pixels; the message can follow the file's name.
    """
    try:
        image: Image.Image = _READERS[format](BytesIO(data))
    except _PILLOW_ERRORS as error:
        raise InvalidInput("is cut off or damaged in its header") from error
    if min(image.size) < 1:
        raise InvalidInput("is an image without pixels")
    return Header(data, format, image)


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
