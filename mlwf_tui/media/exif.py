"""Which way up an image is shown: the orientation of an EXIF block, and the size that follows from it."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

UPRIGHT: Final = 1
ORIENTATION_TAG: Final = 0x0112

_ENTRY_BYTES = 12
_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}


class StoredSize(NamedTuple):
    """Width and height in pixels as the file stores them, and how EXIF says that they are shown, 1–8."""

    width_px: int
    height_px: int
    orientation: int = UPRIGHT

    @property
    def shown(self) -> tuple[int, int]:
        """Width and height in pixels as a viewer shows them; 5 to 8 swap the sides."""
        if self.orientation > 4:
            return self.height_px, self.width_px
        return self.width_px, self.height_px


def find_orientation(block: bytes) -> int:
    """Return the orientation 1–8 that an EXIF block states, 1 where it states none or is damaged.

    Only the first directory is read, and the value as 16 bits whatever its type: so do the decoders
    that training and operations use. XMP is not asked, since they do not ask it either.

    Source: TIFF 6.0, section 2; CIPA DC-008, 4.6.
    """
    order = _ORDERS.get(block[:4])
    if order is None:
        return UPRIGHT
    try:
        (start,) = struct.unpack_from(f"{order}I", block, 4)
        (count,) = struct.unpack_from(f"{order}H", block, start)
        for at in range(start + 2, start + 2 + count * _ENTRY_BYTES, _ENTRY_BYTES):
            tag, value = struct.unpack_from(f"{order}H6xH", block, at)
            if tag == ORIENTATION_TAG:
                return value if 1 <= value <= 8 else UPRIGHT
    except struct.error:  # it ends too early: as viewers do, the image stays as it is
        pass
    return UPRIGHT
