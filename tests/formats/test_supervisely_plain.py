"""The quick way to an annotation file writes what the long way writes, or leaves it to that."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation, Geometry, GeometryKind, Tag
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.formats.supervisely import encode_annotation
from mlwf_tui.formats.supervisely_plain import encode_plain
from tests.formats.making import draw_items, odd_geometries, sound_geometries

PLAIN = (GeometryKind.RECTANGLE, GeometryKind.POLYGON, GeometryKind.POLYLINE)


class FlatShape(msgspec.Struct):
    kind: GeometryKind
    points: Sequence[float]
    holes: Sequence[object] = ()
    runs: Sequence[object] = ()
    names: Sequence[object] = ()
    visibility: Sequence[object] = ()
    decimals: Literal[0, 3] = 0


class FlatLabelled(msgspec.Struct):
    class_name: str
    geometry: FlatShape
    confidence: float | None
    author: str
    tags: Sequence[Tag]
    custom: dict[str, str | float | bool]


class Flat(msgspec.Struct):
    width_px: int
    height_px: int
    split: Split
    tags: Sequence[Tag]
    objects: Sequence[FlatLabelled]
    custom: dict[str, str | float | bool]


def flatten(item: Item) -> Flat:
    objects = [
        FlatLabelled(
            labelled.class_name,
            flatten_shape(labelled.geometry),
            labelled.confidence,
            labelled.author,
            labelled.tags,
            dict(labelled.custom),
        )
        for labelled in item.annotation.objects
    ]
    annotation = item.annotation
    return Flat(item.width_px, item.height_px, item.split, annotation.tags, objects, dict(annotation.custom))


def flatten_shape(shape: Geometry) -> FlatShape:
    points = [value for point in shape.points for value in point]
    return FlatShape(shape.kind, points, shape.holes, shape.runs, shape.names, shape.visibility)


def of_shape(shape: FlatShape, class_name: str = "cat") -> Flat:
    return Flat(640, 480, Split.NONE, (), [FlatLabelled(class_name, shape, None, "", (), {})], {})


@pytest.mark.parametrize("kind", PLAIN)
@settings(max_examples=60)
@given(data=st.data())
def test_plain_shapes_are_written_alike_byte_for_byte(kind: GeometryKind, data: st.DataObject) -> None:
    item = data.draw(draw_items(sound_geometries[kind]))
    has_holes = any(labelled.geometry.holes for labelled in item.annotation.objects)
    assert encode_plain(flatten(item)) == (b"" if has_holes else encode_annotation(item))


@settings(max_examples=200)
@given(draw_items(odd_geometries | st.one_of(*sound_geometries.values())))
def test_whatever_is_written_is_what_the_long_way_writes(item: Item) -> None:
    written = encode_plain(flatten(item))
    assert written in (b"", encode_annotation(item))


def test_points_in_thousandths_are_those_of_pixels() -> None:
    box = FlatShape(GeometryKind.RECTANGLE, [391533, 380839, 516000, 1e12 - 1], decimals=3)
    in_pixels = FlatShape(GeometryKind.RECTANGLE, [391.533, 380.839, 516, 999_999_999.999])
    assert encode_plain(of_shape(box)) == encode_plain(of_shape(in_pixels)) != b""


def test_an_item_without_objects_is_plain() -> None:
    annotation = Annotation(tags=(Tag("day"), Tag("age", 3.0), Tag("who", "me")))
    item = Item(
        dataset="a", name="b", blob=Digest(""), size_bytes=1, width_px=2, height_px=3, annotation=annotation
    )
    assert encode_plain(flatten(item)) == encode_annotation(item)


def test_percent_signs_are_kept_wherever_they_stand() -> None:
    box = Geometry.rectangle(1, 2, 3, 4)
    labelled = AnnotatedObject("100 %b", box, 0.5, "%s", (Tag("%d", "%%"),), {"%b": "%"})
    item = Item(
        dataset="a", name="%b", blob=Digest(""), size_bytes=1, width_px=2, height_px=3,
        annotation=Annotation((labelled,)),
    )  # fmt: skip
    assert encode_plain(flatten(item)) == encode_annotation(item) != b""


@pytest.mark.parametrize(
    "shape",
    [
        FlatShape(GeometryKind.RECTANGLE, [3, 2, 1, 4]),
        FlatShape(GeometryKind.RECTANGLE, [1, 2, 3]),
        FlatShape(GeometryKind.RECTANGLE, [1, 2, math.inf, 4]),
        FlatShape(GeometryKind.RECTANGLE, [math.nan, 2, 3, 4]),
        FlatShape(GeometryKind.POLYGON, [1, 2, 3, 4]),
        FlatShape(GeometryKind.POLYGON, [1, 2, 3, 4, 5, 6, 7]),
        FlatShape(GeometryKind.POLYGON, [1, 2, 3, 4, 5, math.inf]),
        FlatShape(GeometryKind.POLYLINE, [1, 2]),
        FlatShape(GeometryKind.POLYGON, [1, 2, 3, 4, 5, 6], names=("a",)),
        FlatShape(GeometryKind.MASK, [1, 2, 3, 4], runs=(1, 2)),
        FlatShape(GeometryKind.ORIENTED_BOX, [1, 2, 3, 4, 5, 6, 7, 8]),
        FlatShape(GeometryKind.KEYPOINTS, [1, 2]),
    ],
)
def test_what_is_not_plain_is_left_to_the_long_way(shape: FlatShape) -> None:
    assert encode_plain(of_shape(shape)) == b""
