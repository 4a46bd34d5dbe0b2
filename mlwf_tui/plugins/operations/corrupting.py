"""corrupt: copies as weather, optics, sensors and networks spoil them, at five severities.

Source: after Hendrycks and Dietterich, Benchmarking Neural Network Robustness to Common Corruptions, 2019.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

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

Making = Callable[[Any, int, int], Any]
"""Makes a transform of the library, at a severity of 0 to 4, for a picture's shorter side in pixels."""


@dataclass(frozen=True, slots=True)
class CorruptParams:
    kind: str = param(
        "random",
        "what spoils the image; random draws one for each copy",
        choices=(
            "random", "rain", "snow", "fog", "shadow", "sun_flare", "spatter", "mud",
            "defocus", "motion_blur", "zoom_blur", "glass_blur",
            "gaussian_noise", "shot_noise", "impulse_noise",
            "brightness", "darkness", "contrast", "jpeg", "pixelate",
        ),
    )  # fmt: skip
    severity: int = param(3, "how bad, 1 to 5", low=1, high=5)
    lowest: int = param(0, "draw the severity from this one on; 0 takes `severity` itself", low=0, high=5)
    copies: int = copies_param()
    keep_originals: bool = keep_originals_param()
    splits: tuple[str, ...] = splits_param()


def make_corrupt() -> CopyOperation:
    """Return the operation that spoils images as the world does."""
    return CopyOperation(
        name="corrupt",
        summary="spoil images by weather, optics, noise or compression, at severity 1 to 5",
        version=3,
        params_type=CorruptParams,
        list_steps=lambda params, _: _list_steps(params),
        check=_check,
    )


def _check(params: CorruptParams) -> None:
    check_range(params, "lowest", "severity")


def _list_steps(params: CorruptParams) -> Sequence[Step]:
    return (partial(_draw_corruption, params=params),)


def _draw_corruption(picture: Picture, generator: np.random.Generator, *, params: CorruptParams) -> Change:
    kinds = list(_MAKERS) if params.kind == "random" else [params.kind]
    kind = kinds[int(generator.integers(len(kinds)))]
    severity = int(generator.integers(params.lowest or params.severity, params.severity + 1))
    side_px = min(picture.width_px, picture.height_px)
    return Change((_MAKERS[kind](load_albumentations(), severity - 1, side_px),), is_rgb=True)


def _twice(*values: float) -> Sequence[tuple[Any, Any]]:
    """Return each value as a range of itself alone."""
    return [(value, value) for value in values]


def _odd(side_px: int, *per_mille: float) -> Sequence[tuple[int, int]]:
    """Return windows of a share of the side, odd and at least three pixels."""
    return _twice(*(2 * max(1, round(side_px * share / 2000)) + 1 for share in per_mille))


def _make_rain(library: Any, at: int, side_px: int) -> Any:
    return library.RandomRain(
        slant_range=(-15, 15),
        brightness_coefficient=(0.95, 0.9, 0.85, 0.75, 0.65)[at],
        rain_type=("drizzle", "drizzle", "default", "heavy", "torrential")[at],
        blur_value=(1, 3, 3, 5, 7)[at],
        p=1,
    )


def _make_spatter(library: Any, at: int, side_px: int, mode: str) -> Any:
    threshold = (0.74, 0.72, 0.7, 0.68, 0.66)[at]
    return library.Spatter(cutout_threshold=(threshold, threshold), mode=mode, p=1)


def _make_sun_flare(library: Any, at: int, side_px: int) -> Any:
    radius = max(2, round(side_px * (0.1, 0.2, 0.3, 0.4, 0.5)[at]))
    return library.RandomSunFlare(src_radius=radius, p=1)


def _make_shadow(library: Any, at: int, side_px: int) -> Any:
    strength = (0.2, 0.3, 0.4, 0.5, 0.6)[at]
    return library.RandomShadow(
        num_shadows_limit=(1, 1 + at // 2), shadow_intensity_range=(strength, strength), p=1
    )


def _make_light(library: Any, at: int, side_px: int, sign: int) -> Any:
    light = sign * (0.1, 0.2, 0.3, 0.4, 0.5)[at]
    return library.RandomBrightnessContrast((light, light), (0, 0), p=1)


def _make_contrast(library: Any, at: int, side_px: int) -> Any:
    return library.RandomBrightnessContrast((0, 0), _twice(-0.4, -0.55, -0.7, -0.8, -0.9)[at], p=1)


_MAKERS: Final[Mapping[str, Making]] = {
    "rain": _make_rain,
    "snow": lambda library, at, side_px: library.RandomSnow(
        snow_point_range=_twice(0.1, 0.2, 0.3, 0.4, 0.5)[at], brightness_coeff=1.5 + 0.5 * at, p=1
    ),
    "fog": lambda library, at, side_px: library.RandomFog(
        fog_coef_range=_twice(0.2, 0.35, 0.5, 0.65, 0.8)[at], p=1
    ),
    "shadow": _make_shadow,
    "sun_flare": _make_sun_flare,
    "spatter": partial(_make_spatter, mode="rain"),
    "mud": partial(_make_spatter, mode="mud"),
    "defocus": lambda library, at, side_px: library.Defocus(
        radius=_twice(*(max(1, round(side_px * share / 1000)) for share in (5, 8, 12, 16, 22)))[at], p=1
    ),
    "motion_blur": lambda library, at, side_px: library.MotionBlur(
        blur_limit=_odd(side_px, 12, 20, 30, 42, 60)[at], p=1
    ),
    "zoom_blur": lambda library, at, side_px: library.ZoomBlur(
        max_factor=_twice(1.04, 1.07, 1.1, 1.15, 1.2)[at], p=1
    ),
    "glass_blur": lambda library, at, side_px: library.GlassBlur(
        sigma=(0.4, 0.6, 0.8, 1.0, 1.4)[at], max_delta=(1, 1, 2, 3, 4)[at], iterations=1, p=1
    ),
    "gaussian_noise": lambda library, at, side_px: library.GaussNoise(
        std_range=_twice(0.04, 0.08, 0.12, 0.18, 0.26)[at], p=1
    ),
    "shot_noise": lambda library, at, side_px: library.ShotNoise(
        scale_range=_twice(0.05, 0.1, 0.2, 0.35, 0.5)[at], p=1
    ),
    "impulse_noise": lambda library, at, side_px: library.SaltAndPepper(
        amount=_twice(0.01, 0.03, 0.06, 0.1, 0.17)[at], p=1
    ),
    "brightness": partial(_make_light, sign=1),
    "darkness": partial(_make_light, sign=-1),
    "contrast": _make_contrast,
    "jpeg": lambda library, at, side_px: library.ImageCompression(
        quality_range=_twice(40, 25, 18, 12, 7)[at], p=1
    ),
    "pixelate": lambda library, at, side_px: library.Downscale(
        scale_range=_twice(0.6, 0.5, 0.4, 0.3, 0.2)[at], p=1
    ),
}
