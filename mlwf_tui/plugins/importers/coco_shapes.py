"""One entry of COCO's annotations as an object: box, polygon, mask or keypoints."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mlwf_tui.entities.annotation import AnnotatedObject, Geometry, GeometryKind, Tag
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.coco_documents import CategoryEntry, ObjectEntry
from mlwf_tui.plugins.importers.objects import make_tags, place_keypoints, tell_box

_IS_CROWD = (Tag("iscrowd"),)


def read_object(entry: ObjectEntry, category: CategoryEntry) -> AnnotatedObject:
    """Return the object of an entry.

    Raises:
        InvalidInput: its geometry cannot be used; the message follows "annotation 3: ".
    """
    confidence = None if entry.score is None else min(max(entry.score, 0.0), 1.0)
    tags: tuple[Tag, ...] = _IS_CROWD if entry.iscrowd else ()
    if isinstance(entry.attributes, dict):
        tags += make_tags(entry.attributes, besides=("iscrowd",))
    if entry.keypoints and any(entry.keypoints[2::3]):
        keypoints = _read_keypoints(entry.keypoints, category.keypoints)
        custom = tell_box(entry.bbox) if entry.bbox else {}
        return AnnotatedObject(category.name, keypoints, confidence, tags=tags, custom=custom)
    return AnnotatedObject(category.name, _read_geometry(entry), confidence, tags=tags)


def has_outline(entry: ObjectEntry) -> bool:
    """Say whether an entry tells an outline beside keypoints, which one object cannot have."""
    return bool(entry.segmentation and entry.keypoints and any(entry.keypoints[2::3]))


def _read_keypoints(numbers: Sequence[float], names: Sequence[str]) -> Geometry:
    if len(numbers) % 3 or (names and len(numbers) != 3 * len(names)):
        raise InvalidInput(f"has {len(numbers)} keypoint numbers for {len(names)} keypoints")
    return place_keypoints(numbers[::3], numbers[1::3], numbers[2::3], tuple(names))


def _read_geometry(entry: ObjectEntry) -> Geometry:
    """Return the finest shape that the entry tells: mask, polygon or box."""
    match entry.segmentation:
        case None | []:
            return _read_box(entry.bbox)
        case [list() as ring]:
            return Geometry(GeometryKind.POLYGON, _read_ring(ring))
    from mlwf_tui.plugins.importers import coco_masks  # numpy, 150 ms that no other shape needs

    match entry.segmentation:
        case {"counts": list() as counts, "size": [int() as height_px, int() as width_px]}:
            return coco_masks.read_runs(counts, width_px, height_px)
        case {"counts": str() as text, "size": [int() as height_px, int() as width_px]}:
            return coco_masks.read_runs(coco_masks.decompress(text), width_px, height_px)
        case [list(), *_] as rings:
            return coco_masks.draw_rings([_read_ring(ring) for ring in rings])
    raise InvalidInput("has a segmentation of an unknown form")


def _read_box(bbox: Sequence[float] | None) -> Geometry:
    if bbox is None or len(bbox) != 4:
        raise InvalidInput("has no box of four numbers")
    left, top, width, height = bbox
    if not all(map(math.isfinite, bbox)):
        raise InvalidInput("has a box with a number that is not finite")
    if width <= 0 or height <= 0:
        raise InvalidInput(f"has a box without area: width {width:g}, height {height:g}")
    return Geometry.rectangle(left, top, left + width, top + height)


def _read_ring(ring: object) -> tuple[tuple[float, float], ...]:
    is_ring = isinstance(ring, list) and len(ring) >= 6 and len(ring) % 2 == 0
    if not isinstance(ring, list) or not is_ring or not all(_is_number(value) for value in ring):
        raise InvalidInput("has a polygon that is not a list of at least three points")
    return tuple((float(x), float(y)) for x, y in zip(ring[::2], ring[1::2], strict=True))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
