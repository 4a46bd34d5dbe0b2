"""How bright and how sharp an image is: two figures that say under which conditions a model fails."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

import numpy as np
from PIL import Image

from mlwf_tui.errors import InvalidInput
from mlwf_tui.media.headers import PILLOW_ERRORS
from mlwf_tui.media.pictures import decode_upright

LOOK_VERSION: Final = 2  # of how it is found; others are not compared
SIDE_PX: Final = 256  # of the longer side when it is looked at: figures of all sizes can be compared

_FORM: Final = struct.Struct("<ff")


class Look(NamedTuple):
    """What is kept of an image."""

    brightness: float  # mean of the grey values, 0 to 255
    sharpness: float  # variance of the Laplacian; a blurred image has little


def make_look(data: bytes) -> bytes:
    """Return an image's look in eight bytes.

    Source: J. Pech-Pacheco et al., Diatom autofocusing in brightfield microscopy, 2000 (sharpness).

    Raises:
        InvalidInput: it is no image, its pixels are damaged, or it claims too many.
    """
    try:
        image = decode_upright(data, SIDE_PX, is_any_size=True).convert("L")
        image.thumbnail((SIDE_PX, SIDE_PX), Image.Resampling.BOX)
    except PILLOW_ERRORS as error:
        raise InvalidInput("is cut off or damaged") from error
    grey = np.asarray(image, np.float32)  # (H, W)
    inner = grey[1:-1, 1:-1]
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    sharpness = float((around - 4 * inner).var()) if inner.size else 0.0
    return _FORM.pack(float(grey.mean()), sharpness)


def read_look(made: bytes) -> Look:
    """Return what `make_look` has written."""
    return Look(*_FORM.unpack(made))
