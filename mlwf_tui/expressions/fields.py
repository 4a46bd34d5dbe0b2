"""What an expression can ask of an item and of an object: each field with its type and its meaning."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Final, NamedTuple

from mlwf_tui.entities.annotation import AnnotatedObject, GeometryKind
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.entities.measures import measure_geometry, measure_length

Scalar = str | float | bool | None


class ValueType(StrEnum):
    """What kind of value a field has; that of a tag or of custom data is known only when it is read."""

    NUMBER = "a number"
    TEXT = "a text"
    FLAG = "true or false"
    ANY = "a value"


class ItemField(NamedTuple):
    """A fact of an item."""

    type: ValueType
    summary: str
    read: Callable[[Item], Scalar]
    choices: tuple[str, ...] = ()


class ObjectField(NamedTuple):
    """A fact of an object on an item."""

    type: ValueType
    summary: str
    read: Callable[[AnnotatedObject, Item], Scalar]
    choices: tuple[str, ...] = ()


_SPLITS = tuple(split.value for split in Split)
_SHAPES = tuple(kind.value for kind in GeometryKind)


def _measure_share(labelled: AnnotatedObject, item: Item) -> float:
    return measure_geometry(labelled.geometry) / max(1, item.width_px * item.height_px)


ITEM_FIELDS: Final = {
    "name": ItemField(ValueType.TEXT, "the item's name", lambda item: item.name),
    "dataset": ItemField(ValueType.TEXT, "the dataset it is in", lambda item: item.dataset),
    "key": ItemField(ValueType.TEXT, "dataset/name", lambda item: item.key),
    "split": ItemField(ValueType.TEXT, "its split", lambda item: item.split.value, _SPLITS),
    "width": ItemField(ValueType.NUMBER, "width of the image in pixels", lambda item: item.width_px),
    "height": ItemField(ValueType.NUMBER, "height of the image in pixels", lambda item: item.height_px),
    "pixels": ItemField(ValueType.NUMBER, "width times height", lambda item: item.width_px * item.height_px),
    "aspect": ItemField(
        ValueType.NUMBER, "width divided by height", lambda item: item.width_px / max(1, item.height_px)
    ),
    "bytes": ItemField(ValueType.NUMBER, "size of the image file", lambda item: item.size_bytes),
    "objects": ItemField(ValueType.NUMBER, "number of objects", lambda item: len(item.annotation.objects)),
    "classes": ItemField(
        ValueType.NUMBER,
        "number of different classes",
        lambda item: len({labelled.class_name for labelled in item.annotation.objects}),
    ),
    "empty": ItemField(ValueType.FLAG, "it has no object", lambda item: not item.annotation.objects),
}

OBJECT_FIELDS: Final = {
    "class": ObjectField(ValueType.TEXT, "name of the class", lambda labelled, _: labelled.class_name),
    "shape": ObjectField(
        ValueType.TEXT, "kind of shape", lambda labelled, _: labelled.geometry.kind.value, _SHAPES
    ),
    "area": ObjectField(
        ValueType.NUMBER, "area in square pixels", lambda labelled, _: measure_geometry(labelled.geometry)
    ),
    "length": ObjectField(
        ValueType.NUMBER,
        "length of a line or outline in pixels",
        lambda labelled, _: measure_length(labelled.geometry),
    ),
    "share": ObjectField(ValueType.NUMBER, "area as a share of the image's, 0-1", _measure_share),
    "box_width": ObjectField(
        ValueType.NUMBER,
        "width of the box around it",
        lambda labelled, _: labelled.geometry.bounds.width_px,
    ),
    "box_height": ObjectField(
        ValueType.NUMBER,
        "height of the box around it",
        lambda labelled, _: labelled.geometry.bounds.height_px,
    ),
    "points": ObjectField(
        ValueType.NUMBER, "number of points", lambda labelled, _: len(labelled.geometry.points)
    ),
    "confidence": ObjectField(
        ValueType.NUMBER,
        "0-1 where a model found it; no comparison holds where a person drew it",
        lambda labelled, _: labelled.confidence,
    ),
    "author": ObjectField(ValueType.TEXT, "who drew it", lambda labelled, _: labelled.author),
}

FUNCTIONS: Final = {
    "count": "number of objects: of all, of classes, or of those that meet a condition",
    "any": "some object is of a class, or meets a condition",
    "all": "every object is, or does",
    "none": "no object is, or does",
    "has": "some object is of one of the classes",
    "tag": "the tag is there; compared, its value. Of the item, within count and the like of the object",
    "custom": "the custom value of that name, as with tags",
}
