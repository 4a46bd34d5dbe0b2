"""split: deal items out to train, val and test so that every class gets its share of each."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.params import param
from mlwf_tui.protocols import PlannedItem, SourceItem


@dataclass(frozen=True, slots=True)
class SplitParams:
    train: float = param(0.7, "share of the items to train on", low=0, high=1)
    val: float = param(0.2, "share of the items to validate on", low=0, high=1)
    test: float = param(0.1, "share of the items to test on", low=0, high=1)
    stratified: bool = param(True, "give each split its share of every class's objects")
    overwrite: bool = param(True, "deal out items anew that have a split already")


class SplitItems:
    """Items in splits of the exact sizes asked for; the same items and seed give the same splits."""

    name = "split"
    summary = "deal items out to train, val and test"
    group = "splits"
    version = 1
    params_type: type[Any] = SplitParams

    def plan(
        self, items: Sequence[SourceItem], schema: LabelSchema, params: SplitParams, *, seed: int
    ) -> Iterator[PlannedItem]:
        """Yield every item with its split.

        Raises:
            InvalidParameter: the shares do not add up to 1.
        """
        shares = {Split.TRAIN: params.train, Split.VAL: params.val, Split.TEST: params.test}
        if not math.isclose(sum(shares.values()), 1.0, abs_tol=1e-6):
            raise InvalidParameter(
                f"train, val and test add up to {sum(shares.values()):g}, not to 1.",
                hint="Give all three, for example -p train=0.7 -p val=0.2 -p test=0.1.",
            )
        dealt = [s.item for s in items if params.overwrite or s.item.split is Split.NONE]
        splits = deal(dealt, shares, seed=seed, is_stratified=params.stratified)
        for position, source in enumerate(items):
            split = splits.get(source.item.key, source.item.split)
            yield PlannedItem(replace(source.item, split=split), position)

    def transform_schema(self, schema: LabelSchema, params: SplitParams) -> LabelSchema:
        """Return the schema as it is."""
        return schema


@dataclass(slots=True)
class _Part:
    """One split while it is filled."""

    split: Split
    share: float
    size: int
    item_count: int = 0
    class_counts: Counter[str] = field(default_factory=Counter)


def deal(
    items: Sequence[Item], shares: Mapping[Split, float], *, seed: int, is_stratified: bool
) -> dict[str, Split]:
    """Return a split for each item's key.

    Items with the rarest classes are dealt first, and of these the ones with most objects; sizes are
    exact, so what is left over at the end goes where there is room.

    Source: after Sechidis et al., On the Stratification of Multi-label Data, 2011, by object counts.
    """
    sizes = _round_sizes(len(items), shares)
    parts = [_Part(split, shares[split], sizes[split]) for split in shares if sizes[split]]
    counts = {item.key: _count_classes(item) if is_stratified else Counter() for item in items}
    totals: Counter[str] = Counter()
    for count in counts.values():
        totals.update(count)

    def rank(item: Item) -> tuple[float, int, str]:
        luck = hashlib.sha256(f"{seed}\n{item.key}".encode()).hexdigest()
        count = counts[item.key]
        rarest = min(count, key=lambda name: (totals[name], name), default=None)
        return (math.inf, 0, luck) if rarest is None else (totals[rarest], -count[rarest], luck)

    splits: dict[str, Split] = {}
    for item in sorted(items, key=rank):
        part = _choose_part(parts, counts[item.key], totals)
        part.item_count += 1
        part.class_counts.update(counts[item.key])
        splits[item.key] = part.split
    return splits


def _count_classes(item: Item) -> Counter[str]:
    return Counter(labelled.class_name for labelled in item.annotation.objects)


def _choose_part(parts: Sequence[_Part], counts: Counter[str], totals: Counter[str]) -> _Part:
    """Return the part with room where an item brings the classes nearest to their shares.

    That is where the sum over classes of ((objects - wanted) / total)^2 / share grows least; items
    without objects go where the largest part of the room is left.
    """

    def cost(part: _Part) -> tuple[float, float]:
        growth = 0.0
        for name, count in counts.items():
            missing = part.share * totals[name] - part.class_counts[name]
            growth += count * (count - 2 * missing) / (part.share * totals[name] ** 2)
        return growth, part.item_count / part.size

    return min((part for part in parts if part.item_count < part.size), key=cost)


def _round_sizes(count: int, shares: Mapping[Split, float]) -> dict[Split, int]:
    """Return whole sizes that add up to `count`, by the largest remainder."""
    sizes = {split: int(count * share + 1e-9) for split, share in shares.items()}
    by_remainder = sorted(shares, key=lambda split: sizes[split] - count * shares[split])
    for split in by_remainder[: count - sum(sizes.values())]:
        sizes[split] += 1
    return sizes
