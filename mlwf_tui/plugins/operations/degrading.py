"""blur, noise, compress: copies of images that are worse than they were; objects stay where they are."""

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
from mlwf_tui.plugins.operations.ranges import check_range


@dataclass(frozen=True, slots=True)
class BlurParams:
    sigma_px: float = param(2.0, "largest standard deviation of the blur, in pixels", low=0.1, high=50)
    kind: str = param(
        "gaussian",
        "evenly, by the middle of neighbours, as of a moving camera, or out of focus",
        choices=("gaussian", "median", "motion", "defocus"),
    )
    copies: int = copies_param()
    keep_originals: bool = keep_originals_param()
    splits: tuple[str, ...] = splits_param()


def make_blur() -> CopyOperation:
    """Return the operation that softens images."""
    return CopyOperation(
        name="blur", summary="soften images", version=5, params_type=BlurParams, list_steps=_list_blurs
    )


def _list_blurs(params: BlurParams, _: np.random.Generator) -> Sequence[Step]:
    return (partial(draw_blur, sigma_px=params.sigma_px, kind=params.kind),)


def draw_blur(
    picture: Picture, generator: np.random.Generator, *, sigma_px: float, kind: str = "gaussian"
) -> Change:
    """Draw a standard deviation from a fifth of `sigma_px` to all of it, so that blur always shows."""
    library = load_albumentations()
    sigma = float(generator.uniform(sigma_px / 5, sigma_px))
    width = max(3, 2 * round(sigma * 1.5) + 1)  # of a window with about that deviation, odd
    match kind:
        case "median":
            return Change((library.MedianBlur(blur_limit=(width, width), p=1),))
        case "motion":
            return Change((library.MotionBlur(blur_limit=(width, width), p=1),))
        case "defocus":
            radius = max(1, round(sigma * 1.5))
            return Change((library.Defocus(radius=(radius, radius), p=1),))
        case _:
            return Change((library.GaussianBlur(blur_limit=0, sigma_limit=(sigma, sigma), p=1),))


@dataclass(frozen=True, slots=True)
class NoiseParams:
    strength: float = param(
        0.05,
        "largest standard deviation as a share of full white, of salt the share of pixels",
        low=0,
        high=1,
    )
    kind: str = param(
        "gaussian",
        "of a warm sensor, of little light, of dead pixels, or of uneven ones",
        choices=("gaussian", "shot", "salt", "speckle"),
    )
    copies: int = copies_param()
    keep_originals: bool = keep_originals_param()
    splits: tuple[str, ...] = splits_param()


def make_noise() -> CopyOperation:
    """Return the operation that adds noise."""
    return CopyOperation(
        name="noise",
        summary="add noise to images",
        version=5,
        params_type=NoiseParams,
        list_steps=_list_noises,
    )


def _list_noises(params: NoiseParams, _: np.random.Generator) -> Sequence[Step]:
    return (partial(draw_noise, strength=params.strength, kind=params.kind),)


def draw_noise(
    picture: Picture, generator: np.random.Generator, *, strength: float, kind: str = "gaussian"
) -> Change:
    """Draw a strength from a fifth of `strength` to all of it, so that noise always shows."""
    library = load_albumentations()
    drawn = float(generator.uniform(strength / 5, strength))
    match kind:
        case "shot":  # its variance is the light's over the photons of full white: here 0.25 at half of it
            return Change((library.ShotNoise(scale_range=(drawn, drawn), p=1),))
        case "salt":
            return Change((library.SaltAndPepper(amount=(drawn, drawn), p=1),))
        case "speckle":
            spread = (max(0.0, 1 - drawn * 3**0.5), 1 + drawn * 3**0.5)  # uniform with that deviation
            return Change((library.MultiplicativeNoise(spread, per_channel=True, elementwise=True, p=1),))
        case _:
            return Change((library.GaussNoise(std_range=(drawn, drawn), p=1),))


@dataclass(frozen=True, slots=True)
class CompressParams:
    low: int = param(20, "lowest quality", low=1, high=100)
    high: int = param(60, "highest quality", low=1, high=100)
    format: str = param("jpeg", "whose artefacts", choices=("jpeg", "webp"))
    copies: int = copies_param()
    keep_originals: bool = keep_originals_param()
    splits: tuple[str, ...] = splits_param()


def make_compress() -> CopyOperation:
    """Return the operation that leaves marks of strong compression."""
    return CopyOperation(
        name="compress",
        summary="give images the marks of strong compression",
        version=3,
        params_type=CompressParams,
        list_steps=_list_compressions,
        check=lambda params: check_range(params, "low", "high"),
    )


def _list_compressions(params: CompressParams, _: np.random.Generator) -> Sequence[Step]:
    return (partial(_draw_compression, params=params),)


def _draw_compression(picture: Picture, generator: np.random.Generator, *, params: CompressParams) -> Change:
    quality = int(generator.integers(params.low, params.high + 1))
    compress = load_albumentations().ImageCompression(
        compression_type=params.format, quality_range=(quality, quality), p=1
    )
    return Change((compress,), is_rgb=True)
