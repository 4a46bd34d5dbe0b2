"""Compares boxes that are turned by the area that they have in common, exactly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mlwf_tui.entities.annotation import AnnotatedObject, Geometry, GeometryKind
from mlwf_tui.entities.ignored import is_crowd
from mlwf_tui.evaluation.columns import FILLED, Floats
from mlwf_tui.evaluation.shapes import Compared
from mlwf_tui.media.conversions import convert_shape

_TOUCHING = 1e-12  # of the size of a pair: edges nearer than that lie on one line


class TurnedKind:
    """Oriented boxes; other shapes count as the smallest such box around them, as models are taught them."""

    wanted = "oriented boxes, or shapes that have an area"

    def is_truth(self, labelled: AnnotatedObject) -> bool:
        return labelled.geometry.kind in FILLED

    def compare(
        self,
        found: Sequence[AnnotatedObject],
        truths: Sequence[AnnotatedObject],
        width_px: int,
        height_px: int,
    ) -> Compared:
        """Return the area of each box, beyond the image too, and their IoUs; with a crowd the share on it."""
        first, second = _read_corners(found), _read_corners(truths)
        areas, truth_areas = _measure(first), _measure(second)
        similarity = np.zeros((len(first), len(second)))
        rows, columns = np.nonzero(_find_near(first, second))
        if len(rows):
            shared = intersect(first[rows], second[columns])
            union = areas[rows] + truth_areas[columns] - shared
            crowds = np.array([is_crowd(one) for one in truths])
            union = np.where(crowds[columns], areas[rows], union)
            similarity[rows, columns] = np.where(union > 0, shared / np.maximum(union, 1e-300), 0.0)
        return Compared(areas, truth_areas, similarity)


def intersect(first: Floats, second: Floats) -> Floats:
    """Return the area (P,) that convex four-cornered shapes (P, 4, 2) share, by Green's theorem.

    The border of what is shared is made of the parts of each one's edges that lie inside the other.
    """
    one, other = _wind(first), _wind(second)
    corners = np.concatenate([one, other], axis=1)
    middle = corners.mean(axis=1, keepdims=True)
    one, other = one - middle, other - middle  # small numbers lose less
    size = np.abs(corners - middle).max(axis=(1, 2))[:, None, None]  # (P, 1, 1)
    twice = _trace(one, other, -_TOUCHING * size) + _trace(other, one, _TOUCHING * size)
    return np.maximum(twice / 2, 0.0)


def _trace(edges: Floats, around: Floats, slack: Floats) -> Floats:
    """Return (P,): the sum of the cross products of the parts of `edges` inside of `around`.

    An edge on the border of the other counts where `slack` is negative, so that of two which lie on each
    other one counts.
    """
    start = edges[:, :, None, :]  # (P, 4, 1, 2)
    step = (np.roll(edges, -1, axis=1) - edges)[:, :, None, :]
    corner = around[:, None, :, :]  # (P, 1, 4, 2)
    side = (np.roll(around, -1, axis=1) - around)[:, None, :, :]
    length = np.maximum(np.hypot(side[..., 0], side[..., 1]), 1e-300)
    inside = _cross(side, start - corner) / length - slack  # (P, 4, 4) distance inwards at the start
    change = _cross(side, step) / length  # of it, along the edge
    is_level = np.abs(change) <= 1e-12 * length
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = -inside / change
    enters = np.where(is_level, np.where(inside >= 0, 0.0, 2.0), np.where(change > 0, crossing, 0.0))
    leaves = np.where(is_level | (change > 0), 1.0, crossing)
    begin = np.clip(enters.max(axis=2), 0.0, None)  # (P, 4) shares of the edge
    end = np.clip(leaves.min(axis=2), None, 1.0)
    part = np.maximum(end - begin, 0.0)
    first = edges + step[:, :, 0, :] * begin[:, :, None]
    twice: Floats = (_cross(first, step[:, :, 0, :]) * part).sum(axis=1)
    return twice


def _cross(first: Floats, second: Floats) -> Floats:
    product: Floats = first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]
    return product


def _measure(corners: Floats) -> Floats:
    """Return (N,) the area of four-cornered shapes (N, 4, 2)."""
    areas: Floats = np.abs(_cross(corners, np.roll(corners, -1, axis=1)).sum(axis=1)) / 2
    return areas


def _wind(corners: Floats) -> Floats:
    """Return shapes with their corners in the order in which the area is positive."""
    is_turned = _cross(corners, np.roll(corners, -1, axis=1)).sum(axis=1) < 0
    wound: Floats = np.where(is_turned[:, None, None], corners[:, ::-1], corners)
    return wound


def _find_near(first: Floats, second: Floats) -> Floats:
    """Return (N, M): which shapes' bounds overlap."""
    low, high = first.min(axis=1)[:, None], first.max(axis=1)[:, None]  # (N, 1, 2)
    near: Floats = ((low < second.max(axis=1)) & (second.min(axis=1) < high)).all(axis=2)
    return near


def _read_corners(objects: Sequence[AnnotatedObject]) -> Floats:
    return np.array([_list_corners(one.geometry) for one in objects], np.float64).reshape(-1, 4, 2)


def _list_corners(geometry: Geometry) -> tuple[tuple[float, float], ...]:
    turned = convert_shape(geometry, GeometryKind.ORIENTED_BOX)
    if turned is None or len(turned.points) != 4:
        return ((0.0, 0.0),) * 4  # no area
    return turned.points
