"""Looks at large images part by part: which tiles cover one, and what of all that was seen is kept; pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec import structs

from mlwf_tui.entities.annotation import AnnotatedObject, Bounds, Geometry

BORDER_PX = 2.0  # nearer to a border within the image, an object may go on beyond it


class Tile(NamedTuple):
    """A part of an image, in pixels; right and bottom are exclusive."""

    left: int
    top: int
    right: int
    bottom: int


class Seen(NamedTuple):
    """An object in pixels of the whole image, and whether the border of its tile may have cut it."""

    found: AnnotatedObject
    is_cut: bool


def plan_tiles(width_px: int, height_px: int, side_px: int, overlap: float) -> tuple[Tile, ...]:
    """Return tiles that cover an image, row by row; none where it is no larger than one.

    The last of a row ends with the image, so that all have the full side where the image has.
    """
    if max(width_px, height_px) <= side_px:
        return ()
    return tuple(
        Tile(left, top, min(left + side_px, width_px), min(top + side_px, height_px))
        for top in _list_starts(height_px, side_px, overlap)
        for left in _list_starts(width_px, side_px, overlap)
    )


def _list_starts(length_px: int, side_px: int, overlap: float) -> list[int]:
    if length_px <= side_px:
        return [0]
    step_px = max(1, round(side_px * (1 - overlap)))
    starts = list(range(0, length_px - side_px, step_px))
    return [*starts, length_px - side_px]


def place_seen(objects: Iterable[AnnotatedObject], tile: Tile, width_px: int, height_px: int) -> list[Seen]:
    """Return what was seen on a tile as it lies on the whole image."""
    return [
        Seen(_move(found, tile.left, tile.top), _is_cut(found.geometry.bounds, tile, width_px, height_px))
        for found in objects
    ]


def keep_best(seen: Sequence[Seen], *, iou: float, max_objects: int) -> tuple[AnnotatedObject, ...]:
    """Return each object once, best first.

    Of two of a class that cover each other the surer one is kept, but one that a border may have cut gives
    way to a whole one. They cover each other where their common part is more than `iou` of their union,
    or, since a part of an object lies within the whole, of the smaller one.
    """
    ranked = sorted(seen, key=lambda one: (one.is_cut, -(one.found.confidence or 0.0)))
    kept: list[Seen] = []
    for one in ranked:
        if not any(
            _covers(other, one, iou) for other in kept if other.found.class_name == one.found.class_name
        ):
            kept.append(one)
    best = sorted((one.found for one in kept), key=lambda found: -(found.confidence or 0.0))
    return tuple(best[:max_objects])


def _covers(kept: Seen, other: Seen, iou: float) -> bool:
    a, b = kept.found.geometry.bounds, other.found.geometry.bounds
    width = min(a.right, b.right) - max(a.left, b.left)
    height = min(a.bottom, b.bottom) - max(a.top, b.top)
    if width <= 0 or height <= 0:
        return False
    areas = a.width_px * a.height_px, b.width_px * b.height_px
    common = width * height
    whole = min(areas) if other.is_cut else sum(areas) - common
    return common > iou * whole


def _is_cut(bounds: Bounds, tile: Tile, width_px: int, height_px: int) -> bool:
    """Whether an object, in pixels of its tile, touches a border of it that is none of the image's."""
    width, height = tile.right - tile.left, tile.bottom - tile.top
    return (
        (tile.left > 0 and bounds.left < BORDER_PX)
        or (tile.top > 0 and bounds.top < BORDER_PX)
        or (tile.right < width_px and bounds.right > width - BORDER_PX)
        or (tile.bottom < height_px and bounds.bottom > height - BORDER_PX)
    )


def _move(found: AnnotatedObject, left: int, top: int) -> AnnotatedObject:
    shape = found.geometry
    moved: Geometry = structs.replace(
        shape,
        points=tuple((x + left, y + top) for x, y in shape.points),
        holes=tuple(tuple((x + left, y + top) for x, y in hole) for hole in shape.holes),
    )
    return structs.replace(found, geometry=moved)
