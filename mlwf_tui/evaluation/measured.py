"""Truths and detections of one set of items, paired: what every figure of a report is worked out from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation
from mlwf_tui.errors import InvalidInput, InvalidParameter
from mlwf_tui.evaluation.columns import Bools, Detections, Ints, Truths, build_detections, build_truths
from mlwf_tui.evaluation.confusion import find_crossed
from mlwf_tui.evaluation.curves import find_operating_confidence
from mlwf_tui.evaluation.matching import IOU_THRESHOLDS, Matches, match, read_iou


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
    hit_iou: float = 0.5

    @property
    def kept(self) -> Bools:
        """(N,) whether each detection stands at the operating confidence."""
        return self.detections.score >= self.confidence

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
        places = np.flatnonzero(np.isclose(IOU_THRESHOLDS, hit_iou))
        if not len(places):
            raise InvalidParameter(
                f"Detections are not matched at the IoU {hit_iou:g}.", hint="Choose one of 0.5, 0.55, … 0.95."
            )
        truth = self.matches.truth_at[:, places[0]].astype(np.int64)
        of = self.matches
        iou = read_iou(of.pairs, truth)
        matches = Matches(of.is_hit, of.is_ignored, truth, iou, of.is_truth_ignored, of.truth_at, of.pairs)
        return Measured(
            self.keys, self.names, self.truths, self.detections, matches, self.confidence, hit_iou
        )

    def at_confidence(self, confidence: float) -> Measured:
        """Return the same with another operating confidence."""
        return Measured(
            self.keys, self.names, self.truths, self.detections, self.matches, confidence, self.hit_iou
        )


def measure(
    truths: Mapping[str, Annotation],
    predictions: Mapping[str, Sequence[AnnotatedObject]],
    class_names: Sequence[str],
    *,
    confidence: float | None = None,
) -> Measured:
    """Pair predictions of boxes with truths, both by item key; other areas count by their bounds.

    An item without predictions has none. Classes that `class_names` lacks are put after it, in order
    of their names. Nothing depends on the order of the mappings.

    Raises:
        InvalidInput: there is no truth at all, a prediction for an item without a truth entry, or a
            confidence that is no number from 0 to 1.
    """
    keys = sorted(truths)
    check_predictions(keys, predictions)
    names = list_classes(truths, predictions, class_names)
    index = {name: place for place, name in enumerate(names)}
    truth_rows = build_truths([truths[key] for key in keys], index)
    detections = build_detections([predictions.get(key, ()) for key in keys], index)
    return pair(keys, names, truth_rows, detections, confidence)


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
    if not len(truths.image):
        raise InvalidInput(
            f"There are no annotated {wanted} to measure against.",
            hint="Choose a split whose items are annotated.",
        )
    matches = match(truths, detections)
    if confidence is None:
        confidence = find_operating_confidence(detections.score, matches.truth >= 0, len(truths.image))
    return Measured(tuple(keys), tuple(names), truths, detections, matches, confidence)


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
