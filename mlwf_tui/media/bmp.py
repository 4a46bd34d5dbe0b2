"""Reads the header of a BMP; knows no pixels."""

from __future__ import annotations

import struct
from typing import Final

from mlwf_tui.errors import InvalidInput
from mlwf_tui.media.exif import StoredSize

_CORE_HEADER_BYTES = 12  # OS/2's; all later ones begin alike and have at least 40
_PLAIN, _MASKED = frozenset({0}), frozenset({3, 6})
_RUN_LENGTHS: Final = frozenset({1, 2})
_DEPTHS: Final = (1, 4, 8, 16, 24, 32)


def read_size(data: bytes) -> StoredSize:
    """Return the size of a BMP.

    Source: Microsoft, BITMAPINFOHEADER.

    Raises:
        InvalidInput: it is cut off, damaged, or compressed in a way that nothing here decodes. The
            message follows its name.
    """
    try:
        pixels, header_bytes = struct.unpack_from("<II", data, 10)
        if header_bytes == _CORE_HEADER_BYTES:
            width_px, height_px, depth = struct.unpack_from("<HH2xH", data, 18)
            compression = pixel_bytes = 0
        else:
            width_px, height_px, depth, compression, pixel_bytes = struct.unpack_from("<ii2xHII", data, 18)
    except struct.error as error:
        raise InvalidInput("is cut off or damaged in its header") from error
    height_px = abs(height_px)  # negative where the first row is the upper one
    if width_px < 1 or not height_px:
        raise InvalidInput("is an image without pixels")
    if depth not in _DEPTHS or compression not in _PLAIN | _MASKED | _RUN_LENGTHS:
        raise InvalidInput(
            "is a BMP of a kind that cannot be read", hint="Convert it to PNG; its pixels stay the same."
        )
    if compression not in _RUN_LENGTHS:  # rows are filled up to four bytes
        pixel_bytes = (width_px * depth + 31) // 32 * 4 * height_px
    if pixels + pixel_bytes > len(data):
        raise InvalidInput("is cut off", hint="Copy the file again from where it came.")
    return StoredSize(width_px, height_px)
