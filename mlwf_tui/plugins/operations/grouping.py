"""Which items belong together, so that no split parts them: siblings, groups, and look-alikes."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mlwf_tui.entities.item import Item
from mlwf_tui.errors import InvalidInput
from mlwf_tui.media.duplicates import HASH_BYTES, find_similar
from mlwf_tui.media.fingerprints import FINGERPRINT_BYTES, make_fingerprint
from mlwf_tui.protocols.operations import SourceItem

GROUPINGS: Final = ("none", "dataset", "tag", "custom", "name")


def group_items(
    items: Sequence[SourceItem], *, by: str = "none", key: str = "", look_alikes: bool = False
) -> list[list[int]]:
    """Return the positions of the items, those that belong together in one list, each in order.

    Siblings, made from the same imported image, always do. `by` a dataset, the value of the tag or of
    the custom value `key`, or the name up to the last `key` in it. `look_alikes` decodes all images.

    Raises:
        InvalidInput: of `look_alikes`, as `find_look_alikes`.
    """
    parents = list(range(len(items)))
    first: dict[Hashable, int] = {}
    for position, source in enumerate(items):
        for mark in _iter_marks(source.item, by, key):
            _unite(parents, first.setdefault(mark, position), position)
    for alike in find_look_alikes(items) if look_alikes else ():
        for position in alike[1:]:
            _unite(parents, alike[0], position)
    groups: dict[int, list[int]] = {}
    for position in range(len(items)):
        groups.setdefault(_find_root(parents, position), []).append(position)
    return list(groups.values())


def find_look_alikes(items: Sequence[SourceItem]) -> list[list[int]]:
    """Return the positions of images that look alike, group by group.

    Raises:
        InvalidInput: images cannot be decoded, or too many nearly look alike to compare each with each.
    """
    if not items:
        return []
    prints = _read_fingerprints(items)
    hashes, greys = prints[:, :HASH_BYTES], prints[:, HASH_BYTES:]
    found = find_similar(np.ascontiguousarray(hashes), np.ascontiguousarray(greys))
    if found.cut_count:
        raise InvalidInput(
            f"{found.cut_count:,} images nearly look like too many others to be compared with all of them.",
            hint="Do without look-alikes, or part the items first with `filter`.",
        )
    return found.groups


def _read_fingerprints(items: Sequence[SourceItem]) -> NDArray[np.uint8]:
    """Return a fingerprint for each item, (N, 80); an image without one could be like any other."""
    prints: list[bytes] = []
    faults: list[str] = []
    for source in items:
        try:
            prints.append(make_fingerprint(source.read_image()))
        except InvalidInput as error:
            faults.append(f"{source.item.key} ({error.message})")
    if faults:
        more = f"; so it is with {len(faults) - 1:,} more images" if len(faults) > 1 else ""
        raise InvalidInput(
            f"What {faults[0]} looks like cannot be said{more}.",
            hint="Leave such images out with `filter`, or do without look-alikes.",
        )
    return np.frombuffer(b"".join(prints), np.uint8).reshape(len(prints), FINGERPRINT_BYTES)


def _iter_marks(item: Item, by: str, key: str) -> Iterator[Hashable]:
    """Yield what an item shares with all that it belongs to."""
    for root in item.roots:
        yield ("root", root)
    match by:
        case "dataset":
            yield ("dataset", item.dataset)
        case "tag":
            for tag in item.annotation.tags:
                if tag.name == key:
                    yield ("tag", tag.value)
        case "custom" if key in item.annotation.custom:
            yield ("custom", item.annotation.custom[key])
        case "name":
            stem = PurePosixPath(item.name).stem
            yield ("name", item.dataset, stem.rpartition(key)[0] or stem)


def _unite(parents: list[int], one: int, other: int) -> None:
    first, second = _find_root(parents, one), _find_root(parents, other)
    parents[max(first, second)] = min(first, second)


def _find_root(parents: list[int], place: int) -> int:
    while parents[place] != place:
        parents[place] = parents[parents[place]]
        place = parents[place]
    return place
