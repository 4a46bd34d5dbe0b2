"""Which items belong together, so that no split parts them: siblings, groups, and look-alikes."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlwf_tui.entities.item import Item
from mlwf_tui.entities.names import suggest_name
from mlwf_tui.errors import InvalidInput, InvalidParameter
from mlwf_tui.media.duplicates import HASH_BYTES, find_similar
from mlwf_tui.media.fingerprints import FINGERPRINT_BYTES, make_fingerprint
from mlwf_tui.protocols.operations import SourceItem

GROUPINGS: Final = ("none", "dataset", "tag", "custom", "name")
_KEY_EXAMPLES: Final = {"tag": "patient", "custom": "patient", "name": "_"}  # of the ways that need a key


class LookAlikes(NamedTuple):
    """Groups of positions of images that look alike; what is wrong with those that cannot be decoded."""

    groups: list[list[int]]
    faults: Mapping[int, str]  # in words, after the image's name

    def tell(self, position: int) -> str:
        """Return what is to be said of an image that could not be compared, "" of another one."""
        fault = self.faults.get(position)
        return f"The image {fault}, so that nobody can say what it looks like; it was kept." if fault else ""


NO_LOOK_ALIKES: Final = LookAlikes([], {})


def check_grouping(by: str, key: str) -> None:
    """Raise InvalidParameter where a way of grouping lacks its key, or is given one that it cannot use."""
    needs_key = by in _KEY_EXAMPLES
    if needs_key and not key:
        raise InvalidParameter(
            f"group_by={by} needs a group_key.", hint=f"Give it: -p group_key={_KEY_EXAMPLES[by]}."
        )
    if key and not needs_key:
        raise InvalidParameter(
            f"group_by={by} has no use for a group_key.",
            hint=f"Say what it is of: -p group_by={', '.join(_KEY_EXAMPLES)}.",
        )


def group_items(
    items: Sequence[SourceItem],
    *,
    by: str = "none",
    key: str = "",
    look_alikes: Iterable[Sequence[int]] = (),
) -> list[list[int]]:
    """Return the positions of the items, those that belong together in one list, each in order.

    Siblings, made from the same imported image, always do. `by` a dataset, the value of the tag or of
    the custom value `key`, or the name up to the last `key` in it. `look_alikes` are positions that
    belong together as well.

    Raises:
        InvalidParameter: the key stands on no item, so that nothing would be grouped by it.
    """
    _check_key(items, by, key)
    parents = list(range(len(items)))
    first: dict[Hashable, int] = {}
    for position, source in enumerate(items):
        for mark in _iter_marks(source.item, by, key):
            _unite(parents, first.setdefault(mark, position), position)
    for alike in look_alikes:
        for position in alike[1:]:
            _unite(parents, alike[0], position)
    groups: dict[int, list[int]] = {}
    for position in range(len(items)):
        groups.setdefault(_find_root(parents, position), []).append(position)
    return list(groups.values())


def find_look_alikes(items: Sequence[SourceItem]) -> LookAlikes:
    """Decode all images, and return which of them look alike.

    One that cannot be decoded is like none, and is told.

    Raises:
        InvalidInput: no image can be decoded, or too many nearly look alike to compare each with each.
    """
    prints, places, faults = _read_fingerprints(items)
    if items and not places:
        first = items[0].item.key
        raise InvalidInput(
            f"None of {len(items):,} images can be used; the first, {first}, {faults[0]}.",
            hint="Do without look-alikes.",
        )
    hashes, greys = prints[:, :HASH_BYTES], prints[:, HASH_BYTES:]
    found = find_similar(np.ascontiguousarray(hashes), np.ascontiguousarray(greys))
    if found.cut_count:
        raise InvalidInput(
            f"{found.cut_count:,} images nearly look like too many others to be compared with all of them.",
            hint="Do without look-alikes, or part the items first with `filter`.",
        )
    return LookAlikes([[places[place] for place in group] for group in found.groups], faults)


def _read_fingerprints(items: Sequence[SourceItem]) -> tuple[NDArray[np.uint8], list[int], dict[int, str]]:
    """Return fingerprints (N, 80), the positions they are of, and what is wrong with the other images."""
    prints: list[bytes] = []
    places: list[int] = []
    faults: dict[int, str] = {}
    for position, source in enumerate(items):
        try:
            prints.append(make_fingerprint(source.read_image()))
            places.append(position)
        except InvalidInput as error:
            faults[position] = error.message
    return np.frombuffer(b"".join(prints), np.uint8).reshape(-1, FINGERPRINT_BYTES), places, faults


def _check_key(items: Sequence[SourceItem], by: str, key: str) -> None:
    """Raise InvalidParameter where no item has the tag, the custom value, or the key in its name."""
    if not items:
        return
    match by:
        case "tag":
            what, known = "tag", {tag.name for source in items for tag in source.item.annotation.tags}
        case "custom":
            what, known = "custom value", {name for source in items for name in source.item.annotation.custom}
        case "name" if not any(key in PurePosixPath(source.item.name).stem for source in items):
            raise InvalidParameter(
                f"No item's name has {key!r} in it.", hint="Give what ends the common part: -p group_key=_."
            )
        case _:
            return
    if key not in known:
        raise InvalidParameter(f"No item has the {what} {key!r}.", hint=suggest_name(key, sorted(known)))


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
