"""Tells of a JPEG that has its end marker whether its pixels go on up to there."""

from __future__ import annotations

from io import BytesIO
from typing import Final

from PIL import Image

from mlwf_tui.media import jpeg

_END: Final = b"\xff\xd9"
_MORE: Final = bytes(range(16, 240)) * 2  # bits of any kind, and no marker
_GREY: Final = 128  # of blocks that decoders have no bits for


def ends_early(data: bytes, decoded: Image.Image) -> bool:
    """Whether pixels are missing before the end marker of a JPEG: decoders leave them grey and say nothing.

    `decoded` is what a decoder has made of it, of any size and any way up. Where it has that grey in a
    corner, the file is decoded twice more at an eighth of its size, once with other bits before the marker:
    a decoder that still waits for pixels takes them, one that has all does not. A progressive one whose
    last scans are missing is not noticed: it has all its pixels, only coarser.

    Raises what Pillow raises for a damaged one.
    """
    right, bottom = decoded.width - 1, decoded.height - 1
    corners = (decoded.getpixel((x, y)) for x in (0, right) for y in (0, bottom))
    if not any(corner in (_GREY, (_GREY,) * 3) for corner in corners):
        return False
    scan = jpeg.find_first_scan(data)
    end = data.find(_END, scan) if scan else -1
    if end < 0:
        return False
    try:
        return _decode(data).tobytes() != _decode(data[:end] + _MORE + data[end:]).tobytes()
    except OSError:  # it took them, and they mean nothing
        return True


def _decode(data: bytes) -> Image.Image:
    image: Image.Image = Image.open(BytesIO(data), formats=("JPEG",))
    image.draft("RGB", (1, 1))
    image.load()
    return image
