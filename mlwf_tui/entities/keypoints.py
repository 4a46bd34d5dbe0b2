"""Keypoints: what is known of each, the box beside them, their left and right; pure geometry."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from mlwf_tui.entities.annotation import AnnotatedObject, Bounds, Geometry, GeometryKind, Point, Visibility

KEYPOINT_BOX: Final = ("box_left", "box_top", "box_right", "box_bottom")
"""The custom facts of keypoints that say which box stands beside them."""

_OPPOSITE: Final = {"left": "right", "right": "left", "l": "r", "r": "l"}
_SIDE: Final = re.compile(r"left|right|(?<![a-z])[lr](?![a-z])")


def list_visibility(geometry: Geometry) -> tuple[Visibility, ...]:
    """Return what is known of each keypoint; all are visible where nothing is said."""
    return geometry.visibility or (Visibility.VISIBLE,) * len(geometry.points)


def place_points(geometry: Geometry, points: Sequence[Point], visibility: Sequence[Visibility]) -> Geometry:
    """Return keypoints at other points; a missing one stands where the first that is labelled does."""
    stand_in = next((point for point, seen in zip(points, visibility, strict=True) if seen), (0.0, 0.0))
    placed = tuple(point if seen else stand_in for point, seen in zip(points, visibility, strict=True))
    are_visible = all(seen is Visibility.VISIBLE for seen in visibility)
    return replace(geometry, points=placed, visibility=() if are_visible else tuple(visibility))


def read_keypoint_box(labelled: AnnotatedObject) -> Bounds | None:
    """Return the box that custom facts tell beside keypoints, None where they tell none."""
    edges = [labelled.custom.get(name) for name in KEYPOINT_BOX]
    told = [float(edge) for edge in edges if isinstance(edge, int | float)]
    return Bounds(*told) if len(told) == len(edges) else None


def find_extent(labelled: AnnotatedObject) -> Bounds:
    """Return the box around an object: of keypoints the one beside them, or that of those labelled."""
    geometry = labelled.geometry
    if geometry.kind is not GeometryKind.KEYPOINTS:
        return geometry.bounds
    told = read_keypoint_box(labelled)
    if told is not None:
        return told
    visibility = list_visibility(geometry)
    known = tuple(point for point, seen in zip(geometry.points, visibility, strict=True) if seen)
    return replace(geometry, points=known or geometry.points).bounds


def find_flip(nodes: Sequence[str]) -> tuple[int, ...]:
    """Return for each keypoint the one that it is in a mirrored image; empty where names tell no sides."""
    places = {node.lower(): place for place, node in enumerate(nodes)}
    partners = [places.get(_swap_sides(node), place) for place, node in enumerate(places)]
    is_told = len(places) == len(nodes) and any(place != partner for place, partner in enumerate(partners))
    is_sound = all(partners[partner] == place for place, partner in enumerate(partners))
    return tuple(partners) if is_told and is_sound else ()


def name_by_flip(flip: Sequence[int]) -> tuple[str, ...]:
    """Return names by which `find_flip` finds the same exchange: numbers, and of each pair left and right.

    Which of two is of the left cannot be known: it is the first, as in COCO.
    """
    names = [str(place + 1) for place in range(len(flip))]
    for place, partner in enumerate(flip):
        if place < partner:
            names[place], names[partner] = f"{place + 1} left", f"{place + 1} right"
    return tuple(names)


def _swap_sides(name: str) -> str:
    """Return the name with left for right and right for left, as a word, or as l and r standing alone."""
    return _SIDE.sub(lambda match: _OPPOSITE[match[0]], name)
