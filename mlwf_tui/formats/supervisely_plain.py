"""The quick way to an annotation file: plain shapes as a manifest's rows hold them, straight to JSON.

It writes what `supervisely.encode_annotation` writes, byte for byte and several times as fast, and
leaves to it what needs more than points: masks, keypoints, oriented boxes, anything out of the ordinary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, Literal, Protocol

import msgspec

from mlwf_tui.entities.annotation import GeometryKind, Tag
from mlwf_tui.entities.item import Split
from mlwf_tui.formats.supervisely import frame_objects, write_document, write_extras, write_tags
from mlwf_tui.formats.supervisely_shapes import SHAPES

_FEWEST: Final = {GeometryKind.POLYGON: 3, GeometryKind.POLYLINE: 2}  # points; boxes are looked at apart
_encode = msgspec.json.Encoder().encode


class FlatTag(Protocol):
    """A tag of an item or an object."""

    @property
    def name(self) -> str: ...
    @property
    def value(self) -> str | float | None: ...


class FlatGeometry(Protocol):
    """A shape with its points as x, y, x, y, …; in thousandths of a pixel where `decimals` is 3, not 0."""

    @property
    def kind(self) -> GeometryKind: ...
    @property
    def points(self) -> Sequence[float]: ...
    @property
    def holes(self) -> Sequence[object]: ...
    @property
    def runs(self) -> Sequence[object]: ...
    @property
    def names(self) -> Sequence[object]: ...
    @property
    def decimals(self) -> Literal[0, 3]: ...


class FlatObject(Protocol):
    """One labelled thing on an image."""

    @property
    def class_name(self) -> str: ...
    @property
    def geometry(self) -> FlatGeometry: ...
    @property
    def confidence(self) -> float | None: ...
    @property
    def author(self) -> str: ...
    @property
    def tags(self) -> Sequence[FlatTag]: ...
    @property
    def custom(self) -> Mapping[str, bool | str | float]: ...


class FlatItem(Protocol):
    """What of an item its annotation file says."""

    @property
    def width_px(self) -> int: ...
    @property
    def height_px(self) -> int: ...
    @property
    def split(self) -> Split: ...
    @property
    def tags(self) -> Sequence[FlatTag]: ...
    @property
    def objects(self) -> Sequence[FlatObject]: ...


def encode_plain(item: FlatItem) -> bytes:
    """Return an item's annotation file, or nothing where it holds what is not plain.

    All numbers of a file are encoded by one call, and put into its lines by another.
    """
    numbers: list[float] = []
    lines: list[bytes] = []
    for labelled in item.objects:
        shape = labelled.geometry
        points = shape.points
        if not _is_plain(shape, points):
            return b""
        numbers += [value / 1000 for value in points] if shape.decimals else points
        line = _begin_line(labelled.class_name, shape.kind, len(points))
        has_extras = labelled.tags or labelled.custom or labelled.author or labelled.confidence is not None
        lines.append(line + (_end_line(labelled) if has_extras else b"[]}"))
    encoded = _encode(numbers).replace(b".0,", b",").replace(b".0]", b"]")
    if b"n" in encoded:  # null, which is what the encoder makes of infinity
        return b""
    objects = frame_objects(lines)
    if numbers:
        objects %= tuple(encoded[1:-1].split(b","))
    return write_document(item.width_px, item.height_px, item.split, _to_tags(item.tags), objects)


def _is_plain(shape: FlatGeometry, points: Sequence[float]) -> bool:
    """Say whether the format has a place for exactly this shape, and nothing but its points is needed."""
    if shape.holes or shape.runs or shape.names:
        return False
    if shape.kind is GeometryKind.RECTANGLE:
        return len(points) == 4 and points[0] <= points[2] and points[1] <= points[3]
    fewest = _FEWEST.get(shape.kind)
    return fewest is not None and len(points) >= 2 * fewest and len(points) % 2 == 0


@lru_cache(maxsize=1024)
def _begin_line(class_name: str, kind: GeometryKind, number_count: int) -> bytes:
    """Return an object's line up to its tags, with `%b` in the place of each number."""
    return (
        b'{"classTitle": %b, "geometryType": "%b", "points": {"exterior": [%b], "interior": []}, "tags": '
        % (
            _encode(class_name).replace(b"%", b"%%"),
            SHAPES[kind].encode(),
            b",".join([b"[%b,%b]"] * (number_count // 2)),
        )
    )


def _end_line(labelled: FlatObject) -> bytes:
    extras = write_extras(labelled.confidence, labelled.author, labelled.custom)
    return (write_tags(_to_tags(labelled.tags)) + extras + b"}").replace(b"%", b"%%")


def _to_tags(tags: Sequence[FlatTag]) -> list[Tag]:
    return [Tag(tag.name, tag.value) for tag in tags]
