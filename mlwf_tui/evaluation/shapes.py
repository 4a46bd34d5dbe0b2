"""Pairs shapes that are no boxes: what differs by kind is how two of one image are compared."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from mlwf_tui.entities.annotation import AnnotatedObject
from mlwf_tui.errors import InvalidInput
from mlwf_tui.evaluation.columns import (
    MAX_DETECTIONS,
    Bools,
    Floats,
    Ints,
    Objects,
    Overlaps,
    order_detections,
    order_truths,
    read_duties,
    read_rows,
)
from mlwf_tui.evaluation.measured import Measured, check_predictions, list_classes, pair
from mlwf_tui.protocols.evaluators import EvaluatedItem, EvaluationRequest

LEAST_SIMILARITY = 0.05  # of pairs that are kept: nothing asks for less


class Compared(NamedTuple):
    """N detections and M truths of one image."""

    areas: Floats  # (N,) square pixels
    truth_areas: Floats  # (M,) 0 for a truth that has no shape, which is left out
    similarity: Floats  # (N, M)


class ShapeKind(Protocol):
    """How shapes of a kind are compared."""

    @property
    def wanted(self) -> str:
        """How those that can be a truth are called: "masks"."""

    def is_truth(self, labelled: AnnotatedObject) -> bool:
        """Whether an annotated object is to be found."""

    def compare(
        self,
        found: Sequence[AnnotatedObject],
        truths: Sequence[AnnotatedObject],
        width_px: int,
        height_px: int,
    ) -> Compared:
        """Return areas and similarities of the objects of one image of this size.

        The similarity with a crowd (see ignored.py) is the share of the detection that lies on it.
        """


@dataclass(frozen=True)
class Shaped:
    """Paired shapes with the objects behind the rows."""

    measured: Measured
    items: tuple[EvaluatedItem, ...]  # in the order of `measured.keys`
    found: tuple[AnnotatedObject, ...]  # by the rows of `measured.detections`
    truths: tuple[AnnotatedObject, ...]  # by the rows of `measured.truths`
    empty_count: int  # truths that have no shape
    other_count: int  # annotated objects of other kinds

    def list_objects(self, key: str) -> Objects:
        """Return an item's objects, in the order of the rows."""
        place = self.measured.keys.index(key)
        rows = [
            slice(*np.searchsorted(image, (place, place + 1)).tolist())
            for image in (self.measured.truths.image, self.measured.detections.image)
        ]
        return Objects(self.truths[rows[0]], self.found[rows[1]])


def measure_shapes(
    request: EvaluationRequest,
    kind: ShapeKind,
    *,
    most: int = MAX_DETECTIONS,
    check: Callable[[], None] | None = None,
) -> Shaped:
    """Pair predicted shapes with truths by class, the best first; `most` of each class and image.

    `check` is called between images and may raise to stop.

    Raises:
        InvalidInput: there is no truth, a confidence is no number from 0 to 1, or a coordinate none at all.
    """
    items = tuple(sorted(request.items, key=lambda item: item.key))
    _check(items)
    names = list_classes(
        {item.key: item.truth for item in items},
        {item.key: item.objects for item in items},
        request.class_names,
    )
    index = {name: place for place, name in enumerate(names)}
    truths = [[o for o in item.truth.objects if kind.is_truth(o)] for item in items]
    compared = []
    for item, of_item in zip(items, truths, strict=True):
        if check is not None:
            check()
        compared.append(kind.compare(item.objects, of_item, item.width_px, item.height_px))
    areas = np.concatenate([one.areas for one in compared])
    truth_areas = np.concatenate([one.truth_areas for one in compared])
    image, label, boxes, _ = read_rows(truths, index)
    has_shape = np.flatnonzero(truth_areas > 0)
    places = np.full(len(truth_areas), -1, np.int64)
    places[has_shape] = np.arange(len(has_shape))
    overlaps = _join(compared, places)
    truth_rows = order_truths(
        image[has_shape],
        label[has_shape],
        boxes[has_shape],
        areas=truth_areas[has_shape],
        duties=read_duties(truths).select(has_shape),
    )
    columns = read_rows([item.objects for item in items], index)
    detections = order_detections(*columns, area=areas, overlaps=overlaps, most=most)
    keys = [item.key for item in items]
    measured = pair(keys, names, truth_rows, detections, request.confidence, wanted=kind.wanted)
    flat = [o for item in items for o in item.objects]
    flat_truths = [o for of_item in truths for o in of_item]
    assert detections.row is not None
    return Shaped(
        measured,
        items,
        tuple(flat[row] for row in detections.row.tolist()),
        tuple(flat_truths[row] for row in has_shape[measured.truths.row].tolist()),
        len(truth_areas) - len(has_shape),
        sum(len(item.truth.objects) for item in items) - len(flat_truths),
    )


def _join(compared: Sequence[Compared], places: Ints) -> Overlaps:
    """Return the pairs of all images; `places` says where each truth stands among those that are measured."""
    first = first_truth = 0
    parts: list[tuple[Ints, Ints, Floats]] = []
    for one in compared:
        near: Bools = one.similarity >= LEAST_SIMILARITY
        detection, truth = np.nonzero(near)
        parts.append((detection + first, places[truth + first_truth], one.similarity[near]))
        first, first_truth = first + len(one.areas), first_truth + len(one.truth_areas)
    rows, truths, similarity = (np.concatenate(column) for column in zip(*parts, strict=True))
    kept = truths >= 0
    return Overlaps(rows[kept], truths[kept], similarity[kept])


def _check(items: Sequence[EvaluatedItem]) -> None:
    if not items:
        raise InvalidInput("There are no items to measure on.", hint="Choose a split that has some.")
    check_predictions([item.key for item in items], {item.key: item.objects for item in items})
    for item in items:
        for labelled in (*item.truth.objects, *item.objects):
            if not all(math.isfinite(edge) for point in labelled.geometry.points for edge in point):
                raise InvalidInput(
                    f"An object of the class {labelled.class_name} on {item.key} has a coordinate that is "
                    "no number.",
                    hint="Annotate it anew, or train the model again.",
                )
