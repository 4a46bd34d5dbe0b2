"""Walks the chunks of a PNG's header; knows no pixels."""

from __future__ import annotations

import struct
from zlib import crc32

_END = b"IEND\xaeB`\x82"
_CHUNK = struct.Struct(">I4s")  # size of the content, type
_HEADER = struct.Struct(">IIBB")  # width, height, bit depth, colour type
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}  # by colour type


def read_plain_size(data: bytes) -> tuple[int, int] | None:
    """Return width and height in pixels of a PNG without EXIF, None where a library should look.

    Source: W3C, Portable Network Graphics, 5 and 11.2.1.
    """
    size: tuple[int, int] | None = None
    at = 8
    while at + 12 <= len(data):
        length, kind = _CHUNK.unpack_from(data, at)
        if kind == b"IDAT":
            return size
        end = at + 8 + length
        if kind == b"eXIf" or data[end : end + 4] != crc32(data[at + 4 : end]).to_bytes(4, "big"):
            return None  # it may turn the image, or is damaged
        if kind == b"IHDR" and length == 13 and at == 8:
            width_px, height_px, depth, colour = _HEADER.unpack_from(data, at + 8)
            if not width_px or not height_px or depth not in _DEPTHS.get(colour, ()):
                return None
            size = width_px, height_px
        at = end + 4
    return None


def has_end(data: bytes) -> bool:
    """Say whether the last chunk is there; something else may follow it."""
    return data.rfind(_END) >= 0
