"""compare_objects and the words on an item: what moved, what has another class, what is new."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import structs
from msgspec.structs import replace

from mlwf_tui.entities.annotation import (
    AnnotatedObject,
    Annotation,
    ClassDefinition,
    Geometry,
    GeometryKind,
    Tag,
    TagDefinition,
    Visibility,
)
from mlwf_tui.entities.change import (
    Aspect,
    ChangeKind,
    ItemChange,
    ObjectChange,
    ObjectChangeKind,
    compare_objects,
    describe_class,
    describe_tag_definition,
)
from mlwf_tui.entities.item import Split
from tests.states import make_object, make_plain_item

corners = st.integers(0, 12).map(float)
rectangles = st.builds(Geometry.rectangle, corners, corners, corners, corners)
odd_shapes = st.builds(
    Geometry,
    st.sampled_from((GeometryKind.POLYGON, GeometryKind.POINT)),
    st.lists(st.tuples(corners, st.floats(allow_nan=False, allow_infinity=False)), max_size=3).map(tuple),
)
objects = st.builds(
    AnnotatedObject,
    st.sampled_from(("car", "dog", "cat")),
    rectangles | odd_shapes,
    st.none() | st.floats(0, 1),
    st.sampled_from(("", "ann")),
    st.lists(st.builds(Tag, st.sampled_from(("hidden", "easy"))), max_size=2).map(tuple),
    st.dictionaries(st.sampled_from(("a", "b")), st.booleans() | st.text(max_size=2), max_size=2),
)
lists = st.lists(objects, max_size=8)


def are_alike(one: Sequence[AnnotatedObject], other: Sequence[AnnotatedObject]) -> bool:
    """Return whether both hold the same objects, in whatever order; their mappings have no hash."""
    rest = list(other)
    for labelled in one:
        if labelled not in rest:
            return False
        rest.remove(labelled)
    return not rest


def apply(before: Sequence[AnnotatedObject], changes: Sequence[ObjectChange]) -> list[AnnotatedObject]:
    kept = list(before)
    for change in changes:
        if change.before is not None:
            kept.remove(change.before)
    return [*kept, *(change.after for change in changes if change.after is not None)]


def name_kinds(before: Sequence[AnnotatedObject], after: Sequence[AnnotatedObject]) -> list[str]:
    return [change.title for change in compare_objects(before, after)]


@given(lists, st.randoms(use_true_random=False))
def test_the_same_objects_in_any_order_do_not_differ(
    labelled: list[AnnotatedObject], draw: random.Random
) -> None:
    shuffled = list(labelled)
    draw.shuffle(shuffled)
    assert compare_objects(labelled, shuffled) == ()


@given(lists, lists)
def test_applying_the_changes_to_before_gives_after(
    before: list[AnnotatedObject], after: list[AnnotatedObject]
) -> None:
    assert are_alike(apply(before, compare_objects(before, after)), after)


@given(lists, lists)
def test_exchanging_the_sides_exchanges_added_and_removed(
    before: list[AnnotatedObject], after: list[AnnotatedObject]
) -> None:
    swapped = {
        ObjectChangeKind.ADDED: ObjectChangeKind.REMOVED,
        ObjectChangeKind.REMOVED: ObjectChangeKind.ADDED,
    }
    there = Counter((swapped.get(c.kind, c.kind), c.iou) for c in compare_objects(before, after))
    assert there == Counter((c.kind, c.iou) for c in compare_objects(after, before))


@given(lists, lists)
def test_a_kind_says_what_differs(before: list[AnnotatedObject], after: list[AnnotatedObject]) -> None:
    for change in compare_objects(before, after):
        old, new = change.before, change.after
        assert (old is None) == (change.kind is ObjectChangeKind.ADDED)
        assert (new is None) == (change.kind is ObjectChangeKind.REMOVED)
        if old is None or new is None:
            assert change.iou == 0
            continue
        assert old != new
        assert change.iou >= 0.5
        assert (old.class_name != new.class_name) == (change.kind is ObjectChangeKind.RELABELLED)
        if change.kind in (ObjectChangeKind.RETAGGED, ObjectChangeKind.CHANGED):
            assert old.geometry == new.geometry
            assert (old.tags != new.tags) == (change.kind is ObjectChangeKind.RETAGGED)


def test_each_kind_is_found() -> None:
    still = make_object("car", 200)
    before = [
        still, make_object("car", 0), make_object("dog", 20), make_object("car", 40), make_object("car", 60),
        make_object("car", 80),
    ]  # fmt: skip
    after = [
        make_object("bus", 100), make_object("car", 1), make_object("cat", 20),
        make_object("car", 40, tags=[Tag("hidden")]),
        structs.replace(make_object("car", 60), confidence=0.5), still,
    ]  # fmt: skip
    found = compare_objects(before, after)
    assert [c.title for c in found] == [
        "moved car", "relabelled dog→cat", "retagged car", "changed car", "removed car", "added bus"
    ]  # fmt: skip
    assert found[0].iou == pytest.approx(9 / 11)
    assert found[1].iou == 1


def test_a_box_that_moved_less_than_half_stays_one_object() -> None:
    assert name_kinds([make_object(left=0, size=30)], [make_object(left=10, size=30)]) == ["moved car"]
    assert name_kinds([make_object(left=0, size=30)], [make_object(left=11, size=30)]) == [
        "removed car",
        "added car",
    ]


def test_a_box_of_its_class_wins_over_a_nearer_one_of_another() -> None:
    assert name_kinds([make_object("car", 0)], [make_object("dog", 1), make_object("car", 2)]) == [
        "moved car", "added dog"
    ]  # fmt: skip


def test_of_several_boxes_the_nearest_are_taken_together() -> None:
    before = [make_object(left=0, size=40), make_object(left=10, size=40)]
    after = [make_object(left=11, size=40), make_object(left=1, size=40)]
    pairs = [(c.before, c.after) for c in compare_objects(before, after)]
    assert pairs == [(before[0], after[1]), (before[1], after[0])]


def test_an_object_of_another_kind_of_shape_is_reshaped() -> None:
    box = Geometry.rectangle(0, 0, 10, 10)
    outline = Geometry(GeometryKind.POLYGON, ((0, 0), (10, 0), (10, 10), (0, 10)))
    before, after = (AnnotatedObject("car", shape) for shape in (outline, box))
    (change,) = compare_objects([before], [after])
    assert (change.title, change.kind) == ("reshaped car polygon → rectangle", ObjectChangeKind.MOVED)
    plain = make_plain_item("main/a.jpg")
    sides = (replace(plain, annotation=Annotation((side,))) for side in (before, after))
    assert ItemChange(ChangeKind.CHANGED, plain.key, *sides).detail == f"{change.title} (IoU 1.00)"


def test_one_of_three_equal_objects_that_went_is_removed() -> None:
    assert name_kinds([make_object()] * 3, [make_object()] * 2) == ["removed car"]


@example(0)
@given(st.integers(1, 50))
def test_a_moved_point_is_another_point(distance: int) -> None:
    points = [
        AnnotatedObject("eye", Geometry(GeometryKind.POINT, ((x, 3.0),))) for x in (0.0, float(distance))
    ]
    assert name_kinds(points[:1], points[1:]) == (["removed eye", "added eye"] if distance else [])


def test_thousands_of_objects_that_moved_are_all_found() -> None:
    before = [make_object(left=index % 70 * 20, top=index // 70 * 20) for index in range(5000)]
    after = [make_object(left=index % 70 * 20 + 2, top=index // 70 * 20) for index in range(5000)]
    found = compare_objects(before, after)
    assert Counter(c.kind for c in found) == {ObjectChangeKind.MOVED: 5000}
    assert [c.after for c in found] == after


@pytest.mark.slow
def test_a_pile_of_thousands_of_near_equal_objects_ends() -> None:
    before = [make_object("car", index / 5000, size=30) for index in range(5000)]
    after = [make_object("dog", index / 5000, top=0.5, size=30) for index in range(5000)]
    found = compare_objects(before, after)
    assert {id(c.after) for c in found if c.after} == {id(labelled) for labelled in after}
    assert sum(c.kind is ObjectChangeKind.RELABELLED for c in found) > 4000


def test_an_item_says_all_that_differs() -> None:
    before = make_plain_item("a/1.jpg", make_object("car", 0), make_object("dog", 20), tags=[Tag("day")])
    after = replace(
        before,
        blob=make_plain_item("other/x.jpg").blob,
        split=Split.VAL,
        annotation=Annotation((make_object("car", 1), make_object("cat", 20)), (Tag("night", 2.5),)),
    )
    change = ItemChange(ChangeKind.CHANGED, "a/1.jpg", before, after)
    assert change.aspects == (Aspect.PIXELS, Aspect.SPLIT, Aspect.TAGS, Aspect.OBJECTS)
    assert change.detail == (
        "pixels, split train → val, tags -day +night=2.5, moved car (IoU 0.82), relabelled dog→cat"
    )


def test_like_changes_of_an_item_are_counted_together() -> None:
    before = make_plain_item("a/1.jpg", *(make_object("car", 30 * index) for index in range(4)))
    moved = (make_object("car", 0), *(make_object("car", 30 * index + index) for index in (1, 2, 3)))
    change = ItemChange(ChangeKind.CHANGED, before.key, before, replace(before, annotation=Annotation(moved)))
    assert change.detail == "moved car ×3 (IoU 0.54-0.82)"


def test_many_changes_of_an_item_are_cut() -> None:
    before = make_plain_item("a/1.jpg", *(make_object(f"c{index}", 30 * index) for index in range(20)))
    change = ItemChange(ChangeKind.CHANGED, before.key, before, replace(before, annotation=Annotation()))
    assert change.detail.startswith("removed c0, removed c1, ")
    assert change.detail.endswith("removed c5, 14 more")


def test_objects_in_another_order_are_named_so() -> None:
    before = make_plain_item("a/1.jpg", make_object("car"), make_object("dog", 20))
    after = replace(before, annotation=Annotation(before.annotation.objects[::-1]))
    change = ItemChange(ChangeKind.CHANGED, before.key, before, after)
    assert (change.compare_objects(), change.detail) == ((), "objects in another order")


def test_an_added_item_counts_its_objects() -> None:
    item = make_plain_item("a/1.jpg", make_object())
    change = ItemChange(ChangeKind.ADDED, item.key, None, item)
    assert (change.detail, change.aspects, change.renamed_from) == ("1 object", (), None)
    assert [found.title for found in change.compare_objects()] == ["added car"]


def test_custom_values_of_an_item_and_a_visibility_are_seen() -> None:
    pose = Geometry(GeometryKind.KEYPOINTS, ((1.0, 1.0), (9.0, 9.0)))
    hidden = replace(pose, visibility=(Visibility.HIDDEN, Visibility.VISIBLE))
    before = replace(
        make_plain_item("a/1.jpg"), annotation=Annotation((AnnotatedObject("cat", pose),), custom={"lens": 3})
    )
    after = replace(
        before,
        annotation=Annotation((AnnotatedObject("cat", hidden),), custom={"lens": 4, "is_night": True}),
    )
    change = ItemChange(ChangeKind.CHANGED, before.key, before, after)
    assert change.aspects == (Aspect.CUSTOM, Aspect.OBJECTS)
    assert change.detail == "custom -lens=3 +is_night=True +lens=4, moved cat (IoU 1.00)"


def test_definitions_are_told_with_skeleton_and_choices() -> None:
    pose = ClassDefinition("cat", "#ff0000", GeometryKind.KEYPOINTS, ("nose", "tail"), (("nose", "tail"),))
    assert describe_class(pose) == "#ff0000, keypoints, nodes nose tail, edges nose-tail"
    choice = TagDefinition("coat", "choice", ("red", "grey"), "#00ff00", "objects")
    assert describe_tag_definition(choice) == "choice of red, grey; for objects; #00ff00"
