"""brightness: make images lighter or darker, and change their contrast."""

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
    plan_copies,
    splits_param,
)
from mlwf_tui.plugins.operations.pixels import Change, Picture, load_albumentations
from mlwf_tui.protocols import Draft, PlannedItem, ResultItem, SourceItem


@dataclass(frozen=True, slots=True)
class BrightnessParams:
    brightness: float = param(0.2, "largest change as a share of full white", low=0, high=1)
    contrast: float = param(0.2, "largest change of the contrast, as a share of it", low=0, high=1)
    copies: int = copies_param()
    keep_originals: bool = keep_originals_param()
    splits: tuple[str, ...] = splits_param()


class Brightness:
    """Copies in another light; objects stay where they are."""

    name = "brightness"
    summary = "change the light and contrast of images"
    group = "pixels"
    version = 2
    params_type: type[Any] = BrightnessParams

    def plan(
        self, items: Sequence[SourceItem], schema: LabelSchema, params: BrightnessParams, *, seed: int
    ) -> Iterator[PlannedItem | Draft]:
        """Yield the items and drafts of their changed copies; raises InvalidParameter for unknown splits."""
        return plan_copies(items, params, seed=seed)

    def make(self, draft: Draft, sources: Sequence[SourceItem], params: BrightnessParams) -> ResultItem:
        """Return a changed copy; raises InvalidInput for an image that cannot be decoded."""
        step = partial(draw_brightness, brightness=params.brightness, contrast=params.contrast)
        return make_copy(draft, sources[0], choose_steps=lambda _: (step,))

    def transform_schema(self, schema: LabelSchema, params: BrightnessParams) -> LabelSchema:
        """Return the schema as it is."""
        return schema


def draw_brightness(
    picture: Picture, generator: np.random.Generator, *, brightness: float, contrast: float
) -> Change:
    """Draw a change of brightness and one of contrast, each up or down."""
    light = float(generator.uniform(-brightness, brightness))
    slope = float(generator.uniform(-contrast, contrast))
    change = load_albumentations().RandomBrightnessContrast(
        brightness_limit=(light, light), contrast_limit=(slope, slope), p=1
    )
    return Change((change,))
