"""Draws items by chance for property tests: every kind of shape, tags, splits and datasets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

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
)
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.media.bitmaps import measure_runs
from mlwf_tui.protocols.operations import SourceItem
from tests.making import HEIGHT_PX, WIDTH_PX, make_image

NODES = ("nose", "left eye", "right eye")
SCHEMA = LabelSchema(
    (
        ClassDefinition("car", "#102030"),
        ClassDefinition("tree & <leaf>", "#ff0000"),
        ClassDefinition("person", "#00ff00", None, NODES, ((NODES[0], NODES[1]), (NODES[0], NODES[2]))),
    ),
    (
        TagDefinition("car", target="items"),
        TagDefinition("night", target="items"),
        TagDefinition("truncated"),
        TagDefinition("difficult"),
        TagDefinition("occluded"),
        TagDefinition("iscrowd"),
        TagDefinition("pose", "text"),
        TagDefinition("group", "number"),
        TagDefinition("weight", "number"),
    ),
)
OBJECT_TAGS = (
    Tag("truncated"), Tag("difficult"), Tag("occluded"), Tag("iscrowd"), Tag("pose", "Left"),
    Tag("group", 7.0), Tag("weight", 2.5),
)  # fmt: skip

xs, ys = st.floats(0, WIDTH_PX), st.floats(0, HEIGHT_PX)
points = st.tuples(xs, ys)
visibilities = st.lists(st.sampled_from(Visibility), min_size=3, max_size=3).filter(any)


@st.composite
def draw_rectangle(draw: st.DrawFn) -> Geometry:
    left, top = draw(st.floats(0, WIDTH_PX - 1)), draw(st.floats(0, HEIGHT_PX - 1))
    right, bottom = draw(st.floats(left + 0.1, WIDTH_PX)), draw(st.floats(top + 0.1, HEIGHT_PX))
    return Geometry.rectangle(left, top, right, bottom)


@st.composite
def draw_polygon(draw: st.DrawFn) -> Geometry:
    ring = draw(st.lists(points, min_size=3, max_size=6).filter(_has_area))
    holes = draw(st.lists(st.tuples(points, points, points), max_size=2))
    return Geometry(GeometryKind.POLYGON, tuple(ring), holes=tuple(holes))


@st.composite
def draw_mask(draw: st.DrawFn) -> Geometry:
    pixels = draw(arrays(np.bool_, st.tuples(st.integers(1, 8), st.integers(1, 8))))
    pixels[0, 0] = pixels[-1, -1] = True  # the rectangle of a mask is as small as can be
    left, top = draw(st.integers(0, WIDTH_PX - 8)), draw(st.integers(0, HEIGHT_PX - 8))
    return make_mask(pixels, left, top)


@st.composite
def draw_oriented_box(draw: st.DrawFn) -> Geometry:
    angle, width, height = draw(st.floats(0, 6.28)), draw(st.floats(2, 20)), draw(st.floats(2, 20))
    cos, sin = math.cos(angle), math.sin(angle)
    sides = ((-width, -height), (width, -height), (width, height), (-width, height))
    corners = ((32 + (x * cos - y * sin) / 2, 24 + (x * sin + y * cos) / 2) for x, y in sides)
    return Geometry(GeometryKind.ORIENTED_BOX, tuple(corners))


def make_mask(pixels: NDArray[np.bool_], left: int, top: int) -> Geometry:
    """Return set pixels (H, W) as a mask."""
    height_px, width_px = pixels.shape
    corners = ((float(left), float(top)), (float(left + width_px), float(top + height_px)))
    return Geometry(GeometryKind.MASK, corners, runs=measure_runs(pixels))


def _has_area(ring: Sequence[tuple[float, float]]) -> bool:
    return (
        max(x for x, _ in ring) - min(x for x, _ in ring)
        > 0.1
        < max(y for _, y in ring) - min(y for _, y in ring)
    )


shapes = st.one_of(
    draw_rectangle(),
    draw_polygon(),
    draw_mask(),
    draw_oriented_box(),
    st.lists(points, min_size=2, max_size=4).map(lambda p: Geometry(GeometryKind.POLYLINE, tuple(p))),
    points.map(lambda point: Geometry(GeometryKind.POINT, (point,))),
)
keypoints = st.tuples(st.lists(points, min_size=3, max_size=3), visibilities).map(
    lambda drawn: Geometry(GeometryKind.KEYPOINTS, tuple(drawn[0]), names=NODES, visibility=tuple(drawn[1]))
)
tags = st.lists(st.sampled_from(OBJECT_TAGS), unique=True, max_size=4).map(tuple)
confidences = st.none() | st.floats(0, 1)
objects = st.one_of(
    st.builds(
        AnnotatedObject,
        class_name=st.sampled_from(["car", "tree & <leaf>"]),
        geometry=shapes,
        confidence=confidences,
        tags=tags,
    ),
    st.builds(AnnotatedObject, class_name=st.just("person"), geometry=keypoints, tags=tags),
)
item_tags = st.lists(st.sampled_from([Tag("car"), Tag("night")]), unique=True).map(tuple)


@st.composite
def draw_items(draw: st.DrawFn) -> list[SourceItem]:
    """Draw some items with names of their own, in several datasets and splits."""
    names = ("a.jpg", "b c.jpg", "ü'&.jpg")
    items = []
    for name in names[: draw(st.integers(1, 3))]:
        annotation = Annotation(tuple(draw(st.lists(objects, max_size=4))), draw(item_tags))
        dataset, split = draw(st.sampled_from(["main", "other/deep"])), draw(st.sampled_from(Split))
        items.append(make_source(name, dataset, split, annotation))
    return items


def make_source(name: str, dataset: str, split: Split, annotation: Annotation) -> SourceItem:
    """Return an item with the one picture that all share."""
    item = Item(
        dataset=dataset,
        name=name,
        blob=Digest("0" * 64),
        size_bytes=len(_draw_picture()),
        width_px=WIDTH_PX,
        height_px=HEIGHT_PX,
        split=split,
        annotation=annotation,
    )
    return SourceItem(item, _draw_picture)


@cache
def _draw_picture() -> bytes:
    return make_image()
