"""Fitting items to a format: what is kept, converted and left out, and how it is counted."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from mlwf_tui.entities.abilities import ANY_TAG, CLASS_TAG, EVERYTHING, SPLITS, Abilities, keep
from mlwf_tui.entities.annotation import (
    AnnotatedObject,
    Annotation,
    ClassDefinition,
    Geometry,
    GeometryKind,
    LabelSchema,
    Tag,
    TagDefinition,
    Visibility,
    define_classes,
)
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.workflow.exporting.fitting import Fitter, complete_schema
from tests.states import make_object, make_plain_item

SCHEMA = LabelSchema(define_classes(("car", "dog")))
BOXES = Abilities(geometries=keep(GeometryKind.RECTANGLE))
KEYPOINTS = Abilities(geometries=keep(GeometryKind.KEYPOINTS), has_visibility=True)


def fit(abilities: Abilities, *items: Item, schema: LabelSchema = SCHEMA) -> tuple[list[Item], list[str]]:
    fitter = Fitter(abilities, schema)
    fitted = [item for item in map(fitter.fit, items) if item is not None]
    return fitted, [str(loss) for loss in fitter.list_losses()]


def test_a_format_that_holds_everything_changes_nothing() -> None:
    pose = Geometry(GeometryKind.KEYPOINTS, ((1, 2), (3, 4)), names=("x", "y"))
    labelled = AnnotatedObject("car", pose, 0.5, "ann", (Tag("t", 2.0),), {"a": True})
    item = make_plain_item("a/b.gif", labelled, tags=(Tag("night", "yes"),), split=Split.NONE)
    item = replace(item, annotation=replace(item.annotation, custom={"c": 1.0}))
    assert fit(EVERYTHING, item) == ([item], [])


def test_everything_that_a_format_lacks_is_counted_by_object_and_item() -> None:
    rich = AnnotatedObject("car", make_object().geometry, 0.5, "ann", (Tag("t"), Tag("u")), {"a": True})
    line = AnnotatedObject("car", Geometry(GeometryKind.POLYLINE, ((1, 1), (5, 5))))
    items = [
        make_plain_item("main/a.jpg", rich, rich, line, tags=(Tag("night"),)),
        make_plain_item("other/b.jpg", rich),
    ]
    fitted, losses = fit(BOXES, *items)
    assert losses == [
        "authors left out: 3 objects in 2 items",
        "confidence left out: 3 objects in 2 items",
        "custom data of objects left out: 3 objects in 2 items",
        "objects that are polylines left out: 1 object in 1 item",
        "tags of items left out: 1 tag in 1 item",
        "tags of objects left out: 6 tags in 2 items",
        "dataset → part of the file's name: 1 item",
    ]
    plain = AnnotatedObject("car", make_object().geometry)
    assert [item.annotation for item in fitted] == [Annotation((plain, plain)), Annotation((plain,))]


def test_only_what_takes_whole_items_or_objects_away_is_whole() -> None:
    line = AnnotatedObject("car", Geometry(GeometryKind.POLYLINE, ((1, 1), (5, 5))))
    fitter = Fitter(replace(BOXES, splits=SPLITS), SCHEMA)
    fitter.fit(make_plain_item("main/a.jpg", line, make_object(tags=(Tag("t"),))))
    fitter.fit(make_plain_item("main/b.jpg", split=Split.NONE))
    assert {loss.what: loss.is_whole for loss in fitter.list_losses()} == {
        "items without a split": True,
        "objects that are polylines": True,
        "tags of objects": False,
    }


def test_a_split_that_a_format_lacks_becomes_none_where_it_has_that() -> None:
    item = make_plain_item("main/a.jpg", split=Split.VAL)
    fitted, losses = fit(replace(BOXES, splits=frozenset({Split.NONE})), item)
    assert (fitted[0].split, losses) == (Split.NONE, ["splits left out: 1 item"])


def test_a_classification_tree_takes_the_first_tag_that_is_a_class() -> None:
    abilities = Abilities(geometries={}, item_tags=CLASS_TAG)
    tags = (Tag("night"), Tag("dog"), Tag("car"))
    fitted, losses = fit(abilities, make_plain_item("main/a.jpg", tags=tags), make_plain_item("main/b.jpg"))
    assert [item.annotation.tags for item in fitted] == [(Tag("dog"),)]
    assert losses == [
        "items without a tag that is a class left out: 1 item",
        "tags of items left out: 2 tags in 1 item",
    ]


@pytest.mark.parametrize(
    ("values", "kept", "loss"),
    [
        ("typed", 3.0, []),
        ("text", "3.0", ["numbers in tags of items → text: 1 tag in 1 item"]),
        ("none", None, ["values of tags of items left out: 1 tag in 1 item"]),
    ],
)
def test_values_of_tags_are_kept_as_the_format_can(values: str, kept: object, loss: list[str]) -> None:
    abilities = replace(BOXES, item_tags=ANY_TAG, item_values=values)
    fitted, losses = fit(abilities, make_plain_item("main/a.jpg", tags=(Tag("t", 3.0),)))
    assert fitted[0].annotation.tags == (Tag("t", kept),)  # type: ignore[arg-type]
    assert losses == loss


def test_keypoints_are_put_in_the_order_of_their_skeleton() -> None:
    schema = LabelSchema((ClassDefinition("car", nodes=("front", "roof", "back")),))
    pose = Geometry(GeometryKind.KEYPOINTS, ((1, 1), (2, 2), (9, 9)), names=("back", "front", "antenna"))
    fitted, losses = fit(
        KEYPOINTS, make_plain_item("main/a.jpg", AnnotatedObject("car", pose)), schema=schema
    )
    (labelled,) = fitted[0].annotation.objects
    assert labelled.geometry == Geometry(
        GeometryKind.KEYPOINTS,
        ((2, 2), (0, 0), (1, 1)),
        names=("front", "roof", "back"),
        visibility=(Visibility.VISIBLE, Visibility.MISSING, Visibility.VISIBLE),
    )
    assert losses == ["keypoints that the skeleton lacks left out: 1 keypoint in 1 item"]


def test_keypoints_without_names_are_those_of_the_skeleton_where_they_are_as_many() -> None:
    schema = LabelSchema((ClassDefinition("car", nodes=("front", "back")),))
    pair = Geometry(GeometryKind.KEYPOINTS, ((1, 1), (2, 2)))
    lone = Geometry(GeometryKind.KEYPOINTS, ((1, 1),))
    item = make_plain_item("main/a.jpg", AnnotatedObject("car", pair), AnnotatedObject("car", lone))
    fitted, losses = fit(KEYPOINTS, item, schema=schema)
    (labelled,) = fitted[0].annotation.objects
    assert labelled.geometry == replace(pair, names=("front", "back"))
    assert losses == [
        "keypoints of which none is labelled left out: 1 object in 1 item",
        "keypoints that the skeleton lacks left out: 1 keypoint in 1 item",
    ]


def test_keypoints_become_points_alone_where_a_format_has_no_more() -> None:
    abilities = Abilities(
        geometries=keep(GeometryKind.KEYPOINTS), has_free_keypoints=True, has_keypoint_names=False
    )
    seen = (Visibility.VISIBLE, Visibility.HIDDEN, Visibility.MISSING)
    named = Geometry(GeometryKind.KEYPOINTS, ((1, 2), (3, 4), (1, 2)), names=("x", "y", "z"), visibility=seen)
    plain = Geometry(GeometryKind.KEYPOINTS, ((5, 6), (7, 8)))
    nothing = Geometry(GeometryKind.KEYPOINTS, ((1, 2),), visibility=(Visibility.MISSING,))
    objects = [AnnotatedObject("car", geometry) for geometry in (named, plain, nothing)]
    fitted, losses = fit(abilities, make_plain_item("main/a.jpg", *objects))
    assert [labelled.geometry for labelled in fitted[0].annotation.objects] == [
        Geometry(GeometryKind.KEYPOINTS, ((1, 2), (3, 4))),
        plain,
    ]
    assert losses == [
        "keypoints of which none is labelled left out: 1 object in 1 item",
        "keypoints that are missing left out: 2 keypoints in 1 item",
        "names of keypoints left out: 1 object in 1 item",
        "visibility of keypoints left out: 1 object in 1 item",
    ]


def test_texts_of_custom_data_that_a_format_has_a_place_for_are_kept() -> None:
    abilities = replace(BOXES, custom_texts=("description",))
    box = make_object()
    objects = [
        replace(box, custom={"description": "wet"}),
        replace(box, custom={"description": "wet", "weight": 2.0}),
        replace(box, custom={"description": 5.0}),
    ]
    fitted, losses = fit(abilities, make_plain_item("main/a.jpg", *objects))
    told = [dict(labelled.custom) for labelled in fitted[0].annotation.objects]
    assert told == [{"description": "wet"}, {"description": "wet"}, {}]
    assert losses == ["custom data of objects left out: 2 objects in 1 item"]


def test_a_class_without_a_skeleton_gets_the_nodes_of_its_objects() -> None:
    first = Geometry(GeometryKind.KEYPOINTS, ((1, 1), (2, 2)), names=("a", "b"))
    second = Geometry(GeometryKind.KEYPOINTS, ((1, 1), (2, 2)), names=("b", "c"))
    unnamed = Geometry(GeometryKind.KEYPOINTS, ((1, 1), (2, 2), (3, 3)))
    item = make_plain_item(
        "main/a.jpg", AnnotatedObject("car", first), AnnotatedObject("car", second),
        AnnotatedObject("dog", unnamed),
    )  # fmt: skip
    completed = complete_schema(SCHEMA, [item])
    assert [c.nodes for c in completed.classes] == [("a", "b", "c"), ("1", "2", "3")]


def test_tags_that_nothing_declares_are_declared_as_they_are_found() -> None:
    objects = (make_object(tags=(Tag("weight", 2.0),)), make_object(tags=(Tag("weight"), Tag("night"))))
    item = make_plain_item("main/a.jpg", *objects, tags=(Tag("night"), Tag("place", "Bonn")))
    declared = replace(SCHEMA, tags=(TagDefinition("known", target="items"),))
    assert complete_schema(declared, [item]).tags == (
        TagDefinition("known", target="items"),
        TagDefinition("night", "none", target="any"),
        TagDefinition("place", "text", target="items"),
        TagDefinition("weight", "number", target="objects"),
    )


def test_a_declared_tag_that_no_item_has_is_one_of_objects() -> None:
    item = make_plain_item("main/a.jpg", make_object(tags=(Tag("truncated"),)), tags=(Tag("night"),))
    declared = replace(SCHEMA, tags=(TagDefinition("truncated"), TagDefinition("night")))
    assert complete_schema(declared, [item]).tags == (
        TagDefinition("truncated", target="objects"),
        TagDefinition("night"),
    )


def test_formats_with_one_skeleton_get_as_many_keypoints_of_each_class() -> None:
    schema = LabelSchema(
        (ClassDefinition("car", nodes=("x", "y", "z")), ClassDefinition("dog", nodes=("x",)))
    )
    pose = Geometry(GeometryKind.KEYPOINTS, ((1, 1),), names=("x",))
    item = make_plain_item("main/a.jpg", AnnotatedObject("dog", pose))
    fitted, _ = fit(replace(KEYPOINTS, has_several_skeletons=False), item, schema=schema)
    assert fitted[0].annotation.objects[0].geometry.visibility == (2, 0, 0)


def test_what_leaves_the_image_is_cut_or_left_out() -> None:
    abilities = replace(BOXES, is_clipped=True)
    item = make_plain_item("main/a.jpg", make_object(left=-5), make_object(left=200))
    fitted, losses = fit(abilities, item)
    assert [o.geometry.bounds for o in fitted[0].annotation.objects] == [(0, 0, 5, 10)]
    assert losses == [
        "objects outside of their image left out: 1 object in 1 item",
        "objects that leave their image → cut at its border: 1 object in 1 item",
    ]


def test_a_tag_that_a_format_has_a_place_for_keeps_its_value_and_others_do_not() -> None:
    abilities = replace(BOXES, object_tags=ANY_TAG, valued_tags=("group", "pose"))
    tags = (Tag("group", 3.0), Tag("pose", "Left"), Tag("weight", 2.0))
    fitted, losses = fit(abilities, make_plain_item("main/a.jpg", make_object(tags=tags)))
    assert fitted[0].annotation.objects[0].tags == (Tag("group", 3.0), Tag("pose", "Left"), Tag("weight"))
    assert losses == ["values of tags of objects left out: 1 tag in 1 item"]
    odd = (Tag("group", "red"), Tag("group", 1.5), Tag("pose", 3.0))
    fitted, losses = fit(abilities, make_plain_item("main/a.jpg", make_object(tags=odd)))
    assert losses == ["values of tags of objects left out: 3 tags in 1 item"]


@pytest.mark.parametrize(("suffixes", "losses"), [
    (None, []),
    (frozenset({".jpg"}), [".gif → PNG of its first picture: 1 item"]),
])  # fmt: skip
def test_images_that_a_format_cannot_hold_are_counted(
    suffixes: frozenset[str] | None, losses: list[str]
) -> None:
    items = make_plain_item("main/a.GIF"), make_plain_item("main/b.JPG")
    assert fit(replace(BOXES, image_suffixes=suffixes), *items)[1] == losses


FLAT = Abilities(geometries=dict.fromkeys(GeometryKind, GeometryKind.MASK), is_clipped=True, is_flat=True)


def test_shapes_become_masks_of_the_pixels_whose_centre_they_cover() -> None:
    ring = ((2.0, 2.0), (8.0, 2.0), (8.0, 6.0), (2.0, 6.0))
    hole = ((4.0, 3.0), (6.0, 3.0), (6.0, 5.0), (4.0, 5.0))
    polygon = AnnotatedObject("car", Geometry(GeometryKind.POLYGON, ring, holes=(hole,)))
    sliver = AnnotatedObject("car", Geometry.rectangle(20.6, 20, 21.4, 30))
    box = AnnotatedObject("car", Geometry.rectangle(30.4, 30.6, 32.6, 31.4))
    fitted, losses = fit(FLAT, make_plain_item("main/a.jpg", polygon, sliver, box))
    (item,) = fitted
    assert losses == [
        "objects that cover no pixel left out: 2 objects in 1 item",
        "polygon → mask: 1 object in 1 item",
    ]
    mask = item.annotation.objects[0].geometry
    assert (tuple(mask.bounds), sum(mask.runs[1::2])) == ((2, 2, 8, 6), 6 * 4 - 2 * 2)


def test_a_pixel_belongs_to_the_last_object_where_a_format_has_one_for_each() -> None:
    under, within, over = (
        AnnotatedObject("car", Geometry.rectangle(*box))
        for box in ((0, 0, 10, 10), (6, 6, 9, 9), (5, 5, 20, 20))
    )
    fitted, losses = fit(FLAT, make_plain_item("main/a.jpg", under, within, over))
    assert [sum(o.geometry.runs[1::2]) for o in fitted[0].annotation.objects] == [75, 225]
    assert losses == [
        "objects that others cover left out: 1 object in 1 item",
        "masks that others cover → what is left of them: 1 object in 1 item",
        "rectangle → mask: 3 objects in 1 item",
    ]


def test_a_mask_is_cut_at_the_border_of_its_image() -> None:
    mask = Geometry(GeometryKind.MASK, ((-1.0, -1.0), (1.0, 1.0)), runs=(0, 4))
    away = Geometry(GeometryKind.MASK, ((-3.0, -3.0), (-1.0, -1.0)), runs=(0, 4))
    item = make_plain_item("main/a.jpg", *[AnnotatedObject("car", one) for one in (mask, away)])
    fitted, losses = fit(FLAT, item)
    (kept,) = fitted[0].annotation.objects
    assert (tuple(kept.geometry.bounds), kept.geometry.runs) == ((0, 0, 1, 1), (0, 1))
    assert losses[0] == "objects outside of their image left out: 1 object in 1 item"
    assert "objects that leave their image → cut at its border: 1 object in 1 item" in losses


@pytest.mark.parametrize("names", [ANY_TAG, ("iscrowd",), ("difficult",), ()])
def test_a_crowd_is_left_out_of_a_format_that_would_make_one_object_of_it(names: tuple[str, ...]) -> None:
    crowd, one = make_object(tags=(Tag("iscrowd"),)), make_object()
    abilities = replace(BOXES, object_tags=names)
    (fitted,), losses = fit(abilities, make_plain_item("main/a.jpg", crowd, one))
    can_say_so = names == ANY_TAG or "iscrowd" in names
    assert fitted.annotation.objects == ((crowd, one) if can_say_so else (one,))
    assert losses == ([] if can_say_so else ["crowds (iscrowd) left out: 1 object in 1 item"])
