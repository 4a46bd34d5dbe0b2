"""Walks the segments of a JPEG's header; knows no pixels."""

from __future__ import annotations

from mlwf_tui.errors import InvalidInput
from mlwf_tui.media.exif import UPRIGHT, StoredSize, find_orientation

_START_OF_SCAN = 0xDA
_FILL = 0xFF
# Start of frame, in all its kinds; the three left out between them mean other things.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_APP1 = 0xE1


def read_size(data: bytes) -> StoredSize | None:
    """Return the size and orientation of a JPEG, None where a library should look.

    Source: ITU T.81, B.2.2.

    Raises:
        InvalidInput: its pixels have more bits than anything here decodes.
    """
    width_px = height_px = 0
    orientation = 0  # not found yet: the first EXIF segment decides
    at, end = 2, len(data) - 8
    while at < end and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _FRAMES:
            if data[at + 4] != 8:
                raise InvalidInput(
                    f"is a JPEG of {data[at + 4]} bits a channel, of which only 8 can be read",
                    hint="Convert it to PNG.",
                )
            width_px, height_px = data[at + 7] << 8 | data[at + 8], data[at + 5] << 8 | data[at + 6]
        elif marker == _APP1 and data[at + 4 : at + 10] == b"Exif\0\0" and not orientation:
            length = data[at + 2] << 8 | data[at + 3]
            orientation = find_orientation(data[at + 10 : at + 2 + length])
        elif marker == _START_OF_SCAN:
            is_sound = width_px > 0 and height_px > 0
            return StoredSize(width_px, height_px, orientation or UPRIGHT) if is_sound else None
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
