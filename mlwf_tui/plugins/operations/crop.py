"""crop: cut random windows out of images, around one of their objects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.params import param
from mlwf_tui.plugins.operations.copies import (
    copies_param,
    keep_originals_param,
    make_copy,
    min_visible_param,
    plan_copies,
    splits_param,
)
from mlwf_tui.plugins.operations.pixels import Change, Picture, load_albumentations
from mlwf_tui.protocols import Draft, PlannedItem, ResultItem, SourceItem


@dataclass(frozen=True, slots=True)
class CropParams:
    min_size: float = param(0.5, "smallest side of a window as a share of the image's", low=0.05, high=1)
    max_size: float = param(0.9, "largest side of a window as a share of the image's", low=0.05, high=1)
    copies: int = copies_param()
    keep_originals: bool = keep_originals_param()
    splits: tuple[str, ...] = splits_param()
    min_visible: float = min_visible_param()


class Crop:
    """Copies cut down to a random window; what hardly shows in it is dropped."""

    name = "crop"
    summary = "cut random windows out of images"
    group = "pixels"
    version = 2
    params_type: type[Any] = CropParams

    def plan(
        self, items: Sequence[SourceItem], schema: LabelSchema, params: CropParams, *, seed: int
    ) -> Iterator[PlannedItem | Draft]:
        """Yield the items and drafts of their changed copies; raises InvalidParameter for unknown splits."""
        return plan_copies(items, params, seed=seed)

    def make(self, draft: Draft, sources: Sequence[SourceItem], params: CropParams) -> ResultItem:
        """Return a changed copy; raises InvalidInput for an image that cannot be decoded."""
        step = partial(draw_crop, min_size=params.min_size, max_size=params.max_size)
        return make_copy(draft, sources[0], choose_steps=lambda _: (step,), min_visible=params.min_visible)

    def transform_schema(self, schema: LabelSchema, params: CropParams) -> LabelSchema:
        """Return the schema as it is."""
        return schema


def draw_crop(
    picture: Picture, generator: np.random.Generator, *, min_size: float, max_size: float
) -> Change:
    """Draw a window that holds the centre of a random object, or lies anywhere where there is none."""
    low, high = sorted((min_size, max_size))
    share = generator.uniform(low, high, 2)
    size = (max(1, round(picture.width_px * share[0])), max(1, round(picture.height_px * share[1])))
    centre = _draw_centre(picture, generator)
    left = _draw_start(picture.width_px, size[0], centre[0], generator)
    top = _draw_start(picture.height_px, size[1], centre[1], generator)
    crop = load_albumentations().Crop(x_min=left, y_min=top, x_max=left + size[0], y_max=top + size[1], p=1)
    return Change((crop,), ((1, 0, -left), (0, 1, -top)))


def _draw_centre(picture: Picture, generator: np.random.Generator) -> tuple[float, float]:
    """Return the centre of a random object's visible part, or a random point."""
    rings = [shape.ring for shape in picture.shapes if shape.share > 0 and len(shape.ring)]
    if not rings:
        return generator.uniform(0, picture.width_px), generator.uniform(0, picture.height_px)
    ring = rings[int(generator.integers(len(rings)))]
    x, y = (ring.min(axis=0) + ring.max(axis=0)) / 2
    return float(x), float(y)


def _draw_start(length_px: int, window_px: int, centre: float, generator: np.random.Generator) -> int:
    """Return where along one side the window starts, so that it lies inside and holds the centre."""
    high = min(length_px - window_px, int(centre))
    low = min(high, max(0, int(centre) + 1 - window_px))
    return int(generator.integers(low, high + 1))
