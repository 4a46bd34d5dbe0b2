"""What an image looks like in eighty bytes, so that the same one is known at another size or quality."""

from __future__ import annotations

from typing import Final

import numpy as np
from PIL import Image

from mlwf_tui.errors import InvalidInput
from mlwf_tui.media.headers import PILLOW_ERRORS
from mlwf_tui.media.jpeg_ends import ends_early
from mlwf_tui.media.pictures import decode_upright
from mlwf_tui.media.probe import probe_image

SIDE: Final = 8
FINGERPRINT_BYTES: Final = 2 * SIDE + SIDE * SIDE
FINGERPRINT_VERSION: Final = 2  # of how they are made; others are not compared

_MIN_STEP: Final = 3  # of 255: smaller steps between neighbours are noise, and count as none


def make_fingerprint(data: bytes) -> bytes:
    """Return a difference hash of 16 bytes, then a small grey image of 64, of an image as it is shown.

    A bit is set where a pixel is brighter than its right neighbour, in the second half than its lower
    one. A JPEG is decoded at an eighth of its size where it is large.

    Source: N. Krawetz, Kind of like that, 2013 (dHash).

    Raises:
        InvalidInput: it is no image, its pixels are damaged, or it claims too many. The message
            follows its name.
    """
    try:
        facts = probe_image(data)
        shown = decode_upright(data, 8 * SIDE, facts, is_any_size=True)
        if facts.format == "jpeg" and ends_early(data, shown):
            raise InvalidInput("is cut off before its end marker")
        image = shown.convert("L")
        small = image.resize((SIDE + 1, SIDE + 1), Image.Resampling.BOX)
    except PILLOW_ERRORS as error:
        raise InvalidInput("is cut off or damaged") from error
    grey = np.asarray(small, dtype=np.int16)  # (9, 9)
    across = grey[:SIDE, :SIDE] - grey[:SIDE, 1:] >= _MIN_STEP  # (8, 8)
    down = grey[:SIDE, :SIDE] - grey[1:, :SIDE] >= _MIN_STEP
    bits = np.packbits(np.concatenate((across.ravel(), down.ravel())))
    return bits.tobytes() + grey[:SIDE, :SIDE].astype(np.uint8).tobytes()
