"""What all augmentations share: which items are copied, how often, under which names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import Any, Protocol

import numpy as np
from msgspec.structs import replace

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.params import param
from mlwf_tui.plugins.operations.names import check_splits, join_stem
from mlwf_tui.plugins.operations.pixels import (
    Change,
    Picture,
    apply_change,
    encode,
    find_suffix,
    read_picture,
)
from mlwf_tui.protocols.operations import Draft, PlannedItem, ResultItem, SourceItem, draw_seed

Step = Callable[[Picture, np.random.Generator], Change]
"""Draws one change, knowing the picture as the steps before have left it."""


class CopyParams(Protocol):
    """The parameters that every augmentation has."""

    @property
    def copies(self) -> int: ...
    @property
    def keep_originals(self) -> bool: ...
    @property
    def splits(self) -> tuple[str, ...]: ...


def copies_param() -> Any:
    return param(1, "changed copies of each image", low=1, high=100)


def keep_originals_param() -> Any:
    return param(True, "keep the unchanged images as well")


def splits_param() -> Any:
    return param(("train",), "splits whose images are copied; images without a split always are")


def min_visible_param() -> Any:
    return param(0.3, "share of an object that must stay visible, or it is dropped", low=0, high=1)


def plan_copies(
    items: Sequence[SourceItem], params: CopyParams, *, seed: int
) -> Iterator[PlannedItem | Draft]:
    """Yield every item and drafts of the copies of those in the chosen splits.

    Raises:
        InvalidParameter: a split that does not exist, or items of which none is in a chosen one.
    """
    splits = check_splits(params.splits) | {Split.NONE}
    names = name_copies(items, splits, params.copies)
    if items and not names:
        raise InvalidParameter(
            f"No image is in the splits {', '.join(params.splits) or 'none'}.",
            hint="Choose others with -p splits=train,val.",
        )
    for position, source in enumerate(items):
        item = source.item
        if params.keep_originals or item.split not in splits:
            yield PlannedItem(item, position)
        for copy, name in enumerate(names.get(item.key, ()), start=1):
            drawn = draw_seed(seed, item.key, copy)
            yield Draft(sources=(position,), dataset=item.dataset, name=name, seed=drawn)


def make_copy(
    draft: Draft,
    source: SourceItem,
    *,
    choose_steps: Callable[[np.random.Generator], Sequence[Step]],
    min_visible: float = 0.0,
) -> ResultItem:
    """Return an item after some steps, under its draft's name; all but pixels, size and objects stays."""
    generator = np.random.default_rng(draft.seed)
    picture = read_picture(source)
    for step in choose_steps(generator):
        change = step(picture, generator)
        picture = apply_change(picture, change, int(generator.integers(1 << 31)))
    item = replace(
        source.item,
        dataset=draft.dataset,
        name=draft.name,
        width_px=picture.width_px,
        height_px=picture.height_px,
        annotation=replace(source.item.annotation, objects=picture.write_objects(min_visible)),
    )
    return ResultItem(item=item, image=encode(picture, find_suffix(draft.name)))


Listing = Callable[[Any, np.random.Generator], Sequence[Step]]
"""Says which steps an image goes through, given the parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyOperation:
    """An operation that makes changed copies of images, each by some steps."""

    name: str
    summary: str
    params_type: type[Any]
    list_steps: Listing
    check: Callable[[Any], None] = lambda params: None
    version: int = 1
    group: str = "pixels"

    def plan(
        self, items: Sequence[SourceItem], schema: LabelSchema, params: Any, *, seed: int
    ) -> Iterator[PlannedItem | Draft]:
        """Yield the items and drafts of their changed copies.

        Raises:
            InvalidParameter: an unknown split, or parameters that do not go together.
        """
        self.check(params)
        return plan_copies(items, params, seed=seed)

    def make(self, draft: Draft, sources: Sequence[SourceItem], params: Any) -> ResultItem:
        """Return a changed copy; raises InvalidInput for an image that cannot be decoded."""
        choose_steps = partial(self.list_steps, params)
        min_visible = getattr(params, "min_visible", 0.0)  # only what moves objects has it
        return make_copy(draft, sources[0], choose_steps=choose_steps, min_visible=min_visible)

    def transform_schema(self, schema: LabelSchema, params: Any) -> LabelSchema:
        """Return the schema as it is."""
        return schema


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplacingOperation:
    """An operation that changes images in their place; those that `is_changed` refuses stay untouched."""

    name: str
    summary: str
    params_type: type[Any]
    list_steps: Listing
    is_changed: Callable[[Item, Any], bool]
    check: Callable[[LabelSchema, Any], None] = lambda schema, params: None
    version: int = 1
    group: str = "pixels"
    is_random: bool = False

    def plan(
        self, items: Sequence[SourceItem], schema: LabelSchema, params: Any, *, seed: int
    ) -> Iterator[PlannedItem | Draft]:
        """Yield each item, or a draft of what it becomes.

        Raises:
            InvalidParameter: parameters that do not go together, or a class that does not exist.
        """
        self.check(schema, params)
        names = name_resized(items, lambda item: self.is_changed(item, params))
        for position, source in enumerate(items):
            item = source.item
            if item.key not in names:
                yield PlannedItem(item, position)
                continue
            drawn = draw_seed(seed, item.key)
            yield Draft(sources=(position,), dataset=item.dataset, name=names[item.key], seed=drawn)

    def make(self, draft: Draft, sources: Sequence[SourceItem], params: Any) -> ResultItem:
        """Return the changed item; raises InvalidInput for an image that cannot be decoded."""
        choose_steps = partial(self.list_steps, params)
        min_visible = getattr(params, "min_visible", 0.0)
        return make_copy(draft, sources[0], choose_steps=choose_steps, min_visible=min_visible)

    def transform_schema(self, schema: LabelSchema, params: Any) -> LabelSchema:
        """Return the schema as it is; raises InvalidParameter for a class that it lacks."""
        self.check(schema, params)
        return schema


def name_copies(items: Sequence[SourceItem], splits: set[Split], copies: int) -> dict[str, list[str]]:
    """Return the names of the copies of each item of the splits by its key: STEM_aug1.jpg, numbers free.

    Names are given in key order, so that they do not depend on the order of the items.
    """
    taken = {source.item.key for source in items}
    copied = sorted(
        (source.item.key, source.item.dataset, source.item.name)
        for source in items
        if source.item.split in splits
    )
    names: dict[str, list[str]] = {}
    for key, dataset, original in copied:
        number = 0
        names[key] = []
        while len(names[key]) < copies:
            number += 1
            name = join_name(original, f"_aug{number}")
            if f"{dataset}/{name}" not in taken:
                taken.add(f"{dataset}/{name}")
                names[key].append(name)
    return names


def name_resized(items: Sequence[SourceItem], is_changed: Callable[[Item], bool]) -> dict[str, str]:
    """Return the names of changed items by their key: as they were, but where the suffix turns to another."""
    taken = {source.item.key for source in items}
    changed = sorted(
        (source.item.key, source.item.dataset, source.item.name)
        for source in items
        if is_changed(source.item)
    )
    names: dict[str, str] = {}
    for key, dataset, original in changed:
        name, number = join_name(original, ""), 0
        while name != original and f"{dataset}/{name}" in taken:
            number += 1
            name = join_name(original, f"_{number}")
        taken.add(f"{dataset}/{name}")
        names[key] = name
    return names


def join_name(name: str, ending: str) -> str:
    """Return the name of a changed image: its stem, shortened where need be, `ending` and its suffix."""
    return join_stem(PurePosixPath(name).stem, f"{ending}{find_suffix(name)}")
