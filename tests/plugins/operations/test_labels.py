"""Operations on annotations: classes, shapes, what is dropped, masks and tags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlwf_tui.entities.annotation import (
    AnnotatedObject,
    ClassDefinition,
    Geometry,
    GeometryKind,
    LabelSchema,
    Tag,
    TagDefinition,
    define_classes,
)
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.measures import measure_geometry
from mlwf_tui.errors import InvalidInput, InvalidParameter
from mlwf_tui.media.filling import fill_geometry, read_mask
from mlwf_tui.params import build_params
from mlwf_tui.registry import Registry
from tests.making import HEIGHT_PX, WIDTH_PX, make_item
from tests.operating import follow

SCHEMA = LabelSchema(define_classes(("cat", "dog", "cow")))


def box(name: str, *edges: float, **facts: Any) -> AnnotatedObject:
    return AnnotatedObject(name, Geometry.rectangle(*edges), **facts)


def draw(name: str, *boxes: tuple[int, int, int, int], **facts: Any) -> AnnotatedObject:
    """Return a mask of some rectangles."""
    pixels = np.zeros((HEIGHT_PX, WIDTH_PX), np.bool_)
    for left, top, right, bottom in boxes:
        pixels[top:bottom, left:right] = True
    mask = read_mask(pixels)
    assert mask is not None
    return AnnotatedObject(name, mask, **facts)


def change(name: str, objects: Sequence[AnnotatedObject], **params: Any) -> tuple[AnnotatedObject, ...]:
    """Return the objects of one item afterwards; its image is never read."""
    return change_item(name, objects, **params).annotation.objects


def change_item(name: str, objects: Sequence[AnnotatedObject], **params: Any) -> Item:
    source = make_item(objects=objects)
    ((item, image),) = [(made.item, made.image) for made in follow(name, [source], schema=SCHEMA, **params)]
    assert image is None
    return item


def change_schema(name: str, schema: LabelSchema = SCHEMA, **params: Any) -> LabelSchema:
    operation = Registry().get_operation(name)
    return operation.transform_schema(schema, build_params(operation.params_type, params))


def get_areas(objects: Sequence[AnnotatedObject]) -> list[float]:
    return [measure_geometry(labelled.geometry) for labelled in objects]


# --- classes ---------------------------------------------------------------------------------------


def test_merged_classes_of_two_shapes_may_have_any() -> None:
    schema = LabelSchema(
        (
            ClassDefinition("cat", geometry=GeometryKind.MASK),
            ClassDefinition("dog", geometry=GeometryKind.POINT),
        )
    )
    (merged,) = change_schema("rename_classes", schema, names="dog=cat").classes
    assert merged.geometry is None


def test_colours_are_changed_and_objects_are_not() -> None:
    objects = (box("cat", 1, 1, 5, 5),)
    assert change("recolor_classes", objects, colors="cat=#ABCDEF") == objects
    schema = change_schema("recolor_classes", colors="cat=#ABCDEF")
    assert schema.classes[0].color == "#abcdef"
    assert schema.classes[1] == SCHEMA.classes[1]
    assert len({c.color for c in change_schema("recolor_classes").classes}) == 3


@pytest.mark.parametrize("colors", ["cat=red", "cat=#12345", "cat", "bird=#000000"])
def test_what_is_no_colour_is_refused(colors: str) -> None:
    with pytest.raises(InvalidParameter):
        change_schema("recolor_classes", colors=colors)


# --- shapes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("to", ["rectangle", "polygon", "mask", "oriented_box", "polyline", "point"])
def test_shapes_become_the_kind_asked_for(to: str) -> None:
    objects = (box("cat", 2, 2, 12, 8), draw("dog", (20, 20, 30, 26)))
    converted = change("convert_shapes", objects, to=to)
    assert [o.geometry.kind for o in converted] == [GeometryKind(to)] * 2
    if to not in ("polyline", "point"):
        assert get_areas(converted) == pytest.approx([60, 60])
    assert {c.geometry for c in change_schema("convert_shapes", to=to).classes} == {GeometryKind(to)}


def test_only_the_classes_and_kinds_that_are_named_are_converted() -> None:
    objects = (box("cat", 2, 2, 12, 8), box("dog", 2, 2, 12, 8), draw("dog", (20, 20, 30, 26)))
    converted = change("convert_shapes", objects, to="polygon", classes="dog", kinds="mask")
    assert [o.geometry.kind.value for o in converted] == ["rectangle", "rectangle", "polygon"]
    schema = change_schema("convert_shapes", to="polygon", classes="dog", kinds="mask")
    assert [c.geometry for c in schema.classes] == [GeometryKind.RECTANGLE, None, GeometryKind.RECTANGLE]
    with pytest.raises(InvalidParameter, match="no kind of shape 'msak'") as caught:
        change("convert_shapes", objects, kinds="msak")
    assert "mask" in caught.value.hint


def test_what_cannot_be_converted_is_dropped_or_kept() -> None:
    line = AnnotatedObject("cat", Geometry(GeometryKind.POLYLINE, ((1.0, 5.0), (20.0, 5.0))))
    assert change("convert_shapes", (line,), to="rectangle", line_width_px=0) == ()
    assert change("convert_shapes", (line,), to="rectangle", line_width_px=0, keep_failed=True) == (line,)
    (mask,) = change("convert_shapes", (line,), to="mask", line_width_px=4)
    assert measure_geometry(mask.geometry) == pytest.approx(19 * 4, abs=14)


def test_simplified_outline_has_fewer_points_and_nearly_its_area() -> None:
    angles = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    ring = tuple((float(30 + 18 * np.cos(a)), float(24 + 18 * np.sin(a))) for a in angles)
    circle = AnnotatedObject("cat", Geometry(GeometryKind.POLYGON, ring))
    (simple,) = change("simplify", (circle,), epsilon_px=0.5)
    assert 8 <= len(simple.geometry.points) <= 30
    assert measure_geometry(simple.geometry) == pytest.approx(measure_geometry(circle.geometry), rel=0.05)
    assert change("simplify", (circle,), epsilon_px=0.5, classes="dog") == (circle,)


def test_clipped_objects_lie_on_their_image() -> None:
    objects = (box("cat", -10, -10, 10, 10), box("dog", 70, 5, 90, 20), box("cow", 1, 1, 4, 4))
    clipped = change("clip", objects)
    assert [o.geometry for o in clipped] == [Geometry.rectangle(0, 0, 10, 10), objects[2].geometry]
    assert [o.class_name for o in change("clip", objects, min_visible=0.5)] == ["cow"]


# --- dropping --------------------------------------------------------------------------------------

PILE = (
    box("cat", 0, 0, 20, 20, confidence=0.9),
    box("cat", 1, 1, 21, 21, confidence=0.8),
    box("dog", 0, 0, 20, 20, confidence=0.7),
    box("cat", 40, 20, 44, 44, confidence=0.3),
)


def test_objects_that_meet_the_condition_are_dropped() -> None:
    kept = change("drop_objects", PILE, where="class == dog or confidence < 0.5")
    assert kept == PILE[:2]
    assert change("drop_objects", PILE, where="class == dog", classes="cat") == PILE


def test_objects_are_dropped_by_area_side_count_and_cover() -> None:
    assert change("drop_objects", PILE, min_area_px=100) == PILE[:3]
    assert change("drop_objects", PILE, min_side_px=5) == PILE[:3]
    assert change("drop_objects", PILE, max_count=1) == PILE[:1]
    assert change("drop_objects", PILE, max_count=0) == ()
    assert change("drop_objects", PILE, max_covered=0.8) == (PILE[0], PILE[3])
    assert change("drop_objects", PILE, max_covered=0.99) == (PILE[0], PILE[1], PILE[3])


@pytest.mark.parametrize("params", [{}, {"where": "area <"}, {"where": "class == bird"}, {"classes": "cat"}])
def test_dropping_needs_to_know_what(params: dict[str, str]) -> None:
    with pytest.raises(InvalidParameter):
        change("drop_objects", PILE, **params)


def test_of_overlapping_objects_the_surest_stays() -> None:
    assert change("nms", PILE) == (PILE[0], PILE[2], PILE[3])
    assert change("nms", PILE, per_class=False) == (PILE[0], PILE[3])
    by_hand = box("cat", 0, 0, 19, 20)
    assert change("nms", (*PILE[:2], by_hand)) == (by_hand,)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 40), st.integers(0, 30), st.integers(1, 20), st.integers(1, 15), st.floats(0, 1)
        ),
        max_size=12,
    ),
    st.floats(0.1, 0.9),
)
def test_after_nms_no_two_overlap_more_and_each_dropped_one_had_a_better(
    drawn: list[tuple[int, int, int, int, float]], limit: float
) -> None:
    from mlwf_tui.entities.pairing import measure_iou

    objects = tuple(box("cat", x, y, x + w, y + h, confidence=c) for x, y, w, h, c in drawn)
    kept = change("nms", objects, iou=limit)
    for at, one in enumerate(kept):
        for other in kept[at + 1 :]:
            assert measure_iou(one.geometry.bounds, other.geometry.bounds) <= limit
    for dropped in objects:
        better = [o for o in kept if (o.confidence or 0) >= (dropped.confidence or 0)]
        assert dropped in kept or any(
            measure_iou(dropped.geometry.bounds, o.geometry.bounds) > limit for o in better
        )


# --- masks -----------------------------------------------------------------------------------------


def test_every_part_of_a_mask_becomes_an_object() -> None:
    mask = draw("cat", (2, 2, 6, 6), (20, 10, 30, 12), (40, 40, 41, 41), author="ada")
    parts = change("split_masks", (mask,))
    assert sorted(get_areas(parts)) == [1, 16, 20]
    assert all(part.author == "ada" for part in parts)
    assert sorted(get_areas(change("split_masks", (mask,), min_area_px=5))) == [16, 20]


def test_parts_that_touch_at_a_corner_are_one_or_two() -> None:
    mask = draw("cat", (2, 2, 6, 6), (6, 6, 8, 8))
    assert get_areas(change("split_masks", (mask,))) == [20]
    assert sorted(get_areas(change("split_masks", (mask,), corners=False))) == [4, 16]


def test_split_masks_are_merged_to_what_they_were() -> None:
    mask = draw("cat", (2, 2, 6, 6), (20, 10, 30, 12), (40, 40, 41, 41))
    other = draw("dog", (0, 0, 3, 3))
    assert change("merge_masks", (*change("split_masks", (mask,)), other)) == (mask, other)


@pytest.mark.parametrize("name", ["split_masks", "merge_masks", "background"])
def test_a_mask_that_says_nothing_sound_is_told(name: str) -> None:
    torn = AnnotatedObject("cat", Geometry(GeometryKind.MASK, ((0.0, 0.0), (3.0, 2.0)), runs=(1, 2)))
    with pytest.raises(InvalidInput, match=r"^A mask of 3x2 pixels has runs of 3\.$"):
        change(name, (torn,))


def test_background_is_what_nothing_covers() -> None:
    *objects, background = change("background", (box("cat", 0, 0, 64, 40), draw("dog", (0, 40, 10, 48))))
    assert background.class_name == "background"
    assert measure_geometry(background.geometry) == 54 * 8
    assert len(objects) == 2
    assert change_schema("background").class_names[-1] == "background"
    assert change("background", (box("cat", 0, 0, 64, 48),)) == (box("cat", 0, 0, 64, 48),)


@pytest.mark.parametrize(
    ("task", "kind"), [("detect", "rectangle"), ("oriented", "oriented_box"), ("segment", "polygon")]
)
def test_training_data_has_the_shapes_of_its_task(task: str, kind: str) -> None:
    objects = (box("cat", 2, 2, 12, 8), draw("dog", (20, 20, 30, 26)), box("cow", 1, 1, 2, 2))
    prepared = change("prepare", objects, task=task, classes="cat,dog", min_area_px=5)
    assert [(o.class_name, o.geometry.kind.value) for o in prepared] == [("cat", kind), ("dog", kind)]
    schema = change_schema("prepare", task=task, classes="cat,dog")
    assert [(c.name, c.geometry) for c in schema.classes] == [("cat", kind), ("dog", kind)]


def test_a_class_map_has_each_pixel_once_and_small_objects_on_top() -> None:
    objects = (box("dog", 10, 10, 14, 14), box("cat", 0, 0, 20, 20), box("cat", 30, 0, 40, 10))
    prepared = change("prepare", objects, task="semantic", background="ground")
    areas = {o.class_name: measure_geometry(o.geometry) for o in prepared}
    assert areas == {"cat": 400 - 16 + 100, "dog": 16, "ground": WIDTH_PX * HEIGHT_PX - 500}
    drawn = sum(fill_geometry(o.geometry, WIDTH_PX, HEIGHT_PX).astype(int) for o in prepared)
    assert np.all(drawn == 1)


def test_pose_keeps_keypoints_alone() -> None:
    keypoints = Geometry(GeometryKind.KEYPOINTS, ((1.0, 1.0), (5.0, 5.0)), names=("a", "b"))
    person = AnnotatedObject("cat", keypoints)
    assert change("prepare", (person, box("cat", 1, 1, 5, 5)), task="pose") == (person,)
    with pytest.raises(InvalidParameter, match="background belongs to task=semantic"):
        change("prepare", (person,), task="pose", background="ground")


# --- tags ------------------------------------------------------------------------------------------


def test_items_that_meet_a_condition_are_tagged() -> None:
    crowded = change_item("tag", PILE, tag="crowded", where="count(cat) > 2", value="3")
    assert crowded.annotation.tags == (Tag("crowded", 3.0),)
    assert change_item("tag", PILE, tag="crowded", where="count(cat) > 3").annotation.tags == ()
    (definition,) = change_schema("tag", tag="crowded", value="3").tags
    assert definition == TagDefinition("crowded", "number", target="items")


def test_objects_that_meet_a_condition_are_tagged_and_untagged() -> None:
    tagged = change("tag", PILE, tag="small", where="area < 100", target="objects")
    assert [o.tags for o in tagged] == [(), (), (), (Tag("small"),)]
    assert change("tag", tagged, tag="small", target="objects", action="remove") == PILE


def test_a_tag_that_is_there_gets_the_new_value_and_its_definition_widens() -> None:
    schema = LabelSchema((), (TagDefinition("weather", "choice", ("rain",), target="objects"),))
    (definition,) = change_schema("tag", schema, tag="weather", value="sun").tags
    assert definition.values == ("rain", "sun")
    assert definition.target == "any"
    (definition,) = change_schema(
        "tag", LabelSchema((), (TagDefinition("n", "number"),)), tag="n", value="x"
    ).tags
    assert definition.value_type == "text"


@pytest.mark.parametrize("params", [{}, {"tag": "x", "where": "count("}, {"tag": "x", "where": "has(bird)"}])
def test_tagging_needs_a_name_and_a_condition_that_parses(params: dict[str, str]) -> None:
    with pytest.raises(InvalidParameter):
        change_item("tag", PILE, **params)


def test_what_is_not_changed_is_the_very_same_item() -> None:
    source = make_item(objects=[box("cat", 1, 1, 5, 5)])
    harmless: dict[str, dict[str, Any]] = {
        "rename_classes": {"names": "dog=lion"}, "clip": {}, "nms": {}, "simplify": {}, "split_masks": {},
        "tag": {"tag": "x", "action": "remove"}, "drop_objects": {"min_area_px": 1},
        "convert_shapes": {}, "filter": {}, "merge": {}, "recolor_classes": {},
    }  # fmt: skip
    for name, params in harmless.items():
        (made,) = follow(name, [source], schema=SCHEMA, **params)
        assert made.item is source.item, name


def test_counts_of_classes_survive_a_conversion() -> None:
    before = Counter(o.class_name for o in PILE)
    assert Counter(o.class_name for o in change("convert_shapes", PILE, to="mask")) == before
