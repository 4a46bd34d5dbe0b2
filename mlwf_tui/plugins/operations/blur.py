"""blur: soften images."""

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
class BlurParams:
    sigma_px: float = param(2.0, "largest standard deviation of the Gaussian, in pixels", low=0.1, high=50)
    copies: int = copies_param()
    keep_originals: bool = keep_originals_param()
    splits: tuple[str, ...] = splits_param()


class Blur:
    """Copies out of focus; objects stay where they are."""

    name = "blur"
    summary = "soften images"
    group = "pixels"
    version = 2
    params_type: type[Any] = BlurParams

    def plan(
        self, items: Sequence[SourceItem], schema: LabelSchema, params: BlurParams, *, seed: int
    ) -> Iterator[PlannedItem | Draft]:
        """Yield the items and drafts of their changed copies; raises InvalidParameter for unknown splits."""
        return plan_copies(items, params, seed=seed)

    def make(self, draft: Draft, sources: Sequence[SourceItem], params: BlurParams) -> ResultItem:
        """Return a changed copy; raises InvalidInput for an image that cannot be decoded."""
        step = partial(draw_blur, sigma_px=params.sigma_px)
        return make_copy(draft, sources[0], choose_steps=lambda _: (step,))

    def transform_schema(self, schema: LabelSchema, params: BlurParams) -> LabelSchema:
        """Return the schema as it is."""
        return schema


def draw_blur(picture: Picture, generator: np.random.Generator, *, sigma_px: float) -> Change:
    """Draw a standard deviation from a fifth of `sigma_px` to all of it, so that blur always shows."""
    sigma = float(generator.uniform(sigma_px / 5, sigma_px))
    blur = load_albumentations().GaussianBlur(blur_limit=0, sigma_limit=(sigma, sigma), p=1)
    return Change((blur,))
