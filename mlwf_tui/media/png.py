"""Walks the chunks of a PNG's header; knows no pixels."""

from __future__ import annotations

import struct
from zlib import crc32

from mlwf_tui.media.exif import UPRIGHT, StoredSize, find_orientation

_END = b"IEND\xaeB`\x82"
_CHUNK = struct.Struct(">I4s")  # size of the content, type
_HEADER = struct.Struct(">IIBB")  # width, height, bit depth, colour type
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}  # by colour type


def read_size(data: bytes) -> StoredSize | None:
    """Return the size and orientation of a PNG, None where a library should look.

    Source: W3C, Portable Network Graphics, 5 and 11.2.1.
    """
    width_px = height_px = 0
    orientation = UPRIGHT
    at = 8
    while at + 12 <= len(data):
        length, kind = _CHUNK.unpack_from(data, at)
        if kind == b"IDAT":
            orientation = _find_late_orientation(data, at) or orientation
            return StoredSize(width_px, height_px, orientation) if width_px else None
        end = at + 8 + length
        if data[end : end + 4] != crc32(data[at + 4 : end]).to_bytes(4, "big"):
            return None
        if kind == b"eXIf":
            orientation = find_orientation(data[at + 8 : end])
        elif kind == b"IHDR" and length == 13 and at == 8:
            width_px, height_px, depth, colour = _HEADER.unpack_from(data, at + 8)
            if not width_px or not height_px or depth not in _DEPTHS.get(colour, ()):
                return None
        at = end + 4
    return None


def has_end(data: bytes) -> bool:
    """Say whether the last chunk is there; something else may follow it."""
    return data.rfind(_END) >= 0


def _find_late_orientation(data: bytes, at: int) -> int:
    """Return what an EXIF chunk behind the pixels says, 0 where there is none."""
    while (kind := data[at + 4 : at + 8]) and kind != b"IEND":  # 0.15 µs for each chunk of pixels
        length = int.from_bytes(data[at : at + 4], "big")
        if kind == b"eXIf":
            return find_orientation(data[at + 8 : at + 8 + length])
        at += 12 + length
    return 0
