"""noise: add Gaussian noise to images."""

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
class NoiseParams:
    strength: float = param(0.05, "largest standard deviation as a share of full white", low=0, high=1)
    copies: int = copies_param()
    keep_originals: bool = keep_originals_param()
    splits: tuple[str, ...] = splits_param()


class Noise:
    """Copies with Gaussian noise; objects stay where they are."""

    name = "noise"
    summary = "add Gaussian noise to images"
    group = "pixels"
    version = 2
    params_type: type[Any] = NoiseParams

    def plan(
        self, items: Sequence[SourceItem], schema: LabelSchema, params: NoiseParams, *, seed: int
    ) -> Iterator[PlannedItem | Draft]:
        """Yield the items and drafts of their changed copies; raises InvalidParameter for unknown splits."""
        return plan_copies(items, params, seed=seed)

    def make(self, draft: Draft, sources: Sequence[SourceItem], params: NoiseParams) -> ResultItem:
        """Return a changed copy; raises InvalidInput for an image that cannot be decoded."""
        step = partial(draw_noise, strength=params.strength)
        return make_copy(draft, sources[0], choose_steps=lambda _: (step,))

    def transform_schema(self, schema: LabelSchema, params: NoiseParams) -> LabelSchema:
        """Return the schema as it is."""
        return schema


def draw_noise(picture: Picture, generator: np.random.Generator, *, strength: float) -> Change:
    """Draw a standard deviation from a fifth of `strength` to all of it, so that noise always shows."""
    deviation = float(generator.uniform(strength / 5, strength))
    return Change((load_albumentations().GaussNoise(std_range=(deviation, deviation), p=1),))
