"""resize and pad: images of a common size or shape, each in place of its original."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.item import Item
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.params import param
from mlwf_tui.plugins.operations.copies import ReplacingOperation, Step
from mlwf_tui.plugins.operations.pixels import FILL, Change, Picture, apply_change, load_albumentations

Size = tuple[int, int]
"""Width and height in pixels."""


@dataclass(frozen=True, slots=True)
class ResizeParams:
    longest_px: int = param(640, "longer side of the result; the other follows", low=8, high=16384)
    enlarge: bool = param(False, "enlarge smaller images too")
    width_px: int | None = param(
        None, "width of the result, with height_px; instead of longest_px", low=8, high=16384
    )
    height_px: int | None = param(None, "height of the result, with width_px", low=8, high=16384)
    fit: str = param(
        "stretch",
        "to reach width_px and height_px: stretch, pad what is missing, or cut off what is too much",
        choices=("stretch", "pad", "cut"),
    )
    min_visible: float = param(0.0, "share of an object that must stay where images are cut", low=0, high=1)


def make_resize() -> ReplacingOperation:
    """Return the operation that brings images to a size; those that have it already stay untouched."""
    return ReplacingOperation(
        name="resize",
        summary="bring images to a common longer side, or to one size",
        version=5,
        params_type=ResizeParams,
        list_steps=_list_resizing,
        is_changed=_is_resized,
        check=_check_resize,
    )


def _check_resize(schema: LabelSchema, params: ResizeParams) -> None:
    if (params.width_px is None) != (params.height_px is None):
        raise InvalidParameter(
            "Only one of width_px and height_px is given.",
            hint="Give both, or longest_px, which keeps the proportions.",
        )


def _is_resized(item: Item, params: ResizeParams) -> bool:
    if params.width_px and params.height_px:
        return (item.width_px, item.height_px) != (params.width_px, params.height_px)
    longest_px = max(item.width_px, item.height_px)
    return longest_px > params.longest_px or (params.enlarge and longest_px < params.longest_px)


def _list_resizing(params: ResizeParams, _: np.random.Generator) -> Sequence[Step]:
    if params.width_px is None or params.height_px is None:
        return (partial(scale_to, longest_px=params.longest_px),)
    size = (params.width_px, params.height_px)
    match params.fit:
        case "pad":
            return (partial(_scale_within, size=size), partial(_pad_to, size=size, position="centre"))
        case "cut":
            return (partial(_scale_around, size=size), partial(_cut_to, size=size))
        case _:
            return (partial(_scale, size=size),)


def scale_to(picture: Picture, generator: np.random.Generator, *, longest_px: int) -> Change:
    """Return the change of size that gives the longer side `longest_px`; nothing is drawn."""
    return _scale_by(picture, longest_px / max(picture.width_px, picture.height_px))


def _scale_within(picture: Picture, _: np.random.Generator, *, size: Size) -> Change:
    return _scale_by(picture, min(size[0] / picture.width_px, size[1] / picture.height_px))


def _scale_around(picture: Picture, generator: np.random.Generator, *, size: Size) -> Change:
    scale = max(size[0] / picture.width_px, size[1] / picture.height_px)
    width_px, height_px = (
        math.ceil(picture.width_px * scale - 1e-6),
        math.ceil(picture.height_px * scale - 1e-6),
    )
    return _scale(picture, generator, size=(max(size[0], width_px), max(size[1], height_px)))


def _scale_by(picture: Picture, scale: float) -> Change:
    size = max(1, round(picture.width_px * scale)), max(1, round(picture.height_px * scale))
    return _scale(picture, None, size=size)


def _scale(picture: Picture, _: np.random.Generator | None, *, size: Size) -> Change:
    width_px, height_px = size
    across, down = width_px / picture.width_px, height_px / picture.height_px
    interpolation = cv2.INTER_AREA if min(across, down) < 1 else cv2.INTER_CUBIC
    resize = load_albumentations().Resize(height=height_px, width=width_px, interpolation=interpolation, p=1)
    return Change((resize,), ((across, 0, 0), (0, down, 0)))


def _cut_to(picture: Picture, _: np.random.Generator, *, size: Size) -> Change:
    left, top = (picture.width_px - size[0]) // 2, (picture.height_px - size[1]) // 2
    return cut_window(left, top, size)


def cut_window(left: int, top: int, size: Size) -> Change:
    """Return the change to a window that lies inside of the picture."""
    crop = load_albumentations().Crop(x_min=left, y_min=top, x_max=left + size[0], y_max=top + size[1], p=1)
    return Change((crop,), ((1, 0, -left), (0, 1, -top)))


@dataclass(frozen=True, slots=True)
class PadParams:
    width_px: int = param(0, "least width of the result", low=0, high=16384)
    height_px: int = param(0, "least height of the result", low=0, high=16384)
    multiple: int = param(1, "make both sides multiples of this", low=1, high=4096)
    square: bool = param(False, "make the shorter side as long as the longer one")
    position: str = param("centre", "where the image goes", choices=("centre", "top_left"))
    fill: int = param(FILL, "grey of the new pixels, 0 black to 255 white", low=0, high=255)


def make_pad() -> ReplacingOperation:
    """Return the operation that puts a border around images; those large enough stay untouched."""
    return ReplacingOperation(
        name="pad",
        summary="put a border around images, to a size, a multiple or a square",
        version=3,
        params_type=PadParams,
        list_steps=_list_padding,
        is_changed=lambda item, params: (
            _find_size((item.width_px, item.height_px), params) != (item.width_px, item.height_px)
        ),
    )


def _list_padding(params: PadParams, _: np.random.Generator) -> Sequence[Step]:
    def step(picture: Picture, generator: np.random.Generator) -> Change:
        size = _find_size((picture.width_px, picture.height_px), params)
        return _pad_to(picture, generator, size=size, position=params.position, fill=params.fill)

    return (step,)


def _find_size(size: Size, params: PadParams) -> Size:
    """Return the size after padding."""
    longest_px = max(size) if params.square else 0
    least = (max(size[0], params.width_px, longest_px), max(size[1], params.height_px, longest_px))
    if params.square:
        least = (max(least), max(least))
    return _round_up(least[0], params.multiple), _round_up(least[1], params.multiple)


def _round_up(length: int, multiple: int) -> int:
    return -(-length // multiple) * multiple


def _pad_to(
    picture: Picture, _: np.random.Generator, *, size: Size, position: str, fill: int = FILL
) -> Change:
    across, down = size[0] - picture.width_px, size[1] - picture.height_px
    left, top = (across // 2, down // 2) if position == "centre" else (0, 0)
    pad = load_albumentations().Pad(
        padding=(left, top, across - left, down - top), fill=fill, fill_mask=0, p=1
    )
    return Change((pad,), ((1, 0, left), (0, 1, top)))


def cover(picture: Picture, size: Size) -> Picture:
    """Return a picture scaled and cut to a size that it fills."""
    generator = np.random.default_rng(0)  # nothing here is drawn
    scaled = apply_change(picture, _scale_around(picture, generator, size=size), 0)
    return apply_change(scaled, _cut_to(scaled, generator, size=size), 0)
