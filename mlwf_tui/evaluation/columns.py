"""Truths and detections as columns, one row an object, in the order that COCO's rules ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlwf_tui.entities.annotation import AnnotatedObject, Bounds, GeometryKind
from mlwf_tui.entities.ignored import is_crowd, is_ignored

FILLED = frozenset(
    {GeometryKind.RECTANGLE, GeometryKind.POLYGON, GeometryKind.MASK, GeometryKind.ORIENTED_BOX}
)
MAX_DETECTIONS = 100  # of one class on one image; what COCO counts, the best first

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Overlaps:
    """How near shapes that are no boxes come to each other: pairs of one image, whatever their classes.

    Pairs that are not there have nothing in common worth a mention. Rows are places among the objects as
    they were read.
    """

    detection: Ints  # (P,)
    truth: Ints  # (P,)
    similarity: Floats  # (P,) from 0 to 1, as IoU is


@dataclass(frozen=True, slots=True)
class Duties:
    """Which truths are to be found."""

    is_ignored: Bools  # (M,) nobody has to find it, and what lies on it is not wrong
    is_crowd: Bools  # (M,) ignored; a detection lies on it by the share of its own area

    def select(self, rows: Ints) -> Duties:
        """Return those of some rows."""
        return Duties(self.is_ignored[rows], self.is_crowd[rows])


@dataclass(frozen=True, slots=True)
class Truths:
    """Annotated objects by their boxes; rows of one image and class lie together."""

    image: Ints  # (M,) index of the item
    label: Ints  # (M,) index of the class
    boxes: Floats  # (M, 4) left, top, width, height in pixels
    row: Ints  # (M,) place as they were read
    areas: Floats  # (M,) square pixels
    duties: Duties  # which of them are to be found

    def select(self, rows: Ints) -> Truths:
        """Return some rows, given in ascending order."""
        return self._select(rows, self.label[rows])

    def select_blind(self, rows: Ints) -> Truths:
        """Return some rows, given in ascending order, as if all were of one class."""
        return self._select(rows, np.zeros(len(rows), np.int64))

    def _select(self, rows: Ints, label: Ints) -> Truths:
        duties = self.duties.select(rows)
        return Truths(self.image[rows], label, self.boxes[rows], self.row[rows], self.areas[rows], duties)


@dataclass(frozen=True, slots=True)
class Detections:
    """Predicted objects by their boxes; rows of one image and class lie together, the best first."""

    image: Ints  # (N,)
    label: Ints  # (N,)
    boxes: Floats  # (N, 4) left, top, width, height in pixels
    score: Floats  # (N,)
    rank: Ints  # (N,) place in its image and class, from 0
    row: Ints | None = None  # (N,) place as they were read; of shapes alone
    area: Floats | None = None  # (N,) square pixels; of shapes alone
    overlaps: Overlaps | None = None  # with the truths; boxes are compared when they are asked for

    @property
    def areas(self) -> Floats:
        return self.area if self.area is not None else self.boxes[:, 2] * self.boxes[:, 3]  # (N,)

    def select_blind(self, rows: Ints) -> tuple[Detections, Ints]:
        """Return some rows as if all were of one class, and which row each of them was."""
        order = rows[np.lexsort((-self.score[rows], self.image[rows]))]
        image, label = self.image[order], np.zeros(len(order), np.int64)
        found = Detections(
            image,
            label,
            self.boxes[order],
            self.score[order],
            _count_within(image, label),
            None if self.row is None else self.row[order],
            None if self.area is None else self.area[order],
            self.overlaps,
        )
        return found, order


@dataclass(frozen=True, slots=True)
class Objects:
    """The objects of one image behind the rows of a measured set, in the order of these rows."""

    truths: Sequence[AnnotatedObject]
    found: Sequence[AnnotatedObject]


@dataclass(frozen=True, slots=True)
class FoundTruths:
    """Truths of a measured set, and which of them a model has found at the thresholds of its report."""

    keys: Sequence[str]  # of the items, ascending
    names: Sequence[str]  # of the classes
    image: Ints  # (M,) ascending
    label: Ints  # (M,) ascending within an image
    is_found: Bools  # (M,)

    def align(self, other: FoundTruths) -> Ints | None:
        """Return (M,): where the other has each of these truths; None where it has not the same ones.

        The two may list their classes in another order; objects of one class are in one order in both.
        """
        places = {name: place for place, name in enumerate(self.names)}
        label = np.array([places.get(name, -1) for name in other.names], np.int64)[other.label]
        rows = np.lexsort((label, other.image))
        is_same = (
            list(self.keys) == list(other.keys)
            and np.array_equal(self.image, other.image[rows])
            and np.array_equal(self.label, label[rows])
        )
        return rows if is_same else None


def build_detections(
    objects: Sequence[Sequence[AnnotatedObject]], class_index: Mapping[str, int]
) -> Detections:
    """Return the bounds of all predicted objects; one without a confidence counts as certain."""
    return order_detections(*read_rows(objects, class_index))


def order_truths(
    image: Ints,
    label: Ints,
    boxes: Floats,
    *,
    areas: Floats | None = None,
    duties: Duties | None = None,
) -> Truths:
    """Return rows by image and class, otherwise in their given order.

    `areas` (M,) are those of the boxes and all are to be found, unless they are given.
    """
    if areas is None:
        areas = boxes[:, 2] * boxes[:, 3]
    if duties is None:
        duties = Duties(np.zeros(len(image), bool), np.zeros(len(image), bool))
    every = Truths(image, label, boxes, np.arange(len(image)), areas, duties)
    return every.select(np.lexsort((label, image)))


def list_boxed(objects: Sequence[AnnotatedObject]) -> list[AnnotatedObject]:
    """Return the objects whose bounds are boxes to be found; points and lines are none."""
    return [o for o in objects if o.geometry.kind in FILLED and _has_area(o.geometry.bounds)]


def _has_area(bounds: Bounds) -> bool:
    return bounds.width_px > 0 and bounds.height_px > 0


def read_duties(images: Sequence[Sequence[AnnotatedObject]]) -> Duties:
    """Return which objects are to be found, by their tags."""
    objects = [o for of_image in images for o in of_image]
    marks = np.array([(is_ignored(o), is_crowd(o)) for o in objects], bool).reshape(-1, 2)
    return Duties(marks[:, 0], marks[:, 1])


def order_detections(
    image: Ints,
    label: Ints,
    boxes: Floats,
    score: Floats,
    *,
    area: Floats | None = None,
    overlaps: Overlaps | None = None,
    most: int = MAX_DETECTIONS,
) -> Detections:
    """Return rows by image, class and falling score (ties as given), cut to the best 100 of each.

    With `area` (N,) and `overlaps` they are shapes.
    """
    order = np.lexsort((-score, label, image))
    rank = _count_within(image[order], label[order])
    kept = rank < most
    order = order[kept]
    shaped = (order, area[order], overlaps) if area is not None else (None, None, None)
    return Detections(image[order], label[order], boxes[order], score[order], rank[kept], *shaped)


def _count_within(image: Ints, label: Ints) -> Ints:
    """Return each row's place, from 0, among the neighbours of its image and class."""
    is_first = np.ones(len(image), bool)
    is_first[1:] = (image[1:] != image[:-1]) | (label[1:] != label[:-1])
    starts = np.flatnonzero(is_first)
    return np.arange(len(image)) - np.repeat(starts, np.diff(starts, append=len(image)))


def read_rows(
    images: Sequence[Sequence[AnnotatedObject]], class_index: Mapping[str, int]
) -> tuple[Ints, Ints, Floats, Floats]:
    """Return the item, class, bounds (left, top, width, height) and score of each object, as given."""
    counts = [len(objects) for objects in images]
    image = np.repeat(np.arange(len(images), dtype=np.int64), counts)
    label = np.array([class_index[o.class_name] for objects in images for o in objects], np.int64)
    corners = np.array([_read_corners(o) for objects in images for o in objects], np.float64)
    corners = corners.reshape(-1, 4)  # (N, 4) left, top, right, bottom
    boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    score = np.array(
        [1.0 if o.confidence is None else o.confidence for objects in images for o in objects], np.float64
    )
    return image, label, boxes, score


def _read_corners(labelled: AnnotatedObject) -> tuple[float, ...]:
    geometry = labelled.geometry
    if geometry.kind is GeometryKind.RECTANGLE:  # five times faster than asking for its bounds
        (left, top), (right, bottom) = geometry.points
        return left, top, right, bottom
    return geometry.bounds
