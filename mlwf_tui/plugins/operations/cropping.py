"""crop: windows cut out of images, at random, around their middle, or always the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from mlwf_tui.errors import InvalidInput, InvalidParameter
from mlwf_tui.params import param
from mlwf_tui.plugins.operations.copies import (
    CopyOperation,
    Step,
    copies_param,
    keep_originals_param,
    min_visible_param,
    splits_param,
)
from mlwf_tui.plugins.operations.framing import cut_window
from mlwf_tui.plugins.operations.pixels import Change, Picture
from mlwf_tui.plugins.operations.ranges import check_range
from mlwf_tui.plugins.operations.shapes import find_shown


@dataclass(frozen=True, slots=True)
class CropParams:
    min_size: float = param(0.5, "smallest side of a window as a share of the image's", low=0.05, high=1)
    max_size: float = param(0.9, "largest side of a window as a share of the image's", low=0.05, high=1)
    width_px: int = param(0, "width of every window; 0 draws it", low=0, high=16384)
    height_px: int = param(0, "height of every window; 0 draws it", low=0, high=16384)
    place: str = param(
        "random",
        "around a random object, around the middle, or with its corner at left_px and top_px",
        choices=("random", "centre", "fixed"),
    )
    left_px: int = param(0, "left edge of the window where place=fixed", low=0, high=1_000_000)
    top_px: int = param(0, "top edge of the window where place=fixed", low=0, high=1_000_000)
    copies: int = copies_param()
    keep_originals: bool = keep_originals_param()
    splits: tuple[str, ...] = splits_param()
    min_visible: float = min_visible_param()


def make_crop() -> CopyOperation:
    """Return the operation that cuts windows out of images; what hardly shows in them is dropped."""
    return CopyOperation(
        name="crop",
        summary="cut windows out of images: random, central or fixed",
        version=5,
        params_type=CropParams,
        list_steps=_list_windows,
        check=_check,
    )


def _check(params: CropParams) -> None:
    check_range(params, "min_size", "max_size")
    if params.place == "fixed" and not (params.width_px and params.height_px):
        raise InvalidParameter(
            "A fixed window needs its size.", hint="Give -p width_px=… and -p height_px=… as well."
        )


def _list_windows(params: CropParams, _: np.random.Generator) -> Sequence[Step]:
    return (partial(_choose_window, params=params),)


def _choose_window(picture: Picture, generator: np.random.Generator, *, params: CropParams) -> Change:
    share = generator.uniform(params.min_size, params.max_size, 2)
    width_px = min(picture.width_px, params.width_px or max(1, round(picture.width_px * share[0])))
    height_px = min(picture.height_px, params.height_px or max(1, round(picture.height_px * share[1])))
    size = (width_px, height_px)
    match params.place:
        case "fixed":
            return _cut_fixed(picture, params)
        case "centre":
            return cut_window((picture.width_px - width_px) // 2, (picture.height_px - height_px) // 2, size)
        case _:
            return _cut_around(picture, generator, size)


def _cut_fixed(picture: Picture, params: CropParams) -> Change:
    """Return the window as far as it lies on the picture."""
    width_px = min(params.width_px, picture.width_px - params.left_px)
    height_px = min(params.height_px, picture.height_px - params.top_px)
    if width_px < 1 or height_px < 1:
        raise InvalidInput(
            f"The window at {params.left_px},{params.top_px} lies outside of an image of "
            f"{picture.width_px}x{picture.height_px} pixels.",
            hint="Choose a smaller left_px or top_px, or leave the image out with `filter`.",
        )
    return cut_window(params.left_px, params.top_px, (width_px, height_px))


def draw_crop(
    picture: Picture, generator: np.random.Generator, *, min_size: float, max_size: float
) -> Change:
    """Draw a window that holds the centre of a random object, or lies anywhere where there is none."""
    return _choose_window(picture, generator, params=CropParams(min_size=min_size, max_size=max_size))


def _cut_around(picture: Picture, generator: np.random.Generator, size: tuple[int, int]) -> Change:
    centre = _draw_centre(picture, generator)
    left = _draw_start(picture.width_px, size[0], centre[0], generator)
    top = _draw_start(picture.height_px, size[1], centre[1], generator)
    return cut_window(left, top, size)


def _draw_centre(picture: Picture, generator: np.random.Generator) -> tuple[float, float]:
    """Return the centre of a random object's visible part, or a random point."""
    shown = [find_shown(shape) for shape in picture.shapes if shape.share > 0]
    shown = [points for points in shown if len(points)]
    if not shown:
        return generator.uniform(0, picture.width_px), generator.uniform(0, picture.height_px)
    points = shown[int(generator.integers(len(shown)))]
    x, y = (points.min(axis=0) + points.max(axis=0)) / 2
    return float(x), float(y)


def _draw_start(length_px: int, window_px: int, centre: float, generator: np.random.Generator) -> int:
    """Return where along one side the window starts, so that it lies inside and holds the centre."""
    high = min(length_px - window_px, int(centre))
    low = min(high, max(0, int(centre) + 1 - window_px))
    return int(generator.integers(low, high + 1))
