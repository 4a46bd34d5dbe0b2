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
    make_copies,
    splits_param,
)
from mlwf_tui.plugins.operations.pixels import Change, Picture, load_albumentations
from mlwf_tui.protocols import ResultItem, SourceItem


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
    version = 1
    params_type: type[Any] = BlurParams

    def apply(self, items: Sequence[SourceItem], params: BlurParams, *, seed: int) -> Iterator[ResultItem]:
        """Yield the items and their changed copies; raises InvalidParameter for unknown splits."""
        step = partial(draw_blur, sigma_px=params.sigma_px)
        yield from make_copies(items, params, seed=seed, choose_steps=lambda _: (step,))

    def transform_schema(self, schema: LabelSchema, params: BlurParams) -> LabelSchema:
        """Return the schema as it is."""
        return schema


def draw_blur(picture: Picture, generator: np.random.Generator, *, sigma_px: float) -> Change:
    """Draw a standard deviation from a fifth of `sigma_px` to all of it, so that blur always shows."""
    sigma = float(generator.uniform(sigma_px / 5, sigma_px))
    blur = load_albumentations().GaussianBlur(blur_limit=0, sigma_limit=(sigma, sigma), p=1)
    return Change((blur,))
