"""The rules on items: every kind is found where it is, and nowhere else."""

from __future__ import annotations

from msgspec.structs import replace

from mlwf_tui.checks.fixes import choose_kept, fix_objects, list_droppable
from mlwf_tui.checks.objects import Fault, iter_faults
from mlwf_tui.checks.tally import Tally
from mlwf_tui.entities.annotation import (
    AnnotatedObject,
    Annotation,
    Geometry,
    GeometryKind,
    LabelSchema,
    Tag,
    TagDefinition,
    define_classes,
)
from mlwf_tui.entities.finding import Finding, FindingKind, Severity
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item, Split

CLASSES = frozenset({"cell", "spot"})
CELL = AnnotatedObject("cell", Geometry.rectangle(10, 10, 40, 40))


def make_item(*objects: AnnotatedObject, name: str = "a.jpg", split: Split = Split.TRAIN) -> Item:
    return Item(
        dataset="main", name=name, blob=Digest("0" * 64), size_bytes=1, width_px=100, height_px=80,
        split=split, annotation=Annotation(objects),
    )  # fmt: skip


def box(left: float, top: float, right: float, bottom: float, class_name: str = "cell") -> AnnotatedObject:
    return AnnotatedObject(class_name, Geometry.rectangle(left, top, right, bottom))


def find_faults(*objects: AnnotatedObject) -> list[tuple[FindingKind, int]]:
    return [(fault.kind, fault.number) for fault in iter_faults(make_item(*objects), CLASSES)]


def find_kinds(schema: LabelSchema, *items: Item) -> dict[FindingKind, Finding]:
    tally = Tally(schema)
    for item in items:
        tally.add(item)
    return {finding.kind: finding for finding in tally.list_findings()}


def test_sound_objects_have_no_fault() -> None:
    assert find_faults(CELL, box(50, 50, 70, 70), box(12, 10, 42, 40, "spot")) == []


def test_each_fault_names_its_object() -> None:
    assert find_faults(CELL, box(5, 5, 5, 9)) == [(FindingKind.NO_AREA, 2)]
    assert find_faults(CELL, box(90, 50, 120, 70)) == [(FindingKind.OUTSIDE, 2)]
    assert find_faults(CELL, box(50, 50, 52, 70)) == [(FindingKind.TINY_OBJECT, 2)]
    assert list(iter_faults(make_item(box(1, 1, 9, 9, "ghost")), CLASSES)) == [
        Fault(FindingKind.UNDECLARED_CLASS, 1, "ghost")
    ]


def test_rounding_by_half_a_pixel_is_not_outside() -> None:
    assert find_faults(box(-0.4, 0, 100.5, 80)) == []


def test_a_polygon_that_crosses_itself_is_found() -> None:
    bow = Geometry(GeometryKind.POLYGON, ((10, 10), (40, 45), (40, 10), (10, 40)))
    assert find_faults(AnnotatedObject("cell", bow)) == [(FindingKind.CROSSING_POLYGON, 1)]


def test_equal_objects_and_those_in_the_same_place_are_told_apart() -> None:
    same_place = box(10.2, 10, 40, 40)
    assert find_faults(CELL, CELL, same_place) == [
        (FindingKind.DUPLICATE_OBJECT, 2),
        (FindingKind.OVERLAPPING_OBJECT, 3),
    ]
    assert find_faults(CELL, replace(CELL, class_name="spot")) == []
    assert find_faults(CELL, replace(CELL, tags=(Tag("blurred"),))) == [(FindingKind.OVERLAPPING_OBJECT, 2)]


def test_items_without_anything_are_counted_with_their_split() -> None:
    found = find_kinds(LabelSchema(), make_item(), make_item(name="b.jpg", split=Split.VAL))
    assert found[FindingKind.UNANNOTATED].count == 2
    assert [(p.item, p.note) for p in found[FindingKind.UNANNOTATED].places] == [
        ("main/a.jpg", "train"),
        ("main/b.jpg", "val"),
    ]


def test_classes_that_are_never_used_rare_or_not_trained_are_named() -> None:
    schema = LabelSchema(define_classes(("cell", "spot", "ghost", "late")))
    many = [box(n, n, n + 20, n + 20) for n in range(30)]
    items = [
        make_item(*many, box(60, 60, 79, 79, "spot")),
        make_item(box(1, 1, 20, 20, "late"), name="b.jpg", split=Split.VAL),
    ]
    found = find_kinds(schema, *items)
    assert found[FindingKind.UNUSED_CLASS].classes == ("ghost",)
    assert found[FindingKind.UNTRAINED_CLASS].classes == ("late",)
    assert set(found[FindingKind.IMBALANCE].classes) == {"spot", "late"}
    assert "cell 30" in found[FindingKind.IMBALANCE].message


def test_a_class_of_whole_images_is_used_by_its_tag() -> None:
    schema = LabelSchema(define_classes(("dog",), geometry=None), (TagDefinition("dog"),))
    item = replace(make_item(), annotation=Annotation(tags=(Tag("dog"),)))
    assert FindingKind.UNUSED_CLASS not in find_kinds(schema, item)
    assert FindingKind.UNANNOTATED not in find_kinds(schema, item)


def test_a_group_in_two_splits_is_a_leak() -> None:
    def make_grouped(name: str, split: Split, group: float) -> Item:
        return replace(make_item(name=name, split=split), annotation=Annotation(tags=(Tag("group", group),)))

    found = find_kinds(
        LabelSchema(),
        make_grouped("a.jpg", Split.TRAIN, 1),
        make_grouped("b.jpg", Split.VAL, 1),
        make_grouped("c.jpg", Split.VAL, 2),
    )
    assert [place.item for place in found[FindingKind.GROUP_LEAK].places] == ["main/a.jpg", "main/b.jpg"]
    assert found[FindingKind.GROUP_LEAK].severity is Severity.WARNING


def test_an_object_unlike_others_of_its_class_is_odd() -> None:
    tally = Tally(LabelSchema(define_classes(("cell",))))
    for number in range(40):
        tally.add(make_item(box(0, 0, 20 + number % 5, 20), name=f"{number:02}.jpg"))
    tally.add(make_item(CELL, box(0, 0, 99, 5), name="odd.jpg"))
    assert dict(tally.find_odd_shapes()) == {40: [2]}


def test_few_objects_say_nothing_of_what_is_usual() -> None:
    tally = Tally(LabelSchema(define_classes(("cell",))))
    tally.add(make_item(CELL, CELL, CELL, box(0, 0, 99, 2)))
    assert not tally.find_odd_shapes()


def test_fixing_drops_clips_and_keeps_the_rest_as_it_is() -> None:
    item = make_item(CELL, CELL, box(5, 5, 5, 9), box(90, 50, 120, 70), box(200, 1, 210, 9))
    kinds = {FindingKind.DUPLICATE_OBJECT, FindingKind.NO_AREA, FindingKind.OUTSIDE}
    assert fix_objects(item, kinds).annotation.objects == (CELL, box(90, 50, 100, 70))
    assert fix_objects(item, {FindingKind.NO_AREA}).annotation.objects == (
        CELL, CELL, box(90, 50, 120, 70), box(200, 1, 210, 9),
    )  # fmt: skip
    sound = make_item(CELL)
    assert fix_objects(sound, kinds) is sound


def test_of_copies_the_labelled_one_is_kept_then_the_one_in_train() -> None:
    bare = make_item(name="a.jpg")
    val = make_item(CELL, name="b.jpg", split=Split.VAL)
    train = make_item(CELL, name="c.jpg")
    other = make_item(box(1, 1, 9, 9), name="d.jpg")
    assert choose_kept([bare, val]) == val
    assert choose_kept([bare, val, train]) == train
    assert list_droppable([bare, val, train, other], train) == [bare, val]
