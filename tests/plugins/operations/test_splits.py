"""Splits: sizes and shares are kept, and what belongs together is never parted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mlwf_tui.entities.annotation import Tag
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item, Origin, Split
from mlwf_tui.errors import InvalidInput, InvalidParameter
from mlwf_tui.plugins.operations.dealing import Group, deal
from mlwf_tui.protocols.operations import SourceItem
from tests.operating import follow
from tests.plugins.operations.drawing import make_alike, make_plain


def apply(name: str, items: Sequence[SourceItem], *, seed: int = 0, **params: Any) -> list[Item]:
    return [made.item for made in follow(name, items, seed=seed, **params)]


def get_splits(items: Sequence[Item]) -> dict[str, Split]:
    return {item.name: item.split for item in items}


families = st.lists(st.integers(1, 4), min_size=2, max_size=30)


@settings(deadline=None, max_examples=60)
@given(families, st.integers(0, 99))
def test_siblings_are_never_parted(sizes: list[int], seed: int) -> None:
    items = [
        make_plain(f"{family}_{number}.jpg", "cat", root=f"r{family}")
        for family, size in enumerate(sizes)
        for number in range(size)
    ]
    for name, params in {"split": {}, "kfold": {"folds": 2}}.items():
        if len(sizes) < (2 if name == "kfold" else 12):
            continue  # too few families to fill every part
        splits: dict[str, set[Split]] = {}
        for item in apply(name, items, seed=seed, **params):
            splits.setdefault(item.roots[0], set()).add(item.split)
        assert all(len(found) == 1 for found in splits.values())


def test_a_split_that_togetherness_leaves_empty_is_refused() -> None:
    family = [make_plain(f"{number}.jpg", root="r") for number in range(10)]
    with pytest.raises(InvalidInput, match="Of 10 items 10 belong together; nothing is left for val, test"):
        apply("split", family)
    assert set(get_splits(apply("split", family, train=1, val=0, test=0)).values()) == {Split.TRAIN}
    few = [make_plain("a.jpg"), make_plain("b.jpg")]  # of which a fifth is none
    assert set(get_splits(apply("split", few, train=0.8, val=0.2, test=0)).values()) == {Split.TRAIN}


def test_a_mosaic_keeps_all_that_it_shows_together() -> None:
    mosaic = make_plain("m.jpg", root="r1")
    origins = (*mosaic.item.origins, Origin(Digest("r2"), "main/r2", Digest("m")))
    mosaic = SourceItem(replace(mosaic.item, origins=origins), mosaic.read_image)
    items = [make_plain("r1"), make_plain("r2"), mosaic, *(make_plain(f"{n}.jpg") for n in range(40))]
    for seed in range(10):
        splits = get_splits(apply("split", items, seed=seed, train=0.4, val=0.3, test=0.3))
        assert splits["r1"] is splits["r2"] is splits["m.jpg"]


@pytest.mark.parametrize(
    ("by", "key"), [("dataset", ""), ("tag", "patient"), ("custom", "camera"), ("name", "_")]
)
def test_groups_are_never_parted(by: str, key: str) -> None:
    items = [
        make_plain(
            f"seq{n % 7}_{n:03}.jpg", "cat", dataset=f"d{n % 7}" if by == "dataset" else "main",
            tags=(Tag("patient", f"p{n % 7}"),), custom={"camera": n % 7},
        )
        for n in range(70)
    ]  # fmt: skip
    for seed in range(5):
        made = apply("split", items, seed=seed, group_by=by, group_key=key, train=0.6, val=0.2, test=0.2)
        splits: dict[str, set[Split]] = {}
        for item in made:
            splits.setdefault(item.name[:4], set()).add(item.split)
        assert all(len(found) == 1 for found in splits.values())
        assert len({item.split for item in made}) == 3


def test_look_alikes_are_never_parted() -> None:
    items = [make_alike(n, f"{n}_{quality}.jpg", quality) for n in range(12) for quality in (95, 40)]
    parted = 0
    for seed in range(3):
        splits = get_splits(apply("split", items, seed=seed, train=0.5, val=0.5, test=0, look_alikes=True))
        assert all(splits[f"{n}_95.jpg"] is splits[f"{n}_40.jpg"] for n in range(12))
        splits = get_splits(apply("split", items, seed=seed, train=0.5, val=0.5, test=0))
        parted += sum(splits[f"{n}_95.jpg"] is not splits[f"{n}_40.jpg"] for n in range(12))
    assert parted > 0


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("split", {"look_alikes": True}),
        ("kfold", {"look_alikes": True}),
        ("deduplicate", {"how": "look_alike"}),
    ],
)
def test_an_image_that_nobody_can_compare_is_kept_and_told(name: str, params: dict[str, Any]) -> None:
    def make_torn(number: int, name: str) -> SourceItem:
        whole = make_alike(number, name, 95)
        return SourceItem(whole.item, lambda: whole.read_image()[:200])

    sound = [make_alike(n, f"{n}.jpg", 95) for n in range(2, 12)]
    items = [*sound, make_torn(0, "torn.jpg"), make_torn(1, "other.jpg")]
    made = follow(name, items, **params)
    assert {one.item.name for one in made if one.problem} == {"torn.jpg", "other.jpg"}
    assert len(made) == len(items), "what cannot be compared is kept"
    assert all("so that nobody can say what it looks like" in one.problem for one in made if one.problem)
    with pytest.raises(InvalidInput, match=r"None of 2 images can be used; the first, main/torn.jpg, is "):
        apply(name, items[-2:], **params)


def test_groups_keep_shares_of_items_and_classes_nearly() -> None:
    items = [
        make_plain(f"{n}.jpg", *["cat"] * 2, *["dog"] * (n % 20 == 0), root=f"r{n // 4}") for n in range(400)
    ]
    made = apply("split", items)
    counts = Counter(item.split for item in made)
    assert counts == {Split.TRAIN: 280, Split.VAL: 80, Split.TEST: 40}
    dogs = Counter(i.split for i in made for o in i.annotation.objects if o.class_name == "dog")
    assert dogs == {Split.TRAIN: 14, Split.VAL: 4, Split.TEST: 2}


def test_numbers_may_be_given_in_place_of_shares() -> None:
    items = [make_plain(f"{n}.jpg", "cat") for n in range(20)]
    counts = Counter(item.split for item in apply("split", items, val_count=3, test_count=2))
    assert counts == {Split.TRAIN: 15, Split.VAL: 3, Split.TEST: 2}
    with pytest.raises(InvalidParameter, match="more than the 20 items"):
        apply("split", items, val_count=15, test_count=6)


def test_a_new_sibling_joins_the_split_of_its_family() -> None:
    items = [make_plain("a.jpg", root="r", split=Split.TEST), make_plain("b.jpg", root="r")]
    assert set(get_splits(apply("split", items, overwrite=False, train=1, val=0, test=0)).values()) == {
        Split.TEST
    }


@pytest.mark.parametrize("name", ["split", "kfold"])
@pytest.mark.parametrize(
    ("by", "key", "told"),
    [
        ("tag", "", r"group_by=tag needs a group_key\."),
        ("name", "", r"group_by=name needs a group_key\."),
        ("tag", "pateint", r"No item has the tag 'pateint'\."),
        ("tag", "pose", r"No item has the tag 'pose'\."),
        ("custom", "camra", r"No item has the custom value 'camra'\."),
        ("name", "QQ", r"No item's name has 'QQ' in it\."),
        ("none", "_", r"group_by=none has no use for a group_key\."),
        ("dataset", "_", r"group_by=dataset has no use for a group_key\."),
    ],
)
def test_a_group_key_that_would_group_nothing_is_refused(name: str, by: str, key: str, told: str) -> None:
    items = [
        make_plain(f"{n}_0.jpg", "cat", tags=(Tag("patient", f"p{n}"),), custom={"camera": n})
        for n in range(5)
    ]
    with pytest.raises(InvalidParameter, match=told) as caught:
        apply(name, items, group_by=by, group_key=key)
    if key in ("pateint", "camra"):
        assert "Did you mean" in caught.value.hint
    if (by, key) == ("name", ""):
        assert "group_key=_" in caught.value.hint


def test_what_was_split_already_is_the_very_same_item() -> None:
    items = [make_plain(f"{n}.jpg", split=Split.TRAIN) for n in range(5)]
    made = apply("split", items, train=1, val=0, test=0)
    assert all(item is source.item for item, source in zip(made, items, strict=True))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(1, 6), max_size=25), st.integers(2, 5), st.integers(0, 9))
def test_dealing_loses_nothing_and_is_near_its_shares(sizes: list[int], parts: int, seed: int) -> None:
    groups = [
        Group(tuple(f"{g}/{n}" for n in range(size)), Counter({"cat": size})) for g, size in enumerate(sizes)
    ]
    dealt = deal(groups, dict.fromkeys(range(parts), 1 / parts), seed=seed)
    assert len(dealt) == sum(sizes)
    counts = Counter(dealt.values())
    for part in range(parts):
        assert abs(counts[part] - sum(sizes) / parts) <= max(sizes, default=0) + 1


# --- by what items say -----------------------------------------------------------------------------

TAGGED = [
    make_plain("a.jpg", "cat", tags=(Tag("night"),), dataset="berlin/mitte"),
    make_plain("b.jpg", tags=(Tag("rain"), Tag("night")), dataset="berlin"),
    make_plain("c.jpg", split=Split.VAL, dataset="berlinwest"),
]


def test_tags_datasets_and_conditions_give_splits() -> None:
    splits = get_splits(apply("split_by", TAGGED, by="tag", test="rain", train="night"))
    assert splits == {"a.jpg": Split.TRAIN, "b.jpg": Split.TEST, "c.jpg": Split.VAL}
    splits = get_splits(apply("split_by", TAGGED, by="dataset", test="berlin", rest="train"))
    assert splits == {"a.jpg": Split.TEST, "b.jpg": Split.TEST, "c.jpg": Split.TRAIN}
    splits = get_splits(apply("split_by", TAGGED, by="expression", val="has(cat) or empty", rest="none"))
    assert set(splits.values()) == {Split.VAL}


def test_a_rule_that_would_part_siblings_is_refused_with_both_names() -> None:
    items = [make_plain("a.jpg", root="r", dataset="x"), make_plain("b.jpg", root="r", dataset="y")]
    with pytest.raises(InvalidInput, match=r"y/b\.jpg and x/a\.jpg show the same image"):
        apply("split_by", items, by="dataset", train="x", val="y")


@pytest.mark.parametrize(
    "params", [{}, {"by": "expression", "val": "widht > 3"}, {"by": "expression", "val": "has(x)"}]
)
def test_a_rule_that_says_nothing_or_does_not_parse_is_refused(params: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameter):
        apply("split_by", TAGGED, **params)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"by": "dataset", "val": "berln"}, "There is no dataset 'berln'"),
        ({"by": "tag", "val": "nigth", "train": "rain"}, "There is no tag 'nigth'"),
    ],
)
def test_a_rule_for_what_does_not_exist_is_refused_with_the_nearest_name(
    params: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidParameter, match=message) as caught:
        apply("split_by", TAGGED, **params)
    assert "Did you mean" in caught.value.hint


# --- k folds ---------------------------------------------------------------------------------------


def test_every_item_is_validated_in_exactly_one_fold_of_a_series() -> None:
    items = [make_plain(f"{n}.jpg", *["cat"] * (n % 3), "dog") for n in range(50)]
    items.append(make_plain("test.jpg", split=Split.TEST))
    validated: Counter[str] = Counter()
    for fold in range(1, 6):
        made = apply("kfold", items, fold=fold)
        assert Counter(i.split for i in made) == {Split.TRAIN: 40, Split.VAL: 10, Split.TEST: 1}
        validated.update(i.name for i in made if i.split is Split.VAL)
        cats = sum(o.class_name == "cat" for i in made if i.split is Split.VAL for o in i.annotation.objects)
        assert cats == pytest.approx(49 / 5, abs=1)
    assert validated == {f"{n}.jpg": 1 for n in range(50)}


def test_the_fold_is_noted_as_a_tag() -> None:
    items = [make_plain(f"{n}.jpg") for n in range(10)]
    made = apply("kfold", items, folds=2, tag="fold")
    assert Counter(item.annotation.tags[0].value for item in made) == {1.0: 5, 2.0: 5}


def test_a_fold_that_is_not_there_is_refused() -> None:
    items = [make_plain(f"{n}.jpg") for n in range(3)]
    with pytest.raises(InvalidParameter, match="no fold 6 of 5"):
        apply("kfold", items, fold=6)
    with pytest.raises(InvalidInput, match="3 groups of items for 5 folds"):
        apply("kfold", items)
