"""Strategies that draw everything our annotation model can hold."""

from __future__ import annotations

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


def drop_sign(value: float) -> float:
    """Return zero for minus zero, as the store does."""
    return value + 0.0


numbers = st.floats(allow_nan=False, allow_infinity=False).map(drop_sign)
pixels = st.one_of(numbers, st.floats(-50, 5000).map(drop_sign), st.integers(0, 5000).map(float))
points = st.tuples(pixels, pixels)
rings = st.lists(points, min_size=3, max_size=6).map(tuple)
names = st.text(max_size=8)


def draw_box(corners: tuple[tuple[float, float], tuple[float, float]]) -> Geometry:
    (a, b), (c, d) = corners
    return Geometry.rectangle(min(a, c), min(b, d), max(a, c), max(b, d))


def draw_mask(mask: NDArray[np.bool_], left: int, top: int) -> Geometry:
    height_px, width_px = mask.shape
    corners = ((float(left), float(top)), (float(left + width_px), float(top + height_px)))
    return Geometry(GeometryKind.MASK, corners, runs=measure_runs(mask))


@st.composite
def draw_keypoints(draw: st.DrawFn) -> Geometry:
    nodes = tuple(draw(st.lists(points, min_size=1, max_size=6)))
    some = draw(st.just([]) | st.lists(names, min_size=len(nodes), max_size=len(nodes)))
    return Geometry(
        GeometryKind.KEYPOINTS, nodes, names=tuple(some), visibility=draw(draw_visibility(len(nodes)))
    )


def draw_visibility(count: int) -> st.SearchStrategy[tuple[Visibility, ...]]:
    some = st.lists(st.sampled_from(Visibility), min_size=count, max_size=count).map(tuple)
    return st.just(()) | some.map(lambda seen: () if set(seen) == {Visibility.VISIBLE} else seen)


sound_geometries = {
    GeometryKind.RECTANGLE: st.tuples(points, points).map(draw_box),
    GeometryKind.POLYGON: st.builds(
        Geometry, st.just(GeometryKind.POLYGON), rings, st.lists(rings, max_size=2).map(tuple)
    ),
    GeometryKind.MASK: st.builds(
        draw_mask,
        arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9))),
        st.integers(-5, 500),
        st.integers(-5, 500),
    ),
    GeometryKind.POLYLINE: st.builds(
        Geometry, st.just(GeometryKind.POLYLINE), st.lists(points, min_size=2, max_size=6).map(tuple)
    ),
    GeometryKind.POINT: st.builds(Geometry, st.just(GeometryKind.POINT), st.tuples(points)),
    GeometryKind.KEYPOINTS: draw_keypoints(),
    GeometryKind.ORIENTED_BOX: st.builds(
        Geometry, st.just(GeometryKind.ORIENTED_BOX), st.tuples(points, points, points, points)
    ),
}


@st.composite
def draw_odd(draw: st.DrawFn) -> Geometry:
    drawn = draw(st.lists(points, min_size=1, max_size=5).map(tuple))
    return Geometry(
        draw(st.sampled_from(GeometryKind)),
        drawn,
        draw(st.lists(st.lists(points, max_size=4).map(tuple), max_size=2).map(tuple)),
        draw(st.lists(st.integers(0, 1 << 40), max_size=5).map(tuple)),
        draw(st.lists(names, max_size=3).map(tuple)),
        draw(draw_visibility(len(drawn))),
    )


odd_geometries = draw_odd()
"""Shapes that the model can hold though nothing of ours makes them."""

tags = st.builds(Tag, names, st.none() | names | numbers)
custom_keys = names | st.sampled_from(
    ("description", "createdAt", "updatedAt", "instance", "id", "nnCreated", "nnUpdated")
)
custom_values = names | numbers | st.integers(0, 1 << 54).map(float) | st.booleans()
customs = st.dictionaries(custom_keys, custom_values, max_size=3)


def draw_objects(geometries: st.SearchStrategy[Geometry]) -> st.SearchStrategy[AnnotatedObject]:
    return st.builds(
        AnnotatedObject,
        names,
        geometries,
        st.none() | st.floats(0, 1),
        names,
        st.lists(tags, max_size=2).map(tuple),
        customs,
    )


def to_item(annotation: Annotation, split: Split = Split.TRAIN) -> Item:
    return Item(
        dataset="main",
        name="a.jpg",
        blob=Digest("0" * 64),
        size_bytes=1,
        width_px=640,
        height_px=480,
        split=split,
        annotation=annotation,
    )


def draw_items(geometries: st.SearchStrategy[Geometry]) -> st.SearchStrategy[Item]:
    objects = st.lists(draw_objects(geometries), max_size=3).map(tuple)
    annotations = st.builds(Annotation, objects, st.lists(tags, max_size=3).map(tuple), customs)
    return st.builds(to_item, annotations, st.sampled_from(Split))


colors = st.from_regex(r"#[0-9a-fA-F]{6}", fullmatch=True) | st.just("#808080") | names


@st.composite
def draw_class(draw: st.DrawFn) -> ClassDefinition:
    nodes = draw(st.lists(names | st.just("0"), max_size=4, unique=True))
    ends = st.sampled_from(nodes or [""])
    edges = draw(st.lists(st.tuples(ends, ends), max_size=4)) if nodes else []
    kind = draw(st.none() | st.sampled_from(GeometryKind) | st.just(GeometryKind.KEYPOINTS))
    return ClassDefinition(draw(names), draw(colors), kind, tuple(nodes), tuple(edges))


@st.composite
def draw_tag_definition(draw: st.DrawFn) -> TagDefinition:
    value_type = draw(st.sampled_from(["none", "text", "number", "choice"]))
    values = draw(st.lists(names, max_size=3)) if value_type == "choice" or draw(st.booleans()) else []
    target = draw(st.sampled_from(["items", "objects", "any"]))
    return TagDefinition(draw(names), value_type, tuple(values), draw(st.just("") | colors), target)


schemas = st.builds(
    LabelSchema,
    st.lists(draw_class(), unique_by=lambda definition: definition.name, max_size=5).map(tuple),
    st.lists(draw_tag_definition(), unique_by=lambda definition: definition.name, max_size=5).map(tuple),
)
