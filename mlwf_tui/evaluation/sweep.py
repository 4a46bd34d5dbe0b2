"""A measured set evaluated at one pair of thresholds after another: what does not change is kept."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np

from mlwf_tui.entities.measurement import Thresholds
from mlwf_tui.entities.model import ClassMetrics, Curve, Evaluation
from mlwf_tui.evaluation.confusion import measure_naming
from mlwf_tui.evaluation.crossings import Crossings, find_crossings, list_entries
from mlwf_tui.evaluation.curves import (
    build_confidence_curves,
    build_confidence_histogram,
    build_iou_histogram,
)
from mlwf_tui.evaluation.errors import Errors, Nearest, count_errors, find_errors, find_nearest
from mlwf_tui.evaluation.evaluate import count_metrics, list_outcomes, read_counted
from mlwf_tui.evaluation.measured import Measured

DEPENDENT = ("precision", "recall", "f1", "mean_iou", "class_accuracy")
"""Metrics whose intervals hold at the report's own thresholds alone."""


@dataclass(frozen=True, slots=True)
class _AtIou:
    """What follows from the IoU of a hit, whatever the confidence."""

    measured: Measured
    confidence_curves: tuple[Curve, ...]
    confidence_histogram: tuple[Curve, ...]
    errors: Errors


class Sweep:
    """Works out a report's numbers at other thresholds. One thread at a time uses it."""

    def __init__(self, measured: Measured, evaluation: Evaluation) -> None:
        """`measured` is what `evaluation` was worked out from."""
        self._measured = measured
        self._evaluation = evaluation
        self._by_iou: dict[float, _AtIou] = {}
        self._crossings: Crossings | None = None
        self._nearest: Nearest | None = None

    def evaluate(self, at: Thresholds) -> Evaluation:
        """Return the evaluation at other thresholds.

        mAP, what errors cost of it, precision over recall, calibration and the slices are what they
        were: they hold for all confidences, at IoUs of their own, or take seconds. Intervals of what
        changes are left out.

        Raises:
            InvalidInput: hits are not known at that IoU.
        """
        own = self._evaluation
        found = self._by_iou.get(at.hit_iou)
        if found is None:
            found = self._by_iou[at.hit_iou] = self._hold(at.hit_iou)
        measured = found.measured.at_confidence(at.confidence)
        hits = measured.kept & measured.is_hit
        confusion = self._confuse(measured)
        kept = {name: of for name, of in own.metrics.items() if name not in DEPENDENT}
        return msgspec.structs.replace(
            own,
            metrics={**kept, **count_metrics(measured), **measure_naming(confusion)},
            classes=_count_classes(own, measured),
            confidence_curves=found.confidence_curves,
            confidence_histogram=found.confidence_histogram,
            iou_histogram=build_iou_histogram(measured.matches.iou[hits]),
            confusion=confusion,
            items=list_outcomes(measured),
            intervals={name: of for name, of in own.intervals.items() if name not in DEPENDENT},
            errors=tuple(
                msgspec.structs.replace(of, count=count_errors(measured, found.errors, of.kind))
                for of in own.errors
            ),
        )

    def _hold(self, hit_iou: float) -> _AtIou:
        measured = self._measured.at_iou(hit_iou)
        if self._nearest is None:
            self._nearest = find_nearest(measured, np.arange(len(measured.detections.image)))
        score, is_hit = read_counted(measured)
        return _AtIou(
            measured,
            build_confidence_curves(score, is_hit, len(measured.truths.image)),
            build_confidence_histogram(score, is_hit),
            find_errors(measured, self._nearest),
        )

    def _confuse(self, measured: Measured) -> tuple[tuple[int, ...], ...]:
        """Return what `build_confusion` does, from overlaps that are found once."""
        if self._crossings is None:
            self._crossings = find_crossings(measured)
        entries, none = list_entries(measured, self._crossings), len(measured.names)
        rows = np.append(measured.detections.label, none)[entries.detection]  # the row -1 is none
        columns = np.append(measured.truths.label, none)[entries.truth]
        table = np.bincount(rows * (none + 1) + columns, minlength=(none + 1) ** 2)
        return tuple(tuple(row) for row in table.reshape(none + 1, none + 1).tolist())


def _count_classes(own: Evaluation, measured: Measured) -> tuple[ClassMetrics, ...]:
    labels, width = measured.detections.label, len(measured.names)
    kept_counts = np.bincount(labels[measured.kept], minlength=width).tolist()
    true_counts = np.bincount(labels[measured.kept & measured.is_hit], minlength=width).tolist()
    places = {name: place for place, name in enumerate(measured.names)}
    return tuple(
        _count_class(of, kept_counts[places[of.name]], true_counts[places[of.name]]) for of in own.classes
    )


def _count_class(of: ClassMetrics, kept: int, true: int) -> ClassMetrics:
    return msgspec.structs.replace(
        of,
        prediction_count=kept,
        precision=true / kept if kept else None,
        recall=true / of.truth_count if of.truth_count else None,
        f1=2 * true / (kept + of.truth_count) if kept + of.truth_count else None,
    )
