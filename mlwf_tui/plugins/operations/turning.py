"""flip and rotate: mirrored and turned copies of images with their objects."""

from __future__ import annotations

import math
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
from mlwf_tui.plugins.operations.pixels import FILL, Change, Picture, load_albumentations


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


def make_flip() -> CopyOperation:
    """Return the operation that mirrors images."""
    return CopyOperation(
        name="flip",
        summary="mirror images",
        version=4,
        params_type=FlipParams,
        list_steps=lambda params, _: (partial(draw_flip, axis=params.axis),),
    )


def draw_flip(picture: Picture, generator: np.random.Generator, *, axis: str) -> Change:
    """Return the mirroring along an axis, drawn where it is `random`."""
    if axis == "random":
        axis = ("horizontal", "vertical")[int(generator.integers(2))]
    library = load_albumentations()
    if axis == "horizontal":
        return Change((library.HorizontalFlip(p=1),), ((-1, 0, picture.width_px), (0, 1, 0)))
    return Change((library.VerticalFlip(p=1),), ((1, 0, 0), (0, -1, picture.height_px)))


@dataclass(frozen=True, slots=True)
class RotateParams:
    degrees: float = param(10.0, "largest angle either way", low=0, high=180)
    right_angles: bool = param(False, "turn by 90, 180 or 270 degrees instead, without loss")
    copies: int = copies_param()
    keep_originals: bool = keep_originals_param()
    splits: tuple[str, ...] = splits_param()
    min_visible: float = min_visible_param()


def make_rotate() -> CopyOperation:
    """Return the operation that turns images around their centre; boxes become bounds of what was turned."""
    return CopyOperation(
        name="rotate",
        summary="turn images by random angles",
        version=4,
        params_type=RotateParams,
        list_steps=_list_turns,
    )


def _list_turns(params: RotateParams, _: np.random.Generator) -> Sequence[Step]:
    return (draw_quarter_turn if params.right_angles else partial(draw_rotation, degrees=params.degrees),)


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
