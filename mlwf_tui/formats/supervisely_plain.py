"""The quick way to an annotation file: plain shapes as a manifest's rows hold them, straight to JSON.

It writes what `supervisely.encode_annotation` writes, byte for byte and several times as fast, and
leaves to it what needs more than points: masks, keypoints, oriented boxes, anything out of the ordinary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, Literal, Protocol

import msgspec

from mlwf_tui.entities.annotation import GeometryKind, Point, Tag
from mlwf_tui.entities.item import Split
from mlwf_tui.formats.supervisely import frame_objects, write_document, write_tags
from mlwf_tui.formats.supervisely_extras import write_extras
from mlwf_tui.formats.supervisely_shapes import SHAPES

_FEWEST: Final = {GeometryKind.POLYGON: 3, GeometryKind.POLYLINE: 2}  # points; boxes are looked at apart
_RECTANGLE: Final = GeometryKind.RECTANGLE
_encode = msgspec.json.Encoder().encode

Ring = tuple[Point, ...]


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
    def visibility(self) -> Sequence[object]: ...
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
    @property
    def custom(self) -> Mapping[str, bool | str | float]: ...


def encode_plain(item: FlatItem) -> bytes:
    """Return an item's annotation file, or nothing where it holds what is not plain.

    All numbers of a file are encoded by one call, and put into its lines by another.
    """
    rings: list[Ring] = []
    lines: list[bytes] = []
    for labelled in item.objects:
        shape = labelled.geometry
        if shape.holes or shape.runs or shape.names or shape.visibility:
            return b""
        if shape.kind is _RECTANGLE and len(shape.points) == 4:  # most are: a call for each costs an eighth
            left, top, right, bottom = shape.points
            if not (left <= right and top <= bottom):
                return b""
            if shape.decimals:
                rings.append(((left / 1000, top / 1000), (right / 1000, bottom / 1000)))
            else:
                rings.append(((left, top), (right, bottom)))
        else:
            ring = _read_ring(shape)
            if ring is None:
                return b""
            rings.append(ring)
        if labelled.tags or labelled.custom or labelled.author or labelled.confidence is not None:
            lines.append(_begin_line(labelled.class_name, shape.kind) + _end_line(labelled))
        else:
            lines.append(_write_bare_line(labelled.class_name, shape.kind))
    encoded = _encode(rings).replace(b".0,", b",").replace(b".0]", b"]")
    if b"n" in encoded:  # null, which is what the encoder makes of infinity
        return b""
    objects = frame_objects(lines)
    if rings:
        objects %= tuple(encoded[3:-3].split(b"]],[["))
    return write_document(
        item.width_px, item.height_px, item.split, _to_tags(item.tags), item.custom, objects
    )


def _read_ring(shape: FlatGeometry) -> Ring | None:
    """Return a line's or a polygon's points in pixels, or None for what the format has otherwise."""
    points = shape.points
    fewest = _FEWEST.get(shape.kind)
    if fewest is None or len(points) < 2 * fewest or len(points) % 2:
        return None
    if shape.decimals:
        points = [value / 1000 for value in points]
    return tuple(zip(points[::2], points[1::2], strict=True))


@lru_cache(maxsize=1024)
def _begin_line(class_name: str, kind: GeometryKind) -> bytes:
    """Return an object's line up to its tags, with `%b` in the place of what is between its points' ends."""
    return (
        b'{"classTitle": %b, "geometryType": "%b", "points": {"exterior": [[%%b]], "interior": []}, "tags": '
        % (
            _encode(class_name).replace(b"%", b"%%"),
            SHAPES[kind].encode(),
        )
    )


@lru_cache(maxsize=1024)
def _write_bare_line(class_name: str, kind: GeometryKind) -> bytes:
    """Return the line of an object of which nothing is said but its class."""
    return _begin_line(class_name, kind) + b"[]}"


def _end_line(labelled: FlatObject) -> bytes:
    extras = write_extras(labelled.confidence, labelled.author, labelled.custom)
    return (write_tags(_to_tags(labelled.tags)) + extras + b"}").replace(b"%", b"%%")


def _to_tags(tags: Sequence[FlatTag]) -> list[Tag]:
    return [Tag(tag.name, tag.value) for tag in tags]
