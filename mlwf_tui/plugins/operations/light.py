"""brightness and color: copies of images in another light; objects stay where they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from mlwf_tui.params import param
from mlwf_tui.plugins.operations.copies import (
    CopyOperation,
    Step,
    copies_param,
    keep_originals_param,
    splits_param,
)
from mlwf_tui.plugins.operations.pixels import Change, Picture, load_albumentations


@dataclass(frozen=True, slots=True)
class BrightnessParams:
    brightness: float = param(0.2, "largest change as a share of full white", low=0, high=1)
    contrast: float = param(0.2, "largest change of the contrast, as a share of it", low=0, high=1)
    gamma: float = param(0.0, "largest change of gamma, as a share of it", low=0, high=0.9)
    copies: int = copies_param()
    keep_originals: bool = keep_originals_param()
    splits: tuple[str, ...] = splits_param()


def make_brightness() -> CopyOperation:
    """Return the operation that makes images lighter or darker, and changes their contrast."""
    return CopyOperation(
        name="brightness",
        summary="change the light and contrast of images",
        version=5,
        params_type=BrightnessParams,
        list_steps=_list_lights,
    )


def _list_lights(params: BrightnessParams, _: np.random.Generator) -> Sequence[Step]:
    step = partial(
        draw_brightness, brightness=params.brightness, contrast=params.contrast, gamma=params.gamma
    )
    return (step,)


def draw_brightness(
    picture: Picture,
    generator: np.random.Generator,
    *,
    brightness: float,
    contrast: float,
    gamma: float = 0.0,
) -> Change:
    """Draw a change of brightness, one of contrast and one of gamma, each up or down."""
    library = load_albumentations()
    light = float(generator.uniform(-brightness, brightness))
    slope = float(generator.uniform(-contrast, contrast))
    change = library.RandomBrightnessContrast(
        brightness_limit=(light, light), contrast_limit=(slope, slope), p=1
    )
    if not gamma:
        return Change((change,))
    power = 100 * float(generator.uniform(1 - gamma, 1 + gamma))
    return Change((change, library.RandomGamma(gamma_limit=(power, power), p=1)))


@dataclass(frozen=True, slots=True)
class ColorParams:
    hue: float = param(10.0, "largest turn of the colour wheel either way, in degrees", low=0, high=180)
    saturation: float = param(0.3, "largest change of the colours' strength", low=0, high=1)
    gray: float = param(0.0, "how likely a copy is grey", low=0, high=1)
    equalize: float = param(0.0, "how likely a copy's local contrast is evened out", low=0, high=1)
    copies: int = copies_param()
    keep_originals: bool = keep_originals_param()
    splits: tuple[str, ...] = splits_param()


def make_color() -> CopyOperation:
    """Return the operation that changes colours."""
    return CopyOperation(
        name="color",
        summary="change the colours of images, or take them away",
        version=3,
        params_type=ColorParams,
        list_steps=_list_colors,
    )


def _list_colors(params: ColorParams, _: np.random.Generator) -> Sequence[Step]:
    return (partial(draw_color, params=params),)


def draw_color(picture: Picture, generator: np.random.Generator, *, params: ColorParams) -> Change:
    """Draw a turn of the hue and a change of saturation, and whether the copy is grey or evened out."""
    library = load_albumentations()
    hue = float(generator.uniform(-params.hue, params.hue)) / 360  # of a whole turn
    saturation = 1 + float(generator.uniform(-params.saturation, params.saturation))
    is_gray, is_even = (float(drawn) < chance for drawn, chance in zip(
        generator.random(2), (params.gray, params.equalize), strict=True
    ))  # fmt: skip
    strength, turn = (saturation, saturation), (hue, hue)
    jitter = library.ColorJitter(brightness=(1, 1), contrast=(1, 1), saturation=strength, hue=turn, p=1)
    transforms = [jitter]
    if is_even:
        transforms.append(library.CLAHE(clip_limit=(2.0, 2.0), p=1))
    if is_gray:
        transforms.append(library.ToGray(p=1))
    return Change(tuple(transforms), is_rgb=True)
