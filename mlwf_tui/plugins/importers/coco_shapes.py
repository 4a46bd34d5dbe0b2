"""One entry of COCO's annotations as an object: box, polygon, mask or keypoints."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeGuard

from mlwf_tui.entities.annotation import AnnotatedObject, Geometry, GeometryKind, Tag
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.coco_documents import CategoryEntry, ObjectEntry
from mlwf_tui.plugins.importers.files import show_path
from mlwf_tui.plugins.importers.objects import make_tags, place_keypoints, tell_box, turn_box

Custom = dict[str, str | float | bool]

_IS_CROWD = (Tag("iscrowd"),)
_FLAGS = frozenset({"ignore", "difficult", "truncated", "occluded"})  # beside iscrowd, as 0 and 1
_LARGEST_INTEGER = 1 << 53  # that a float holds


def read_object(
    entry: ObjectEntry, facts: Mapping[str, object], category: CategoryEntry, notes: list[str]
) -> AnnotatedObject:
    """Return the object of an entry; `facts` are what it says besides. What is doubtful is noted.

    Raises:
        InvalidInput: its geometry cannot be used; the message, as the notes, follows "annotation 3: ".
    """
    confidence = None if entry.score is None else min(max(entry.score, 0.0), 1.0)
    attributes = entry.attributes if isinstance(entry.attributes, dict) else {}
    flags, custom = _read_facts(facts, notes)
    degrees = _find_rotation(attributes)
    if entry.keypoints and any(entry.keypoints[2::3]):
        geometry = _read_keypoints(entry.keypoints, category.keypoints)
        custom |= tell_box(entry.bbox) if entry.bbox else {}
    else:
        geometry = _read_geometry(entry, degrees or 0.0, notes)
    is_drawn = degrees == 0 or geometry.kind is GeometryKind.ORIENTED_BOX
    tags: tuple[Tag, ...] = _IS_CROWD if entry.iscrowd else ()
    tags += make_tags(attributes, besides=("iscrowd", "rotation") if is_drawn else ("iscrowd",))
    return AnnotatedObject(category.name, geometry, confidence, tags=tags + flags, custom=custom)


def _read_facts(facts: Mapping[str, object], notes: list[str]) -> tuple[tuple[Tag, ...], Custom]:
    """Return what an entry says beside what COCO knows: flags as tags, all else as custom facts."""
    flags: dict[str, object] = {}
    custom: Custom = {}
    for name, value in facts.items():
        match value:
            case None | "":
                continue
            case 0 | 1 if name in _FLAGS:
                flags[name] = bool(value)
            case str() | bool():
                custom[name] = value
            case int() if abs(value) <= _LARGEST_INTEGER:
                custom[name] = float(value)
            case float() if math.isfinite(value):
                custom[name] = value
            case _:
                short = show_path(name[:40])
                notes.append(f"has a fact that is no text, number or truth, and is not taken: {short}")
    return make_tags(flags), custom


def _find_rotation(attributes: Mapping[str, object]) -> float | None:
    """Return by how many degrees CVAT says that a box is turned, None where it does not.

    It writes a box as it was before it was turned about its centre, with `occluded` and `rotation`. A
    `rotation` by itself is anyone's.
    """
    degrees = attributes.get("rotation") if "occluded" in attributes else None
    return float(degrees) % 360 if _is_number(degrees) else None


def has_outline(entry: ObjectEntry) -> bool:
    """Say whether an entry tells an outline beside keypoints, which one object cannot have."""
    return bool(entry.segmentation and entry.keypoints and any(entry.keypoints[2::3]))


def _read_keypoints(numbers: Sequence[float], names: Sequence[str]) -> Geometry:
    if len(numbers) % 3 or (names and len(numbers) != 3 * len(names)):
        raise InvalidInput(f"has {len(numbers)} keypoint numbers for {len(names)} keypoints")
    return place_keypoints(numbers[::3], numbers[1::3], numbers[2::3], tuple(names))


def _read_geometry(entry: ObjectEntry, degrees: float, notes: list[str]) -> Geometry:
    """Return the finest shape that the entry tells: mask, polygon or box; a bad outline leaves its box."""
    if entry.segmentation is None or entry.segmentation == []:
        return _read_box(entry.bbox, degrees)
    try:
        return _read_outline(entry.segmentation)
    except InvalidInput as error:
        try:
            box = _read_box(entry.bbox, degrees)
        except InvalidInput:
            raise error from None
        notes.append(f"has an outline that cannot be read, and its box is taken: {error.message}")
        return box


def _read_outline(segmentation: object) -> Geometry:
    match segmentation:
        case [list() as ring]:
            return Geometry(GeometryKind.POLYGON, _read_ring(ring))
    from mlwf_tui.plugins.importers import coco_masks  # numpy, 150 ms that no other shape needs

    match segmentation:
        case {"counts": list() as counts, "size": [int() as height_px, int() as width_px]}:
            return coco_masks.read_runs(counts, width_px, height_px)
        case {"counts": str() as text, "size": [int() as height_px, int() as width_px]}:
            return coco_masks.read_runs(coco_masks.decompress(text), width_px, height_px)
        case [list(), *_] as rings:
            return coco_masks.draw_rings([_read_ring(ring) for ring in rings])
    raise InvalidInput("has a segmentation of an unknown form")


def _read_box(bbox: Sequence[float] | None, degrees: float) -> Geometry:
    if bbox is None or len(bbox) != 4:
        raise InvalidInput("has no box of four numbers")
    left, top, width, height = bbox
    if not all(map(math.isfinite, bbox)):
        raise InvalidInput("has a box with a number that is not finite")
    if width <= 0 or height <= 0:
        raise InvalidInput(f"has a box without area: width {width:g}, height {height:g}")
    if degrees:
        return turn_box(left + width / 2, top + height / 2, width, height, math.radians(degrees))
    return Geometry.rectangle(left, top, left + width, top + height)


def _read_ring(ring: object) -> tuple[tuple[float, float], ...]:
    is_ring = isinstance(ring, list) and len(ring) >= 6 and len(ring) % 2 == 0
    if not isinstance(ring, list) or not is_ring or not all(_is_number(value) for value in ring):
        raise InvalidInput("has a polygon that is not a list of at least three points")
    return tuple((float(x), float(y)) for x, y in zip(ring[::2], ring[1::2], strict=True))


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
