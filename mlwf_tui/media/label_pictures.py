"""Pictures of numbers, as annotations of pixels are written: masks side by side in one PNG."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mlwf_tui.entities.annotation import Geometry
from mlwf_tui.media.filling import draw_window


def paint_masks(
    masks: Iterable[tuple[int, Geometry]], width_px: int, height_px: int, background: int = 0
) -> NDArray[np.uint32]:
    """Return numbers (H, W): those of the masks, later ones over earlier ones."""
    picture = np.full((height_px, width_px), background, np.uint32)
    for number, mask in masks:
        window = draw_window(mask, width_px, height_px)
        picture[window.rows, window.columns][window.pixels] = number
    return picture


def encode_colors(numbers: NDArray[np.uint32]) -> bytes:
    """Return numbers (H, W) below 2²⁴ as a PNG of colours, the lowest byte red."""
    channels = np.stack([numbers & 255, numbers >> 8 & 255, numbers >> 16], axis=-1).astype(np.uint8)
    return _encode(Image.fromarray(channels))


def encode_palette(numbers: NDArray[np.uint32], palette: bytes) -> bytes:
    """Return numbers (H, W) below 256 as a PNG with a palette of 256 colours, three bytes each."""
    image = Image.fromarray(numbers.astype(np.uint8), "P")
    image.putpalette(palette)
    return _encode(image)


def _encode(image: Image.Image) -> bytes:
    file = BytesIO()
    image.save(file, "png")
    return file.getvalue()
