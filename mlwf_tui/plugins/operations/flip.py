"""flip: mirror images."""

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
class FlipParams:
    axis: str = param(
        "horizontal",
        "left to right, upside down, or one of the two at random",
        choices=("horizontal", "vertical", "random"),
    )
    copies: int = copies_param()
    keep_originals: bool = keep_originals_param()
    splits: tuple[str, ...] = splits_param()


class Flip:
    """Mirrored copies."""

    name = "flip"
    summary = "mirror images"
    group = "pixels"
    version = 2
    params_type: type[Any] = FlipParams

    def plan(
        self, items: Sequence[SourceItem], schema: LabelSchema, params: FlipParams, *, seed: int
    ) -> Iterator[PlannedItem | Draft]:
        """Yield the items and drafts of their changed copies; raises InvalidParameter for unknown splits."""
        return plan_copies(items, params, seed=seed)

    def make(self, draft: Draft, sources: Sequence[SourceItem], params: FlipParams) -> ResultItem:
        """Return a changed copy; raises InvalidInput for an image that cannot be decoded."""
        step = partial(draw_flip, axis=params.axis)
        return make_copy(draft, sources[0], choose_steps=lambda _: (step,))

    def transform_schema(self, schema: LabelSchema, params: FlipParams) -> LabelSchema:
        """Return the schema as it is."""
        return schema


def draw_flip(picture: Picture, generator: np.random.Generator, *, axis: str) -> Change:
    """Return the mirroring along an axis, drawn where it is `random`."""
    if axis == "random":
        axis = ("horizontal", "vertical")[int(generator.integers(2))]
    library = load_albumentations()
    if axis == "horizontal":
        return Change((library.HorizontalFlip(p=1),), ((-1, 0, picture.width_px), (0, 1, 0)))
    return Change((library.VerticalFlip(p=1),), ((1, 0, 0), (0, -1, picture.height_px)))
