"""augment: several random changes, one after the other, on every copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from mlwf_tui.errors import InvalidParameter
from mlwf_tui.params import param
from mlwf_tui.plugins.operations.copies import (
    CopyOperation,
    Step,
    copies_param,
    keep_originals_param,
    min_visible_param,
    splits_param,
)
from mlwf_tui.plugins.operations.cropping import draw_crop
from mlwf_tui.plugins.operations.degrading import draw_noise
from mlwf_tui.plugins.operations.light import draw_brightness
from mlwf_tui.plugins.operations.turning import draw_flip, draw_rotation


@dataclass(frozen=True, slots=True)
class AugmentParams:
    crop: float = param(0.5, "how likely a copy is cropped", low=0, high=1)
    rotate: float = param(0.5, "how likely a copy is turned", low=0, high=1)
    noise: float = param(0.3, "how likely a copy gets noise", low=0, high=1)
    brightness: float = param(0.5, "how likely a copy gets other light and contrast", low=0, high=1)
    flip: float = param(0.5, "how likely a copy is mirrored, left to right", low=0, high=1)
    degrees: float = param(10.0, "largest angle of a turn either way", low=0, high=180)
    min_size: float = param(0.6, "smallest side of a crop as a share of the image's", low=0.05, high=1)
    strength: float = param(0.05, "largest standard deviation of the noise, share of white", low=0, high=1)
    light: float = param(0.2, "largest change of brightness and of contrast", low=0, high=1)
    copies: int = copies_param()
    keep_originals: bool = keep_originals_param()
    splits: tuple[str, ...] = splits_param()
    min_visible: float = min_visible_param()


def make_augment() -> CopyOperation:
    """Return the operation that changes copies in a random sequence; at least one change of it happens."""
    return CopyOperation(
        name="augment",
        summary="a random sequence of crop, rotate, noise, brightness and flip",
        version=5,
        params_type=AugmentParams,
        list_steps=lambda params, generator: _choose_steps(_list_steps(params), generator),
        check=_check,
    )


def _check(params: AugmentParams) -> None:
    if not _list_steps(params):
        raise InvalidParameter(
            "No change can happen: every probability is 0.", hint="Raise one, for example -p flip=0.5."
        )


def _list_steps(params: AugmentParams) -> list[tuple[float, Step]]:
    """Return the steps that can happen, each with its probability."""
    light = partial(draw_brightness, brightness=params.light, contrast=params.light)
    steps: list[tuple[float, Step]] = [
        (params.crop, partial(draw_crop, min_size=params.min_size, max_size=1.0)),
        (params.rotate, partial(draw_rotation, degrees=params.degrees)),
        (params.noise, partial(draw_noise, strength=params.strength)),
        (params.brightness, light),
        (params.flip, partial(draw_flip, axis="horizontal")),
    ]
    return [(chance, step) for chance, step in steps if chance > 0]


def _choose_steps(chances: Sequence[tuple[float, Step]], generator: np.random.Generator) -> list[Step]:
    """Draw which steps happen, and in which order; where none would, one of them does."""
    luck = generator.random(len(chances))
    chosen = [step for (chance, step), drawn in zip(chances, luck, strict=True) if drawn < chance]
    if not chosen:
        chosen = [chances[int(generator.integers(len(chances)))][1]]
    return [chosen[int(at)] for at in generator.permutation(len(chosen))]
