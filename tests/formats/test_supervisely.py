"""Annotations in Supervisely's format: nothing lost, hostile files bounded, mistakes named."""

from __future__ import annotations

import base64
import json
import math
import re
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mlwf_tui.entities.annotation import (
    AnnotatedObject,
    Annotation,
    Geometry,
    GeometryKind,
    Tag,
    Visibility,
)
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.errors import InvalidInput
from mlwf_tui.formats import supervisely, supervisely_shapes
from mlwf_tui.formats.supervisely import DecodedAnnotation, decode_annotation, encode_annotation
from tests.formats.making import draw_items, odd_geometries, sound_geometries, to_item
from tests.media.test_bitmaps import PLUS, save

BOX = Geometry.rectangle(10, 7.5, 110, 63)
BOX_JSON = {
    "classTitle": "cat",
    "geometryType": "rectangle",
    "points": {"exterior": [[10, 7.5], [110, 63]], "interior": []},
    "tags": [],
}


def of_objects(*objects: AnnotatedObject) -> Item:
    return to_item(Annotation(objects))


def read(*objects: dict[str, Any], **top: Any) -> DecodedAnnotation:
    document = {"size": {"height": 480, "width": 640}, "tags": [], "objects": objects, **top}
    return decode_annotation(json.dumps(document).encode())


def read_geometry(**members: Any) -> Geometry:
    """Return the geometry of the one object with these members, which must be read without a word."""
    found = read({"classTitle": "cat", "tags": [], **members})
    assert found.problems == ()
    return found.annotation.objects[0].geometry


def read_problem(**members: Any) -> str:
    """Return what is said of the one object with these members, which must not be read."""
    found = read({"classTitle": "cat", "tags": [], **members}, description="")
    assert found.annotation.objects == ()
    (problem,) = found.problems
    return problem


def pack(png: bytes) -> str:
    return base64.b64encode(zlib.compress(png)).decode()


# --- there and back ------------------------------------------------------------------------------


def check_round_trip(item: Item) -> None:
    encoded = encode_annotation(item)
    decoded = decode_annotation(encoded)
    assert decoded.annotation == item.annotation
    assert (decoded.width_px, decoded.height_px) == (item.width_px, item.height_px)
    assert decoded.split is item.split
    assert decoded.problems == ()
    again = to_item(decoded.annotation, item.split)
    assert encode_annotation(again) == encoded
    json.loads(encoded)  # what Python reads, everybody reads


@pytest.mark.parametrize("kind", GeometryKind)
@settings(max_examples=30)
@given(data=st.data())
def test_every_kind_comes_back_to_the_last_bit(kind: GeometryKind, data: st.DataObject) -> None:
    check_round_trip(data.draw(draw_items(sound_geometries[kind])))


@settings(max_examples=100)
@given(draw_items(odd_geometries))
def test_shapes_that_the_format_cannot_hold_come_back_as_well(item: Item) -> None:
    check_round_trip(item)


def test_an_oriented_box_of_huge_numbers_comes_back() -> None:
    corners = ((1e300, 0.0), (-1e300, 1e308), (5.0, -1e308), (1.0, 2.0))
    check_round_trip(of_objects(AnnotatedObject("a", Geometry(GeometryKind.ORIENTED_BOX, corners))))


def test_names_that_look_like_node_numbers_are_kept() -> None:
    points = ((1.0, 2.0), (3.0, 4.0))
    for names in (("0", "1"), ("1", "0"), ("nose", "nose"), ("nose",), ()):
        geometry = Geometry(GeometryKind.KEYPOINTS, points, names=names)
        check_round_trip(of_objects(AnnotatedObject("a", geometry)))


def test_custom_values_keep_their_type() -> None:
    custom: dict[str, str | float | bool] = {"flag": True, "one": 1.0, "text": "1"}
    item = of_objects(AnnotatedObject("a", BOX, custom=custom))

    back = decode_annotation(encode_annotation(item)).annotation.objects[0].custom

    assert {key: type(value) for key, value in back.items()} == {"flag": bool, "one": float, "text": str}


def test_the_order_of_custom_keys_does_not_show() -> None:
    one = of_objects(AnnotatedObject("a", BOX, custom={"x": 1.0, "y": 2.0}))
    other = of_objects(AnnotatedObject("a", BOX, custom={"y": 2.0, "x": 1.0}))

    assert encode_annotation(one) == encode_annotation(other)


# --- what is written -----------------------------------------------------------------------------


def test_an_object_is_a_line_and_whole_numbers_are_short() -> None:
    labelled = AnnotatedObject("chat “é”", BOX, 0.5, "ada", (Tag("big"), Tag("age", 3.0)), {"b": True})
    item = to_item(Annotation((labelled, AnnotatedObject("cat", BOX)), (Tag("day"),)), Split.VAL)

    assert encode_annotation(item).decode() == (
        "{\n"
        '  "description": "",\n'
        '  "tags": [{"name": "day"}],\n'
        '  "size": {"height": 480, "width": 640},\n'
        '  "split": "val",\n'
        '  "objects": [\n'
        '    {"classTitle": "chat “é”", "geometryType": "rectangle",'
        ' "points": {"exterior": [[10,7.5],[110,63]], "interior": []},'
        ' "tags": [{"name": "big"}, {"name": "age", "value": 3}],'
        ' "confidence": 0.5, "labelerLogin": "ada", "customData": {"b": true}},\n'
        '    {"classTitle": "cat", "geometryType": "rectangle",'
        ' "points": {"exterior": [[10,7.5],[110,63]], "interior": []}, "tags": []}\n'
        "  ]\n"
        "}\n"
    )


def test_each_shape_goes_out_in_the_formats_own_terms() -> None:
    ring = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0))
    shapes: dict[Geometry, dict[str, Any]] = {
        Geometry(GeometryKind.POLYGON, ring, (ring,)): {
            "geometryType": "polygon",
            "points": {"exterior": [[0, 0], [9, 0], [9, 9]], "interior": [[[0, 0], [9, 0], [9, 9]]]},
        },
        Geometry(GeometryKind.POLYLINE, ring): {
            "geometryType": "line",
            "points": {"exterior": [[0, 0], [9, 0], [9, 9]], "interior": []},
        },
        Geometry(GeometryKind.POINT, ring[1:2]): {
            "geometryType": "point",
            "points": {"exterior": [[9, 0]], "interior": []},
        },
        Geometry(GeometryKind.KEYPOINTS, ring[:2], names=("nose", "ear")): {
            "geometryType": "graph",
            "nodes": {"nose": {"loc": [0, 0]}, "ear": {"loc": [9, 0]}},
        },
        Geometry(GeometryKind.ORIENTED_BOX, ((2.0, 0.0), (4.0, 0.0), (4.0, 3.0), (2.0, 3.0))): {
            "geometryType": "oriented_bbox",
            "points": [[2, 0], [4, 3]],
            "angle": 0,
            "corners": [[2, 0], [4, 0], [4, 3], [2, 3]],
        },
    }
    for geometry, expected in shapes.items():
        written = json.loads(encode_annotation(of_objects(AnnotatedObject("cat", geometry))))
        assert written["objects"] == [{"classTitle": "cat", "tags": [], **expected}]


def test_a_mask_goes_out_as_a_packed_png_at_its_origin() -> None:
    mask = Geometry(GeometryKind.MASK, ((4.0, 5.0), (7.0, 8.0)), runs=(1, 1, 1, 3, 1, 1, 1))

    (written,) = json.loads(encode_annotation(of_objects(AnnotatedObject("cat", mask))))["objects"]

    assert written["geometryType"] == "bitmap"
    assert written["bitmap"]["origin"] == [4, 5]
    png = zlib.decompress(base64.b64decode(written["bitmap"]["data"]))
    assert png.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "labelled",
    [
        AnnotatedObject("lone \ud800", BOX),
        AnnotatedObject("a", BOX, author="\udfff"),
        AnnotatedObject("a", BOX, custom={"\ud800": 1.0}),
        AnnotatedObject("a", BOX, tags=(Tag("t", "\ud800"),)),
        AnnotatedObject("a", BOX, confidence=math.nan),
        AnnotatedObject("a", BOX, custom={"x": math.inf}),
        AnnotatedObject("a", BOX, tags=(Tag("t", math.inf),)),
        AnnotatedObject("a", Geometry.rectangle(0, 0, math.inf, 1)),
        AnnotatedObject("a", Geometry.rectangle(math.nan, 0, 1, 1)),
        AnnotatedObject("a", Geometry(GeometryKind.POLYGON, ((0, 0), (1, 1), (math.inf, 2)))),
        AnnotatedObject("a", Geometry(GeometryKind.KEYPOINTS, ((0, math.nan),), names=("nose",))),
        AnnotatedObject("a", Geometry(GeometryKind.ORIENTED_BOX, ((0, 0), (1, 1), (2, 2), (3, math.nan)))),
        AnnotatedObject("a", Geometry(GeometryKind.MASK, ((0, 0), (math.inf, 2)), runs=(4,))),
    ],
)
def test_what_no_manifest_can_hold_is_not_written(labelled: AnnotatedObject) -> None:
    with pytest.raises(InvalidInput, match=r"main/a\.jpg"):
        encode_annotation(of_objects(labelled))


# --- what others write ---------------------------------------------------------------------------


def test_a_file_of_supervisely_itself_is_read() -> None:
    stamps = {"labelerLogin": "ada", "updatedAt": "2024-01-22T19:37:50.158Z", "createdAt": "2024-01-22"}
    found = read(
        {
            "id": 497521359,
            "classId": 1661571,
            "description": "",
            "instance": None,
            "bitmap": None,
            "nodes": None,
            "geometry": None,
            "shape": "rectangle",
            **stamps,
            **BOX_JSON,
            "tags": [
                {"id": 3, "tagId": 9, "name": "age", "value": 7, **stamps},
                {"name": "new", "value": None},
            ],
            "customData": {"depth": 3, "note": "far", "is_far": True},
            "nnCreated": False,
        },
        tags=["seen", {"name": "weather", "value": "sunny", "labelerLogin": "ada"}],
        description="",
        customBigData={},
        image_id=12,
    )

    assert found.problems == ()
    assert found.annotation == Annotation(
        (
            AnnotatedObject(
                "cat",
                BOX,
                author="ada",
                tags=(Tag("age", 7.0), Tag("new")),
                custom={
                    "depth": 3.0,
                    "note": "far",
                    "is_far": True,
                    "id": 497521359.0,
                    "createdAt": "2024-01-22",
                    "updatedAt": "2024-01-22T19:37:50.158Z",
                },
            ),
        ),
        (Tag("seen"), Tag("weather", "sunny")),
    )
    assert (found.width_px, found.height_px, found.split) == (640, 480, None)


def test_a_box_drawn_from_any_corner_is_in_order() -> None:
    points = {"exterior": [[110, 7.5], [10, 63]], "interior": []}
    assert read_geometry(geometryType="rectangle", points=points) == BOX


def test_the_older_word_for_the_shape_will_do() -> None:
    assert read_geometry(shape="rectangle", points={"exterior": [[10, 7.5], [110, 63]]}) == BOX


def test_a_palette_with_transparency_is_read_as_a_mask() -> None:
    image = Image.fromarray(PLUS.astype(np.uint8))
    image.putpalette([0, 0, 0, 255, 255, 255])
    png = save(image, transparency=0)
    expected = Geometry(GeometryKind.MASK, ((4.0, 5.0), (7.0, 8.0)), runs=(1, 1, 1, 3, 1, 1, 1))

    packed = {"data": pack(png), "origin": [4, 5]}
    assert read_geometry(geometryType="bitmap", bitmap=packed) == expected
    plain = {"data": base64.b64encode(png).decode(), "origin": [4.0, 5.0]}
    assert read_geometry(geometryType="bitmap", bitmap=plain) == expected


def test_nodes_are_keypoints_and_numbers_are_no_names() -> None:
    named = read_geometry(geometryType="graph", nodes={"nose": {"loc": [1, 2]}, "ear": {"loc": [3, 4]}})
    assert named == Geometry(GeometryKind.KEYPOINTS, ((1.0, 2.0), (3.0, 4.0)), names=("nose", "ear"))
    numbered = read_geometry(geometryType="graph", nodes={"0": {"loc": [1, 2], "disabled": True}})
    hidden = (Visibility.HIDDEN,)
    assert numbered == Geometry(GeometryKind.KEYPOINTS, ((1.0, 2.0),), visibility=hidden)


def test_an_angle_turns_a_box_clockwise_around_its_centre() -> None:
    turned = read_geometry(geometryType="oriented_bbox", points=[[0, 0], [4, 2]], angle=math.pi / 2)

    expected = [(3.0, -1.0), (3.0, 3.0), (1.0, 3.0), (1.0, -1.0)]
    assert turned.points == tuple(pytest.approx(corner) for corner in expected)


def test_the_angle_written_is_that_of_the_corners() -> None:
    corners = ((3.0, -1.0), (3.0, 3.0), (1.0, 3.0), (1.0, -1.0))
    geometry = Geometry(GeometryKind.ORIENTED_BOX, corners)
    (written,) = json.loads(encode_annotation(of_objects(AnnotatedObject("cat", geometry))))["objects"]

    assert written["angle"] == pytest.approx(math.pi / 2)
    assert written["points"] == [pytest.approx([0, 0]), pytest.approx([4, 2])]


def test_a_byte_order_mark_is_passed_over() -> None:
    item = of_objects(AnnotatedObject("a", BOX))
    assert decode_annotation(b"\xef\xbb\xbf" + encode_annotation(item)).annotation == item.annotation


# --- what a person or an enemy may have done -----------------------------------------------------


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is not JSON"),
        (b"\xff\xfe{\x00", "is not JSON"),
        (b"{", "is not JSON"),
        (b'{"size": {"height": 1, "width": 1}, "objects": [NaN]}', "is not JSON"),
        (b"[]", "is not an annotation"),
        (b'{"objects": []}', "is not an annotation.*size"),
        (b'{"size": {"height": 1, "width": 1}}', "is not an annotation.*objects"),
        (b'{"size": {"height": -1, "width": 1}, "objects": []}', "is not an annotation"),
        (b'{"size": {"height": 1e99, "width": 1}, "objects": []}', "is not an annotation"),
        (b'{"size": {"height": 1, "width": 1}, "objects": {}}', "is not an annotation"),
    ],
)
def test_what_is_no_annotation_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(InvalidInput, match=f"^{reason}"):
        decode_annotation(data)


@pytest.mark.parametrize("member", ["objects", "tags", "split", "unknown"])
def test_a_bottomless_file_is_refused(member: str) -> None:
    data = b'{"size": {"height": 1, "width": 1}, "%b": [' % member.encode() + b"[" * 100_000
    with pytest.raises(InvalidInput, match=r"^is nested too deeply"):
        decode_annotation(data)


def test_a_file_beyond_all_sizes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode_annotation(of_objects(AnnotatedObject("a", BOX)))
    monkeypatch.setattr(supervisely, "MAX_ANNOTATION_BYTES", len(data) - 1)
    with pytest.raises(InvalidInput, match="larger"):
        decode_annotation(data)


@given(st.binary(max_size=300))
def test_bytes_of_all_kinds_are_refused_in_our_words(noise: bytes) -> None:
    with pytest.raises(InvalidInput):
        decode_annotation(noise)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200)
@given(
    member=st.sampled_from([*BOX_JSON, "bitmap", "nodes", "angle", "corners", "geometry", "customData"]),
    shape=st.sampled_from([*supervisely_shapes.KINDS, "cuboid"]),
    value=json_values,
)
def test_any_value_anywhere_spoils_its_object_at_most(member: str, shape: str, value: Any) -> None:
    good = AnnotatedObject("cat", BOX)

    found = read(BOX_JSON, {**BOX_JSON, "geometryType": shape, member: value}, BOX_JSON)

    assert found.annotation.objects[0] == found.annotation.objects[-1] == good
    assert len(found.annotation.objects) == 3 or found.problems
    check_round_trip(to_item(found.annotation))


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"geometryType": "cuboid"}, r"object 1 \(cat\) is a 'cuboid'"),
        ({"geometryType": "alpha_mask\x1b[31m" * 9}, r"is a 'alpha_mask\\x1b\[31m"),
        ({}, "has no geometryType"),
        ({"geometryType": "rectangle"}, "without exterior"),
        ({"geometryType": "rectangle", "points": {"exterior": [[1, 2]]}}, "with 1 points"),
        (
            {"geometryType": "rectangle", "points": {"exterior": [[1, 2], [3, "x"]]}},
            "object 1 cannot be read",
        ),
        ({"geometryType": "rectangle", "points": {"exterior": [[1, 2], [3, None]]}}, "cannot be read"),
        ({"geometryType": "polygon", "points": {"exterior": [[1, 2], [3, 4]]}}, "with 2 points"),
        (
            {
                "geometryType": "polygon",
                "points": {"exterior": [[1, 2], [3, 4], [5, 5]], "interior": [[[1, 1]]]},
            },
            "is a polygon",
        ),
        ({"geometryType": "line", "points": {"exterior": [[1, 2]]}}, "with 1 points"),
        ({"geometryType": "point", "points": {"exterior": []}}, "with 0 points"),
        ({"geometryType": "graph"}, "has no nodes"),
        ({"geometryType": "graph", "nodes": {}}, "has no nodes"),
        ({"geometryType": "bitmap"}, "has no bitmap"),
        ({"geometryType": "bitmap", "bitmap": {"data": "!", "origin": [0, 0]}}, "damaged|cut off"),
        ({"geometryType": "bitmap", "bitmap": {"data": "", "origin": [0, 0]}}, "cut off"),
        ({"geometryType": "bitmap", "bitmap": {"data": pack(b"x"), "origin": [0, 0]}}, "is not a PNG"),
        ({"geometryType": "bitmap", "bitmap": {"data": "", "origin": [0.5, 0]}}, "does not begin on a pixel"),
        ({"geometryType": "bitmap", "bitmap": {"data": "", "origin": [1e300, 0]}}, "does not begin"),
        ({"geometryType": "oriented_bbox", "points": [[0, 0], [1, 1]]}, "without an angle"),
        ({"geometryType": "oriented_bbox", "points": [[0, 0]], "angle": 1}, "without two points"),
        ({"geometryType": "oriented_bbox", "points": [[-1e308, 0], [1e308, 1]], "angle": 1}, "without two"),
        (
            {"geometryType": "oriented_bbox", "points": [[0, 0], [1, 1]], "angle": 0, "corners": [[0, 0]]},
            "without four corners",
        ),
        ({"geometryType": "mask"}, "is a 'mask'"),
        ({"geometryType": "polygon", "geometry": {"points": []}}, "without points"),
        ({"geometryType": "mask", "geometry": {"points": [[0, 0]], "runs": [-1]}}, "cannot be read"),
        ({**BOX_JSON, "confidence": 1.5}, "cannot be read"),
        ({**BOX_JSON, "tags": [{"value": 3}]}, "cannot be read.*name"),
        ({**BOX_JSON, "classTitle": None}, "cannot be read.*classTitle"),
    ],
)
def test_an_object_that_cannot_be_read_is_named(members: dict[str, Any], reason: str) -> None:
    problem = read_problem(**members)

    assert re.search(reason, problem), problem
    assert problem.isprintable()


def test_a_number_too_large_spoils_its_object_alone() -> None:
    data = encode_annotation(of_objects(AnnotatedObject("a", BOX), AnnotatedObject("b", BOX)))

    found = decode_annotation(data.replace(b"110", b"1e999", 1))

    assert [labelled.class_name for labelled in found.annotation.objects] == ["b"]
    assert found.problems[0].startswith("object 1 cannot be read")


def test_a_text_that_is_no_utf_8_spoils_its_object_alone() -> None:
    data = encode_annotation(of_objects(AnnotatedObject("a", BOX), AnnotatedObject("b", BOX)))

    found = decode_annotation(data.replace(b'"a"', b'"\xff"'))

    assert [labelled.class_name for labelled in found.annotation.objects] == ["b"]
    assert found.problems[0].startswith("object 1 cannot be read")


def test_a_tag_that_cannot_be_read_is_named() -> None:
    found = read(tags=[{"name": "day"}, {"value": 1}, {"name": "x", "value": []}])

    assert found.annotation.tags == (Tag("day"),)
    assert [problem.partition(":")[0] for problem in found.problems] == [
        "tag 2 cannot be read",
        "tag 3 cannot be read",
    ]


@pytest.mark.parametrize("split", ["Training", 5, [], ""])
def test_a_split_that_is_none_is_named(split: object) -> None:
    found = read(split=split)

    assert found.split is None
    assert found.problems[0].startswith("the split is")


def test_what_our_model_has_no_place_for_is_named() -> None:
    found = read(
        {**BOX_JSON, "description": "the big one", "customData": {"a": [1], "b": 2, "c": 10**400}},
        {**BOX_JSON, "customData": "text"},
        description="a street",
    )

    assert [labelled.custom for labelled in found.annotation.objects] == [
        {"b": 2.0, "description": "the big one"},
        {},
    ]
    assert found.annotation.custom == {"description": "a street"}
    assert found.problems == (
        "object 1 (cat) has customData a, which is no text, number or boolean and not kept",
        "object 1 (cat) has customData c, which is no text, number or boolean and not kept",
        "object 2 (cat) has customData that is not an object, which is not kept",
    )


def test_what_stands_in_two_places_is_kept_once_and_told() -> None:
    found = read(
        {**BOX_JSON, "id": 3, "description": 7, "customData": {"id": "own"}},
        description="a street",
        customBigData={"description": "theirs", "lens": 3, "deep": {"a": 1}},
        customData={"lens": 4},
    )

    assert found.annotation.objects[0].custom == {"id": "own"}
    assert found.annotation.custom == {"description": "theirs", "lens": 4.0}
    assert found.problems == (
        "object 1 (cat) has a description that is no text, which is not kept",
        "object 1 (cat) has a id beside the one in its custom data, which is not kept",
        "the image has customBigData deep, which is no text, number or boolean and not kept",
        "the image has a description beside the one in its custom data, which is not kept",
    )


def test_an_item_goes_out_with_description_and_custom_data() -> None:
    item = to_item(Annotation(custom={"description": "a street", "lens": 3.0}))

    written = json.loads(encode_annotation(item))

    assert (written["description"], written["customBigData"]) == ("a street", {"lens": 3})


def test_what_supervisely_has_places_for_goes_there() -> None:
    custom: dict[str, str | float | bool] = {
        "id": 7.0,
        "createdAt": "2024",
        "nnCreated": True,
        "updatedAt": 3.0,
        "lens": 1.0,
    }
    (written,) = json.loads(encode_annotation(of_objects(AnnotatedObject("cat", BOX, custom=custom))))[
        "objects"
    ]

    assert (written["id"], written["createdAt"], written["nnCreated"]) == (7, "2024", True)
    assert written["customData"] == {"updatedAt": 3, "lens": 1}


def test_keypoints_without_names_go_out_under_those_of_their_class() -> None:
    shape = Geometry(
        GeometryKind.KEYPOINTS,
        ((1.0, 2.0), (3.0, 4.0), (0.0, 0.0)),
        visibility=(Visibility.VISIBLE, Visibility.HIDDEN, Visibility.MISSING),
    )
    item = of_objects(AnnotatedObject("cat", shape))

    encoded = encode_annotation(item, {"cat": ("nose", "ear", "tail")})

    assert json.loads(encoded)["objects"][0]["nodes"] == {
        "nose": {"loc": [1, 2]},
        "ear": {"loc": [3, 4], "disabled": True},
        "tail": {"loc": [0, 0], "disabled": True, "visibility": 0},
    }
    assert decode_annotation(encoded).annotation == item.annotation


def test_nodes_have_the_names_that_their_template_gives_their_ids() -> None:
    nodes = {"8f3a": {"loc": [1, 2]}, "71c0": {"loc": [3, 4]}}
    data = encode_annotation(of_objects(AnnotatedObject("cat", BOX)))
    document = json.loads(data) | {
        "objects": [{"classTitle": "cat", "tags": [], "shape": "graph", "nodes": nodes}]
    }
    raw = json.dumps(document).encode()

    def read_names(known: dict[str, str]) -> tuple[str, ...]:
        return decode_annotation(raw, {"cat": known}).annotation.objects[0].geometry.names

    assert read_names({"8f3a": "nose", "71c0": "ear"}) == ("nose", "ear")
    assert read_names({"8f3a": "nose"}) == ("nose", "71c0")
    assert read_names({"8f3a": "nose", "71c0": "nose"}) == ("8f3a", "71c0")


def test_corners_that_do_not_fit_the_angle_are_taken_and_told() -> None:
    corners = [[0, 0], [4, 0], [4, 2], [0, 2]]
    box = {"classTitle": "cat", "geometryType": "oriented_bbox", "corners": corners}

    found = read({**box, "points": [[0, 0], [4, 2]], "angle": 1.0})

    assert found.annotation.objects[0].geometry.points == ((0, 0), (4, 0), (4, 2), (0, 2))
    assert "do not fit" in found.problems[0]
    assert read(box).problems == ()


def test_only_so_many_problems_are_listed() -> None:
    found = read(*[{"geometryType": "cuboid"}] * 250)

    assert len(found.problems) == 101
    assert found.problems[-1] == "and 150 more"


def test_masks_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    png = save(Image.fromarray(PLUS))
    monkeypatch.setattr(supervisely_shapes, "_MAX_MASK_WORK", 3 * (len(png) + 9))
    mask = {"classTitle": "cat", "geometryType": "bitmap", "bitmap": {"data": pack(png), "origin": [0, 0]}}

    found = read(*[mask] * 5)

    assert len(found.annotation.objects) == 3
    assert len(found.problems) == 2


def test_a_bomb_after_spent_bounds_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = pack(b"\x89PNG\r\n\x1a\n" + bytes(2 << 20))
    for work in range(4):
        monkeypatch.setattr(supervisely_shapes, "_MAX_MASK_WORK", work)
        budget = supervisely_shapes.MaskBudget()
        for _ in range(3):
            with pytest.raises(InvalidInput, match="more mask pixels"):
                supervisely_shapes._unpack(bomb, budget)
            assert budget.left >= 0


def test_a_packed_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisely_shapes, "_MAX_PNG_BYTES", 1 << 20)
    bomb = zlib.compress(b"\x89PNG\r\n\x1a\n" + bytes(2 << 20))
    data = base64.b64encode(bomb).decode()

    problem = read_problem(geometryType="bitmap", bitmap={"data": data, "origin": [0, 0]})

    assert "too large" in problem
