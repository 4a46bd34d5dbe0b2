"""Annotation images, whose pixels say what stands where: PNG to numbers, and numbers to masks."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from io import BytesIO
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from mlwf_tui.entities.annotation import Geometry
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.coco_masks import MAX_MASK_PIXELS, to_mask

_NUMBERS: Final = ("1", "L", "I", "I;16", "I;16B", "F")
_FORMATS: Final = ("PNG", "BMP", "TIFF")  # that lose nothing
MAX_OBJECTS: Final = 100_000
"""Of one annotation image: more are no annotation."""


def decode_map(
    content: bytes, size: tuple[int, int] | None = None, *, has_palette_colors: bool = False
) -> NDArray[Any]:
    """Return the pixels of an annotation image: (H, W) numbers, or (H, W, 3) colours.

    One with a palette gives its numbers, or with `has_palette_colors` the colours.

    Raises:
        InvalidInput: it is no whole PNG, BMP or TIFF, is beyond any size, or not of `size`.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own limit; ours is checked before it decodes
            with Image.open(BytesIO(content), formats=_FORMATS) as image:
                if image.width * image.height > MAX_MASK_PIXELS:
                    raise InvalidInput("is larger than any mask")
                if size is not None and image.size != size:
                    told = f"{image.width}×{image.height}"
                    raise InvalidInput(f"is {told}, but the image is {size[0]}×{size[1]}")
                is_kept = image.mode in _NUMBERS or (image.mode == "P" and not has_palette_colors)
                return np.asarray(image if is_kept else image.convert("RGB"))
    except UnidentifiedImageError as error:  # whose text names a Python object
        raise InvalidInput("is not a whole PNG") from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, EOFError) as error:
        raise InvalidInput(f"is not a whole PNG: {error}") from error
    except ImportError as error:  # ultralytics, where it is loaded, wants a library for what is no image
        raise InvalidInput("is not a whole PNG") from error


def pack_colors(pixels: NDArray[Any]) -> NDArray[np.int64]:
    """Return (H, W, 3) colours as (H, W) numbers, red lowest, as COCO's panoptic PNGs count."""
    if pixels.ndim == 2:
        return np.asarray(pixels, np.int64)
    channels = np.asarray(pixels, np.int64)
    return np.asarray(channels[..., 0] + (channels[..., 1] << 8) + (channels[..., 2] << 16))


def make_mask(pixels: NDArray[np.bool_], left: int = 0, top: int = 0) -> Geometry:
    """Return the set pixels (H, W) as a mask, at an offset.

    Raises:
        InvalidInput: none is set.
    """
    return to_mask(pixels, left, top)


def iter_masks(numbers: NDArray[Any]) -> Iterator[tuple[int, Geometry]]:
    """Yield each number of a (H, W) map in order with the mask of its pixels.

    Raises:
        InvalidInput: there are too many.
    """
    values, inverse = np.unique(numbers, return_inverse=True)
    if len(values) > MAX_OBJECTS:
        raise InvalidInput(f"has {len(values):,} different values")
    places = inverse.reshape(numbers.shape)  # (H, W) index into values
    boxes = _find_boxes(places, len(values))
    for at, value in enumerate(values.tolist()):
        top, bottom, left, right = boxes[at]
        yield int(value), to_mask(places[top:bottom, left:right] == at, left, top)


def _find_boxes(places: NDArray[Any], count: int) -> list[tuple[int, int, int, int]]:
    """Return (top, bottom, left, right) of each index, in one pass: a mask for each would take H × W."""
    rows, columns = np.ogrid[: places.shape[0], : places.shape[1]]  # (H, 1), (1, W)
    flat = places.ravel()
    every_row = np.broadcast_to(rows, places.shape).ravel()
    every_column = np.broadcast_to(columns, places.shape).ravel()
    order = np.argsort(flat, kind="stable")  # (H * W,)
    starts = np.searchsorted(flat[order], np.arange(count))
    sorted_rows, sorted_columns = every_row[order], every_column[order]
    tops, bottoms = np.minimum.reduceat(sorted_rows, starts), np.maximum.reduceat(sorted_rows, starts)
    lefts, rights = np.minimum.reduceat(sorted_columns, starts), np.maximum.reduceat(sorted_columns, starts)
    return [
        (int(top), int(bottom) + 1, int(left), int(right) + 1)
        for top, bottom, left, right in zip(tops, bottoms, lefts, rights, strict=True)
    ]
