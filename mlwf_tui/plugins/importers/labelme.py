"""Imports LabelMe: a JSON file for each image, with every shape, flags and groups.

A circle becomes a polygon, its centre and radius beside it as custom facts. The image that a file embeds is
not read: the image file beside it is.
"""

from __future__ import annotations

import binascii
import math
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import PurePosixPath
from typing import Any, Final

import msgspec

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation, Geometry, GeometryKind, LabelSchema, Tag
from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.folder import FolderListing, FoundFile
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.formats.json_faults import tell_json_fault
from mlwf_tui.plugins.importers.files import (
    Report,
    check_class_name,
    has_images,
    iter_numbered,
    read_bytes,
    read_size,
    show_path,
    tell_images,
)
from mlwf_tui.plugins.importers.objects import (
    draw_ellipse,
    make_box,
    make_oriented_box,
    make_point,
    make_shape,
    make_tags,
)
from mlwf_tui.plugins.importers.pairs import iter_by_stem
from mlwf_tui.protocols.importers import Description, Detection, ImportedItem

LAYOUT: Final = frozenset({"images", "annotations", "labels", "json", "jsons", "labelme"})

_LOOKED_AT = 5


class _Shape(msgspec.Struct):
    label: str
    points: list[Any]
    shape_type: str = "polygon"
    group_id: int | None = None
    flags: dict[str, Any] | None = None
    description: str | None = None
    score: float | None = None
    mask: str | None = None


class _Document(msgspec.Struct, rename="camel"):
    shapes: list[msgspec.Raw]
    image_path: str = ""
    image_width: int | None = None
    image_height: int | None = None
    image_data: msgspec.Raw = msgspec.Raw(b"null")  # may be megabytes of base64
    flags: dict[str, Any] | None = None


_documents = msgspec.json.Decoder(_Document)
_shapes = msgspec.json.Decoder(_Shape)


class LabelMeImporter:
    """All shapes of LabelMe's JSON, coordinates as they are."""

    name = "labelme"
    summary = "LabelMe: a JSON file for each image, with all its shapes, flags and groups"

    def detect(self, folder: FolderListing) -> Detection | None:
        """Return high confidence where a JSON file has shapes and an image's path, and there are images."""
        files = [file for _, file in islice(iter_numbered(folder, {".json"}), _LOOKED_AT)]
        first = next((file for file in files if _is_labelme(file)), None)
        if first is None or not has_images(folder):
            return None
        return Detection(0.9, f"{first.relative} has LabelMe's shapes, {tell_images(folder)}")

    def read_schema(self, folder: FolderListing) -> LabelSchema:
        """Return nothing: the format declares no classes."""
        return LabelSchema()

    def iter_items(self, folder: FolderListing, report: Report) -> Iterator[ImportedItem]:
        """Yield every image in path order, with the JSON file that describes it.

        Raises:
            InvalidInput: there is no JSON file.
        """
        yield from iter_by_stem(
            folder, LAYOUT, {".json"}, report, what="LabelMe JSON", read_image_name=_read_image_name
        )

    def read_key(self, folder: FolderListing) -> None:
        """Return nothing: a JSON file says all by itself."""

    def read_annotation(
        self, source: FoundFile, key: None, width_px: int, height_px: int, report: Report
    ) -> Description:
        """Return the objects of a JSON file, and its flags that are set as tags of the image.

        Raises:
            InvalidInput: it is no LabelMe JSON.
        """
        document = _decode(source)
        data = bytes(document.image_data)
        if data != b"null" and data[:1] != b'"':
            report(Problem(source.relative, "has imageData that is no text"))
        objects = []
        for number, raw in enumerate(document.shapes, start=1):
            try:
                objects.append(_read_shape(raw))
            except InvalidInput as error:
                report(Problem(source.relative, f"shape {number} {error.message}"))
        size = read_size(document.image_width, document.image_height)
        return Description(Annotation(tuple(objects), make_tags(document.flags or {})), told_size_px=size)


def _is_labelme(file: FoundFile) -> bool:
    try:
        document = _decode(file)
    except InvalidInput:
        return False
    return bool(document.image_path) or document.image_width is not None


def _decode(file: FoundFile) -> _Document:
    content = read_bytes(file.location)
    try:
        return _documents.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"is not LabelMe JSON: {tell_json_fault(error, content)}") from error


def _read_image_name(file: FoundFile) -> str:
    return PurePosixPath(_decode(file).image_path.replace("\\", "/")).name or file.stem


def _read_shape(raw: msgspec.Raw) -> AnnotatedObject:
    try:
        shape = _shapes.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"is not as LabelMe has it: {error}") from error
    class_name = check_class_name(shape.label)
    geometry, custom = _read_geometry(shape)
    tags = make_tags(shape.flags or {})
    if shape.group_id is not None:
        tags += (Tag("group", float(shape.group_id)),)
    if shape.description:
        custom["description"] = shape.description
    confidence = None if shape.score is None else min(max(shape.score, 0.0), 1.0)
    return AnnotatedObject(class_name, geometry, confidence, tags=tags, custom=custom)


def _read_geometry(shape: _Shape) -> tuple[Geometry, dict[str, str | float | bool]]:
    match shape.shape_type:
        case "rectangle":
            corners = [make_point(point) for point in shape.points]
            if len(corners) not in (2, 4):  # newer versions write all four
                raise InvalidInput(f"is a rectangle of {format_count(len(corners), 'point')}")
            xs, ys = [x for x, _ in corners], [y for _, y in corners]
            return make_box(min(xs), min(ys), max(xs), max(ys)), {}
        case "oriented_rectangle":
            return make_oriented_box(shape.points), {}
        case "circle":
            return _read_circle(shape.points)
        case "polygon":
            return make_shape(GeometryKind.POLYGON, shape.points), {}
        case "line" | "linestrip":
            return make_shape(GeometryKind.POLYLINE, shape.points), {}
        case "point":
            return make_shape(GeometryKind.POINT, shape.points), {}
        case "points":
            return Geometry(GeometryKind.KEYPOINTS, tuple(map(make_point, shape.points or [()]))), {}
        case "mask":
            return _read_mask(shape), {}
    raise InvalidInput(f"is a {show_path(shape.shape_type[:40])}, which is not known")


def _read_circle(points: Sequence[Any]) -> tuple[Geometry, dict[str, str | float | bool]]:
    if len(points) != 2:
        raise InvalidInput(
            f"is a circle of {format_count(len(points), 'point')}, not of its centre and one on its edge"
        )
    (x, y), edge = make_point(points[0]), make_point(points[1])
    radius = math.dist((x, y), edge)
    return draw_ellipse(x, y, radius, radius), {"shape": "circle", "x": x, "y": y, "radius": radius}


def _read_mask(shape: _Shape) -> Geometry:
    from mlwf_tui.plugins.importers.label_maps import decode_map, make_mask, pack_colors  # numpy, Pillow

    corners = [make_point(point) for point in shape.points]
    if len(corners) != 2 or shape.mask is None:
        raise InvalidInput("is a mask without two corners or without its picture")
    left, top = round(min(x for x, _ in corners)), round(min(y for _, y in corners))
    try:
        content = binascii.a2b_base64(shape.mask)
    except (ValueError, binascii.Error) as error:
        raise InvalidInput("has a mask that is not base64") from error
    return make_mask(pack_colors(decode_map(content)) != 0, left, top)
