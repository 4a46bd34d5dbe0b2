"""Reads image headers with Pillow, where our own walks do not suffice: no pixel is decoded here."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Final

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

from mlwf_tui.errors import InvalidInput
from mlwf_tui.media.exif import StoredSize, find_orientation

PILLOW_ERRORS: Final = (
    OSError, SyntaxError, ValueError, TypeError, ArithmeticError, LookupError, EOFError, struct.error,
    Image.DecompressionBombError,
)  # fmt: skip

# Called by name, not through Image.open: that refuses a bomb without saying what size it claims.
_READERS: Final = {"jpeg": JpegImageFile, "png": PngImageFile}


def read_size(data: bytes, format: str) -> StoredSize:
    """Return the size and orientation of an odd JPEG or PNG.

    Raises:
        InvalidInput: it is damaged, or has no pixels; the message can follow the file's name.
    """
    try:
        image = _READERS[format](BytesIO(data))
    except PILLOW_ERRORS as error:
        raise InvalidInput("is cut off or damaged in its header") from error
    if min(image.size) < 1:
        raise InvalidInput("is an image without pixels")
    block = image.info.get("exif", b"")
    return StoredSize(*image.size, find_orientation(block.removeprefix(b"Exif\0\0")))


def count_frames(data: bytes) -> int:
    """Return how many frames an animation has, 1 where that cannot be told."""
    try:
        with Image.open(BytesIO(data), formats=("GIF", "PNG", "WEBP")) as image:
            return int(getattr(image, "n_frames", 1))
    except PILLOW_ERRORS:
        return 1


def check_tiff(data: bytes) -> None:
    """See to it that the pixels of a TIFF are of a kind that can be decoded.

    Raises:
        InvalidInput: they are not; the message can follow the file's name.
    """
    try:
        TiffImageFile(BytesIO(data))
    except PILLOW_ERRORS as error:
        raise InvalidInput(
            "is a TIFF with pixels of a kind that cannot be read", hint="Convert it to PNG."
        ) from error
