"""Pictures and how they are decoded, changed by albumentations, and encoded again.

Arrays are (H, W, 3) uint8 in OpenCV's order BGR; no change here looks at which channel is which.
albumentations takes seconds to import, so it is imported where a change is made.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import PurePosixPath
from types import ModuleType
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from mlwf_tui.entities.annotation import AnnotatedObject
from mlwf_tui.errors import InvalidInput
from mlwf_tui.media.headers import PILLOW_ERRORS
from mlwf_tui.media.pictures import decode_upright
from mlwf_tui.plugins.operations.shapes import (
    IDENTITY,
    Floats,
    Mask,
    Move,
    Shape,
    compare_masks,
    cut_shape,
    move_by,
    move_points,
    move_shape,
    read_shape,
    write_objects,
)
from mlwf_tui.protocols.operations import SourceItem

Pixels = NDArray[np.uint8]

FILL: Final = 114  # grey of pixels that no source pixel covers; what Ultralytics pads with
JPEG_QUALITY: Final = 95
_LOSSLESS: Final = (".bmp", ".gif", ".tif", ".tiff")  # mostly: nobody can tell by a name
_WHOLE_PX: Final = 1 << 16  # a side that no image is made smaller for
_TENSORS: Final = "albumentations.pytorch"


@dataclass(frozen=True, slots=True)
class Picture:
    """An image with the shapes on it."""

    pixels: Pixels  # (H, W, 3) uint8 BGR
    shapes: tuple[Shape, ...]

    @property
    def width_px(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height_px(self) -> int:
        return int(self.pixels.shape[0])

    def write_objects(self, min_visible: float) -> tuple[AnnotatedObject, ...]:
        """Return the objects that still show at least the share `min_visible`."""
        return tuple(labelled for s in self.shapes for labelled in write_objects(s, min_visible))


@dataclass(frozen=True, slots=True)
class Change:
    """One change, fully drawn: albumentations transforms for the pixels, a matrix (2, 3) for points.

    What no matrix can say has a `warp` in place of the transforms, for images and, told by its second
    argument, for masks; and `move` in place of the matrix. `is_bent` where lines do not stay straight;
    `is_rgb` where the transforms must know which channel is red.
    """

    transforms: Sequence[Any]
    matrix: tuple[tuple[float, float, float], ...] = IDENTITY
    warp: Callable[[Pixels, bool], Pixels] | None = None
    move: Move | None = None
    is_bent: bool = False
    is_rgb: bool = False


def read_picture(source: SourceItem) -> Picture:
    """Return an item's picture with its objects.

    Raises:
        InvalidInput: the image cannot be decoded, or is not of the size that its item says.
    """
    item = source.item
    pixels = _decode(source.read_image())
    if pixels is None:
        raise InvalidInput(f"The image {item.key} cannot be decoded.", hint="Leave it out with `filter`.")
    height_px, width_px = pixels.shape[:2]
    if (width_px, height_px) != (item.width_px, item.height_px):
        raise InvalidInput(
            f"The image {item.key} has {width_px}x{height_px} pixels, not {item.width_px}x{item.height_px}.",
            hint="Import it again.",
        )
    shapes = tuple(read_shape(labelled, width_px, height_px) for labelled in item.annotation.objects)
    return Picture(pixels, shapes)


def apply_change(picture: Picture, change: Change, seed: int) -> Picture:
    """Return the picture after a change; `seed` decides what of it is random in the pixels."""
    if change.warp is not None:
        return _apply_warp(picture, change, change.warp)
    if not change.transforms:
        return picture
    if change.is_rgb:
        rgb = np.ascontiguousarray(picture.pixels[:, :, ::-1])
        made = load_albumentations().Compose(list(change.transforms), seed=seed)(image=rgb)
        return Picture(np.ascontiguousarray(made["image"][:, :, ::-1]), picture.shapes)
    compose = load_albumentations().Compose(list(change.transforms), seed=seed)
    masks = [shape.mask for shape in picture.shapes if shape.mask is not None]
    made = compose(image=picture.pixels, masks=masks) if masks else compose(image=picture.pixels)
    if not masks and change.matrix == IDENTITY and made["image"].shape == picture.pixels.shape:
        return Picture(made["image"], picture.shapes)  # nothing moves, and all was cut before
    moved_masks = iter(made.get("masks", ()))
    matrix = np.array(change.matrix, dtype=np.float64)
    height_px, width_px = made["image"].shape[:2]
    shapes = tuple(
        _follow(shape, matrix, next(moved_masks) if shape.mask is not None else None, width_px, height_px)
        for shape in picture.shapes
    )
    return Picture(made["image"], shapes)


def _follow(shape: Shape, matrix: Floats, mask: Mask | None, width_px: int, height_px: int) -> Shape:
    moved = cut_shape(move_shape(shape, matrix, mask), width_px, height_px)
    if shape.mask is None:
        return moved
    return compare_masks(moved, shape.mask, abs(float(np.linalg.det(matrix[:, :2]))))


def _apply_warp(picture: Picture, change: Change, warp: Callable[[Pixels, bool], Pixels]) -> Picture:
    pixels = warp(picture.pixels, False)
    height_px, width_px = pixels.shape[:2]
    matrix = np.array(change.matrix, dtype=np.float64)
    move = change.move or partial(move_by, matrix=matrix)
    shapes = []
    for shape in picture.shapes:
        mask = None if shape.mask is None else warp(shape.mask, True)
        if change.move is None:
            moved = move_shape(shape, matrix, mask)
        else:
            moved = move_points(shape, change.move, mask, is_bent=change.is_bent)
        moved = cut_shape(moved, width_px, height_px)
        if shape.mask is not None:
            moved = compare_masks(moved, shape.mask, _measure_growth(move, shape.mask))
        shapes.append(moved)
    return Picture(pixels, tuple(shapes))


def _measure_growth(move: Move, mask: Mask) -> float:
    """Return by what areas grow around the middle of a mask's pixels: the determinant there."""
    rows, columns = np.nonzero(mask)
    if not rows.size:
        return 1.0
    x, y = columns.mean() + 0.5, rows.mean() + 0.5
    middle, right, below = move(np.array(((x, y), (x + 1, y), (x, y + 1)), np.float64))
    return abs(float(np.linalg.det(np.stack((right - middle, below - middle)))))


def encode(picture: Picture, suffix: str) -> bytes:
    """Return the picture as a file of the kind that `find_suffix` chose.

    Raises:
        InvalidInput: that kind of file holds no picture of this size.
    """
    options = [] if suffix.lower() == ".png" else [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    is_written, encoded = cv2.imencode(suffix.lower(), picture.pixels, options)
    if not is_written:
        raise InvalidInput(
            f"An image of {picture.width_px}x{picture.height_px} pixels cannot be written as {suffix}.",
            hint="Make smaller ones with `resize` or `tiles`, or leave it out with `filter`.",
        )
    return encoded.tobytes()


def find_suffix(name: str) -> str:
    """Return what the name of a changed image ends with.

    JPEG and PNG stay what they are, other files without loss turn to PNG, and all else, as WebP, to JPEG.
    """
    suffix = PurePosixPath(name).suffix
    if suffix.lower() in (".jpg", ".jpeg", ".png"):
        return suffix
    return ".png" if suffix.lower() in _LOSSLESS else ".jpg"


def load_albumentations() -> Any:
    """Import albumentations, without the look for a newer version that it makes on the network.

    Nor does it get torch, which it only has for turning images to tensors: 1.5 s and 150 MB a process.
    """
    if "albumentations" not in sys.modules:
        os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
        sys.modules[_TENSORS] = ModuleType(_TENSORS)
        try:
            return import_module("albumentations")
        finally:
            del sys.modules[_TENSORS]  # whoever wants the real one may import it
    return sys.modules["albumentations"]


def _decode(data: bytes) -> Pixels | None:
    """Return the first frame as shown, EXIF orientation applied, in 8 bits; None where it is no image."""
    buffer = np.frombuffer(data, np.uint8)
    pixels = cv2.imdecode(buffer, cv2.IMREAD_COLOR) if buffer.size else None
    if pixels is not None:
        decoded: Pixels = pixels.astype(np.uint8, copy=False)
        return decoded
    try:  # what OpenCV was built without
        rgb = np.asarray(decode_upright(data, _WHOLE_PX, is_any_size=True).convert("RGB"), dtype=np.uint8)
    except (InvalidInput, *PILLOW_ERRORS):
        return None
    return np.ascontiguousarray(rgb[:, :, ::-1])
