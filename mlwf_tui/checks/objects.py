"""What is wrong with the objects of one item, each by itself and with each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from mlwf_tui.checks.shapes import WITH_AREA, has_area, has_stray_keypoint, is_crossing, is_inside
from mlwf_tui.entities.annotation import AnnotatedObject, Bounds, GeometryKind
from mlwf_tui.entities.finding import FindingKind
from mlwf_tui.entities.item import Item

OVERLAP_IOU: Final = 0.95
TRAINED_SIDE_PX: Final = 640  # of the longer side, as most detectors take an image
TINY_SIDE_PX: Final = 3.0  # at that size; less than half a cell of the finest grid that detectors have


class Fault(NamedTuple):
    """What one object has; `number` counts from 1."""

    kind: FindingKind
    number: int
    note: str = ""


def iter_faults(item: Item, declared: frozenset[str]) -> Iterator[Fault]:
    """Yield what is wrong with an item's objects; `declared` are the names of all classes."""
    objects = item.annotation.objects
    scale = min(1.0, TRAINED_SIDE_PX / max(item.width_px, item.height_px, 1))
    for number, labelled in enumerate(objects, start=1):
        if labelled.class_name not in declared:
            yield Fault(FindingKind.UNDECLARED_CLASS, number, labelled.class_name)
        yield from _iter_shape_faults(labelled, number, item, scale)
    if len(objects) > 1:
        yield from _iter_repeated(objects)


def _iter_shape_faults(labelled: AnnotatedObject, number: int, item: Item, scale: float) -> Iterator[Fault]:
    geometry = labelled.geometry
    if not has_area(geometry):
        yield Fault(FindingKind.NO_AREA, number, labelled.class_name)
        return
    if not geometry.points:
        return
    if geometry.kind is GeometryKind.KEYPOINTS:
        if has_stray_keypoint(geometry, item.width_px, item.height_px):
            yield Fault(FindingKind.KEYPOINT_OUTSIDE, number, labelled.class_name)
        return
    bounds = geometry.bounds
    if not is_inside(bounds, item.width_px, item.height_px):
        yield Fault(FindingKind.OUTSIDE, number, labelled.class_name)
    if geometry.kind not in WITH_AREA:
        return
    if min(bounds.width_px, bounds.height_px) * scale < TINY_SIDE_PX:
        yield Fault(FindingKind.TINY_OBJECT, number, f"{bounds.width_px:.3g}×{bounds.height_px:.3g} px")
    if geometry.kind is GeometryKind.POLYGON and is_crossing(geometry.points):
        yield Fault(FindingKind.CROSSING_POLYGON, number, labelled.class_name)


def _iter_repeated(objects: Sequence[AnnotatedObject]) -> Iterator[Fault]:
    """Yield objects that are equal to an earlier one, then those that cover its place with its class."""
    repeated = find_repeated(objects)
    for number in sorted(repeated):
        yield Fault(FindingKind.DUPLICATE_OBJECT, number, objects[number - 1].class_name)
    for number in sorted(_find_overlapping(objects, repeated)):
        yield Fault(FindingKind.OVERLAPPING_OBJECT, number, objects[number - 1].class_name)


def find_repeated(objects: Sequence[AnnotatedObject]) -> set[int]:
    """Return the numbers of the objects that are equal to an earlier one in all that is known of them."""
    firsts: dict[tuple[object, ...], list[int]] = {}
    repeated = set()
    for number, labelled in enumerate(objects, start=1):
        alike = firsts.setdefault((labelled.class_name, labelled.geometry.points), [])
        if any(objects[other - 1] == labelled for other in alike):
            repeated.add(number)
        else:
            alike.append(number)
    return repeated


def _find_overlapping(objects: Sequence[AnnotatedObject], repeated: set[int]) -> set[int]:
    """Return the later one of each pair of a class whose bounds cover the same place."""
    by_class: dict[str, list[tuple[Bounds, int]]] = {}
    for number, labelled in enumerate(objects, start=1):
        geometry = labelled.geometry
        if number not in repeated and geometry.kind in WITH_AREA and geometry.points:
            by_class.setdefault(labelled.class_name, []).append((geometry.bounds, number))
    found = set()
    for placed in by_class.values():
        placed.sort()
        for at, (bounds, number) in enumerate(placed):
            # The left sides of two such boxes are nearer than this, so few pairs are compared.
            farthest = bounds.left + (1 - OVERLAP_IOU) / OVERLAP_IOU * bounds.width_px
            for other, other_number in placed[at + 1 :]:
                if other.left > farthest:
                    break
                if _measure_iou(bounds, other) >= OVERLAP_IOU:
                    found.add(max(number, other_number))
    return found


def _measure_iou(one: Bounds, other: Bounds) -> float:
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    return common / (one.width_px * one.height_px + other.width_px * other.height_px - common)
