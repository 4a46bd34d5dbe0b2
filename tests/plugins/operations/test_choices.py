"""Operations that choose: split, sample, filter, and the ones on classes."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mlwf_tui.entities.annotation import (
    AnnotatedObject,
    Annotation,
    Geometry,
    LabelSchema,
    Tag,
    define_classes,
)
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.errors import InvalidInput, InvalidParameter
from mlwf_tui.params import build_params
from mlwf_tui.plugins.operations.dealing import count_group, deal
from mlwf_tui.protocols.operations import SourceItem
from mlwf_tui.registry import Registry
from tests.making import make_item
from tests.operating import follow

SCHEMA = LabelSchema(define_classes(("cat", "dog", "cow")))
SHARES = {Split.TRAIN: 0.7, Split.VAL: 0.2, Split.TEST: 0.1}


def apply(name: str, items: Sequence[SourceItem], *, seed: int = 0, **params: Any) -> list[Item]:
    return [made.item for made in follow(name, items, seed=seed, **params)]


def change_schema(name: str, **params: Any) -> tuple[str, ...]:
    operation = Registry().get_operation(name)
    return operation.transform_schema(SCHEMA, build_params(operation.params_type, params)).class_names


def make_labelled(name: str, *class_names: str, split: Split = Split.NONE) -> SourceItem:
    box = Geometry.rectangle(1, 1, 5, 5)
    seed = zlib.crc32(name.encode())  # each is another image
    return make_item(name, objects=[AnnotatedObject(c, box) for c in class_names], split=split, seed=seed)


SOURCES = [make_labelled(f"{n:03}.jpg", *["cat"] * 3, *["dog"] * (n % 10 == 0)) for n in range(100)]


# --- split ---------------------------------------------------------------------------------------


def test_splits_have_the_sizes_asked_for() -> None:
    counts = Counter(item.split for item in apply("split", SOURCES))
    assert counts == {Split.TRAIN: 70, Split.VAL: 20, Split.TEST: 10}


def test_rare_class_is_in_every_split_by_its_share() -> None:
    for seed in range(10):
        items = apply("split", SOURCES, seed=seed)
        dogs = Counter(item.split for item in items for o in item.annotation.objects if o.class_name == "dog")
        assert dogs == {Split.TRAIN: 7, Split.VAL: 2, Split.TEST: 1}


def test_without_stratification_the_sizes_are_the_same() -> None:
    counts = Counter(item.split for item in apply("split", SOURCES, stratified=False))
    assert counts == {Split.TRAIN: 70, Split.VAL: 20, Split.TEST: 10}


def test_another_seed_deals_otherwise() -> None:
    assert apply("split", SOURCES, seed=1) != apply("split", SOURCES, seed=2)


def test_splits_that_are_there_stay_unless_overwritten() -> None:
    items = [make_labelled("a.jpg", split=Split.TEST), make_labelled("b.jpg")]
    params = {"train": 1, "val": 0, "test": 0}
    assert [i.split for i in apply("split", items, overwrite=False, **params)] == [Split.TEST, Split.TRAIN]
    assert [i.split for i in apply("split", items, **params)] == [Split.TRAIN, Split.TRAIN]


def test_shares_that_do_not_add_up_are_refused_with_the_sum() -> None:
    with pytest.raises(InvalidParameter, match=r"add up to 1\.1"):
        apply("split", SOURCES, train=0.8)


@settings(deadline=None)
@given(
    labels=st.lists(st.lists(st.sampled_from(["a", "b", "c"]), max_size=5), max_size=40),
    cuts=st.tuples(st.integers(0, 100), st.integers(0, 100)).map(sorted),
)
def test_sizes_are_exact_for_any_items_and_shares(labels: list[list[str]], cuts: list[int]) -> None:
    shares = {
        Split.TRAIN: cuts[0] / 100,
        Split.VAL: (cuts[1] - cuts[0]) / 100,
        Split.TEST: (100 - cuts[1]) / 100,
    }
    items = [make_labelled(f"{n}.jpg", *names).item for n, names in enumerate(labels)]
    groups = [count_group([item], is_stratified=True) for item in items]
    counts = Counter(deal(groups, shares, seed=0).values())
    assert counts.total() == len(items)
    for split, share in shares.items():
        assert abs(counts[split] - share * len(items)) < 1


# --- sample --------------------------------------------------------------------------------------


def test_sample_keeps_n_items_in_order() -> None:
    names = [item.name for item in apply("sample", SOURCES, n=10)]
    assert len(names) == 10
    assert names == sorted(names)


def test_sample_keeps_a_fraction() -> None:
    assert len(apply("sample", SOURCES, fraction=0.25)) == 25


def test_larger_sample_holds_the_smaller_one() -> None:
    small, large = (apply("sample", SOURCES, n=n, seed=4) for n in (5, 50))
    assert {item.key for item in small} < {item.key for item in large}


@pytest.mark.parametrize("params", [{}, {"n": 5, "fraction": 0.5}, {"n": 101}])
def test_sample_that_cannot_be_drawn_is_refused(params: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameter):
        apply("sample", SOURCES, **params)


# --- filter --------------------------------------------------------------------------------------


def test_filter_keeps_objects_of_the_classes() -> None:
    items = apply("filter", SOURCES, classes="dog")
    assert len(items) == 100
    assert {o.class_name for item in items for o in item.annotation.objects} == {"dog"}
    assert change_schema("filter", classes="dog") == ("dog",)


def test_filter_counts_the_objects_that_are_kept() -> None:
    assert len(apply("filter", SOURCES, classes="dog", min_objects=1)) == 10
    assert len(apply("filter", SOURCES, min_objects=4)) == 10


def test_filter_keeps_items_of_the_splits() -> None:
    items = [make_labelled(f"{split}.jpg", split=split) for split in Split]
    assert [item.split for item in apply("filter", items, splits="val,none")] == [Split.VAL, Split.NONE]


# --- classes -------------------------------------------------------------------------------------


def test_renamed_class_keeps_its_place_in_the_schema() -> None:
    items = apply("rename_classes", SOURCES[:1], names="cat=lion")
    assert Counter(o.class_name for o in items[0].annotation.objects) == {"lion": 3, "dog": 1}
    assert change_schema("rename_classes", names="cat=lion") == ("lion", "dog", "cow")


def test_classes_with_one_new_name_become_one() -> None:
    assert change_schema("rename_classes", names="cat=pet,dog=pet") == ("pet", "cow")
    assert change_schema("rename_classes", names="cow=cat") == ("cat", "dog")


def test_names_may_be_swapped() -> None:
    items = apply("rename_classes", SOURCES[:1], names="cat=dog,dog=cat")
    assert Counter(o.class_name for o in items[0].annotation.objects) == {"dog": 3, "cat": 1}
    assert change_schema("rename_classes", names="cat=dog,dog=cat") == ("dog", "cat", "cow")


@pytest.mark.parametrize("names", ["", "cat", "cat=", "=dog", "cat=a,cat=b"])
def test_pairs_that_are_not_pairs_are_refused(names: str) -> None:
    with pytest.raises(InvalidParameter):
        apply("rename_classes", SOURCES, names=names)


def test_dropped_class_leaves_items_and_schema() -> None:
    items = apply("drop_classes", SOURCES, classes="cat")
    assert len(items) == 100
    assert {o.class_name for item in items for o in item.annotation.objects} == {"dog"}
    assert change_schema("drop_classes", classes="cat,cow") == ("dog",)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("filter", {"classes": "bird"}),
        ("drop_classes", {"classes": "bird"}),
        ("rename_classes", {"names": "bird=a"}),
    ],
)
def test_class_that_the_schema_lacks_is_refused(name: str, params: dict[str, str]) -> None:
    with pytest.raises(InvalidParameter, match="no class 'bird'"):
        change_schema(name, **params)


def test_a_tag_that_only_objects_have_is_told_how_to_be_asked_for() -> None:
    labelled = AnnotatedObject("cat", Geometry.rectangle(1, 1, 5, 5), tags=(Tag("blurred"),))
    items = [make_item("a.jpg", objects=[labelled]), make_item("b.jpg")]
    with pytest.raises(InvalidInput, match="only objects have it") as caught:
        apply("filter", items, where="tag(blurred) and objects > 0")
    assert "any(tag(blurred))" in caught.value.hint
    assert [item.name for item in apply("filter", items, where="any(tag(blurred))")] == ["a.jpg"]


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("tag(blured)", "no tag 'blured' .*Did you mean blurred"),
        ("any(tag(blured))", "no tag 'blured' .*Did you mean blurred"),
        ("custom(sped) > 3", "no custom value 'sped' .*Did you mean speed"),
    ],
)
def test_a_filter_that_leaves_nothing_tells_what_it_names_and_is_not_there(where: str, told: str) -> None:
    labelled = AnnotatedObject("cat", Geometry.rectangle(1, 1, 5, 5), tags=(Tag("blurred"),))
    annotation = Annotation(objects=(labelled,), tags=(Tag("night"),), custom={"speed": 5})
    made = make_item("a.jpg")
    items = [replace(made, item=replace(made.item, annotation=annotation))]
    with pytest.raises(InvalidInput, match="filter leaves no item: there is") as caught:
        apply("filter", items, where=where)
    assert re.search(told, f"{caught.value.message} {caught.value.hint}")
    assert len(apply("filter", items, where=f"not ({where})")) == 1, "data may lack what is asked for"
