"""Shapes as COCO's run lengths, made and measured by hotcoco."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hotcoco import mask as rle

from mlwf_tui.entities.annotation import Bounds, Geometry, GeometryKind
from mlwf_tui.evaluation.columns import Floats
from mlwf_tui.media.filling import Window, draw_window

Rle = dict[str, Any]
"""COCO's: size (height, width), and the counts of the pixels column by column, background first."""


def encode_shape(geometry: Geometry, width_px: int, height_px: int) -> Rle:
    """Return a shape as COCO's run lengths; nothing of it where it has no area on the image.

    A polygon becomes the pixels that COCO's own tools make of it, also where it crosses itself; one that
    reaches far beyond the image does not, since they go along all of its outline.
    """
    is_plain = geometry.kind is GeometryKind.POLYGON and not geometry.holes
    if is_plain and _is_near(geometry.bounds, width_px, height_px):
        if len(geometry.points) < 3:
            return _encode(Window(0, 0, np.zeros((0, 0), np.bool_)), width_px, height_px)
        ring = [edge for point in geometry.points for edge in point]
        made: Rle = rle.fr_py_objects([ring], height_px, width_px)[0]
        return made
    return _encode(draw_window(geometry, width_px, height_px), width_px, height_px)


def _is_near(bounds: Bounds, width_px: int, height_px: int) -> bool:
    """Whether bounds lie on the image or at most as far beyond it as it is large."""
    is_beside = -width_px <= bounds.left and bounds.right <= 2 * width_px
    return is_beside and -height_px <= bounds.top and bounds.bottom <= 2 * height_px


def measure_areas(masks: Sequence[Rle]) -> Floats:
    """Return the pixels (N,) of each."""
    return np.array(rle.area(list(masks)), np.float64) if masks else np.zeros(0)


def _encode(window: Window, width_px: int, height_px: int) -> Rle:
    """Return a window's pixels as run lengths over the whole image, without drawing the whole image."""
    height, width = window.pixels.shape
    columns = np.zeros((width, height + 1), np.bool_)  # each ends with a pixel that is not set
    columns[:, :height] = window.pixels.T
    edges = np.flatnonzero(np.diff(columns.ravel(), prepend=False))  # where a run begins, and where it ends
    column, row = np.divmod(edges, height + 1)
    places = (column + window.left) * height_px + row + window.top
    counts = np.diff(places, prepend=0, append=width_px * height_px)
    made: Rle = rle.fr_py_objects(
        {"size": [height_px, width_px], "counts": counts.tolist()}, height_px, width_px
    )
    return made
