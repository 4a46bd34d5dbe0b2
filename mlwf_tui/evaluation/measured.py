"""Truths and detections of one set of items, paired: what every figure of a report is worked out from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation, GeometryKind
from mlwf_tui.errors import InvalidInput, InvalidParameter
from mlwf_tui.evaluation.columns import (
    Bools,
    Detections,
    Floats,
    Ints,
    Truths,
    build_detections,
    list_boxed,
    order_truths,
    read_duties,
    read_rows,
)
from mlwf_tui.evaluation.confusion import find_crossed
from mlwf_tui.evaluation.curves import find_operating_confidence
from mlwf_tui.evaluation.matching import IOU_THRESHOLDS, Matches, match
from mlwf_tui.evaluation.run_lengths import encode_shape, measure_areas


@dataclass(frozen=True)
class Measured:
    """Truths and detections by item and class, and which detection found which truth.

    `confidence` is the operating threshold: where F1 at IoU 0.5, all classes together, is largest,
    unless another one was asked for. At `hit_iou` a detection counts as a hit: 0.5, unless `at_iou`
    was asked for another one; `matches.truth` and `matches.iou` hold at it.
    """

    keys: tuple[str, ...]  # of the items, ascending; an image's index is its place here
    names: tuple[str, ...]  # of the classes
    truths: Truths
    detections: Detections
    matches: Matches
    confidence: float
    ignored: Truths  # what nobody has to find; none of them are among `truths`
    hit_iou: float = 0.5

    @property
    def is_counted(self) -> Bools:
        """(N,) whether each detection is right or wrong: those on what nobody has to find are neither."""
        return ~self.matches.is_spared[:, _find_threshold(self.hit_iou)]

    @property
    def kept(self) -> Bools:
        """(N,) whether each detection counts and stands at the operating confidence."""
        return (self.detections.score >= self.confidence) & self.is_counted

    @property
    def is_hit(self) -> Bools:
        """(N,) whether each detection has a truth of its class at `hit_iou`."""
        return self.matches.truth >= 0

    @cached_property
    def is_found(self) -> Bools:
        """(M,) whether each truth has a detection of its class at `hit_iou` and the operating confidence."""
        found = np.zeros(len(self.truths.image), bool)
        found[self.matches.truth[self.kept & self.is_hit]] = True
        return found

    @cached_property
    def crossed(self) -> Ints:
        """Rows of kept detections that have no truth of their class, but lie on one of another class."""
        return find_crossed(self.truths, self.detections, self.matches.truth, self.kept)[0]

    def at_iou(self, hit_iou: float) -> Measured:
        """Return the same with hits at another IoU.

        Raises:
            InvalidParameter: it is none of 0.5, 0.55, ... 0.95.
        """
        matches = self.matches.at_threshold(_find_threshold(hit_iou))
        return Measured(
            self.keys, self.names, self.truths, self.detections, matches, self.confidence, self.ignored,
            hit_iou,
        )  # fmt: skip

    def at_confidence(self, confidence: float) -> Measured:
        """Return the same with another operating confidence."""
        return Measured(
            self.keys, self.names, self.truths, self.detections, self.matches, confidence, self.ignored,
            self.hit_iou,
        )  # fmt: skip


def measure(
    truths: Mapping[str, Annotation],
    predictions: Mapping[str, Sequence[AnnotatedObject]],
    class_names: Sequence[str],
    *,
    confidence: float | None = None,
    sizes_px: Mapping[str, tuple[int, int]] | None = None,
) -> Measured:
    """Pair predictions of boxes with truths, both by item key; other areas count by their bounds.

    With `sizes_px`, width and height of the images, a truth is as large as its outline is, in pixels, as
    COCO has it; else as its box. An item without predictions has none. Classes that `class_names` lacks
    are put after it, in order of their names. Nothing depends on the order of the mappings.

    Raises:
        InvalidInput: there is no truth at all, a prediction for an item without a truth entry, or a
            confidence that is no number from 0 to 1.
    """
    keys = sorted(truths)
    check_predictions(keys, predictions)
    names = list_classes(truths, predictions, class_names)
    index = {name: place for place, name in enumerate(names)}
    sizes = None if sizes_px is None else [sizes_px[key] for key in keys]
    truth_rows = _build_truths([list_boxed(truths[key].objects) for key in keys], index, sizes)
    detections = build_detections([predictions.get(key, ()) for key in keys], index)
    return pair(keys, names, truth_rows, detections, confidence)


def _build_truths(
    images: Sequence[Sequence[AnnotatedObject]],
    class_index: Mapping[str, int],
    sizes_px: Sequence[tuple[int, int]] | None,
) -> Truths:
    image, label, boxes, _ = read_rows(images, class_index)
    areas = None if sizes_px is None else _measure_outlines(images, boxes, sizes_px)
    return order_truths(image, label, boxes, areas=areas, duties=read_duties(images))


def _measure_outlines(
    images: Sequence[Sequence[AnnotatedObject]], boxes: Floats, sizes_px: Sequence[tuple[int, int]]
) -> Floats:
    """Return the area (M,) of each object: the pixels of its outline where it has one, else its box's."""
    areas = boxes[:, 2] * boxes[:, 3]
    shapes = [(o.geometry, size) for of, size in zip(images, sizes_px, strict=True) for o in of]
    outlined = [at for at, (of, _) in enumerate(shapes) if of.kind is not GeometryKind.RECTANGLE]
    areas[outlined] = measure_areas([encode_shape(shapes[at][0], *shapes[at][1]) for at in outlined])
    return areas


def pair(
    keys: Sequence[str],
    names: Sequence[str],
    truths: Truths,
    detections: Detections,
    confidence: float | None,
    *,
    wanted: str = "objects",
) -> Measured:
    """Pair what stands in columns; `wanted` is how what can be a truth is called.

    Raises:
        InvalidInput: there is no truth at all.
    """
    is_ignored = truths.duties.is_ignored
    if is_ignored.all():
        raise InvalidInput(
            f"All annotated {wanted} are ignored, as crowds or as difficult."
            if len(is_ignored)
            else f"There are no annotated {wanted} to measure against.",
            hint="Choose a split whose items are annotated.",
        )
    rows = np.flatnonzero(~is_ignored)
    matches = match(truths, detections).keep_truths(rows)
    if confidence is None:
        counted = ~matches.is_spared[:, 0]
        is_hit = matches.truth[counted] >= 0
        confidence = find_operating_confidence(detections.score[counted], is_hit, len(rows))
    return Measured(
        keys=tuple(keys),
        names=tuple(names),
        truths=truths.select(rows),
        detections=detections,
        matches=matches,
        confidence=confidence,
        ignored=truths.select(np.flatnonzero(is_ignored)),
    )


def _find_threshold(hit_iou: float) -> int:
    """Return the place of an IoU among those that detections are matched at."""
    places = np.flatnonzero(np.isclose(IOU_THRESHOLDS, hit_iou))
    if not len(places):
        raise InvalidParameter(
            f"Detections are not matched at the IoU {hit_iou:g}.", hint="Choose one of 0.5, 0.55, … 0.95."
        )
    return int(places[0])


def check_predictions(keys: Sequence[str], predictions: Mapping[str, Sequence[AnnotatedObject]]) -> None:
    """Refuse predictions of strange items, and confidences that are no number from 0 to 1.

    Raises:
        InvalidInput: there is one.
    """
    strangers = sorted(set(predictions).difference(keys))
    if strangers:
        raise InvalidInput(
            f"There are predictions for {strangers[0]!r}, which is not among the {len(keys)} items.",
            hint="Give the truths of every predicted item; an empty annotation will do.",
        )
    for key, objects in predictions.items():
        for found in objects:
            if found.confidence is not None and not 0 <= found.confidence <= 1:  # NaN is neither
                raise InvalidInput(
                    f"A prediction for {key!r} has the confidence {found.confidence}.",
                    hint="Confidences are numbers from 0 to 1.",
                )


def list_classes(
    truths: Mapping[str, Annotation],
    predictions: Mapping[str, Sequence[AnnotatedObject]],
    class_names: Sequence[str],
) -> tuple[str, ...]:
    """Return `class_names`, then what classes only truths and predictions have, in order of their names."""
    seen = {labelled.class_name for annotation in truths.values() for labelled in annotation.objects}
    seen.update(labelled.class_name for objects in predictions.values() for labelled in objects)
    return (*class_names, *sorted(seen.difference(class_names)))
