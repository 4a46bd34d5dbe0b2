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
    return Geometry(GeometryKind.KEYPOINTS, nodes, names=tuple(some))


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

odd_geometries = st.builds(
    Geometry,
    st.sampled_from(GeometryKind),
    st.lists(points, min_size=1, max_size=5).map(tuple),
    st.lists(st.lists(points, max_size=4).map(tuple), max_size=2).map(tuple),
    st.lists(st.integers(0, 1 << 40), max_size=5).map(tuple),
    st.lists(names, max_size=3).map(tuple),
)
"""Shapes that the model can hold though nothing of ours makes them."""

tags = st.builds(Tag, names, st.none() | names | numbers)


def draw_objects(geometries: st.SearchStrategy[Geometry]) -> st.SearchStrategy[AnnotatedObject]:
    return st.builds(
        AnnotatedObject,
        names,
        geometries,
        st.none() | st.floats(0, 1),
        names,
        st.lists(tags, max_size=2).map(tuple),
        st.dictionaries(names, names | numbers | st.booleans(), max_size=3),
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
    annotations = st.builds(Annotation, objects, st.lists(tags, max_size=3).map(tuple))
    return st.builds(to_item, annotations, st.sampled_from(Split))


schemas = st.builds(
    LabelSchema,
    st.lists(
        st.builds(
            ClassDefinition,
            names,
            st.from_regex(r"#[0-9a-fA-F]{6}", fullmatch=True),
            st.none() | st.sampled_from(GeometryKind),
        ),
        unique_by=lambda definition: definition.name,
        max_size=5,
    ).map(tuple),
    st.lists(
        st.builds(TagDefinition, names, st.sampled_from(["none", "text", "number"])),
        unique_by=lambda definition: definition.name,
        max_size=5,
    ).map(tuple),
)
