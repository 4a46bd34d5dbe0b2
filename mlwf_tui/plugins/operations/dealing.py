"""Deals groups of items out to parts of wanted sizes, so that every class gets its share of each."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from mlwf_tui.entities.item import Item

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Group:
    """Items that stay together: their keys, and how many objects of each class they have."""

    keys: tuple[str, ...]
    class_counts: Counter[str]


def count_group(items: Sequence[Item], *, is_stratified: bool) -> Group:
    """Return items as a group; without stratification their objects do not count."""
    counts: Counter[str] = Counter()
    if is_stratified:
        for item in items:
            counts.update(labelled.class_name for labelled in item.annotation.objects)
    return Group(tuple(sorted(item.key for item in items)), counts)


def draw_rank(seed: int, key: str) -> str:
    """Return an item's place in a random order that knows nothing of the other items."""
    return hashlib.sha256(f"{seed}\n{key}".encode()).hexdigest()


@dataclass(slots=True)
class _Part(Generic[P]):
    """One part while it is filled."""

    name: P
    share: float
    size: int
    item_count: int = 0
    class_counts: Counter[str] = field(default_factory=Counter)


def deal(groups: Sequence[Group], shares: Mapping[P, float], *, seed: int) -> dict[str, P]:
    """Return the part of each item by its key; the shares add up to 1.

    Large groups are dealt first, then those with the rarest classes, and of these the ones with most
    objects. Sizes are exact where all groups have one item; else a group that fits nowhere goes where
    the most room is left.

    Source: after Sechidis et al., On the Stratification of Multi-label Data, 2011, by object counts.
    """
    sizes = round_sizes(sum(len(group.keys) for group in groups), shares)
    parts = [_Part(name, shares[name], sizes[name]) for name in shares if sizes[name]]
    totals: Counter[str] = Counter()
    for group in groups:
        totals.update(group.class_counts)

    def rank(group: Group) -> tuple[int, float, int, str]:
        luck = draw_rank(seed, group.keys[0])
        counts = group.class_counts
        rarest = min(counts, key=lambda name: (totals[name], name), default=None)
        size = -len(group.keys)
        return (size, math.inf, 0, luck) if rarest is None else (size, totals[rarest], -counts[rarest], luck)

    dealt: dict[str, P] = {}
    for group in sorted(groups, key=rank):
        part = _choose_part(parts, group, totals)
        part.item_count += len(group.keys)
        part.class_counts.update(group.class_counts)
        dealt.update(dict.fromkeys(group.keys, part.name))
    return dealt


def _choose_part(parts: Sequence[_Part[P]], group: Group, totals: Counter[str]) -> _Part[P]:
    """Return the part with room where a group brings the classes nearest to their shares.

    That is where the sum over classes of ((objects - wanted) / total)^2 / share grows least; groups
    without objects go where the largest part of the room is left.
    """

    def cost(part: _Part[P]) -> tuple[float, float]:
        growth = 0.0
        for name, count in group.class_counts.items():
            missing = part.share * totals[name] - part.class_counts[name]
            growth += count * (count - 2 * missing) / (part.share * totals[name] ** 2)
        return growth, part.item_count / part.size

    fitting = [part for part in parts if part.item_count + len(group.keys) <= part.size]
    return min(fitting, key=cost) if fitting else max(parts, key=lambda part: part.size - part.item_count)


def round_sizes(count: int, shares: Mapping[P, float]) -> dict[P, int]:
    """Return whole sizes that add up to `count`, by the largest remainder."""
    sizes = {part: int(count * share + 1e-9) for part, share in shares.items()}
    by_remainder = sorted(shares, key=lambda part: sizes[part] - count * shares[part])
    for part in by_remainder[: count - sum(sizes.values())]:
        sizes[part] += 1
    return sizes
