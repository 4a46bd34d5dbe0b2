"""Merging one item, and label schemas: by example, and against a model that is a plain dict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from msgspec.structs import replace

from mlwf_tui.entities.annotation import (
    AnnotatedObject,
    Annotation,
    ClassDefinition,
    GeometryKind,
    LabelSchema,
    Tag,
    TagDefinition,
)
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.entities.merge import merge_items
from mlwf_tui.entities.threeway import MergeConflict, Side, merge_schemas
from tests.states import make_object, make_plain_item


class Judge:
    """Settles every conflict for one side and keeps it."""

    def __init__(self, side: Side = Side.OURS) -> None:
        self.side = side
        self.conflicts: list[MergeConflict] = []

    def __call__(self, conflict: MergeConflict) -> Side:
        self.conflicts.append(conflict)
        return self.side


box = make_object


def item(
    name: str,
    *objects: AnnotatedObject,
    pixels: str = "",
    split: Split = Split.TRAIN,
    tags: Sequence[Tag] = (),
) -> Item:
    return make_plain_item(f"main/{name}", *objects, pixels=pixels, split=split, tags=tags)


def never(conflict: MergeConflict) -> Side:
    raise AssertionError(conflict)


CAR, BUS, FAR = box("car", 0), box("bus", 100), box("car", 300)
BASE = item("a.jpg", CAR, BUS)


def test_what_one_side_changed_is_taken_from_it() -> None:
    changed = replace(BASE, split=Split.VAL)
    assert merge_items(BASE, BASE, changed, never) == changed
    assert merge_items(BASE, changed, BASE, never) == changed
    assert merge_items(BASE, changed, changed, never) == changed
    assert merge_items(BASE, None, BASE, never) is None
    assert merge_items(None, None, BASE, never) == BASE


def test_pixels_split_tags_and_objects_are_merged_each_on_their_own() -> None:
    ours = replace(item("a.jpg", CAR, BUS, FAR, pixels="new"), split=Split.TRAIN)
    theirs = item("a.jpg", CAR, BUS, split=Split.TEST, tags=[Tag("night")])
    merged = merge_items(BASE, ours, theirs, never)
    assert merged == item("a.jpg", CAR, BUS, FAR, pixels="new", split=Split.TEST, tags=[Tag("night")])


def test_one_object_may_be_moved_here_and_relabelled_there() -> None:
    moved, relabelled = box("car", 2), structs.replace(CAR, class_name="truck")
    merged = merge_items(BASE, item("a.jpg", moved, BUS), item("a.jpg", relabelled, BUS), never)
    assert merged == item("a.jpg", structs.replace(moved, class_name="truck"), BUS)


def test_objects_are_added_and_removed_on_both_sides() -> None:
    other = box("dog", 500)
    merged = merge_items(BASE, item("a.jpg", BUS, FAR), item("a.jpg", CAR, other, FAR), never)
    assert merged == item("a.jpg", FAR, other)


def test_equal_objects_stay_as_many_as_they_are() -> None:
    twins = item("a.jpg", CAR, CAR, BUS)
    merged = merge_items(twins, item("a.jpg", CAR, BUS), item("a.jpg", CAR, CAR, BUS, FAR), never)
    assert merged is not None
    assert Counter(o.geometry for o in merged.annotation.objects)[CAR.geometry] == 1
    assert len(merged.annotation.objects) == 3


@pytest.mark.parametrize("side", Side)
def test_what_both_changed_differently_is_settled_by_choice(side: Side) -> None:
    ours = item(
        "a.jpg",
        structs.replace(CAR, class_name="van"),
        BUS,
        split=Split.VAL,
        tags=[Tag("sky", 1)],
    )
    theirs = item("a.jpg", structs.replace(CAR, class_name="bus"), split=Split.TEST, tags=[Tag("sky", 2)])
    base = item("a.jpg", CAR, BUS, tags=[Tag("sky", 0)])
    judge = Judge(side)
    merged = merge_items(base, ours, theirs, judge)
    chosen = ours if side is Side.OURS else theirs
    assert merged == replace(
        chosen, annotation=replace(chosen.annotation, objects=chosen.annotation.objects[:1])
    )
    assert [(c.key, c.item) for c in judge.conflicts] == [
        ("main/a.jpg#object-1", "main/a.jpg"),
        ("main/a.jpg#split", "main/a.jpg"),
        ("main/a.jpg#tag-sky", "main/a.jpg"),
    ]
    assert [(c.ours, c.theirs) for c in judge.conflicts] == [
        ("van rectangle at 0,0 to 10,10", "bus rectangle at 0,0 to 10,10"),
        ("val", "test"),
        ("sky=1", "sky=2"),
    ]


@pytest.mark.parametrize("side", Side)
def test_removed_here_and_changed_there_is_a_conflict(side: Side) -> None:
    judge = Judge(side)
    changed = replace(BASE, split=Split.VAL)
    assert merge_items(BASE, None, changed, judge) == (None if side is Side.OURS else changed)
    assert merge_items(BASE, changed, None, judge) == (changed if side is Side.OURS else None)
    assert [(c.key, c.what, c.ours, c.theirs) for c in judge.conflicts] == [
        ("main/a.jpg", "item", "removed", "split train → val"),
        ("main/a.jpg", "item", "split train → val", "removed"),
    ]


def test_an_object_that_both_drew_a_little_differently_is_a_conflict() -> None:
    judge = Judge(Side.THEIRS)
    merged = merge_items(BASE, item("a.jpg", CAR, BUS, FAR), item("a.jpg", CAR, BUS, box("car", 301)), judge)
    assert merged == item("a.jpg", CAR, BUS, box("car", 301))
    assert [c.what for c in judge.conflicts] == ["object 1"]


def test_an_item_renamed_here_takes_what_was_changed_there() -> None:
    renamed = replace(BASE, name="b.jpg")
    merged = merge_items(BASE, renamed, item("a.jpg", CAR, BUS, FAR), never)
    assert merged == replace(item("a.jpg", CAR, BUS, FAR), name="b.jpg")
    judge = Judge(Side.THEIRS)
    assert merge_items(BASE, renamed, replace(BASE, name="c.jpg"), judge) == replace(BASE, name="c.jpg")
    assert [(c.what, c.ours, c.theirs) for c in judge.conflicts] == [("name", "main/b.jpg", "main/c.jpg")]


def test_an_item_that_both_added_is_merged_without_a_base() -> None:
    judge = Judge(Side.THEIRS)
    merged = merge_items(None, item("a.jpg", CAR), item("a.jpg", BUS, split=Split.VAL), judge)
    assert merged == item("a.jpg", CAR, BUS, split=Split.VAL)
    assert [c.what for c in judge.conflicts] == ["split"]


@pytest.mark.parametrize("side", Side)
def test_two_images_that_came_under_one_name_are_one_conflict(side: Side) -> None:
    ours = item("n.jpg", CAR, pixels="x", split=Split.VAL)
    theirs = item("n.jpg", BUS, FAR, pixels="y", tags=[Tag("night")])
    judge = Judge(side)
    assert merge_items(None, ours, theirs, judge) == (ours if side is Side.OURS else theirs)
    (conflict,) = judge.conflicts
    assert (conflict.key, conflict.what) == ("main/n.jpg", "item")
    assert conflict.ours == f"added, 64×48 px, 100 bytes, {ours.blob[:8]}, 1 object"
    assert conflict.theirs == f"added, 64×48 px, 100 bytes, {theirs.blob[:8]}, 2 objects"


@pytest.mark.parametrize("side", Side)
def test_where_both_changed_the_pixels_the_objects_go_with_those_chosen(side: Side) -> None:
    ours = item("a.jpg", CAR, BUS, FAR, pixels="x", split=Split.VAL)
    theirs = item("a.jpg", BUS, pixels="y", tags=[Tag("night")])
    judge = Judge(side)
    merged = merge_items(BASE, ours, theirs, judge)
    chosen = ours if side is Side.OURS else theirs
    assert merged == item(
        "a.jpg",
        *chosen.annotation.objects,
        pixels="x" if side is Side.OURS else "y",
        split=Split.VAL,
        tags=[Tag("night")],
    )
    assert [c.key for c in judge.conflicts] == ["main/a.jpg#pixels"]
    assert judge.conflicts[0].theirs.endswith("1 object")


def test_objects_drawn_on_an_image_are_not_put_on_it_in_another_size() -> None:
    halved = replace(item("a.jpg", CAR, pixels="x"), width_px=32, height_px=24)
    assert merge_items(BASE, halved, replace(BASE, split=Split.VAL), never) == replace(
        halved, split=Split.VAL
    )
    judge = Judge(Side.THEIRS)
    drawn = item("a.jpg", CAR, BUS, FAR)
    assert merge_items(BASE, halved, drawn, judge) == drawn
    assert [c.key for c in judge.conflicts] == ["main/a.jpg#pixels"]


# --- against a dict ------------------------------------------------------------------------------

Facts = Mapping[str, object]
"""An item as a flat dict: pixels, split, tags by name, and the class of the object in each cell."""

CELLS = tuple(f"cell {n}" for n in range(4))
TAG_NAMES = ("tag fog", "tag sky")
facts = st.fixed_dictionaries(
    {"pixels": st.sampled_from("xyz"), "split": st.sampled_from(list(Split))},
    optional={name: st.sampled_from(("car", "bus", "dog")) for name in CELLS}
    | {name: st.sampled_from(("a", "b")) for name in TAG_NAMES},
)


def to_item(of: Facts) -> Item:
    objects = [box(str(of[name]), 100 * n) for n, name in enumerate(CELLS) if name in of]
    tags = [Tag(name[4:], str(of[name])) for name in TAG_NAMES if name in of]
    return item("a.jpg", *objects, pixels=str(of["pixels"]), split=Split(str(of["split"])), tags=tags)


def to_facts(of: Item | None) -> dict[str, object]:
    assert of is not None
    cells = {f"cell {int(o.geometry.bounds.left) // 100}": o.class_name for o in of.annotation.objects}
    tags = {f"tag {tag.name}": tag.value for tag in of.annotation.tags}
    assert len(cells) == len(of.annotation.objects)
    pixels = next(letter for letter in "xyz" if item("a.jpg", pixels=letter).blob == of.blob)
    return {"pixels": pixels, "split": of.split, **cells, **tags}


def merge_facts(base: Facts, ours: Facts, theirs: Facts, side: Side) -> tuple[dict[str, object], int]:
    merged: dict[str, object] = {}
    conflicts = 0
    names = {*base, *ours, *theirs}
    if ours["pixels"] not in (base["pixels"], theirs["pixels"]) and theirs["pixels"] != base["pixels"]:
        chosen = ours if side is Side.OURS else theirs  # with the objects that were drawn on them
        merged |= {name: chosen[name] for name in ("pixels", *CELLS) if name in chosen}
        conflicts += 1
        names -= {"pixels", *CELLS}
    for name in names:
        before, mine, other = base.get(name), ours.get(name), theirs.get(name)
        if mine in (before, other):
            value = other
        elif other == before:
            value = mine
        else:
            conflicts += 1
            value = mine if side is Side.OURS else other
        if value is not None:
            merged[name] = value
    return merged, conflicts


@given(facts, facts, facts, st.sampled_from(list(Side)))
def test_items_are_merged_as_flat_dicts_are(base: Facts, ours: Facts, theirs: Facts, side: Side) -> None:
    judge = Judge(side)
    merged = to_facts(merge_items(to_item(base), to_item(ours), to_item(theirs), judge))
    expected, conflicts = merge_facts(base, ours, theirs, side)
    assert merged == expected
    assert len(judge.conflicts) == conflicts


@given(facts, facts, facts)
def test_the_sides_may_be_exchanged(base: Facts, ours: Facts, theirs: Facts) -> None:
    items = to_item(base), to_item(ours), to_item(theirs)
    one = merge_items(*items, Judge(Side.OURS))
    other = merge_items(items[0], items[2], items[1], Judge(Side.THEIRS))
    assert to_facts(one) == to_facts(other)


objects = st.lists(
    st.sampled_from([CAR, BUS, FAR, box("car", 1), box("dog", 2), box("bus", 103)]), max_size=6
)


@given(objects, objects, objects)
def test_no_object_comes_from_nowhere_and_none_that_all_have_is_lost(
    base: list[AnnotatedObject], ours: list[AnnotatedObject], theirs: list[AnnotatedObject]
) -> None:
    sides = [replace(BASE, annotation=Annotation(tuple(side))) for side in (base, ours, theirs)]
    merged = merge_items(sides[0], sides[1], sides[2], Judge())
    assert merged is not None
    kept, counts = (
        Counter(map(repr, merged.annotation.objects)),
        [Counter(map(repr, s)) for s in (base, ours, theirs)],
    )
    known = {labelled.geometry for side in (base, ours, theirs) for labelled in side}
    assert {labelled.geometry for labelled in merged.annotation.objects} <= known
    assert not (counts[0] & counts[1] & counts[2]) - kept
    assert len(merged.annotation.objects) <= len(ours) + len(theirs)


# --- label schemas -------------------------------------------------------------------------------


def schema(*names: str, color: str = "#808080") -> LabelSchema:
    return LabelSchema(tuple(ClassDefinition(name, color) for name in names))


def test_classes_of_both_sides_come_together_in_our_order() -> None:
    merged = merge_schemas(schema("car"), schema("car", "bus"), schema("dog", "car"), never)
    assert merged.class_names == ("car", "bus", "dog")
    assert merge_schemas(schema("a", "b"), schema("a", "b"), schema("b", "a"), never).class_names == (
        "b",
        "a",
    )


def test_a_class_that_one_side_removed_goes_unless_it_is_used() -> None:
    sides = schema("car", "bus"), schema("car"), schema("car", "bus", "dog")
    assert merge_schemas(*sides, never).class_names == ("car", "dog")
    assert merge_schemas(*sides, never, used={"bus"}).class_names == ("car", "dog", "bus")


@pytest.mark.parametrize("side", Side)
def test_of_classes_that_both_added_the_colour_of_the_preferred_side_stands(side: Side) -> None:
    sides = schema("car", color="#111111"), schema("car", color="#222222")
    merged = merge_schemas(LabelSchema(), *sides, never, preferred=side)
    assert merged == sides[side is Side.THEIRS]


@pytest.mark.parametrize("side", Side)
def test_a_definition_that_both_added_differently_is_a_conflict(side: Side) -> None:
    ours, theirs = (
        LabelSchema(
            (ClassDefinition("car", color, kind),),
            (TagDefinition("fog", value_type),),
        )
        for color, kind, value_type in (
            ("#ff0000", GeometryKind.RECTANGLE, "none"),
            ("#00ff00", GeometryKind.POLYGON, "text"),
        )
    )
    judge = Judge(side)
    assert merge_schemas(LabelSchema(), ours, theirs, judge) == (ours if side is Side.OURS else theirs)
    assert [(c.key, c.ours, c.theirs) for c in judge.conflicts] == [
        ("class car", "#ff0000, rectangle", "#00ff00, polygon"),
        ("tag fog", "value none", "value text"),
    ]


def test_a_definition_that_both_changed_is_a_conflict() -> None:
    theirs = LabelSchema((ClassDefinition("car", "#808080", GeometryKind.POLYGON),))
    judge = Judge(Side.THEIRS)
    assert merge_schemas(schema("car"), schema("car", color="#111111"), theirs, judge) == theirs
    assert [(c.key, c.item, c.ours, c.theirs) for c in judge.conflicts] == [
        ("class car", "", "#111111, any shape", "#808080, polygon")
    ]
    tags = [LabelSchema(tags=(TagDefinition("fog", kind),)) for kind in ("none", "text")]
    judge = Judge()
    assert merge_schemas(tags[0], LabelSchema(), tags[1], judge) == LabelSchema()
    assert [(c.key, c.ours, c.theirs) for c in judge.conflicts] == [("tag fog", "removed", "value text")]


def test_custom_values_are_merged_by_key() -> None:
    def custom(**values: str | float) -> Item:
        return replace(BASE, annotation=replace(BASE.annotation, custom=values))

    base = custom(lens=3.0, place="Ulm")
    merged = merge_items(base, custom(lens=4.0, place="Ulm"), custom(lens=3.0, sun="low"), never)
    assert merged == custom(lens=4.0, sun="low")
    judge = Judge(Side.THEIRS)
    merged = merge_items(base, custom(lens=4.0), custom(place="Ulm"), judge)
    assert merged == custom()
    assert [(c.key, c.ours, c.theirs) for c in judge.conflicts] == [
        ("main/a.jpg#custom-lens", "4", "removed")
    ]


def test_skeletons_and_choices_are_merged_as_their_definitions() -> None:
    def make(nodes: Sequence[str], values: Sequence[str]) -> LabelSchema:
        pose = ClassDefinition("cat", geometry=GeometryKind.KEYPOINTS, nodes=tuple(nodes))
        return LabelSchema((pose,), (TagDefinition("coat", "choice", tuple(values)),))

    base, ours, theirs = (
        make(["nose"], ["red"]),
        make(["nose", "tail"], ["red"]),
        make(["nose"], ["red", "grey"]),
    )
    assert merge_schemas(base, ours, theirs, never) == make(["nose", "tail"], ["red", "grey"])
    judge = Judge(Side.THEIRS)
    other = make(["ear"], ["red"])
    assert merge_schemas(base, ours, other, judge) == other
    assert [(c.key, c.theirs) for c in judge.conflicts] == [
        ("class cat", "#808080, keypoints, nodes ear, edges none")
    ]
