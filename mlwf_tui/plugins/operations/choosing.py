"""sample, deduplicate, balance: which items stay, and how often; no pixel is changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.params import param
from mlwf_tui.plugins.operations.dealing import draw_rank
from mlwf_tui.plugins.operations.grouping import NO_LOOK_ALIKES, find_look_alikes
from mlwf_tui.plugins.operations.moving import add_ending
from mlwf_tui.plugins.operations.names import check_classes, check_splits
from mlwf_tui.protocols.operations import PlannedItem, SourceItem


@dataclass(frozen=True, slots=True)
class SampleParams:
    n: int | None = param(None, "how many items to keep", low=1, unset="none")
    fraction: float | None = param(
        None, "share of the items to keep, instead of n", low=0, high=1, unset="none"
    )


class Sample:
    """A random part of the items; a larger sample with the same seed holds the smaller one."""

    name = "sample"
    summary = "keep a random part of the items"
    group = "selection"
    version = 1
    params_type: type[Any] = SampleParams

    def plan(
        self, items: Sequence[SourceItem], schema: LabelSchema, params: SampleParams, *, seed: int
    ) -> Iterator[PlannedItem]:
        """Yield the chosen items in their order.

        Raises:
            InvalidParameter: not exactly one of n and fraction, or n above the number of items.
        """
        _check_sample(params)
        count = _count(params, len(items))
        keys = sorted((source.item.key for source in items), key=lambda key: draw_rank(seed, key))
        chosen = set(keys[:count])
        for position, source in enumerate(items):
            if source.item.key in chosen:
                yield PlannedItem(source.item, position)

    def transform_schema(self, schema: LabelSchema, params: SampleParams) -> LabelSchema:
        """Return the schema as it is."""
        return schema


def _check_sample(params: SampleParams) -> None:
    if (params.n is None) == (params.fraction is None):
        raise InvalidParameter(
            "A sample needs either n or fraction.", hint="Give -p n=100 or -p fraction=0.1."
        )


def _count(params: SampleParams, item_count: int) -> int:
    if params.fraction is not None:
        return round(params.fraction * item_count)
    count = params.n or 0
    if count > item_count:
        raise InvalidParameter(
            f"There are {item_count} items, fewer than n={count}.", hint="Choose a smaller n."
        )
    return count


# --- deduplicate -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DeduplicateParams:
    how: str = param(
        "exact", "the same bytes, or images that look alike as well", choices=("exact", "look_alike")
    )
    keep: str = param(
        "first", "of each group: the first in order of keys, or the one with most objects",
        choices=("first", "most_objects"),
    )  # fmt: skip


class Deduplicate:
    """One item of each image. The kept item is one of the test split where there is one, then of val."""

    name = "deduplicate"
    summary = "keep one of items with the same image, or with images that look alike"
    group = "selection"
    version = 2
    is_random = False
    reads_pixels = True
    params_type: type[Any] = DeduplicateParams

    def plan(
        self, items: Sequence[SourceItem], schema: LabelSchema, params: DeduplicateParams, *, seed: int
    ) -> Iterator[PlannedItem]:
        """Yield the items that are kept, in their order.

        Raises:
            InvalidInput: as `find_look_alikes`, where that is asked for.
        """
        groups: dict[str, list[int]] = {}
        for position, source in enumerate(items):
            groups.setdefault(source.item.blob, []).append(position)
        found = [positions for positions in groups.values() if len(positions) > 1]
        alike = find_look_alikes(items) if params.how == "look_alike" else NO_LOOK_ALIKES
        found += alike.groups
        dropped: set[int] = set()
        for positions in found:
            left = [position for position in positions if position not in dropped]
            best = min(left, key=lambda position: _rank_copy(items[position].item, params), default=None)
            dropped.update(position for position in left if position != best)
        for position, source in enumerate(items):
            if position not in dropped:
                yield PlannedItem(source.item, position, alike.tell(position))

    def transform_schema(self, schema: LabelSchema, params: DeduplicateParams) -> LabelSchema:
        """Return the schema as it is."""
        return schema


def _rank_copy(item: Item, params: DeduplicateParams) -> tuple[int, int, str]:
    """Return how soon an item is kept: what is tested on is never given up for what is trained on."""
    order = (Split.TEST, Split.VAL, Split.TRAIN, Split.NONE).index(item.split)
    count = len(item.annotation.objects) if params.keep == "most_objects" else 0
    return order, -count, item.key


# --- balance ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BalanceParams:
    how: str = param(
        "repeat", "repeat items of rare classes, or drop items of frequent ones", choices=("repeat", "reduce")
    )
    strength: float = param(
        0.5, "1 as if all classes were equally frequent, 0 as it is; 0.5 is the square root", low=0, high=1
    )
    max_times: int = param(10, "no item is there more often than this", low=1, high=1000)
    classes: tuple[str, ...] = param((), "classes that are balanced; empty takes all")
    splits: tuple[str, ...] = param(
        ("train",), "splits whose items are touched; those without one always are"
    )


class Balance:
    """Items so often, or so few, that classes are nearer to each other in number.

    A class on f of n images, where the most frequent one is on g, asks for (g / f)^strength of each of
    its images; an image gets the largest of what its classes ask for, a fraction by chance. Reducing is
    the same against the rarest class.

    Source: after Gupta et al., LVIS, 2019 (repeat factor sampling).
    """

    name = "balance"
    summary = "repeat items of rare classes, or drop items of frequent ones"
    group = "selection"
    version = 1
    params_type: type[Any] = BalanceParams

    def plan(
        self, items: Sequence[SourceItem], schema: LabelSchema, params: BalanceParams, *, seed: int
    ) -> Iterator[PlannedItem]:
        """Yield the items, repeated ones under names of their own.

        Raises:
            InvalidParameter: a class or split that does not exist.
        """
        check_classes(schema, params.classes)
        splits = check_splits(params.splits) | {Split.NONE}
        counts: Counter[str] = Counter()
        taken: set[str] = set()
        for source in items:
            taken.add(source.item.key)
            if source.item.split in splits:
                counts.update(_list_classes(source.item, params))
        for position, source in enumerate(items):
            item = source.item
            times = _draw_times(item, counts, params, seed) if item.split in splits else 1
            for number in range(times):
                yield PlannedItem(item if not number else add_ending(item, f"_rep{number}", taken), position)

    def transform_schema(self, schema: LabelSchema, params: BalanceParams) -> LabelSchema:
        """Return the schema as it is; raises InvalidParameter for a class that it lacks."""
        check_classes(schema, params.classes)
        return schema


def _list_classes(item: Item, params: BalanceParams) -> set[str]:
    names = {labelled.class_name for labelled in item.annotation.objects}
    return names & set(params.classes) if params.classes else names


def _draw_times(item: Item, counts: Counter[str], params: BalanceParams, seed: int) -> int:
    """Return how often an item is there afterwards; one without the classes stays once."""
    names = _list_classes(item, params)
    if not names:
        return 1
    aim = max(counts.values()) if params.how == "repeat" else min(counts.values())
    asked = max(float((aim / counts[name]) ** params.strength) for name in names)
    factor = min(float(params.max_times), asked)
    luck = int(draw_rank(seed, item.key)[:13], 16) / 16**13  # 0 to 1
    return int(factor) + (luck < factor % 1)
