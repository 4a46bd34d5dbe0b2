"""What a folder declares beside what a project has: ours stands, gaps are filled, misfits are told."""

from __future__ import annotations

from mlwf_tui.entities.annotation import ClassDefinition, GeometryKind, LabelSchema, TagDefinition
from mlwf_tui.entities.joining import join_schemas

CAR = ClassDefinition("car", "#111111", GeometryKind.RECTANGLE)


def join_classes(ours: ClassDefinition, theirs: ClassDefinition) -> tuple[ClassDefinition, tuple[str, ...]]:
    joined = join_schemas(LabelSchema((ours,)), LabelSchema((theirs,)))
    assert (joined.new_classes, joined.new_tags) == ((), ())
    (kept,) = joined.schema.classes
    return kept, joined.conflicts


def join_tags(ours: TagDefinition, theirs: TagDefinition) -> tuple[TagDefinition, tuple[str, ...]]:
    joined = join_schemas(LabelSchema(tags=(ours,)), LabelSchema(tags=(theirs,)))
    (kept,) = joined.schema.tags
    return kept, joined.conflicts


def test_new_classes_and_tags_come_behind_ours_in_their_order() -> None:
    ours = LabelSchema((CAR, ClassDefinition("bus")), (TagDefinition("night"),))
    theirs = LabelSchema(
        (ClassDefinition("zebra"), CAR, ClassDefinition("ape")),
        (TagDefinition("day"), TagDefinition("night")),
    )
    joined = join_schemas(ours, theirs)
    assert joined.schema.class_names == ("car", "bus", "zebra", "ape")
    assert [tag.name for tag in joined.schema.tags] == ["night", "day"]
    assert (joined.new_classes, joined.new_tags, joined.conflicts) == (("zebra", "ape"), ("day",), ())


def test_another_colour_is_no_conflict_and_ours_stands() -> None:
    assert join_classes(CAR, ClassDefinition("car", "#999999", GeometryKind.RECTANGLE)) == (CAR, ())
    any_shape = ClassDefinition("car", "#999999")
    assert join_classes(any_shape, CAR) == (any_shape, ())
    assert join_classes(CAR, any_shape) == (CAR, ())


def test_another_shape_is_told_in_a_sentence_with_what_is_kept() -> None:
    kept, (conflict,) = join_classes(CAR, ClassDefinition("car", geometry=GeometryKind.ORIENTED_BOX))
    assert kept == CAR
    assert conflict == (
        "the class car is for rectangles here and for oriented boxes there: the project's definition is kept,"
        " and the objects have come in with their own shapes"
    )


def test_a_skeleton_fills_a_gap_and_replaces_none() -> None:
    bare = ClassDefinition("cat", geometry=GeometryKind.KEYPOINTS)
    posed = ClassDefinition(
        "cat", geometry=GeometryKind.KEYPOINTS, nodes=("nose", "tail"), edges=(("nose", "tail"),)
    )
    assert join_classes(bare, posed) == (posed, ())
    assert join_classes(posed, bare) == (posed, ())
    other = ClassDefinition("cat", geometry=GeometryKind.KEYPOINTS, nodes=("ear",))
    kept, (conflict,) = join_classes(posed, other)
    assert kept == posed
    assert "2 nodes here and other ones, 1, there: the project's skeleton is kept" in conflict


def test_a_choice_gets_what_else_can_be_chosen() -> None:
    ours = TagDefinition("coat", "choice", ("red", "grey"))
    theirs = TagDefinition("coat", "choice", ("grey", "white"), "#00ff00")
    assert join_tags(ours, theirs) == (
        TagDefinition("coat", "choice", ("red", "grey", "white"), "#00ff00"),
        (),
    )


def test_another_value_type_and_another_target_are_told() -> None:
    ours = TagDefinition("age", "number", color="#111111", target="items")
    kept, conflicts = join_tags(ours, TagDefinition("age", "choice", ("old",), "#222222", "objects"))
    assert kept == ours
    assert [conflict.partition(":")[0] for conflict in conflicts] == [
        "the tag age has values of type number here and choice there",
        "the tag age is for items here and for objects there",
    ]
