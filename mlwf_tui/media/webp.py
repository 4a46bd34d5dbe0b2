"""Walks the chunks of a WebP; knows no pixels."""

from __future__ import annotations

import struct

from mlwf_tui.errors import InvalidInput
from mlwf_tui.media.exif import UPRIGHT, StoredSize, find_orientation

_SIDE_BITS = (1 << 14) - 1
_HAS_EXIF = 0x08


def read_size(data: bytes) -> StoredSize:
    """Return the size and orientation of a WebP; of an animation those of its first frame.

    Source: RFC 9649.

    Raises:
        InvalidInput: it is cut off or damaged. The message follows its name.
    """
    try:
        (riff_bytes,) = struct.unpack_from("<I", data, 4)
        if len(data) < 8 + riff_bytes:
            raise InvalidInput("is cut off", hint="Copy the file again from where it came.")
        width_px, height_px, has_exif = _read_first_chunk(data)
    except struct.error as error:
        raise InvalidInput("is cut off or damaged in its header") from error
    if not width_px or not height_px:
        raise InvalidInput("is an image without pixels")
    return StoredSize(width_px, height_px, _find_exif(data) if has_exif else UPRIGHT)


def _read_first_chunk(data: bytes) -> tuple[int, int, bool]:
    """Return width, height, and whether there is an EXIF chunk."""
    kind = data[12:16]
    if kind == b"VP8X":
        flags, low_width, high_width, low_height, high_height = struct.unpack_from("<B3xHBHB", data, 20)
        return (
            low_width + (high_width << 16) + 1,
            low_height + (high_height << 16) + 1,
            bool(flags & _HAS_EXIF),
        )
    if kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width_px, height_px = struct.unpack_from("<HH", data, 26)
        return width_px & _SIDE_BITS, height_px & _SIDE_BITS, False
    if kind == b"VP8L" and data[20:21] == b"\x2f":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & _SIDE_BITS) + 1, (bits >> 14 & _SIDE_BITS) + 1, False
    raise InvalidInput("is cut off or damaged in its header")


def _find_exif(data: bytes) -> int:
    at = 12
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        if kind == b"EXIF":
            return find_orientation(data[at + 8 : at + 8 + length].removeprefix(b"Exif\0\0"))
        at += 8 + length + (length & 1)
    return UPRIGHT
