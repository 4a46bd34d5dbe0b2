"""Compares masks and outlines pixel by pixel, as COCO does, and their boundaries."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from hotcoco import mask as rle
from scipy import ndimage

from mlwf_tui.entities.annotation import AnnotatedObject, Geometry
from mlwf_tui.entities.ignored import is_crowd
from mlwf_tui.evaluation.columns import FILLED, Bools
from mlwf_tui.evaluation.run_lengths import encode_shape, measure_areas
from mlwf_tui.evaluation.shapes import Compared
from mlwf_tui.media.filling import Window, draw_window

BOUNDARY_SHARE = 0.02  # of the image's diagonal: how wide the boundary of Boundary IoU is


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
        """Return the pixels of each, and their IoUs; with a crowd the detection's share that lies on it."""
        rows = [encode_shape(one.geometry, width_px, height_px) for one in found]
        columns = [encode_shape(one.geometry, width_px, height_px) for one in truths]
        similarity = np.zeros((len(rows), len(columns)))
        if rows and columns:
            similarity = np.asarray(rle.iou(rows, columns, [is_crowd(one) for one in truths]), np.float64)
        return Compared(measure_areas(rows), measure_areas(columns), np.nan_to_num(similarity))


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
