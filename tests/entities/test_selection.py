"""What a selection takes of items: datasets with those below them, splits, classes, tags."""

from __future__ import annotations

import pytest

from mlwf_tui.entities.annotation import Tag
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.entities.selection import WHOLE, Selection
from mlwf_tui.errors import InvalidParameter
from tests.states import SCHEMA, make_object, make_plain_item

ITEMS = (
    make_plain_item("a/1.jpg", make_object("car"), make_object("dog"), split=Split.TRAIN),
    make_plain_item("a/b/2.jpg", make_object("dog", tags=(Tag("blurred"),)), split=Split.VAL),
    make_plain_item("ab/3.jpg", tags=(Tag("night", "yes"), Tag("car")), split=Split.VAL),
    make_plain_item("c/4.jpg", split=Split.NONE),
)


def pick(selection: Selection) -> list[str]:
    return [item.name for item in map(selection.select, ITEMS) if item is not None]


@pytest.mark.parametrize(
    ("selection", "names"),
    [
        (WHOLE, "1234"),
        (Selection(datasets=("a",)), "12"),
        (Selection(datasets=("a/b", "c")), "24"),
        (Selection(splits=(Split.VAL,)), "23"),
        (Selection(splits=(Split.VAL, Split.NONE), datasets=("a", "c")), "24"),
        (Selection(tags=("night",)), "3"),
        (Selection(tags=("night", "blurred")), "23"),
        (Selection(classes=("car",)), "1234"),
        (Selection(classes=("car",), only_matching=True), "13"),  # 3 is a car as a whole
        (Selection(only_matching=True), "12"),
        (Selection(items=("a/b/2.jpg", "c/4.jpg")), "24"),
        (Selection(items=("a/b/2.jpg", "c/4.jpg"), splits=(Split.VAL,)), "2"),
    ],
)
def test_items_must_fit_all_that_is_given_and_of_each_any_one(selection: Selection, names: str) -> None:
    assert pick(selection) == [f"{name}.jpg" for name in names]


def test_objects_of_other_classes_are_left_out() -> None:
    selected = Selection(classes=("dog",)).select(ITEMS[0])
    assert isinstance(selected, Item)
    assert [labelled.class_name for labelled in selected.annotation.objects] == ["dog"]
    assert Selection(classes=("car", "dog")).select(ITEMS[0]) is ITEMS[0]


def test_the_schema_keeps_the_chosen_classes_in_their_order() -> None:
    assert Selection(classes=("dog", "car")).select_schema(SCHEMA).class_names == ("car", "dog")
    assert Selection(classes=("dog",)).select_schema(SCHEMA).class_names == ("dog",)
    assert WHOLE.select_schema(SCHEMA) is SCHEMA


def test_a_class_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(InvalidParameter) as caught:
        Selection(classes=("cow",)).check(SCHEMA)
    assert "car, dog" in caught.value.hint
