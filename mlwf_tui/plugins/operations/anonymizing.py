"""anonymize: objects of some classes made unrecognisable on their images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from mlwf_tui.entities.annotation import Geometry, LabelSchema
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.keypoints import find_extent
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.media.filling import fill_geometry
from mlwf_tui.params import param
from mlwf_tui.plugins.operations.copies import ReplacingOperation
from mlwf_tui.plugins.operations.names import check_classes
from mlwf_tui.plugins.operations.pixels import Change, Picture, Pixels


@dataclass(frozen=True, slots=True)
class AnonymizeParams:
    classes: tuple[str, ...] = param((), "classes of what nobody shall recognise: face,plate")
    how: str = param("blur", "what is done to their pixels", choices=("blur", "pixelate", "fill"))
    strength: float = param(0.25, "width of blur or block as a share of the object", low=0.05, high=1)
    whole_box: bool = param(False, "take all of the box around an object, not its shape alone")
    padding: float = param(0.0, "room around the box, as a share of it; with whole_box", low=0, high=1)
    fill: int = param(0, "grey of what is filled, 0 black to 255 white", low=0, high=255)


def make_anonymize() -> ReplacingOperation:
    """Return the operation that hides objects; the objects themselves stay in the annotation."""
    return ReplacingOperation(
        name="anonymize",
        summary="hide objects of a class by blur, blocks or a fill",
        version=4,
        params_type=AnonymizeParams,
        list_steps=lambda params, _: (partial(_hide, params=params),),
        is_changed=_is_hidden,
        check=_check,
    )


def _check(schema: LabelSchema, params: AnonymizeParams) -> None:
    if not params.classes:
        raise InvalidParameter("No class is named.", hint="Name one: -p classes=face.")
    check_classes(schema, params.classes)


def _is_hidden(item: Item, params: AnonymizeParams) -> bool:
    return any(labelled.class_name in params.classes for labelled in item.annotation.objects)


def _hide(picture: Picture, _: np.random.Generator, *, params: AnonymizeParams) -> Change:
    sources = [shape.source for shape in picture.shapes if shape.source.class_name in params.classes]
    hidden = [Geometry.rectangle(*find_extent(o)) if params.whole_box else o.geometry for o in sources]
    return Change((), warp=partial(_hide_pixels, hidden=hidden, params=params))


def _hide_pixels(
    pixels: Pixels, is_mask: bool, *, hidden: Sequence[Geometry], params: AnonymizeParams
) -> Pixels:
    if is_mask:
        return pixels
    result = pixels.copy()
    for geometry in hidden:
        _hide_one(result, geometry, params)
    return result


def _hide_one(pixels: Pixels, geometry: Geometry, params: AnonymizeParams) -> None:
    """Change the pixels of one object in place. What lies around it gives no colour to it, nor takes any."""
    height_px, width_px = pixels.shape[:2]
    area = _find_area(geometry, width_px, height_px, params)
    if area is None:
        return
    left, top, right, bottom, inside = area
    part = pixels[top:bottom, left:right]  # (h, w, 3), a view
    side_px = max(right - left, bottom - top)
    match params.how:
        case "fill":
            changed = np.full_like(part, params.fill)
        case "pixelate":
            step = max(2, round(side_px * params.strength))
            blocks = (max(1, (right - left) // step), max(1, (bottom - top) // step))
            small = cv2.resize(part, blocks, interpolation=cv2.INTER_AREA)
            changed = cv2.resize(small, (right - left, bottom - top), interpolation=cv2.INTER_NEAREST)
        case _:
            sigma = max(2.0, side_px * params.strength / 2)
            changed = cv2.GaussianBlur(part, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    part[inside] = changed.reshape(part.shape)[inside]


def _find_area(
    geometry: Geometry, width_px: int, height_px: int, params: AnonymizeParams
) -> tuple[int, int, int, int, NDArray[np.bool_]] | None:
    """Return the box around an object's pixels, and which of its pixels are the object's."""
    if params.whole_box:
        bounds = geometry.bounds
        room_x, room_y = bounds.width_px * params.padding, bounds.height_px * params.padding
        geometry = Geometry.rectangle(
            np.floor(bounds.left - room_x),
            np.floor(bounds.top - room_y),
            np.ceil(bounds.right + room_x),
            np.ceil(bounds.bottom + room_y),
        )
    inside = fill_geometry(geometry, width_px, height_px, line_width_px=max(3.0, width_px / 100))  # (H, W)
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not rows.size:
        return None
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    return left, top, right, bottom, inside[top:bottom, left:right]
