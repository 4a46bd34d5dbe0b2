"""Compares masks and outlines pixel by pixel, as COCO does: run lengths, whose overlaps hotcoco counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from hotcoco import mask as rle
from scipy import ndimage

from mlwf_tui.entities.annotation import AnnotatedObject, Geometry, GeometryKind
from mlwf_tui.evaluation.columns import FILLED, Bools
from mlwf_tui.evaluation.shapes import Compared
from mlwf_tui.media.filling import Window, draw_window

BOUNDARY_SHARE = 0.02  # of the image's diagonal: how wide the boundary of Boundary IoU is

Rle = dict[str, Any]
"""COCO's: size (height, width), and the counts of the pixels column by column, background first."""


class MaskKind:
    """Masks, polygons and whatever else fills an area, each cut at the border of its image."""

    wanted = "masks or outlines"

    def is_truth(self, labelled: AnnotatedObject) -> bool:
        return labelled.geometry.kind in FILLED

    def compare(
        self,
        found: Sequence[AnnotatedObject],
        truths: Sequence[AnnotatedObject],
        width_px: int,
        height_px: int,
    ) -> Compared:
        """Return the pixels of each, and their IoUs."""
        rows = [encode_shape(one.geometry, width_px, height_px) for one in found]
        columns = [encode_shape(one.geometry, width_px, height_px) for one in truths]
        similarity = np.zeros((len(rows), len(columns)))
        if rows and columns:
            similarity = np.asarray(rle.iou(rows, columns, [False] * len(columns)), np.float64)
        return Compared(_measure(rows), _measure(columns), np.nan_to_num(similarity))


def encode_shape(geometry: Geometry, width_px: int, height_px: int) -> Rle:
    """Return a shape as COCO's run lengths; nothing of it where it has no area on the image.

    A polygon becomes the pixels that COCO's own tools make of it, also where it crosses itself.
    """
    if geometry.kind is GeometryKind.POLYGON and not geometry.holes:
        if len(geometry.points) < 3:
            return _encode(Window(0, 0, np.zeros((0, 0), np.bool_)), width_px, height_px)
        ring = [edge for point in geometry.points for edge in point]
        made: Rle = rle.fr_py_objects([ring], height_px, width_px)[0]
        return made
    return _encode(draw_window(geometry, width_px, height_px), width_px, height_px)


def find_boundary_iou(one: Geometry, other: Geometry, width_px: int, height_px: int) -> float:
    """Return the IoU of the boundaries of two shapes: of their pixels near a pixel that is not theirs.

    Source: Cheng et al., Boundary IoU (2021), with the same distance: 2 % of the image's diagonal.
    """
    distance_px = find_boundary_px(width_px, height_px)
    first = _find_boundary(draw_window(one, width_px, height_px), distance_px)
    second = _find_boundary(draw_window(other, width_px, height_px), distance_px)
    shared = count_shared(first, second)
    union = int(np.count_nonzero(first.pixels)) + int(np.count_nonzero(second.pixels)) - shared
    return shared / union if union else 0.0


def find_boundary_px(width_px: int, height_px: int) -> int:
    """Return how wide the boundary of Boundary IoU is on an image of this size; a pixel at least."""
    return max(1, round(BOUNDARY_SHARE * math.hypot(width_px, height_px)))


def find_boundary_pixels(pixels: Bools, distance_px: int) -> Bools:
    """Return the pixels (h, w) that so many erosions by a pixel take away; beyond the edge nothing is set."""
    depth = ndimage.distance_transform_cdt(np.pad(pixels, 1), "chessboard")[1:-1, 1:-1]
    boundary: Bools = pixels & (depth <= distance_px)
    return boundary


def count_shared(one: Window, other: Window) -> int:
    """Return how many pixels two windows both have set."""
    left, top = max(one.left, other.left), max(one.top, other.top)
    right = min(one.columns.stop, other.columns.stop)
    bottom = min(one.rows.stop, other.rows.stop)
    if left >= right or top >= bottom:
        return 0
    cut = [w.pixels[top - w.top : bottom - w.top, left - w.left : right - w.left] for w in (one, other)]
    return int(np.count_nonzero(cut[0] & cut[1]))


def _find_boundary(window: Window, distance_px: int) -> Window:
    if not window.pixels.size:
        return window
    return Window(window.left, window.top, find_boundary_pixels(window.pixels, distance_px))


def _measure(masks: list[Rle]) -> Any:
    return np.array(rle.area(masks), np.float64) if masks else np.zeros(0)


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
