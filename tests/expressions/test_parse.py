"""Conditions: what they mean, what they refuse and where, and that no text does harm."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlwf_tui.entities.annotation import (
    AnnotatedObject,
    Annotation,
    Geometry,
    LabelSchema,
    Tag,
    define_classes,
)
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.expressions.parse import parse_item_condition, parse_object_condition


def make_object(name: str, size_px: int = 10, **facts: Any) -> AnnotatedObject:
    return AnnotatedObject(name, Geometry.rectangle(0, 0, size_px, size_px), **facts)


ITEM = Item(
    dataset="north/road",
    name="IMG_7.jpg",
    blob=Digest(""),
    size_bytes=5_000,
    width_px=640,
    height_px=480,
    split=Split.TRAIN,
    annotation=Annotation(
        (
            make_object("cat", 10),
            make_object("cat", 100, confidence=0.9, tags=(Tag("blurred"),), custom={"depth": 3.0}),
            make_object("old dog", 20, confidence=0.2, author="ada"),
        ),
        (Tag("night"), Tag("weather", "rain"), Tag("speed", 50.0), Tag("grade", "1")),
        {"camera": "left", "checked": True, "broken": False, "zoom": "2.50"},
    ),
)
EMPTY = Item(dataset="", name="b.png", blob=Digest(""), size_bytes=1, width_px=10, height_px=10)


@pytest.mark.parametrize(
    "text",
    [
        "split == train",
        "split = 'train'",
        "split in (train, val)",
        "split not in (test, none)",
        "dataset ~ 'north/*' and name ~ 'IMG_?.jpg'",
        "key == 'north/road/IMG_7.jpg'",
        "width > height",
        "640 <= width and width >= 640",
        "pixels == 307200 && aspect > 1.3",
        "bytes < 1e4",
        "objects == 3 and classes == 2",
        "count() = 3",
        "count(cat) == 2",
        "count(cat, 'old dog') == 3",
        "count(cat, area > 400) == 1",
        "count(area > 300) > count('old dog')",
        "has('old dog')",
        "any(class == cat and confidence > 0.5)",
        "none(class == cat and confidence < 0.5)",
        "all(shape == rectangle)",
        "not all(cat)",
        "confidence < 0.5",
        "class == 'old dog'",
        "class ~ 'old*'",
        "not empty",
        "!empty || empty",
        "tag(night)",
        "tag(weather) == rain",
        "tag(weather) != sun",
        "tag(speed) > 30",
        "tag(speed) in (50, 60)",
        "tag(grade) == 1 and 1 == tag(grade) and tag(grade) in (1, 2)",
        "tag(grade) == '1' and tag(grade) in ('1', x)",
        "custom(zoom) > 2 and custom(zoom) == 2.5",
        "custom(camera) == left and custom(checked)",
        "not custom(broken) and custom(broken) == false",
        "any(tag(blurred))",
        "any(custom(depth) >= 3)",
        "any(author == ada and area == 400)",
        "any(share > 0.03)",
        "any(length == 400) and none(length > 400)",
        "any(box_width == 100 and points == 2)",
        "not (has(cat) and not has('old dog'))",
        "empty or split == train and width > 1",
    ],
)
def test_holds(text: str) -> None:
    assert parse_item_condition(text).matches(ITEM)
    assert not parse_item_condition(f"not ({text})").matches(ITEM)


@pytest.mark.parametrize(
    "text",
    [
        "tag(missing)",
        "tag(missing) == 3",
        "tag(night) > 3",
        "custom(missing) < 3",
        "tag(weather) > 3",
        "custom(checked) == 1",
        "tag(grade) != 1",
        "tag(grade) == '1.0'",
        "tag(speed) == '50'",
        "tag(grade) not in (1, 2)",
        "any(author == nobody)",
        "confidence > 2",
    ],
)
def test_what_is_missing_or_of_another_kind_meets_no_comparison(text: str) -> None:
    assert not parse_item_condition(text).matches(ITEM)


def test_a_missing_value_is_unequal_to_all() -> None:
    assert parse_item_condition("tag(missing) != 3").matches(ITEM)
    assert parse_item_condition("any(confidence != 0.9)").matches(ITEM)


def test_an_item_without_objects_is_empty() -> None:
    assert parse_item_condition("empty and count() == 0 and all(cat) and none(cat)").matches(EMPTY)
    assert not parse_item_condition("any(cat)").matches(EMPTY)


def test_and_binds_before_or_and_not_before_both() -> None:
    assert parse_item_condition("split == train or split == val and empty").matches(ITEM)
    assert not parse_item_condition("not empty and empty").matches(ITEM)


def test_an_object_is_asked_alone() -> None:
    condition = parse_object_condition("class != cat and area < 500 and width > 600")
    assert [condition.matches(ITEM, one) for one in ITEM.annotation.objects] == [False, False, True]


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ("", 1, "expected"),
        ("split ==", 9, "expected"),
        ("split == trian", 10, "no split"),
        ("wdth > 3", 1, "no field 'wdth'"),
        ("(empty", 7, r"`\)` is expected"),
        ("empty)", 6, "or the end"),
        ("empty empty", 7, "or the end"),
        ("name == 5", 9, "is a text"),
        ("width == wide", 10, "no field 'wide'"),
        ("width > 'a'", 9, "is a number"),
        ("name > abc", 6, "compares numbers"),
        ("empty > 1", 9, "true or false"),
        ("width", 6, "a comparison is expected"),
        ("5", 1, "alone is no condition"),
        ("size(cat) > 1", 1, "no function 'size'"),
        ("class != cat", 7, "many objects"),
        ("class not in (cat)", 7, "many objects"),
        ('name == "a', 9, "not closed"),
        ("width > 3 # big", 11, "means nothing"),
        ("bytes > 10k", 9, "10k is no number"),
        ("key == main/a.jpg", 12, "outside of quotes"),
        ('name ~ "[a"', 8, "not closed"),
        ("any()", 5, "expected"),
        ("any(shape == round)", 14, "no shape"),
        ("1 < width < 3", 11, "or the end"),
        ("tag()", 5, "a name is expected"),
        ("__import__('os')", 1, "no function"),
    ],
)
def test_what_does_not_parse_is_refused_with_its_place(text: str, place: int, what: str) -> None:
    with pytest.raises(InvalidParameter, match=what) as caught:
        parse_item_condition(text)
    assert f"at character {place}" in caught.value.message


def test_the_nearest_name_is_suggested() -> None:
    with pytest.raises(InvalidParameter) as caught:
        parse_item_condition("hieght > 3")
    assert "Did you mean height?" in caught.value.hint
    with pytest.raises(InvalidParameter) as caught:
        parse_item_condition("split == trian")
    assert "Did you mean train?" in caught.value.hint


def test_a_class_that_the_schema_lacks_is_named_with_its_place() -> None:
    schema = LabelSchema(define_classes(("cat", "old dog")))
    parse_item_condition("count(cat) > 1 or any(class in (cat, 'old dog'))").check_classes(schema)
    with pytest.raises(InvalidParameter, match=r"no class 'cta' \(at character 7 ") as caught:
        parse_item_condition("count(cta) > 1").check_classes(schema)
    assert "Did you mean cat?" in caught.value.hint


def test_a_text_of_any_length_and_depth_is_refused_not_crashed() -> None:
    for text in ("(" * 5_000, "not " * 2_000 + "empty", "a" * 20_000):
        with pytest.raises(InvalidParameter):
            parse_item_condition(text)
    assert parse_item_condition(" and ".join(["empty"] * 1_000)).matches(EMPTY)


@settings(deadline=None)
@given(
    st.text()
    | st.lists(
        st.sampled_from(
            [
                "and",
                "or",
                "not",
                "(",
                ")",
                ",",
                "==",
                "<",
                "~",
                "in",
                "split",
                "train",
                "count",
                "any",
                "tag",
                "class",
                "width",
                "3",
                "'x'",
                "empty",
                "confidence",
                "true",
            ]
        )
    ).map(" ".join)
)
def test_any_text_gives_a_condition_that_answers_or_one_error(text: str) -> None:
    try:
        condition = parse_item_condition(text)
    except InvalidParameter as error:
        assert error.message
        return
    for item in (ITEM, EMPTY):
        assert condition.matches(item) in (True, False)


leaves = st.sampled_from(
    [("empty", False), ("split == train", True), ("width < 10", False), ("count(cat) == 2", True)]
)
trees = st.recursive(
    leaves,
    lambda inner: (
        inner.map(lambda one: (f"not ({one[0]})", not one[1]))
        | st.tuples(inner, inner).map(
            lambda two: (f"({two[0][0]}) and ({two[1][0]})", two[0][1] and two[1][1])
        )
        | st.tuples(inner, inner).map(lambda two: (f"({two[0][0]}) or ({two[1][0]})", two[0][1] or two[1][1]))
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(trees)
def test_boolean_operators_mean_what_they_say(tree: tuple[str, bool]) -> None:
    text, expected = tree
    assert parse_item_condition(text).matches(ITEM) is expected


@given(st.text(min_size=1))
def test_any_name_can_be_quoted(name: str) -> None:
    quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    item = Item(
        dataset="", name="a", blob=Digest(""), size_bytes=1, width_px=1, height_px=1,
        annotation=Annotation((make_object(name),)),
    )  # fmt: skip
    assert parse_item_condition(f"count({quoted}) == 1 and class == {quoted}").matches(item)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("width > 3 AND height > 3", "Write it in small letters: and."),
        ("key == main/a.jpg", 'Write a text in quotes: key == "main/a.jpg".'),
        ("(" * 3000, "It reads: " + "(" * 80 + "…"),
    ],
)
def test_a_mistake_that_is_often_made_has_its_hint(text: str, hint: str) -> None:
    with pytest.raises(InvalidParameter) as told:
        parse_item_condition(text)
    assert told.value.hint == hint


@pytest.mark.parametrize("pattern", ["[ab]*", "a[]]b", "[!]x]", "]"])
def test_a_closed_bracket_of_a_pattern_is_taken(pattern: str) -> None:
    parse_item_condition(f'name ~ "{pattern}"')
