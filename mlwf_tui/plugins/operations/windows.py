"""crop_objects and tiles: several images in place of each one, by its objects or in a grid."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from msgspec.structs import replace

from mlwf_tui.entities.annotation import Bounds, LabelSchema
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.keypoints import find_extent
from mlwf_tui.params import param
from mlwf_tui.plugins.operations.copies import join_name, make_copy, min_visible_param
from mlwf_tui.plugins.operations.framing import cut_window
from mlwf_tui.plugins.operations.names import check_classes
from mlwf_tui.plugins.operations.pixels import Change, Picture, find_suffix
from mlwf_tui.protocols.operations import Draft, PlannedItem, ResultItem, SourceItem, draw_seed

Window = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels; inside of its image."""


@dataclass(frozen=True, slots=True)
class CropObjectsParams:
    classes: tuple[str, ...] = param((), "classes whose objects are cut out; empty takes all")
    padding: float = param(0.1, "room around an object on each side, as a share of its size", low=0, high=10)
    square: bool = param(False, "make windows square where the image has the room")
    min_px: int = param(8, "shortest side of an object that is cut out", low=1, high=16384)
    only_object: bool = param(False, "leave out the other objects that show in the window")
    min_visible: float = min_visible_param()


class CropObjects:
    """An image of its own for every object; its split stays that of the image it was on."""

    name = "crop_objects"
    summary = "cut every object out as an image of its own"
    group = "pixels"
    version = 3
    is_random = False
    params_type: type[Any] = CropObjectsParams

    def plan(
        self, items: Sequence[SourceItem], schema: LabelSchema, params: CropObjectsParams, *, seed: int
    ) -> Iterator[Draft]:
        """Yield a draft for each object; raises InvalidParameter for a class that does not exist."""
        check_classes(schema, params.classes)
        taken = {source.item.key for source in items}
        for position, source in enumerate(items):
            for at, labelled in enumerate(source.item.annotation.objects):
                if params.classes and labelled.class_name not in params.classes:
                    continue
                window = _find_window(find_extent(labelled), source.item, params)
                if window is not None:
                    ending = f"_{at + 1}"
                    yield _draft(source.item, position, seed, at, ending, [*window, at], taken)

    def make(self, draft: Draft, sources: Sequence[SourceItem], params: CropObjectsParams) -> ResultItem:
        """Return the window; raises InvalidInput for an image that cannot be decoded."""
        *window, at = draft.arguments
        (source,) = sources
        if params.only_object:
            objects = (source.item.annotation.objects[at],)
            annotation = replace(source.item.annotation, objects=objects)
            source = replace(source, item=replace(source.item, annotation=annotation))
        return _cut(draft, source, window, params.min_visible)

    def transform_schema(self, schema: LabelSchema, params: CropObjectsParams) -> LabelSchema:
        """Return the schema as it is; raises InvalidParameter for a class that it lacks."""
        check_classes(schema, params.classes)
        return schema


@dataclass(frozen=True, slots=True)
class TilesParams:
    width_px: int = param(640, "width of a tile", low=16, high=16384)
    height_px: int = param(640, "height of a tile", low=16, high=16384)
    overlap: float = param(0.2, "least part of a tile that its neighbour shows too", low=0, high=0.95)
    keep_empty: bool = param(True, "keep tiles without objects")
    min_visible: float = min_visible_param()


class Tiles:
    """Windows that slide over each image; the last of a row and column stands at the border."""

    name = "tiles"
    summary = "cut images into overlapping tiles by a sliding window"
    group = "pixels"
    version = 3
    is_random = False
    params_type: type[Any] = TilesParams

    def plan(
        self, items: Sequence[SourceItem], schema: LabelSchema, params: TilesParams, *, seed: int
    ) -> Iterator[PlannedItem | Draft]:
        """Yield a draft for each tile; images that are one tile stay as they are."""
        taken = {source.item.key for source in items}
        for position, source in enumerate(items):
            item = source.item
            windows = list(_iter_windows(item, params))
            if len(windows) == 1:
                if params.keep_empty or item.annotation.objects:
                    yield PlannedItem(item, position)
                continue
            for at, window in enumerate(windows):
                ending = f"_x{window[0]}_y{window[1]}"
                yield _draft(item, position, seed, at, ending, list(window), taken)

    def make(self, draft: Draft, sources: Sequence[SourceItem], params: TilesParams) -> ResultItem | None:
        """Return the tile, None where it is empty and not to be kept.

        Raises:
            InvalidInput: the image cannot be decoded.
        """
        source = sources[0]
        if not params.keep_empty and not _may_show(source.item, draft.arguments):
            return None
        tile = _cut(draft, source, draft.arguments, params.min_visible)
        return tile if params.keep_empty or tile.item.annotation.objects else None

    def transform_schema(self, schema: LabelSchema, params: TilesParams) -> LabelSchema:
        """Return the schema as it is."""
        return schema


def _find_window(bounds: Bounds, item: Item, params: CropObjectsParams) -> Window | None:
    """Return the window around an object, None where that is too small or beside the image."""
    across, down = bounds.width_px, bounds.height_px
    if min(across, down) < params.min_px:
        return None
    room_x, room_y = across * params.padding, down * params.padding
    if params.square:
        side = max(across + 2 * room_x, down + 2 * room_y)
        room_x, room_y = (side - across) / 2, (side - down) / 2
    left, top = max(0, math.floor(bounds.left - room_x)), max(0, math.floor(bounds.top - room_y))
    right = min(item.width_px, math.ceil(bounds.right + room_x))
    bottom = min(item.height_px, math.ceil(bounds.bottom + room_y))
    return (left, top, right, bottom) if left < right and top < bottom else None


def _iter_windows(item: Item, params: TilesParams) -> Iterator[Window]:
    for top in _list_starts(item.height_px, params.height_px, params.overlap):
        for left in _list_starts(item.width_px, params.width_px, params.overlap):
            right, bottom = left + params.width_px, top + params.height_px
            yield left, top, min(right, item.width_px), min(bottom, item.height_px)


def _list_starts(length_px: int, window_px: int, overlap: float) -> list[int]:
    """Return where windows begin, evenly, so that the first and the last reach the borders."""
    rest = length_px - window_px
    if rest <= 0:
        return [0]
    step = max(1, math.floor(window_px * (1 - overlap)))
    count = math.ceil(rest / step)
    return [round(rest * at / count) for at in range(count + 1)]


def _draft(
    item: Item, position: int, seed: int, at: int, ending: str, arguments: list[int], taken: set[str]
) -> Draft:
    """Return the draft of a window under a name that is free, whatever the order of the items."""
    suffix = PurePosixPath(item.name).suffix
    if find_suffix(item.name) != suffix:  # a.bmp beside a.jpg: their windows must not compete for a name
        ending = f"_{suffix[1:]}{ending}"
    name, number = join_name(item.name, ending), 0
    while f"{item.dataset}/{name}" in taken:
        number += 1
        name = join_name(item.name, f"{ending}_{number}")
    taken.add(f"{item.dataset}/{name}")
    drawn = draw_seed(seed, item.key, at)
    return Draft(sources=(position,), dataset=item.dataset, name=name, seed=drawn, arguments=arguments)


def _may_show(item: Item, window: Sequence[int]) -> bool:
    """Say whether the box around some object meets the window; saves decoding an image for nothing."""
    left, top, right, bottom = window
    return any(
        b.left < right and b.right > left and b.top < bottom and b.bottom > top
        for b in (find_extent(labelled) for labelled in item.annotation.objects)
    )


def _cut(draft: Draft, source: SourceItem, window: Sequence[int], min_visible: float) -> ResultItem:
    left, top, right, bottom = window

    def step(picture: Picture, _: Any) -> Change:
        return cut_window(left, top, (right - left, bottom - top))

    return make_copy(draft, source, choose_steps=lambda _: (step,), min_visible=min_visible)
