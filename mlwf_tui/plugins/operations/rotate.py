"""rotate: turn images by random angles, at any angle or in quarter turns."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
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
from mlwf_tui.plugins.operations.pixels import FILL, Change, Picture, load_albumentations
from mlwf_tui.protocols import Draft, PlannedItem, ResultItem, SourceItem


@dataclass(frozen=True, slots=True)
class RotateParams:
    degrees: float = param(10.0, "largest angle either way", low=0, high=180)
    right_angles: bool = param(False, "turn by 90, 180 or 270 degrees instead, without loss")
    copies: int = copies_param()
    keep_originals: bool = keep_originals_param()
    splits: tuple[str, ...] = splits_param()
    min_visible: float = min_visible_param()


class Rotate:
    """Copies turned around their centre; boxes become the bounds of what was turned."""

    name = "rotate"
    summary = "turn images by random angles"
    group = "pixels"
    version = 2
    params_type: type[Any] = RotateParams

    def plan(
        self, items: Sequence[SourceItem], schema: LabelSchema, params: RotateParams, *, seed: int
    ) -> Iterator[PlannedItem | Draft]:
        """Yield the items and drafts of their changed copies; raises InvalidParameter for unknown splits."""
        return plan_copies(items, params, seed=seed)

    def make(self, draft: Draft, sources: Sequence[SourceItem], params: RotateParams) -> ResultItem:
        """Return a changed copy; raises InvalidInput for an image that cannot be decoded."""
        step = draw_quarter_turn if params.right_angles else partial(draw_rotation, degrees=params.degrees)
        return make_copy(draft, sources[0], choose_steps=lambda _: (step,), min_visible=params.min_visible)

    def transform_schema(self, schema: LabelSchema, params: RotateParams) -> LabelSchema:
        """Return the schema as it is."""
        return schema


def draw_rotation(picture: Picture, generator: np.random.Generator, *, degrees: float) -> Change:
    """Draw an angle from -degrees to degrees, counter-clockwise; the size stays, corners are lost."""
    angle = float(generator.uniform(-degrees, degrees))
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    x, y = picture.width_px / 2, picture.height_px / 2
    matrix = ((cos, sin, x - cos * x - sin * y), (-sin, cos, y + sin * x - cos * y))
    rotate = load_albumentations().Rotate(
        limit=(angle, angle), border_mode=cv2.BORDER_CONSTANT, fill=FILL, fill_mask=0, p=1
    )
    return Change((rotate,), matrix)


def draw_quarter_turn(picture: Picture, generator: np.random.Generator) -> Change:
    """Draw one, two or three quarter turns counter-clockwise."""
    return turn_quarters(int(generator.integers(1, 4)), picture.width_px, picture.height_px)


def turn_quarters(quarters: int, width_px: int, height_px: int) -> Change:
    """Return one, two or three quarter turns counter-clockwise of a picture of that size."""
    library = load_albumentations()
    across, down, transpose = library.HorizontalFlip(p=1), library.VerticalFlip(p=1), library.Transpose(p=1)
    match quarters:
        case 1:
            return Change((transpose, down), ((0, 1, 0), (-1, 0, width_px)))
        case 2:
            return Change((across, down), ((-1, 0, width_px), (0, -1, height_px)))
        case _:
            return Change((transpose, across), ((0, -1, height_px), (1, 0, 0)))
