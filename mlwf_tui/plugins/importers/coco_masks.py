"""COCO's masks as geometries: run lengths, plain and compressed, and objects of several polygons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mlwf_tui.entities.annotation import Geometry
from mlwf_tui.errors import InvalidInput
from mlwf_tui.media.filling import fill_rings, read_mask

MAX_MASK_PIXELS: Final = 1 << 28


def draw_rings(rings: Sequence[tuple[tuple[float, float], ...]]) -> Geometry:
    """Return one mask for an object in several parts, so that it stays one object."""
    xs = [x for ring in rings for x, _ in ring]
    ys = [y for ring in rings for _, y in ring]
    left, top = math.floor(min(xs)), math.floor(min(ys))
    size = (math.ceil(max(xs)) - left, math.ceil(max(ys)) - top)
    if min(size) < 1 or size[0] * size[1] > MAX_MASK_PIXELS:
        raise InvalidInput("has a polygon without area, or beyond any image")
    pixels = np.zeros(size[::-1], np.bool_)  # (H, W)
    for ring in rings:
        moved = [(x - left, y - top) for x, y in ring]
        pixels |= fill_rings([moved], size[0], size[1])
    return to_mask(pixels, left, top)


def read_runs(counts: list[Any], width_px: int, height_px: int) -> Geometry:
    """Return a mask from COCO's run lengths: column by column over the whole image, background first."""
    is_good = all(isinstance(count, int) and count >= 0 for count in counts)
    if not is_good or width_px * height_px > MAX_MASK_PIXELS or sum(counts) != width_px * height_px:
        raise InvalidInput("has a mask whose runs do not fill its size")
    values = np.arange(len(counts)) % 2 == 1
    columns = np.repeat(values, counts)  # (W * H,) bool
    return to_mask(columns.reshape(width_px, height_px).T, 0, 0)


def decompress(text: str) -> list[int]:
    """Return the run lengths of a compressed mask.

    Five bits a character, lowest first, a sixth to go on; from the fourth number on, the difference to
    the one before the last.

    Source: rleFrString in pycocotools' maskApi.c.
    """
    counts: list[int] = []
    value, shift = 0, 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64:
            raise InvalidInput("has a compressed mask with characters that it cannot have")
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value, shift = 0, 0
    return counts


def to_mask(pixels: NDArray[np.bool_], left: int, top: int) -> Geometry:
    """Return the set pixels (H, W) as a mask cut to its bounds, at an offset.

    Raises:
        InvalidInput: none is set.
    """
    mask = read_mask(pixels, left, top)
    if mask is None:
        raise InvalidInput("has a mask without a pixel")
    return mask
