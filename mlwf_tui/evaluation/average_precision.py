"""COCO's precision and recall arrays from matches, and their means; equal to pycocotools bit by bit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlwf_tui.evaluation.columns import Bools, Detections, Floats, Ints, Truths
from mlwf_tui.evaluation.matching import AREA_NAMES, IOU_THRESHOLDS, Matches

RECALL_STEP = 0.01
RECALL_POINTS = np.linspace(0, 1, 101)  # to the bit k * RECALL_STEP


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
    order = np.lexsort((-detections.score, detections.label))
    for area in range(len(AREA_NAMES)):
        seen = truths.label[~matches.is_truth_ignored[:, area]]
        truth_counts = np.bincount(seen, minlength=class_count)
        known = truth_counts > 0
        precision[:, :, known, area], recall[:, known, area] = 0.0, 0.0
        counted = ~matches.is_ignored[order, area]  # (N, T)
        rows = np.flatnonzero(counted.any(axis=1))
        counted, hit = counted[rows], matches.is_hit[order[rows], area]
        label = detections.label[order[rows]]
        for at in range(len(IOU_THRESHOLDS)):
            of_class, height, last = _trace_classes(label, hit[:, at], counted[:, at], truth_counts)
            precision[at, :, of_class, area], recall[at, of_class, area] = height, last
    return PrecisionArrays(precision, recall)


def _trace_classes(
    label: Ints, is_hit: Bools, is_counted: Bools, truth_counts: Ints
) -> tuple[Ints, Floats, Floats]:
    """Return which classes have a hit (C,), and their precision at the recall points (C, R) and last recall.

    Detections come by class and falling score. Between two hits the precision only falls and no recall
    is reached, so that the hits alone are looked at.
    """
    hits = np.flatnonzero(is_hit & is_counted)
    of_hit = label[hits]
    if not len(hits):
        return of_hit, np.zeros((0, len(RECALL_POINTS))), np.zeros(0)
    starts = np.flatnonzero(np.diff(of_hit, prepend=-1))  # the first hit of each class
    ends = np.append(starts[1:], len(hits))
    total = np.cumsum(is_counted)
    first = np.searchsorted(label, of_hit[starts], "left")  # of the class's detections
    before = np.where(first > 0, total[first - 1], 0)
    size = ends - starts
    true_sum = (np.arange(len(hits)) - np.repeat(starts, size) + 1).astype(float)
    false_sum = total[hits] - np.repeat(before, size) - true_sum
    precision = true_sum / (false_sum + true_sum + np.spacing(1))
    recall = true_sum / truth_counts[of_hit]
    sampled = np.zeros((len(starts), len(RECALL_POINTS)))
    for row, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        height = np.maximum.accumulate(precision[start:end][::-1])[::-1]
        place = np.searchsorted(recall[start:end], RECALL_POINTS, side="left")
        count = np.searchsorted(place, end - start)  # of the points that are reached
        sampled[row, :count] = height[place[:count]]
    return of_hit[starts], sampled, recall[ends - 1]


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
