"""split, split_by, kfold: deal items out to train, val and test; siblings are never parted."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from mlwf_tui.entities.annotation import LabelSchema, Tag, TagDefinition
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item, Split, is_below
from mlwf_tui.errors import InvalidInput, InvalidParameter
from mlwf_tui.params import param
from mlwf_tui.plugins.operations.dealing import Group, count_group, deal
from mlwf_tui.plugins.operations.filtering import read_item_condition
from mlwf_tui.plugins.operations.grouping import (
    GROUPINGS,
    NO_LOOK_ALIKES,
    LookAlikes,
    check_grouping,
    find_look_alikes,
    group_items,
)
from mlwf_tui.plugins.operations.names import check_datasets, check_tags
from mlwf_tui.protocols.operations import PlannedItem, SourceItem


def _group_param() -> Any:
    return param("none", "what else must stay together beside siblings", choices=GROUPINGS)


def _group_key_param() -> Any:
    return param("", "group_by=tag or custom: its name; name: what ends the common part, such as _")


def _look_alikes_param() -> Any:
    return param(False, "keep images that look alike together; decodes all of them")


@dataclass(frozen=True, slots=True)
class SplitParams:
    train: float = param(0.7, "share of the items to train on", low=0, high=1)
    val: float = param(0.2, "share of the items to validate on", low=0, high=1)
    test: float = param(0.1, "share of the items to test on", low=0, high=1)
    val_count: int | None = param(
        None, "number of items to validate on; train takes the rest", low=0, unset="none"
    )
    test_count: int | None = param(
        None, "number of items to test on; train takes the rest", low=0, unset="none"
    )
    stratified: bool = param(True, "give each split its share of every class's objects")
    overwrite: bool = param(True, "deal out items anew that have a split already")
    group_by: str = _group_param()
    group_key: str = _group_key_param()
    look_alikes: bool = _look_alikes_param()


class SplitItems:
    """Items in splits of the sizes asked for; the same items and seed give the same splits."""

    name = "split"
    summary = "deal items out to train, val and test, by share or number, stratified and grouped"
    group = "splits"
    version = 3
    reads_pixels = True
    params_type: type[Any] = SplitParams

    def plan(
        self, items: Sequence[SourceItem], schema: LabelSchema, params: SplitParams, *, seed: int
    ) -> Iterator[PlannedItem]:
        """Yield every item with its split. Without `overwrite` new siblings join those that have one.

        Raises:
            InvalidParameter: the shares do not add up to 1, or the numbers to more than there is; or as
                `check_grouping` and `group_items`.
            InvalidInput: so many items belong together that nothing is left for a split; or as
                `find_look_alikes`, with `look_alikes`.
        """
        check_grouping(params.group_by, params.group_key)
        _check_shares(params)
        alike = find_look_alikes(items) if params.look_alikes else NO_LOOK_ALIKES
        groups = group_items(items, by=params.group_by, key=params.group_key, look_alikes=alike.groups)
        splits: dict[str, Split] = {}
        dealt: list[Group] = []
        for positions in groups:
            members = [items[position].item for position in positions]
            known = [item.split for item in members if item.split is not Split.NONE]
            if params.overwrite or not known:
                dealt.append(count_group(members, is_stratified=params.stratified))
            else:  # an item with a split keeps it; one without follows its siblings
                splits.update((i.key, i.split if i.split is not Split.NONE else known[0]) for i in members)
        shares = _read_shares(params, sum(len(group.keys) for group in dealt))
        found = deal(dealt, shares, seed=seed)
        _check_dealt(dealt, shares, set(found.values()))
        splits.update(found)
        yield from _iter_split(items, splits, alike)

    def transform_schema(self, schema: LabelSchema, params: SplitParams) -> LabelSchema:
        """Return the schema as it is."""
        return schema


def _check_shares(params: SplitParams) -> None:
    whole = params.train + params.val + params.test
    is_by_share = params.val_count is None and params.test_count is None
    if is_by_share and not math.isclose(whole, 1.0, abs_tol=1e-6):
        raise InvalidParameter(
            f"train, val and test add up to {whole:g}, not to 1.",
            hint="Give all three, for example -p train=0.7 -p val=0.2 -p test=0.1.",
        )


def _read_shares(params: SplitParams, item_count: int) -> dict[Split, float]:
    if params.val_count is None and params.test_count is None:
        return {Split.TRAIN: params.train, Split.VAL: params.val, Split.TEST: params.test}
    val, test = params.val_count or 0, params.test_count or 0
    if val + test > item_count:
        raise InvalidParameter(
            f"val_count={val} and test_count={test} are more than the {item_count} items.",
            hint="Choose smaller numbers.",
        )
    whole = max(1, item_count)
    return {Split.TRAIN: (item_count - val - test) / whole, Split.VAL: val / whole, Split.TEST: test / whole}


def _check_dealt(groups: Sequence[Group], shares: Mapping[Split, float], dealt: Set[Split]) -> None:
    """Raise InvalidInput where a split is left empty because most items belong together."""
    item_count = sum(len(group.keys) for group in groups)
    empty = [
        split.value for split, share in shares.items() if round(share * item_count) and split not in dealt
    ]
    largest = max((len(group.keys) for group in groups), default=0)
    if empty and 1 < largest > item_count / 2:
        raise InvalidInput(
            f"Of {item_count:,} items {largest:,} belong together; nothing is left for {', '.join(empty)}.",
            hint="Split before mosaics and mix-ups are made, or group by something finer.",
        )


def _iter_split(
    items: Sequence[SourceItem], splits: Mapping[str, Split], alike: LookAlikes = NO_LOOK_ALIKES
) -> Iterator[PlannedItem]:
    for position, source in enumerate(items):
        split = splits.get(source.item.key, source.item.split)
        yield PlannedItem(set_split(source.item, split), position, alike.tell(position))


def set_split(item: Item, split: Split) -> Item:
    """Return the item in a split, the very same one where it is there already."""
    return item if item.split is split else replace(item, split=split)


# --- by what items say -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SplitByParams:
    by: str = param("tag", "what decides", choices=("tag", "dataset", "expression"))
    train: str = param("", "tags or datasets, with commas, or an expression: what is trained on")
    val: str = param("", "the same for validation")
    test: str = param("", "the same for testing; where an item fits several, test goes before val and train")
    rest: str = param("keep", "split of what fits none", choices=("keep", "train", "val", "test", "none"))


class SplitBy:
    """Items in the splits that their tags, datasets or a condition give them."""

    name = "split_by"
    summary = "give items a split by tag, dataset or expression"
    group = "splits"
    version = 1
    is_random = False
    params_type: type[Any] = SplitByParams

    def plan(
        self, items: Sequence[SourceItem], schema: LabelSchema, params: SplitByParams, *, seed: int
    ) -> Iterator[PlannedItem]:
        """Yield every item with its split.

        Raises:
            InvalidParameter: nothing is named, no item has a dataset or tag, or an expression does not parse.
            InvalidInput: siblings, made from the same image, would be parted.
        """
        rules = _read_rules(schema, params)
        _check_named(items, schema, params)
        splits: dict[str, Split] = {}
        by_root: dict[Digest, tuple[Split, str]] = {}
        for source in items:
            item = source.item
            split = next((split for split, fits in rules if fits(item)), None)
            if split is None:
                split = item.split if params.rest == "keep" else Split(params.rest)
            splits[item.key] = split
            for root in item.roots:
                other, key = by_root.setdefault(root, (split, item.key))
                if other is not split:
                    raise InvalidInput(
                        f"{item.key} and {key} show the same image, and would come to {split} and {other}.",
                        hint="Change the rule so that they stay together, or `deduplicate` first.",
                    )
        yield from _iter_split(items, splits)

    def transform_schema(self, schema: LabelSchema, params: SplitByParams) -> LabelSchema:
        """Return the schema as it is; raises InvalidParameter."""
        _read_rules(schema, params)
        return schema


def _read_rules(schema: LabelSchema, params: SplitByParams) -> list[tuple[Split, Callable[[Item], bool]]]:
    """Return which items each split takes, the most careful split first."""
    texts = {Split.TEST: params.test, Split.VAL: params.val, Split.TRAIN: params.train}
    given = {split: text for split, text in texts.items() if text.strip()}
    if not given:
        raise InvalidParameter(
            "No split is described.", hint=f"Give one, for example -p by={params.by} -p val=…."
        )
    return [(split, _read_rule(schema, params.by, text)) for split, text in given.items()]


def _read_rule(schema: LabelSchema, by: str, text: str) -> Callable[[Item], bool]:
    if by == "expression":
        condition = read_item_condition(text)
        condition.check_classes(schema)
        return condition.matches
    names = _read_names(text)
    if by == "tag":
        return lambda item: any(tag.name in names for tag in item.annotation.tags)
    return lambda item: any(is_below(item.dataset, name) for name in names)


def _read_names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _check_named(items: Sequence[SourceItem], schema: LabelSchema, params: SplitByParams) -> None:
    """Raise InvalidParameter where a rule names a tag or dataset that does not exist."""
    names = [name for text in (params.train, params.val, params.test) for name in _read_names(text)]
    match params.by:
        case "tag":
            check_tags(items, schema, names)
        case "dataset":
            check_datasets(items, names)


# --- k folds ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KFoldParams:
    folds: int = param(5, "into how many parts the items are dealt", low=2, high=100)
    fold: int = param(1, "the part to validate on, from 1; a series runs it from 1 to folds", low=1, high=100)
    tag: str = param("", "also note each item's part as the value of this tag; empty does not")
    stratified: bool = param(True, "give each part its share of every class's objects")
    group_by: str = _group_param()
    group_key: str = _group_key_param()
    look_alikes: bool = _look_alikes_param()


class KFold:
    """One of k ways to split: a part to validate on, the others to train on; test items stay.

    Every item is in the validation of exactly one fold of a series with the same seed.
    """

    name = "kfold"
    summary = "one fold of k-fold cross validation, stratified and grouped"
    group = "splits"
    version = 2
    reads_pixels = True
    params_type: type[Any] = KFoldParams

    def plan(
        self, items: Sequence[SourceItem], schema: LabelSchema, params: KFoldParams, *, seed: int
    ) -> Iterator[PlannedItem]:
        """Yield every item with its split.

        Raises:
            InvalidParameter: there is no such fold; or as `check_grouping` and `group_items`.
            InvalidInput: there are fewer groups of items than folds; or as `find_look_alikes`.
        """
        _check_fold(params)
        alike = find_look_alikes(items) if params.look_alikes else NO_LOOK_ALIKES
        groups = group_items(items, by=params.group_by, key=params.group_key, look_alikes=alike.groups)
        dealt: list[Group] = []
        for positions in groups:
            members = [items[position].item for position in positions]
            if not any(item.split is Split.TEST for item in members):  # siblings of test items stay out
                dealt.append(count_group(members, is_stratified=params.stratified))
        if items and len(dealt) < params.folds:
            raise InvalidInput(
                f"There are {len(dealt)} groups of items for {params.folds} folds.",
                hint="Choose fewer folds, or group less.",
            )
        shares = dict.fromkeys(range(1, params.folds + 1), 1 / params.folds)
        parts = deal(dealt, shares, seed=seed)
        for position, source in enumerate(items):
            item = _set_fold(source.item, parts.get(source.item.key), params)
            yield PlannedItem(item, position, alike.tell(position))

    def transform_schema(self, schema: LabelSchema, params: KFoldParams) -> LabelSchema:
        """Return the schema, with the tag where one is to be noted; raises InvalidParameter."""
        _check_fold(params)
        if not params.tag or params.tag in {definition.name for definition in schema.tags}:
            return schema
        return replace(schema, tags=(*schema.tags, TagDefinition(params.tag, "number", target="items")))


def _check_fold(params: KFoldParams) -> None:
    check_grouping(params.group_by, params.group_key)
    if params.fold > params.folds:
        raise InvalidParameter(
            f"There is no fold {params.fold} of {params.folds}.", hint=f"Choose one of 1–{params.folds}."
        )


def _set_fold(item: Item, part: int | None, params: KFoldParams) -> Item:
    if part is None:
        return item
    item = set_split(item, Split.VAL if part == params.fold else Split.TRAIN)
    if not params.tag:
        return item
    others = tuple(tag for tag in item.annotation.tags if tag.name != params.tag)
    return replace(item, annotation=replace(item.annotation, tags=(*others, Tag(params.tag, float(part)))))
