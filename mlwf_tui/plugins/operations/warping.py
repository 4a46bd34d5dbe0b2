"""perspective and elastic: copies seen from the side, or bent; shapes follow point by point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from mlwf_tui.params import param
from mlwf_tui.plugins.operations.copies import (
    CopyOperation,
    Step,
    copies_param,
    keep_originals_param,
    min_visible_param,
    splits_param,
)
from mlwf_tui.plugins.operations.pixels import FILL, Change, Picture, Pixels
from mlwf_tui.plugins.operations.shapes import Floats


@dataclass(frozen=True, slots=True)
class PerspectiveParams:
    scale: float = param(0.1, "how far a corner moves at most, as a share of its side", low=0.01, high=0.45)
    copies: int = copies_param()
    keep_originals: bool = keep_originals_param()
    splits: tuple[str, ...] = splits_param()
    min_visible: float = min_visible_param()


def make_perspective() -> CopyOperation:
    """Return the operation that shows images as seen from the side; their size stays."""
    return CopyOperation(
        name="perspective",
        summary="show images as seen from the side",
        version=3,
        params_type=PerspectiveParams,
        list_steps=_list_views,
    )


def _list_views(params: PerspectiveParams, _: np.random.Generator) -> Sequence[Step]:
    return (partial(_draw_view, scale=params.scale),)


def _draw_view(picture: Picture, generator: np.random.Generator, *, scale: float) -> Change:
    """Draw where the corners of the picture go, each inwards or outwards."""
    size = np.array((picture.width_px, picture.height_px), np.float64)
    corners = np.array(((0, 0), (1, 0), (1, 1), (0, 1)), np.float64) * size  # (4, 2)
    moved = corners + generator.uniform(-scale, scale, (4, 2)) * size
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), moved.astype(np.float32)).astype(
        np.float64
    )
    return Change((), warp=partial(_see_pixels, matrix=matrix), move=partial(_see_points, matrix=matrix))


def _see_points(points: Floats, *, matrix: Floats) -> Floats:
    """Return points (N, 2) at a homography (3, 3)."""
    seen = np.concatenate((points, np.ones((len(points), 1))), axis=1) @ matrix.T  # (N, 3)
    # A point behind the viewer would come back on the other side; corners move too little for that.
    flat: Floats = seen[:, :2] / seen[:, 2:]
    return flat


def _see_pixels(pixels: Pixels, is_mask: bool, *, matrix: Floats) -> Pixels:
    """Return an image seen so. OpenCV's points lie in the middle of pixels, ours at their corner."""
    half = np.array(((1, 0, 0.5), (0, 1, 0.5), (0, 0, 1)))
    centred = np.linalg.inv(half) @ matrix @ half
    size = (pixels.shape[1], pixels.shape[0])
    if is_mask:
        return np.asarray(cv2.warpPerspective(pixels, centred, size, flags=cv2.INTER_NEAREST), np.uint8)
    seen = cv2.warpPerspective(
        pixels, centred, size, borderMode=cv2.BORDER_CONSTANT, borderValue=(FILL, FILL, FILL)
    )
    return np.asarray(seen, np.uint8)


@dataclass(frozen=True, slots=True)
class ElasticParams:
    strength: float = param(
        0.03, "how far a point moves at most: share of the longer side", low=0.001, high=0.2
    )
    smoothness: float = param(
        0.25, "how wide the waves are, as a share of the longer side; large bends softly", low=0.05, high=1
    )
    copies: int = copies_param()
    keep_originals: bool = keep_originals_param()
    splits: tuple[str, ...] = splits_param()
    min_visible: float = min_visible_param()


def make_elastic() -> CopyOperation:
    """Return the operation that bends images like rubber; their size stays."""
    return CopyOperation(
        name="elastic",
        summary="bend images like rubber",
        version=3,
        params_type=ElasticParams,
        list_steps=_list_bends,
    )


def _list_bends(params: ElasticParams, _: np.random.Generator) -> Sequence[Step]:
    return (partial(_draw_bend, params=params),)


def _draw_bend(picture: Picture, generator: np.random.Generator, *, params: ElasticParams) -> Change:
    """Draw how far each pixel comes from somewhere else: a coarse grid of waves, smoothly enlarged."""
    longest_px = max(picture.width_px, picture.height_px)
    wave_px = max(4.0, params.smoothness * longest_px)
    rows, columns = (max(3, round(side / wave_px) + 1) for side in (picture.height_px, picture.width_px))
    step_px = min(picture.height_px / rows, picture.width_px / columns)
    # Steeper than this a bend would fold the image over, and no point would know where it went.
    reach_px = min(params.strength * longest_px, 0.2 * step_px)
    coarse = generator.uniform(-reach_px, reach_px, (rows, columns, 2)).astype(np.float32)
    field = cv2.resize(coarse, (picture.width_px, picture.height_px), interpolation=cv2.INTER_CUBIC)
    bend = _Bend(field.astype(np.float32))
    return Change((), warp=bend.warp, move=bend.move, is_bent=True)


@dataclass(frozen=True, slots=True)
class _Bend:
    """A displacement (H, W, 2): the pixel at p shows what was at p + field[p]."""

    field: Floats

    def warp(self, pixels: Pixels, is_mask: bool) -> Pixels:
        height_px, width_px = self.field.shape[:2]
        x, y = np.meshgrid(np.arange(width_px, dtype=np.float32), np.arange(height_px, dtype=np.float32))
        where_x, where_y = x + self.field[:, :, 0], y + self.field[:, :, 1]
        if is_mask:
            return np.asarray(cv2.remap(pixels, where_x, where_y, cv2.INTER_NEAREST), np.uint8)
        bent = cv2.remap(
            pixels, where_x, where_y, cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT, borderValue=(FILL, FILL, FILL),
        )  # fmt: skip
        return np.asarray(bent, np.uint8)

    def move(self, points: Floats) -> Floats:
        """Return where points (N, 2) went: p with p + field(p) = point, by fixed-point iteration."""
        found = points.copy()
        for _ in range(20):  # the field's slope is below 1, so the error shrinks each time
            found = points - self._read(found)
        return found

    def _read(self, points: Floats) -> Floats:
        """Return the displacement at points (N, 2), between pixels and beside the image as nearest it."""
        height_px, width_px = self.field.shape[:2]
        x = np.clip(points[:, 0] - 0.5, 0, width_px - 1)  # (N,)
        y = np.clip(points[:, 1] - 0.5, 0, height_px - 1)
        left, top = np.minimum(x.astype(int), width_px - 2), np.minimum(y.astype(int), height_px - 2)
        left, top = np.maximum(left, 0), np.maximum(top, 0)
        right, below = np.minimum(left + 1, width_px - 1), np.minimum(top + 1, height_px - 1)
        across, down = (x - left)[:, None], (y - top)[:, None]
        upper = self.field[top, left] * (1 - across) + self.field[top, right] * across  # (N, 2)
        lower = self.field[below, left] * (1 - across) + self.field[below, right] * across
        read: Floats = upper * (1 - down) + lower * down
        return read
