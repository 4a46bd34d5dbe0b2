"""Walks the blocks of a GIF up to the end of its first frame, all that an item shows; knows no pixels."""

from __future__ import annotations

import struct

from mlwf_tui.errors import InvalidInput
from mlwf_tui.media.exif import StoredSize

_EXTENSION, _FRAME = 0x21, 0x2C


def read_size(data: bytes) -> StoredSize:
    """Return the size that the first frame is shown in.

    Source: GIF89a specification, 18 to 23.

    Raises:
        InvalidInput: it ends before its first frame does, or has none. The message follows its name.
    """
    try:
        width_px, height_px, flags = struct.unpack_from("<HHB", data, 6)
        at = 13 + _measure_palette(flags)
        while data[at] == _EXTENSION:
            at = _pass_blocks(data, at + 2)
        if data[at] != _FRAME:
            raise InvalidInput("is a GIF without a frame")
        left, top, frame_width_px, frame_height_px, flags = struct.unpack_from("<HHHHB", data, at + 1)
        _pass_blocks(data, at + 11 + _measure_palette(flags))
    except (IndexError, struct.error) as error:
        raise InvalidInput("is cut off", hint="Copy the file again from where it came.") from error
    if not frame_width_px or not frame_height_px:
        raise InvalidInput("is an image without pixels")
    # A frame that goes beyond the picture makes it larger, as decoders do.
    return StoredSize(max(width_px, left + frame_width_px), max(height_px, top + frame_height_px))


def _measure_palette(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _pass_blocks(data: bytes, at: int) -> int:
    """Return what follows a chain of blocks, each behind its length, the last one empty."""
    while data[at]:
        at += 1 + data[at]
    return at + 1
