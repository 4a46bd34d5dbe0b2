"""resize: bring images to a common size, each in place of its original."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.item import Item
from mlwf_tui.params import param
from mlwf_tui.plugins.operations.copies import make_copy, name_resized
from mlwf_tui.plugins.operations.pixels import Change, Picture, load_albumentations
from mlwf_tui.protocols import Draft, PlannedItem, ResultItem, SourceItem, draw_seed


@dataclass(frozen=True, slots=True)
class ResizeParams:
    longest_px: int = param(640, "longer side of the result; the other follows", low=8, high=16384)
    enlarge: bool = param(False, "enlarge smaller images too")


class Resize:
    """Images of a common longer side, with their objects; those that fit already stay untouched."""

    name = "resize"
    summary = "bring images to a common longer side"
    group = "pixels"
    version = 2
    params_type: type[Any] = ResizeParams

    def plan(
        self, items: Sequence[SourceItem], schema: LabelSchema, params: ResizeParams, *, seed: int
    ) -> Iterator[PlannedItem | Draft]:
        """Yield each item, or a draft of it at its new size."""
        names = name_resized(items, partial(_is_changed, params=params))
        for position, source in enumerate(items):
            item = source.item
            if item.key not in names:
                yield PlannedItem(item, position)
                continue
            drawn = draw_seed(seed, item.key)
            yield Draft(sources=(position,), dataset=item.dataset, name=names[item.key], seed=drawn)

    def make(self, draft: Draft, sources: Sequence[SourceItem], params: ResizeParams) -> ResultItem:
        """Return the item at its new size; raises InvalidInput for an image that cannot be decoded."""
        step = partial(scale_to, longest_px=params.longest_px)
        return make_copy(draft, sources[0], choose_steps=lambda _: (step,))

    def transform_schema(self, schema: LabelSchema, params: ResizeParams) -> LabelSchema:
        """Return the schema as it is."""
        return schema


def scale_to(picture: Picture, generator: np.random.Generator, *, longest_px: int) -> Change:
    """Return the change of size that gives the longer side `longest_px`; nothing is drawn."""
    scale = longest_px / max(picture.width_px, picture.height_px)
    width_px, height_px = max(1, round(picture.width_px * scale)), max(1, round(picture.height_px * scale))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    resize = load_albumentations().Resize(height=height_px, width=width_px, interpolation=interpolation, p=1)
    matrix = ((width_px / picture.width_px, 0, 0), (0, height_px / picture.height_px, 0))
    return Change((resize,), matrix)


def _is_changed(item: Item, params: ResizeParams) -> bool:
    longest_px = max(item.width_px, item.height_px)
    return longest_px > params.longest_px or (params.enlarge and longest_px < params.longest_px)
