"""mosaic and mixup: images made of several, with the objects of all; only items of one split are mixed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from msgspec.structs import replace

from mlwf_tui.entities.annotation import LabelSchema, Tag
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.errors import InvalidInput
from mlwf_tui.params import param
from mlwf_tui.plugins.operations.copies import (
    CopyParams,
    copies_param,
    keep_originals_param,
    min_visible_param,
    plan_copies,
    splits_param,
)
from mlwf_tui.plugins.operations.framing import cover
from mlwf_tui.plugins.operations.names import check_splits
from mlwf_tui.plugins.operations.pixels import FILL, Picture, encode, find_suffix, read_picture
from mlwf_tui.plugins.operations.ranges import check_range
from mlwf_tui.plugins.operations.shapes import Shape, move_shape
from mlwf_tui.protocols.operations import Draft, PlannedItem, ResultItem, SourceItem


@dataclass(frozen=True, slots=True)
class MosaicParams:
    size_px: int = param(640, "side of the square result", low=16, high=8192)
    spread: float = param(0.2, "how far the crossing may lie from the middle, as a share", low=0, high=0.4)
    copies: int = copies_param()
    keep_originals: bool = keep_originals_param()
    splits: tuple[str, ...] = splits_param()
    min_visible: float = min_visible_param()


class Mosaic:
    """Squares of four images, each cut to its quarter."""

    name = "mosaic"
    summary = "put four images together into one"
    group = "pixels"
    version = 3
    params_type: type[Any] = MosaicParams

    def plan(
        self, items: Sequence[SourceItem], schema: LabelSchema, params: MosaicParams, *, seed: int
    ) -> Iterator[PlannedItem | Draft]:
        """Yield the items and drafts of mosaics, each around one of them.

        Raises:
            InvalidParameter: an unknown split.
            InvalidInput: no split has two items.
        """
        return _plan_mixed(items, params, seed=seed, others=3)

    def make(self, draft: Draft, sources: Sequence[SourceItem], params: MosaicParams) -> ResultItem:
        """Return a mosaic; raises InvalidInput for an image that cannot be decoded."""
        generator = np.random.default_rng(draft.seed)
        side = params.size_px
        across, down = (round(side * float(generator.uniform(0.5 - params.spread, 0.5 + params.spread)))
                        for _ in range(2))  # fmt: skip
        pixels = np.full((side, side, 3), FILL, np.uint8)  # (H, W, 3)
        shapes: list[Shape] = []
        corners = ((0, 0), (across, 0), (0, down), (across, down))
        sizes = ((across, down), (side - across, down), (across, side - down), (side - across, side - down))
        for source, (left, top), (width_px, height_px) in zip(sources, corners, sizes, strict=True):
            part = cover(read_picture(source), (width_px, height_px))
            pixels[top : top + height_px, left : left + width_px] = part.pixels
            shapes += [_place(shape, left, top, side) for shape in part.shapes]
        return _write(draft, sources, Picture(pixels, tuple(shapes)), params.min_visible)

    def transform_schema(self, schema: LabelSchema, params: MosaicParams) -> LabelSchema:
        """Return the schema as it is."""
        return schema


@dataclass(frozen=True, slots=True)
class MixUpParams:
    low: float = param(0.4, "least weight of an image beside the other one", low=0.05, high=0.95)
    high: float = param(0.6, "largest weight of it", low=0.05, high=0.95)
    copies: int = copies_param()
    keep_originals: bool = keep_originals_param()
    splits: tuple[str, ...] = splits_param()
    min_visible: float = min_visible_param()


class MixUp:
    """Two images laid over each other; the second is scaled and cut to the first one's size.

    Source: Zhang et al., mixup: Beyond Empirical Risk Minimization, 2018.
    """

    name = "mixup"
    summary = "lay two images over each other"
    group = "pixels"
    version = 3
    params_type: type[Any] = MixUpParams

    def plan(
        self, items: Sequence[SourceItem], schema: LabelSchema, params: MixUpParams, *, seed: int
    ) -> Iterator[PlannedItem | Draft]:
        """Yield the items and drafts of their mixtures.

        Raises:
            InvalidParameter: an unknown split, or the least weight is above the largest.
            InvalidInput: no split has two items.
        """
        check_range(params, "low", "high")
        return _plan_mixed(items, params, seed=seed, others=1)

    def make(self, draft: Draft, sources: Sequence[SourceItem], params: MixUpParams) -> ResultItem:
        """Return a mixture; raises InvalidInput for an image that cannot be decoded."""
        weight = float(np.random.default_rng(draft.seed).uniform(params.low, params.high))
        first, second = read_picture(sources[0]), read_picture(sources[1])
        second = cover(second, (first.width_px, first.height_px))
        mixed = first.pixels * weight + second.pixels * (1 - weight)  # (H, W, 3) float64
        picture = Picture(np.rint(mixed).astype(np.uint8), (*first.shapes, *second.shapes))
        return _write(draft, sources, picture, params.min_visible)

    def transform_schema(self, schema: LabelSchema, params: MixUpParams) -> LabelSchema:
        """Return the schema as it is."""
        return schema


def _plan_mixed(
    items: Sequence[SourceItem], params: CopyParams, *, seed: int, others: int
) -> Iterator[PlannedItem | Draft]:
    """Yield what `plan_copies` does, the drafts with some other items of the same split beside them.

    An item that is alone in its split is not mixed.
    """
    wanted = check_splits(params.splits) | {Split.NONE}
    by_split: dict[Split, list[tuple[str, int]]] = {}
    splits: list[Split] = []
    for position, source in enumerate(items):
        by_split.setdefault(source.item.split, []).append((source.item.key, position))
        splits.append(source.item.split)
    candidates = {split: [position for _, position in sorted(of_one)] for split, of_one in by_split.items()}
    places = {position: place for of_one in candidates.values() for place, position in enumerate(of_one)}
    if splits and not any(len(candidates.get(split, ())) > 1 for split in wanted):
        raise InvalidInput(
            "No chosen split has two images, so that none can be mixed.",
            hint="Choose others with -p splits=…, or mix before splitting.",
        )
    for planned in plan_copies(items, params, seed=seed):
        if isinstance(planned, PlannedItem):
            yield planned
            continue
        (own,) = planned.sources
        of_split = candidates[splits[own]]
        if len(of_split) < 2:
            continue
        yield replace(planned, sources=(own, *_draw_others(of_split, places[own], others, planned.seed)))


def _draw_others(candidates: Sequence[int], own: int, count: int, seed: int) -> tuple[int, ...]:
    """Draw positions but the one at place `own`, each once where there are enough of them."""
    generator = np.random.default_rng((seed, 1))
    places: list[int] = []
    while len(places) < count:
        place = int(generator.integers(len(candidates)))
        is_new = place not in places or len(candidates) - 1 < count
        if place != own and is_new:
            places.append(place)
    return tuple(candidates[place] for place in places)


def _place(shape: Shape, left: int, top: int, side: int) -> Shape:
    """Return a shape of a part on the whole; it was cut to its part before."""
    mask = None
    if shape.mask is not None:
        mask = np.zeros((side, side), np.uint8)  # (H, W)
        mask[top : top + shape.mask.shape[0], left : left + shape.mask.shape[1]] = shape.mask
    return move_shape(shape, np.array(((1.0, 0, left), (0, 1, top))), mask)


def _write(draft: Draft, sources: Sequence[SourceItem], picture: Picture, min_visible: float) -> ResultItem:
    """Return the result with the objects and tags of all; whatever else is known is of the first."""
    first: Item = sources[0].item
    tags: dict[str, Tag] = {}
    for source in sources:
        for tag in source.item.annotation.tags:
            tags.setdefault(tag.name, tag)
    annotation = replace(
        first.annotation, objects=picture.write_objects(min_visible), tags=tuple(tags.values())
    )
    item = replace(
        first,
        dataset=draft.dataset,
        name=draft.name,
        width_px=picture.width_px,
        height_px=picture.height_px,
        annotation=annotation,
    )
    return ResultItem(item=item, image=encode(picture, find_suffix(draft.name)))
