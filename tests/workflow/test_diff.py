"""diff: counts by class, dataset and split, and which states a person means with one ref."""

from __future__ import annotations

import pytest
from msgspec import structs
from msgspec.structs import replace

from mlwf_tui.entities.annotation import (
    AnnotatedObject,
    Annotation,
    ClassDefinition,
    Geometry,
    GeometryKind,
    LabelSchema,
    TagDefinition,
)
from mlwf_tui.entities.change import (
    Aspect,
    ChangeKind,
    ClassChange,
    DatasetChange,
    SplitChange,
    TagChange,
)
from mlwf_tui.entities.item import Split
from mlwf_tui.errors import NotFound
from mlwf_tui.workflow.diff import diff, iter_diff
from mlwf_tui.workspace import Workspace
from tests.states import SCHEMA, add_version, make_object, make_plain_item, set_state

A = make_plain_item("x/a.jpg", make_object("car", 0), make_object("dog", 20))
B = make_plain_item("x/b.jpg", make_object("car", 0))
C = make_plain_item("y/c.jpg", split=Split.VAL)
CAR, DOG = SCHEMA.classes


def test_classes_count_their_objects_by_what_happened_to_them(workspace: Workspace) -> None:
    still = make_plain_item("z/s.jpg", make_object("car", 0), make_object("car", 30))
    add_version(workspace, "p", [A, B, still])
    changed = replace(
        A, annotation=Annotation((make_object("car", 1), make_object("car", 20), make_object("dog", 60)))
    )
    retouched = structs.replace(still.annotation.objects[1], confidence=0.5)
    seen = replace(still, annotation=Annotation((still.annotation.objects[0], retouched)))
    add_version(workspace, "p", [changed, C, seen])
    found = diff(workspace, "p@1", "p@2")
    assert found.classes == (
        ClassChange(
            "car",
            ChangeKind.CHANGED,
            objects_removed=1,
            objects_moved=1,
            objects_relabelled_in=1,
            objects_changed=1,
            before=CAR,
            after=CAR,
        ),
        ClassChange(
            "dog", ChangeKind.CHANGED, objects_added=1, objects_relabelled_out=1, before=DOG, after=DOG
        ),
    )


def test_objects_of_another_kind_of_shape_are_counted_among_the_moved(workspace: Workspace) -> None:
    outline = Geometry(GeometryKind.POLYGON, ((0, 0), (10, 0), (10, 10), (0, 10)))
    add_version(workspace, "p", [replace(B, annotation=Annotation((AnnotatedObject("car", outline),)))])
    add_version(workspace, "p", [B])
    (change,) = diff(workspace, "p@1", "p@2").classes
    assert (change.objects_moved, change.objects_reshaped) == (1, 1)


def test_datasets_and_splits_count_their_items(workspace: Workspace) -> None:
    add_version(workspace, "p", [A, B, C])
    moved = replace(C, dataset="z", split=Split.TEST)
    add_version(workspace, "p", [replace(A, split=Split.VAL), moved, make_plain_item("x/n.jpg")])
    found = diff(workspace, "p@1", "p@2")
    assert found.datasets == (
        DatasetChange("x", items_added=1, items_removed=1, items_renamed=0, items_changed=1),
        DatasetChange("z", items_added=0, items_removed=0, items_renamed=1, items_changed=0),
    )
    assert set(found.splits) == {
        SplitChange(Split.TRAIN, Split.VAL, 1),
        SplitChange(Split.VAL, Split.TEST, 1),
        SplitChange(None, Split.TRAIN, 1),
        SplitChange(Split.TRAIN, None, 1),
    }
    assert found.aspects == {Aspect.SPLIT: 1}  # of what changed, not of what was renamed
    assert [found.count(kind) for kind in ChangeKind] == [1, 1, 1, 1]


def test_definitions_that_differ_are_told_where_no_item_does(workspace: Workspace) -> None:
    add_version(workspace, "p", [A], schema=replace(SCHEMA, tags=(TagDefinition("old"), TagDefinition("n"))))
    red = ClassDefinition("car", "#ff0000", GeometryKind.POLYGON)
    fox = ClassDefinition("fox")
    add_version(
        workspace,
        "p",
        [A],
        schema=LabelSchema((DOG, red, fox), (TagDefinition("n", "number"), TagDefinition("night"))),
    )
    found = diff(workspace, "p@1", "p@2")
    assert found.items == ()
    assert found.classes == (
        ClassChange("car", ChangeKind.CHANGED, before=CAR, after=red),
        ClassChange("fox", ChangeKind.ADDED, before=None, after=fox),
    )
    assert found.tags == (
        TagChange("old", ChangeKind.REMOVED, TagDefinition("old"), None),
        TagChange("n", ChangeKind.CHANGED, TagDefinition("n"), TagDefinition("n", "number")),
        TagChange("night", ChangeKind.ADDED, None, TagDefinition("night")),
    )
    assert found.is_class_order_changed
    assert not found.is_same


def test_a_class_that_comes_or_goes_does_not_change_the_order_of_the_others(workspace: Workspace) -> None:
    add_version(workspace, "p", [A], schema=LabelSchema((CAR, DOG)))
    add_version(workspace, "p", [A], schema=LabelSchema((ClassDefinition("ant"), CAR, DOG)))
    add_version(workspace, "p", [A], schema=LabelSchema((DOG, CAR)))
    assert not diff(workspace, "p@1", "p@2").is_class_order_changed
    assert diff(workspace, "p@2", "p@3").is_class_order_changed


def test_two_names_of_one_state_are_the_same(workspace: Workspace) -> None:
    add_version(workspace, "p", [A, B])
    add_version(workspace, "q", [B, A])
    found = diff(workspace, "p@1", "q")
    assert found.is_same
    assert (found.items, found.classes, found.datasets, found.splits) == ((), (), (), ())


def test_with_a_limit_all_items_are_counted_and_the_first_are_kept(workspace: Workspace) -> None:
    add_version(workspace, "p", [A, B])
    add_version(workspace, "p", [C, *(make_plain_item(f"n/{index}.jpg") for index in range(9))])
    whole, cut = diff(workspace, "p@1", "p@2"), diff(workspace, "p@1", "p@2", max_items=3)
    assert cut.items == whole.items[:3]
    assert cut.left_out == {ChangeKind.ADDED: 7, ChangeKind.REMOVED: 2}
    assert [cut.count(kind) for kind in ChangeKind] == [whole.count(kind) for kind in ChangeKind]
    assert (cut.classes, cut.datasets, cut.splits) == (whole.classes, whole.datasets, whole.splits)
    assert not diff(workspace, "p@1", "p@2", max_items=0).is_same


def test_the_changes_can_be_streamed(workspace: Workspace) -> None:
    add_version(workspace, "p", [A, B])
    add_version(workspace, "p", [replace(A, name="z.jpg"), C])
    found = tuple(iter_diff(workspace, "p@1", "p@2"))
    assert [(c.kind, c.key) for c in found] == [
        (ChangeKind.REMOVED, "x/b.jpg"), (ChangeKind.RENAMED, "x/z.jpg"), (ChangeKind.ADDED, "y/c.jpg")
    ]  # fmt: skip
    assert found == diff(workspace, "p@1", "p@2").items


def test_a_head_alone_is_compared_with_its_latest_version(workspace: Workspace) -> None:
    add_version(workspace, "p", [A])
    add_version(workspace, "p", [A, B])
    assert diff(workspace, None, "p").is_same
    set_state(workspace, "p", [A, B, C])
    found = diff(workspace, None, "p")
    assert (found.before, found.after) == ("p@2", "p")
    assert [change.key for change in found.items] == [C.key]


def test_a_version_alone_is_compared_with_the_one_before_it(workspace: Workspace) -> None:
    first = add_version(workspace, "p", [A])
    add_version(workspace, "p", [A, B])
    add_version(workspace, "p", [A], parents=[first])  # as a restore of version 1 makes it
    found = diff(workspace, None, "p@3")
    assert (found.before, found.after) == ("p@2", "p@3")
    assert [(change.kind, change.key) for change in found.items] == [(ChangeKind.REMOVED, B.key)]


def test_the_first_version_of_a_copy_is_compared_with_its_source(workspace: Workspace) -> None:
    source = add_version(workspace, "p", [A, B])
    add_version(workspace, "copy", [A], parents=[source])
    found = diff(workspace, None, "copy@1")
    assert (found.before, found.count(ChangeKind.REMOVED), len(found.items)) == ("p@1", 1, 1)


def test_in_a_first_version_and_in_a_project_without_one_all_is_new(workspace: Workspace) -> None:
    set_state(workspace, "p", [A, C])
    head = diff(workspace, None, "p")
    add_version(workspace, "p", [A, C])
    version = diff(workspace, None, "p@1")
    for found in (head, version):
        assert found.before == ""
        assert [change.kind for change in found.items] == [ChangeKind.ADDED] * 2
        assert [(c.name, c.kind, c.objects_added) for c in found.classes] == [
            ("car", ChangeKind.ADDED, 1), ("dog", ChangeKind.ADDED, 1)
        ]  # fmt: skip


def test_what_does_not_exist_is_not_found(workspace: Workspace) -> None:
    add_version(workspace, "p", [A])
    for before, after in ((None, "ghost"), (None, "p@2"), ("p@9", "p"), ("p@1", "ghost")):
        with pytest.raises(NotFound):
            diff(workspace, before, after)
