"""Walks the segments of a JPEG's header; knows no pixels."""

from __future__ import annotations

from collections.abc import Iterator

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
    for marker, at in _iter_segments(data):
        if marker in _FRAMES:
            size = int.from_bytes(data[at + 5 : at + 7]), int.from_bytes(data[at + 3 : at + 5])
        elif marker == _APP1 and data[at + 2 : at + 6] == b"Exif":
            return None  # it may turn the image
        elif marker == _START_OF_SCAN:
            return size if size is not None and min(size) > 0 else None
    return None


def find_first_scan(data: bytes) -> int:
    """Return where the pixels of a JPEG begin, 0 where no scan is found."""
    return next((at - 2 for marker, at in _iter_segments(data) if marker == _START_OF_SCAN), 0)


def _iter_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield each segment's marker and where its length stands, up to the first scan or what is none."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == _FILL:
            at += 1
            continue
        yield marker, at + 2
        if marker == _START_OF_SCAN:
            return
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
