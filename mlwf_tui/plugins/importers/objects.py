"""Makes objects' parts of what formats say: numbers, boxes, rings, keypoints, tags and custom facts."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from mlwf_tui.entities.annotation import Geometry, GeometryKind, Point, Tag, Visibility, find_class_fault
from mlwf_tui.entities.counts import format_count
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.files import show_path

_ELLIPSE_POINTS = 72
_FEWEST_POINTS = {GeometryKind.POLYGON: 3, GeometryKind.POLYLINE: 2, GeometryKind.POINT: 1}


def read_number(text: object, what: str) -> float:
    """Return a finite number.

    Raises:
        InvalidInput: it is none; the message follows an object or its file.
    """
    try:
        value = parse_float(text) if isinstance(text, str | int | float) else math.nan
    except (ValueError, OverflowError):
        value = math.nan
    if not math.isfinite(value):
        raise InvalidInput(f"has no usable {what}: {show_path(str(text)[:40])!r}")
    return value


def parse_float(text: str | float) -> float:
    """Return what float does, but for underscores, which no format allows between digits.

    Raises:
        ValueError: it is no number.
        OverflowError: it is too large.
    """
    if isinstance(text, str) and "_" in text:
        raise ValueError(text)
    return float(text)


def make_box(left: float, top: float, right: float, bottom: float) -> Geometry:
    """Return a rectangle of finite numbers, its edges as they are.

    Raises:
        InvalidInput: it has no area.
    """
    if not all(map(math.isfinite, (left, top, right, bottom))):
        raise InvalidInput("has a box with a number that is not finite")
    if right <= left or bottom <= top:
        raise InvalidInput(f"has a box without area: {left:g}, {top:g}, {right:g}, {bottom:g}")
    return Geometry.rectangle(left, top, right, bottom)


def make_shape(
    kind: GeometryKind, points: Iterable[Sequence[Any]], holes: tuple[tuple[Point, ...], ...] = ()
) -> Geometry:
    """Return a polygon, polyline or point.

    Raises:
        InvalidInput: a coordinate is no finite number, or there are too few points.
    """
    found = tuple(make_point(point) for point in points)
    fewest = _FEWEST_POINTS[kind]
    if len(found) < fewest or (kind is GeometryKind.POINT and len(found) > 1):
        raise InvalidInput(f"has {format_count(len(found), 'point')}, too few or too many for a {kind}")
    return Geometry(kind, found, holes)


def make_point(point: object) -> Point:
    """Return a pair of finite numbers.

    Raises:
        InvalidInput: it is none.
    """
    if not isinstance(point, Sequence) or isinstance(point, str) or len(point) < 2:
        raise InvalidInput("has a point that is not two numbers")
    return read_number(point[0], "coordinate"), read_number(point[1], "coordinate")


def make_oriented_box(corners: Iterable[Sequence[Any]]) -> Geometry:
    """Return an oriented box of four corners in their order.

    Raises:
        InvalidInput: they are not four, or span no area.
    """
    points = tuple(make_point(point) for point in corners)
    if len(points) != 4:
        raise InvalidInput(f"has {format_count(len(points), 'corner')}, not four")
    area = sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(points, (*points[1:], points[0]), strict=True))
    if area == 0 or not math.isfinite(area):
        raise InvalidInput("has an oriented box without area")
    return Geometry(GeometryKind.ORIENTED_BOX, points)


def turn_box(x: float, y: float, width: float, height: float, radians: float) -> Geometry:
    """Return an oriented box around a centre, turned clockwise as the image is shown.

    Raises:
        InvalidInput: it has no area, or a number that is not finite.
    """
    if not all(map(math.isfinite, (x, y, width, height, radians))) or width <= 0 or height <= 0:
        raise InvalidInput(f"has an oriented box without area: width {width:g}, height {height:g}")
    cosine, sine = math.cos(radians), math.sin(radians)
    corners = [
        (-width / 2, -height / 2),
        (width / 2, -height / 2),
        (width / 2, height / 2),
        (-width / 2, height / 2),
    ]
    return make_oriented_box((x + dx * cosine - dy * sine, y + dx * sine + dy * cosine) for dx, dy in corners)


def place_keypoints(
    xs: Sequence[float], ys: Sequence[float], visibility: Sequence[float], names: tuple[str, ...]
) -> Geometry:
    """Return keypoints; a missing one stands where the first labelled one does, so that bounds are right.

    Raises:
        InvalidInput: a number is not finite, a visibility is none of COCO's, or nothing is labelled.
    """
    if not set(visibility) <= {0, 1, 2}:
        raise InvalidInput("has a keypoint whose visibility is not 0, 1 or 2")
    told = tuple(Visibility(int(value)) for value in visibility)
    labelled = [at for at, value in enumerate(told) if value]
    if not labelled:
        raise InvalidInput("has no keypoint that is labelled")
    if not all(math.isfinite(xs[at]) and math.isfinite(ys[at]) for at in labelled):
        raise InvalidInput("has a keypoint with a number that is not finite")
    stand_in = float(xs[labelled[0]]), float(ys[labelled[0]])
    points = tuple(
        (float(x), float(y)) if value else stand_in for x, y, value in zip(xs, ys, told, strict=True)
    )
    kept = () if all(value is Visibility.VISIBLE for value in told) else told
    return Geometry(GeometryKind.KEYPOINTS, points, names=names, visibility=kept)


def tell_box(bbox: Sequence[float]) -> dict[str, str | float | bool]:
    """Return the box (left, top, width, height) that stands beside keypoints, as custom facts.

    Raises:
        InvalidInput: it is not four finite numbers.
    """
    if len(bbox) != 4 or not all(map(math.isfinite, bbox)):
        raise InvalidInput("has no box of four numbers")
    left, top, width, height = bbox
    return {"box_left": left, "box_top": top, "box_right": left + width, "box_bottom": top + height}


def make_tags(attributes: Mapping[str, object], *, besides: Collection[str] = ()) -> tuple[Tag, ...]:
    """Return an object's attributes as tags: a true one without a value, a false or empty one not at all.

    What is neither scalar nor well named is left out, since no format gives it a meaning.
    """
    tags = []
    for name, value in attributes.items():
        if name in besides or value is None or value is False or value == "" or find_class_fault(name):
            continue
        if value is True:
            tags.append(Tag(name))
        elif isinstance(value, str):
            tags.append(Tag(name, value))
        elif isinstance(value, int | float) and math.isfinite(value):
            tags.append(Tag(name, float(value)))
    return tuple(tags)


def parse_value(text: str) -> str | float | bool:
    """Return what a text attribute means: a truth, a number, or the text."""
    stripped = text.strip()
    if stripped.lower() in ("true", "false"):
        return stripped.lower() == "true"
    try:
        number = parse_float(stripped)
    except ValueError:
        return text
    return number if math.isfinite(number) and stripped.lstrip("+-")[:1] in "0123456789." else text


def draw_ellipse(x: float, y: float, radius_x: float, radius_y: float, radians: float = 0.0) -> Geometry:
    """Return a polygon along an ellipse, since no shape of ours is one; its numbers belong beside it.

    Raises:
        InvalidInput: it has no area, or a number that is not finite.
    """
    if not all(map(math.isfinite, (x, y, radius_x, radius_y, radians))) or radius_x <= 0 or radius_y <= 0:
        raise InvalidInput(f"has an ellipse without area: radii {radius_x:g} and {radius_y:g}")
    cosine, sine = math.cos(radians), math.sin(radians)
    points = []
    for step in range(_ELLIPSE_POINTS):
        angle = 2 * math.pi * step / _ELLIPSE_POINTS
        dx, dy = radius_x * math.cos(angle), radius_y * math.sin(angle)
        points.append((x + dx * cosine - dy * sine, y + dx * sine + dy * cosine))
    return Geometry(GeometryKind.POLYGON, tuple(points))
