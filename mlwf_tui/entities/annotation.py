"""Annotations: objects with geometry, tags, and the label schema they follow; no file formats.

Shapes and objects are not tracked by the garbage collector: an import makes millions of them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from enum import IntEnum, StrEnum
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

Point = tuple[float, float]
"""(x, y) in pixels from the top left corner of the image, sub-pixel."""


class GeometryKind(StrEnum):
    """The shapes an object can have."""

    RECTANGLE = "rectangle"
    POLYGON = "polygon"
    MASK = "mask"
    POLYLINE = "polyline"
    POINT = "point"
    KEYPOINTS = "keypoints"
    ORIENTED_BOX = "oriented_box"


class Visibility(IntEnum):
    """What is known of a keypoint, in COCO's numbers."""

    MISSING = 0  # not on the image, or not labelled; its coordinates mean nothing
    HIDDEN = 1  # labelled where it must be, behind something
    VISIBLE = 2


class Bounds(NamedTuple):
    """An axis-aligned box in pixels; `right` and `bottom` are exclusive edges."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width_px(self) -> float:
        return self.right - self.left

    @property
    def height_px(self) -> float:
        return self.bottom - self.top


class Geometry(msgspec.Struct, frozen=True, gc=False):
    """A shape in pixels.

    `points` holds, by kind: rectangle two corners (left top, right bottom); polygon the exterior
    ring; polyline its vertices; point one point; keypoints one point a node; oriented box its four
    corners in order; mask the two corners of the pixel rectangle that `runs` fills.
    `runs` are row-major run lengths inside that rectangle, background first.
    """

    kind: GeometryKind
    points: tuple[Point, ...]
    holes: tuple[tuple[Point, ...], ...] = ()
    runs: tuple[int, ...] = ()
    names: tuple[str, ...] = ()  # of the keypoints, in the order of `points`
    visibility: tuple[Visibility, ...] = ()  # of the keypoints; empty where all are visible

    @classmethod
    def rectangle(cls, left: float, top: float, right: float, bottom: float) -> Geometry:
        """Return a rectangle; the caller vouches that left < right and top < bottom."""
        return cls(GeometryKind.RECTANGLE, ((left, top), (right, bottom)))

    @property
    def bounds(self) -> Bounds:
        """The smallest axis-aligned box around all points."""
        if len(self.points) == 2:  # most shapes are rectangles, and this is three times as fast
            (x0, y0), (x1, y1) = self.points
            return Bounds(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
        xs = [x for x, _ in self.points]
        ys = [y for _, y in self.points]
        return Bounds(min(xs), min(ys), max(xs), max(ys))


class Tag(msgspec.Struct, frozen=True):
    """A tag of an item or an object, with an optional value."""

    name: str
    value: str | float | None = None


class AnnotatedObject(msgspec.Struct, frozen=True, gc=False):
    """One labelled thing on an image."""

    class_name: str
    geometry: Geometry
    confidence: float | None = None  # 0–1 where a model predicted it, None where a person drew it
    author: str = ""
    tags: tuple[Tag, ...] = ()
    custom: Mapping[str, str | float | bool] = {}  # a new one for each object


class Annotation(msgspec.Struct, frozen=True):
    """All that is known of one item beyond its pixels."""

    objects: tuple[AnnotatedObject, ...] = ()
    tags: tuple[Tag, ...] = ()
    custom: Mapping[str, str | float | bool] = {}  # of the item; a new one for each


class ClassDefinition(msgspec.Struct, frozen=True):
    """A class that objects may have; `geometry` None allows any shape.

    `nodes` and `edges` are the skeleton of its keypoints: their names in order, and which are joined.
    """

    name: str
    color: str = "#808080"
    geometry: GeometryKind | None = None
    nodes: tuple[str, ...] = ()
    edges: tuple[tuple[str, str], ...] = ()


class TagDefinition(msgspec.Struct, frozen=True):
    """A tag that items or objects may carry.

    `value_type` is none, text, number, or choice: one of `values`. `target` is items, objects or any.
    """

    name: str
    value_type: str = "none"
    values: tuple[str, ...] = ()
    color: str = ""
    target: str = "any"


def define_tags(annotation: Annotation) -> tuple[TagDefinition, ...]:
    """Return a definition for each tag that an item and its objects carry, by the values that they have."""
    found: dict[str, TagDefinition] = {}
    for of_one in (annotation.tags, *[labelled.tags for labelled in annotation.objects if labelled.tags]):
        for tag in of_one:
            kind = "none" if tag.value is None else "text" if isinstance(tag.value, str) else "number"
            known = found.get(tag.name)
            if known is None or known.value_type != kind:
                found[tag.name] = TagDefinition(tag.name, kind if known is None else "text")
    return tuple(found.values())


class LabelSchema(msgspec.Struct, frozen=True):
    """The classes and tags of a project state, in the order that gives classes their index."""

    classes: tuple[ClassDefinition, ...] = ()
    tags: tuple[TagDefinition, ...] = ()

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple(definition.name for definition in self.classes)

    def merge(self, other: LabelSchema) -> LabelSchema:
        """Return this schema with what only `other` has appended; where both define, this one wins.

        A class whose colour one of this schema has gets another.
        """
        known_classes = set(self.class_names)
        known_tags = {definition.name for definition in self.tags}
        new = tuple(c for c in other.classes if c.name not in known_classes)
        return LabelSchema(
            self.classes + distinguish_colors(new, self.classes),
            self.tags + tuple(t for t in other.tags if t.name not in known_tags),
        )


def find_class_fault(name: str) -> str:
    """Return why no class may have this name, in words that follow an object or a file, mostly nothing."""
    if not name or name.isspace():
        return "has no class"
    # isprintable is fast, and says no to all of these and to a few harmless ones
    if not name.isprintable():
        categories = set(map(unicodedata.category, name))
        if "Cs" in categories:
            return "has a class name that is not UTF-8"
        if "Cc" in categories:
            return "has a class name with a control character"
    return ""


CLASS_COLORS = (
    "#e6194b", "#3cb44b", "#4363d8", "#f58231", "#911eb4", "#42d4f4", "#f032e6", "#bfef45",
    "#fabed4", "#469990", "#dcbeff", "#9a6324", "#ffe119", "#800000", "#aaffc3", "#808000",
)  # fmt: skip


def define_classes(
    names: tuple[str, ...], geometry: GeometryKind | None = GeometryKind.RECTANGLE
) -> tuple[ClassDefinition, ...]:
    """Return definitions with distinct colours for class names in their given order."""
    return tuple(
        ClassDefinition(name, CLASS_COLORS[index % len(CLASS_COLORS)], geometry)
        for index, name in enumerate(names)
    )


def distinguish_colors(
    definitions: tuple[ClassDefinition, ...], beside: Iterable[ClassDefinition]
) -> tuple[ClassDefinition, ...]:
    """Return definitions of which those whose colour one `beside` has got a free one of the palette.

    Where none is free they stay as they are.
    """
    here = {definition.color.lower() for definition in beside}
    used = here.union(definition.color.lower() for definition in definitions)
    free = (color for color in CLASS_COLORS if color not in used)
    return tuple(
        replace(definition, color=next(free, definition.color))
        if definition.color.lower() in here
        else definition
        for definition in definitions
    )
