"""One shape of CVAT's XML as an object."""

from __future__ import annotations

import math
from xml.etree.ElementTree import Element

from mlwf_tui.entities.annotation import AnnotatedObject, Geometry, GeometryKind, Tag
from mlwf_tui.entities.figures import CUBOID_ENDS
from mlwf_tui.entities.outlines import find_hull
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.files import check_class_name, show_path
from mlwf_tui.plugins.importers.objects import (
    draw_ellipse,
    make_box,
    make_shape,
    make_tags,
    parse_value,
    place_keypoints,
    read_number,
    turn_box,
)

Custom = dict[str, str | float | bool]

_MAX_RUNS = 10_000_000


def read_shape(shape: Element, label: str, *, track: str = "") -> AnnotatedObject:
    """Return the object of a shape; its attributes, group and track are tags.

    Raises:
        InvalidInput: it cannot be used; the message follows its name.
    """
    class_name = check_class_name(label)
    geometry, custom = _read_geometry(shape)
    tags = read_attributes(shape)
    if shape.get("occluded") == "1":
        tags += (Tag("occluded"),)
    if (group := shape.get("group_id") or "0") != "0":
        tags += (Tag("group", read_number(group, "group")),)
    if track:
        tags += (Tag("track", read_number(track, "track")),)
    if (order := shape.get("z_order") or "0") != "0":
        custom["z_order"] = read_number(order, "z_order")
    if shape.get("source") not in (None, "", "manual"):
        custom["source"] = str(shape.get("source"))
    return AnnotatedObject(class_name, geometry, tags=tags, custom=custom)


def read_attributes(shape: Element) -> tuple[Tag, ...]:
    """Return the attributes of a shape or a tag."""
    told = {a.get("name") or "": parse_value(a.text or "") for a in shape.iterfind("attribute")}
    return make_tags(told)


def _read_geometry(shape: Element) -> tuple[Geometry, Custom]:
    match shape.tag:
        case "box":
            return _read_box(shape), {}
        case "polygon":
            return make_shape(GeometryKind.POLYGON, _read_points(shape)), {}
        case "polyline":
            return make_shape(GeometryKind.POLYLINE, _read_points(shape)), {}
        case "points":
            points = _read_points(shape)
            if len(points) == 1:
                return make_shape(GeometryKind.POINT, points), {}
            return Geometry(GeometryKind.KEYPOINTS, make_shape(GeometryKind.POLYLINE, points).points), {}
        case "ellipse":
            return _read_ellipse(shape)
        case "mask":
            return _read_mask(shape), {}
        case "skeleton":
            return _read_skeleton(shape), {}
        case "cuboid":
            return _read_cuboid(shape)
    raise InvalidInput("is of a kind that has no shape in an image")


def _read_points(shape: Element) -> list[list[str]]:
    return [pair.split(",") for pair in (shape.get("points") or "").split(";") if pair]


def _get_number(shape: Element, name: str, default: str = "") -> float:
    return read_number(shape.get(name, default), name)


def _read_box(shape: Element) -> Geometry:
    left, top, right, bottom = (_get_number(shape, name) for name in ("xtl", "ytl", "xbr", "ybr"))
    degrees = _get_number(shape, "rotation", "0")
    if not degrees:
        return make_box(left, top, right, bottom)
    x, y = (left + right) / 2, (top + bottom) / 2
    return turn_box(x, y, right - left, bottom - top, math.radians(degrees))


def _read_ellipse(shape: Element) -> tuple[Geometry, Custom]:
    x, y, radius_x, radius_y = (_get_number(shape, name) for name in ("cx", "cy", "rx", "ry"))
    degrees = _get_number(shape, "rotation", "0")
    custom: Custom = {"shape": "ellipse", "x": x, "y": y, "radius_x": radius_x, "radius_y": radius_y}
    if degrees:
        custom["rotation"] = degrees
    return draw_ellipse(x, y, radius_x, radius_y, math.radians(degrees)), custom


def _read_mask(shape: Element) -> Geometry:
    """Return a mask of row-major run lengths, background first, inside of a box of whole pixels."""
    left, top, width, height = (int(_get_number(shape, name)) for name in ("left", "top", "width", "height"))
    told = shape.get("rle") or ""
    words = told.split(",")
    if len(words) > _MAX_RUNS:
        raise InvalidInput("has more runs than any mask")
    if "_" in told:  # which int passes over
        raise InvalidInput("has a run that is no number")
    try:
        runs = tuple(int(word) for word in words)
    except ValueError as error:
        raise InvalidInput(f"has a run that is no number: {show_path(str(error)[:40])}") from error
    if min(runs) < 0 or width < 1 or height < 1 or sum(runs) != width * height or not any(runs[1::2]):
        raise InvalidInput("has runs that do not fill its size, or no pixel")
    corner, opposite = (float(left), float(top)), (float(left + width), float(top + height))
    return Geometry(GeometryKind.MASK, (corner, opposite), runs=runs)


def _read_cuboid(shape: Element) -> tuple[Geometry, Custom]:
    """Return the outline around the eight corners that CVAT draws, which are kept beside it."""
    corners = [(f"x{end}", f"y{end}") for end in CUBOID_ENDS]
    custom: Custom = {"shape": "cuboid"}
    points = []
    for names in corners:
        x, y = (_get_number(shape, name) for name in names)
        custom |= dict(zip(names, (x, y), strict=True))
        points.append((x, y))
    return make_shape(GeometryKind.POLYGON, find_hull(points)), custom


def _read_skeleton(shape: Element) -> Geometry:
    """Return keypoints by the labels of their points; outside is missing, occluded hidden."""
    names, xs, ys, told = [], [], [], []
    for point in shape.iterfind("points"):
        (x, y, *_), *_ = [*_read_points(point), ["", ""]]
        names.append(check_class_name(point.get("label") or ""))
        is_missing = point.get("outside") == "1"
        xs.append(0.0 if is_missing else read_number(x, "coordinate"))
        ys.append(0.0 if is_missing else read_number(y, "coordinate"))
        told.append(0 if is_missing else 1 if point.get("occluded") == "1" else 2)
    return place_keypoints(xs, ys, told, tuple(names))
