"""Walks the segments of a JPEG's header; knows no pixels."""

from __future__ import annotations

_START_OF_SCAN = 0xDA
_FILL = 0xFF
# Start of frame, in all its kinds; the three left out between them mean other things.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_APP1 = 0xE1


def read_plain_size(data: bytes) -> tuple[int, int] | None:
    """Return width and height in pixels of a JPEG without EXIF, None where a library should look.

    Source: ITU T.81, B.2.2.
    """
    size: tuple[int, int] | None = None
    at, end = 2, len(data) - 8
    while at < end and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _FRAMES:
            size = data[at + 7] << 8 | data[at + 8], data[at + 5] << 8 | data[at + 6]
        elif marker == _APP1 and data[at + 4 : at + 8] == b"Exif":
            return None  # it may turn the image
        elif marker == _START_OF_SCAN:
            return size if size is not None and min(size) > 0 else None
        at += 1 if marker == _FILL else 2 + (data[at + 2] << 8 | data[at + 3])
    return None


def find_first_scan(data: bytes) -> int:
    """Return where the pixels of a JPEG begin, 0 where no scan is found."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == _START_OF_SCAN:
            return at
        at += 1 if marker == _FILL else 2 + (data[at + 2] << 8 | data[at + 3])
    return 0
