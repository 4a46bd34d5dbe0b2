"""What all augmentations share: which items are copied, how often, under which names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any, Protocol

import numpy as np
from msgspec.structs import replace

from mlwf_tui.entities.item import MAX_NAME_BYTES, Item, Split
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.params import param
from mlwf_tui.plugins.operations.pixels import (
    Change,
    Picture,
    apply_change,
    draw_generator,
    encode,
    find_suffix,
    read_picture,
)
from mlwf_tui.protocols import ResultItem, SourceItem

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


def make_copies(
    items: Sequence[SourceItem],
    params: CopyParams,
    *,
    seed: int,
    choose_steps: Callable[[np.random.Generator], Sequence[Step]],
    min_visible: float = 0.0,
) -> Iterator[ResultItem]:
    """Yield every item and the changed copies of those in the chosen splits.

    Raises:
        InvalidParameter: a split that does not exist, or items of which none is in a chosen one.
    """
    splits = check_splits(params.splits) | {Split.NONE}
    if items and not any(source.item.split in splits for source in items):
        raise InvalidParameter(
            f"No image is in the splits {', '.join(params.splits) or 'none'}.",
            hint="Choose others with -p splits=train,val.",
        )
    copied = [source.item for source in items if source.item.split in splits]
    names = name_copies([source.item for source in items], copied, params.copies)
    for source in items:
        is_copied = source.item.split in splits
        if params.keep_originals or not is_copied:
            yield ResultItem(item=source.item)
        for copy, name in enumerate(names[source.item.key] if is_copied else (), start=1):
            yield _make_copy(source, copy, name, min_visible, seed, choose_steps)


def change_picture(
    source: SourceItem,
    steps: Sequence[Step],
    generator: np.random.Generator,
    *,
    name: str,
    min_visible: float,
) -> ResultItem:
    """Return an item after some steps, under a name; all but pixels, size and objects stays."""
    picture = read_picture(source)
    for step in steps:
        change = step(picture, generator)
        picture = apply_change(picture, change, int(generator.integers(1 << 31)))
    image = encode(picture, find_suffix(name))
    item = replace(
        source.item,
        name=name,
        size_bytes=len(image),
        width_px=picture.width_px,
        height_px=picture.height_px,
        annotation=replace(source.item.annotation, objects=picture.write_objects(min_visible)),
    )
    return ResultItem(item=item, image=image)


def _make_copy(
    source: SourceItem,
    copy: int,
    name: str,
    min_visible: float,
    seed: int,
    choose_steps: Callable[[np.random.Generator], Sequence[Step]],
) -> ResultItem:
    generator = draw_generator(seed, source.item, copy)
    return change_picture(source, choose_steps(generator), generator, name=name, min_visible=min_visible)


def check_splits(names: Sequence[str]) -> set[Split]:
    """Return the splits of these names.

    Raises:
        InvalidParameter: one does not exist.
    """
    known = {split.value: split for split in Split}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InvalidParameter(
            f"There is no split {unknown[0]!r}.", hint=f"The splits are: {', '.join(known)}."
        )
    return {known[name] for name in names}


def name_copies(items: Sequence[Item], copied: Sequence[Item], copies: int) -> dict[str, list[str]]:
    """Return the names of the copies of each item by its key: STEM_aug1.jpg and on, numbers free.

    Names are given in key order, so that they do not depend on the order of the items.
    """
    taken = {(item.dataset, item.name) for item in items}
    names: dict[str, list[str]] = {}
    for item in sorted(copied, key=lambda item: item.key):
        number = 0
        names[item.key] = []
        while len(names[item.key]) < copies:
            number += 1
            name = join_name(item.name, f"_aug{number}")
            if (item.dataset, name) not in taken:
                taken.add((item.dataset, name))
                names[item.key].append(name)
    return names


def name_resized(items: Sequence[Item], changed: Sequence[Item]) -> dict[str, str]:
    """Return the names of changed items by their key: as they were, but where the suffix turns to JPEG."""
    taken = {(item.dataset, item.name) for item in items}
    names: dict[str, str] = {}
    for item in sorted(changed, key=lambda item: item.key):
        name, number = join_name(item.name, ""), 0
        while name != item.name and (item.dataset, name) in taken:
            number += 1
            name = join_name(item.name, f"_{number}")
        taken.add((item.dataset, name))
        names[item.key] = name
    return names


def join_name(name: str, ending: str) -> str:
    """Return the name of a changed image: its stem, shortened where need be, `ending` and its suffix."""
    tail = f"{ending}{find_suffix(name)}"
    stem = PurePosixPath(name).stem.encode()[: MAX_NAME_BYTES - len(tail.encode())]
    return f"{stem.decode(errors='ignore')}{tail}"
