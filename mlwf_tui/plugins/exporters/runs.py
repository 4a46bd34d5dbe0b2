"""Masks as run lengths down the columns of the whole image, plain and compressed as COCO has them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mlwf_tui.entities.annotation import Geometry
from mlwf_tui.media.outlines import draw_mask


def measure_columns(geometry: Geometry, width_px: int, height_px: int) -> list[int]:
    """Return a mask's run lengths column by column over its image, background first."""
    flat = draw_mask(geometry, width_px, height_px).ravel(order="F")  # (W * H,)
    borders = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    runs: list[int] = np.diff(np.concatenate(([0], borders, [flat.size]))).tolist()
    return [0, *runs] if flat[0] else runs


def compress(counts: Sequence[int]) -> str:
    """Return run lengths as text: five bits a character, from the fourth number on the difference.

    Source: rleToString in pycocotools' maskApi.c.
    """
    characters = []
    for place, count in enumerate(counts):
        value = count - counts[place - 2] if place > 2 else count
        while True:
            bits, value = value & 0x1F, value >> 5
            is_last = value == (-1 if bits & 0x10 else 0)
            characters.append(chr((bits if is_last else bits | 0x20) + 48))
            if is_last:
                break
    return "".join(characters)
