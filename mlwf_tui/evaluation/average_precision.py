"""COCO's precision and recall arrays from matches, and their means; equal to pycocotools bit by bit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlwf_tui.evaluation.columns import Bools, Detections, Floats, Ints, Truths
from mlwf_tui.evaluation.matching import AREA_NAMES, IOU_THRESHOLDS, Matches

RECALL_POINTS = np.linspace(0, 1, 101)


@dataclass(frozen=True, slots=True)
class PrecisionArrays:
    """Precision at 101 recalls, and the largest recall; -1 where a class has no truth in a size range."""

    precision: Floats  # (T, R, K, A): IoU thresholds, recall points, classes, size ranges
    recall: Floats  # (T, K, A)

    def average(self, *, iou: float | None = None, area: str = "all") -> float | None:
        """Return the mean precision over classes that have truths, at one IoU or over all ten."""
        values = self.precision[:, :, :, AREA_NAMES.index(area)]
        return _average(values if iou is None else values[np.isclose(IOU_THRESHOLDS, iou)])

    def average_recall(self) -> float | None:
        """Return the mean of the largest recalls (AR at 100 detections)."""
        return _average(self.recall[:, :, 0])

    def average_class(self, label: int, *, iou: float | None = None) -> float | None:
        """Return one class's average precision at one IoU or over all ten."""
        values = self.precision[:, :, label, 0]
        return _average(values if iou is None else values[np.isclose(IOU_THRESHOLDS, iou)])


def build_arrays(
    truths: Truths, detections: Detections, matches: Matches, class_count: int
) -> PrecisionArrays:
    """Return the arrays of `COCOeval.accumulate` at 100 detections an image and class."""
    shape = (len(IOU_THRESHOLDS), len(RECALL_POINTS), class_count, len(AREA_NAMES))
    precision, recall = -np.ones(shape), -np.ones((shape[0], *shape[2:]))
    for label in range(class_count):
        rows = np.flatnonzero(detections.label == label)
        rows = rows[np.argsort(-detections.score[rows], kind="stable")]
        truth_ignored = matches.is_truth_ignored[truths.label == label]  # (m, A)
        for area in range(len(AREA_NAMES)):
            truth_count = int(np.count_nonzero(~truth_ignored[:, area]))
            if truth_count:
                hit = matches.is_hit[rows, area].T  # (T, n)
                counted = ~matches.is_ignored[rows, area].T
                line = _trace(hit & counted, ~hit & counted, truth_count)
                precision[:, :, label, area], recall[:, label, area] = line
    return PrecisionArrays(precision, recall)


def sum_precision(label: Ints, score: Floats, is_hit: Bools, truth_counts: Ints) -> float:
    """Return the sum over classes of the average precision at one IoU, given who is a hit at it."""
    total = 0.0
    for of_class in np.flatnonzero(truth_counts).tolist():
        rows = np.flatnonzero(label == of_class)
        hit = is_hit[rows[np.argsort(-score[rows], kind="stable")]][None]
        total += float(_trace(hit, ~hit, int(truth_counts[of_class]))[0].mean())
    return total


def _trace(is_true: Bools, is_false: Bools, truth_count: int) -> tuple[Floats, Floats]:
    """Return precision at the recall points (T, R) and the last recall (T,) of detections by score."""
    if not is_true.shape[1]:
        return np.zeros((len(is_true), len(RECALL_POINTS))), np.zeros(len(is_true))
    true_sum = np.cumsum(is_true, axis=1).astype(float)
    false_sum = np.cumsum(is_false, axis=1).astype(float)
    recall = true_sum / truth_count  # (T, n)
    precision = true_sum / (false_sum + true_sum + np.spacing(1))
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    sampled = np.zeros((len(is_true), len(RECALL_POINTS)))
    for row, (recalls, heights) in enumerate(zip(recall, envelope, strict=True)):
        place = np.searchsorted(recalls, RECALL_POINTS, side="left")
        reached = place < len(recalls)
        sampled[row, reached] = heights[place[reached]]
    return sampled, recall[:, -1]


def _average(values: Floats) -> float | None:
    known = values[values > -1]
    return float(np.mean(known)) if known.size else None
