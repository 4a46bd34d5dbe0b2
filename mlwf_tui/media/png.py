"""Walks the chunks of a PNG's header; knows no pixels."""

from __future__ import annotations

import struct
from zlib import crc32

_END = b"IEND\xaeB`\x82"
_CHUNK = struct.Struct(">I4s")  # size of the content, type
_HEADER = struct.Struct(">IIBB")  # width, height, bit depth, colour type
_FORMS = frozenset(
    [(1, 0), (2, 0), (4, 0), (8, 0), (16, 0), (8, 2), (16, 2), (1, 3), (2, 3), (4, 3), (8, 3)]
    + [(8, 4), (16, 4), (8, 6), (16, 6)]
)


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
            width_px, height_px, *form = _HEADER.unpack_from(data, at + 8)
            if not width_px or not height_px or tuple(form) not in _FORMS:
                return None
            size = width_px, height_px
        at = end + 4
    return None


def has_end(data: bytes) -> bool:
    """Say whether the last chunk is there; something else may follow it."""
    return data.rfind(_END) >= 0
