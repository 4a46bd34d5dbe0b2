"""The lines of a YOLO label file: normalised boxes, polygons, oriented boxes and keypoints, to pixels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec

from mlwf_tui.entities.annotation import AnnotatedObject, Geometry, GeometryKind
from mlwf_tui.entities.boxes import Boxes
from mlwf_tui.entities.counts import format_count
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.objects import make_oriented_box, place_keypoints

_floor = math.floor
_LOWEST, _HIGHEST = -0.01, 1.01  # a normalised coordinate may leave 0-1 a little through rounding
_Share = Annotated[float, msgspec.Meta(ge=_LOWEST, le=_HIGHEST)]
_boxes_decoder = msgspec.json.Decoder(list[tuple[float, _Share, _Share, _Share, _Share]])


class LineKey(msgspec.Struct, frozen=True):
    """What the lines of a folder mean."""

    class_names: Mapping[int, str]
    task: str
    keypoint_shape: tuple[int, int] | None = None
    keypoint_names: Mapping[int, tuple[str, ...]] = {}


def read_plain_boxes(
    content: bytes, class_names: Mapping[int, str], width_px: int, height_px: int
) -> Boxes | None:
    """Return what a file says that holds good boxes and nothing else, as most do; else None.

    The lines are read as JSON, which takes a quarter of the time of looking at them one by one.
    """
    if b"," in content or b"]" in content:  # would change what the JSON means
        return None
    try:
        rows = _boxes_decoder.decode(
            b"[[" + content.strip().replace(b"\n", b"],[").replace(b" ", b",") + b"]]"
        )
    except msgspec.DecodeError:
        return None
    names, corners = [], []
    columns, lines = float(width_px), float(height_px)  # Python is faster with floats among themselves
    for index, x, y, width, height in rows:
        class_name = class_names.get(index)  # type: ignore[call-overload]  # 2.0 finds 2
        # As `_to_pixels`, whose four calls would take as long as all the rest.
        half_width, half_height = width * 0.5, height * 0.5
        left = _floor((x - half_width) * columns * 1000.0 + 0.5)
        top = _floor((y - half_height) * lines * 1000.0 + 0.5)
        right = _floor((x + half_width) * columns * 1000.0 + 0.5)
        bottom = _floor((y + half_height) * lines * 1000.0 + 0.5)
        if class_name is None or right <= left or bottom <= top:
            return None
        names.append(class_name)
        corners.append((left, top, right, bottom))
    return Boxes(tuple(names), tuple(corners))


def read_line(line: str, key: LineKey, width_px: int, height_px: int) -> AnnotatedObject:
    """Return the object of a line that is not blank.

    Raises:
        InvalidInput: it is none; the message follows "line 3 ".
    """
    class_names, words = key.class_names, line.split()
    if "_" in line:  # which float passes over
        raise InvalidInput("holds something that is not a number")
    try:
        index, *numbers = map(float, words)
    except ValueError as error:
        raise InvalidInput("holds something that is not a number") from error
    class_name = class_names.get(index)  # type: ignore[call-overload]  # 2.0 finds 2
    if class_name is None:
        raise InvalidInput(_find_fault(words[0], index, numbers))
    if len(numbers) == 4:  # nearly always
        return AnnotatedObject(class_name, _to_rectangle(words, numbers, width_px, height_px))
    if len(numbers) == 5:  # as saved predictions have it
        confidence = numbers.pop()
        if not _LOWEST <= confidence <= _HIGHEST:
            raise InvalidInput(_find_fault(words[0], index, [confidence]))
        box = _to_rectangle(words, numbers, width_px, height_px)
        return AnnotatedObject(class_name, box, min(max(confidence, 0.0), 1.0))
    if key.keypoint_shape is not None:
        return _read_pose(words, int(index), numbers, key, width_px, height_px)
    if key.task == "obb" and len(numbers) in (8, 9):
        return _read_oriented(words, class_name, numbers, width_px, height_px)
    if len(numbers) >= 6 and len(numbers) % 2 == 0:
        if not all(_LOWEST <= number <= _HIGHEST for number in numbers):
            raise InvalidInput(_find_fault(words[0], index, numbers))
        points = zip(numbers[::2], numbers[1::2], strict=True)
        pixels = tuple([(_to_pixels(x, width_px), _to_pixels(y, height_px)) for x, y in points])
        return AnnotatedObject(class_name, Geometry(GeometryKind.POLYGON, pixels))
    raise InvalidInput(f"has {format_count(len(words), 'number')}, which make neither a box nor a polygon")


def _read_oriented(
    words: Sequence[str], class_name: str, numbers: Sequence[float], width_px: int, height_px: int
) -> AnnotatedObject:
    """Return an oriented box; a ninth number is the confidence of a saved prediction."""
    confidence = min(max(numbers[8], 0.0), 1.0) if len(numbers) == 9 else None
    if not all(_LOWEST <= number <= _HIGHEST for number in numbers):
        raise InvalidInput(_find_fault(words[0], 0, numbers))
    corners = zip(numbers[:8:2], numbers[1:8:2], strict=True)
    box = make_oriented_box((_to_pixels(x, width_px), _to_pixels(y, height_px)) for x, y in corners)
    return AnnotatedObject(class_name, box, confidence)


def _read_pose(
    words: Sequence[str], index: int, numbers: Sequence[float], key: LineKey, width_px: int, height_px: int
) -> AnnotatedObject:
    """Return keypoints with their box as custom facts; without visibility, a negative one is missing."""
    count, size = key.keypoint_shape or (0, 0)
    given, class_name = numbers[4 : 4 + count * size], key.class_names[index]
    if len(numbers) not in (4 + count * size, 5 + count * size):
        raise InvalidInput(
            f"has {format_count(len(words), 'number')}, not a class, a box and {count} × {size} for keypoints"
        )
    confidence = min(max(numbers[-1], 0.0), 1.0) if len(numbers) == 5 + count * size else None
    (left, top), (right, bottom) = _to_rectangle(words, numbers[:4], width_px, height_px).points
    xs, ys = given[::size], given[1::size]
    told = given[2::3] if size == 3 else [0 if x < 0 or y < 0 else 2 for x, y in zip(xs, ys, strict=True)]
    shown = [(x, y) for x, y, value in zip(xs, ys, told, strict=True) if value]
    if not all(_LOWEST <= number <= _HIGHEST for point in shown for number in point):
        raise InvalidInput(_find_fault(words[0], index, [number for point in shown for number in point]))
    if not any(told):
        return AnnotatedObject(class_name, Geometry.rectangle(left, top, right, bottom), confidence)
    points = [
        (_to_pixels(x, width_px), _to_pixels(y, height_px)) if v else (0.0, 0.0)
        for x, y, v in zip(xs, ys, told, strict=True)
    ]
    keypoints = place_keypoints(
        [x for x, _ in points], [y for _, y in points], told, tuple(key.keypoint_names.get(index, ()))
    )
    custom = {"box_left": left, "box_top": top, "box_right": right, "box_bottom": bottom}
    return AnnotatedObject(class_name, keypoints, confidence, custom=custom)


def _find_fault(word: str, index: float, numbers: Sequence[float]) -> str:
    if not all(map(math.isfinite, (index, *numbers))):
        return "holds a number that is not finite"
    if all(_LOWEST <= number <= _HIGHEST for number in numbers):
        return f"has class {word}, which has no name"
    return "has coordinates that are not between 0 and 1"


def _to_rectangle(words: Sequence[str], numbers: Sequence[float], width_px: int, height_px: int) -> Geometry:
    """Return a rectangle in pixels from a normalised centre and size."""
    x, y, width, height = numbers
    # Numbers that are not finite are in no range, so this finds them too.
    if not (
        _LOWEST <= x <= _HIGHEST
        and _LOWEST <= y <= _HIGHEST
        and _LOWEST <= width <= _HIGHEST
        and _LOWEST <= height <= _HIGHEST
    ):
        raise InvalidInput(_find_fault(words[0], 0, numbers))
    left, right = _to_pixels(x - width / 2, width_px), _to_pixels(x + width / 2, width_px)
    top, bottom = _to_pixels(y - height / 2, height_px), _to_pixels(y + height / 2, height_px)
    if right <= left:
        raise InvalidInput(f"has a box without area: left {left:g}, right {right:g}")
    if bottom <= top:
        raise InvalidInput(f"has a box without area: top {top:g}, bottom {bottom:g}")
    return Geometry(GeometryKind.RECTANGLE, ((left, top), (right, bottom)))


def _to_pixels(share: float, side_px: int) -> float:
    """Undo the six decimals of the file, to a thousandth: whole pixels come back as whole pixels.

    The same as `round(…, 3)` but for ties, at a tenth of its cost.
    """
    return _floor(share * side_px * 1000 + 0.5) / 1000
