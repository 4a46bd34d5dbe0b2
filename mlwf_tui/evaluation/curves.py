"""Lines and bars of a report: precision over recall, metrics over confidence, histograms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mlwf_tui.entities.model import Curve
from mlwf_tui.evaluation.average_precision import RECALL_POINTS, PrecisionArrays
from mlwf_tui.evaluation.columns import Bools, Floats

CONFIDENCE_BINS = 20
IOU_BINS = 20

_CONFIDENCE_POINTS = np.linspace(0, 1, 101)


def build_pr_curves(arrays: PrecisionArrays, class_names: Sequence[str]) -> tuple[Curve, ...]:
    """Return precision over recall at IoU 0.5: the mean first, then each class that has truths."""
    at_half = arrays.precision[0, :, :, 0]  # (R, K)
    has_truth = at_half[0] > -1
    mean = at_half[:, has_truth].mean(axis=1) if has_truth.any() else np.zeros(len(RECALL_POINTS))
    named = [("all", mean), *((class_names[k], at_half[:, k]) for k in np.flatnonzero(has_truth).tolist())]
    return tuple(_make_curve(name, RECALL_POINTS, line) for name, line in named)


def find_operating_confidence(score: Floats, is_hit: Bools, truth_count: int) -> float:
    """Return the threshold where F1 at IoU 0.5, all classes together, is largest; the highest of equals."""
    if not len(score):
        return 0.0
    order = np.argsort(-score, kind="stable")
    falling = score[order]
    is_last = np.append(falling[1:] != falling[:-1], True)  # a threshold keeps all of equal score
    f1 = 2 * np.cumsum(is_hit[order]) / (np.arange(1, len(order) + 1) + truth_count)
    return float(falling[is_last][np.argmax(f1[is_last])])


def build_confidence_curves(score: Floats, is_hit: Bools, truth_count: int) -> tuple[Curve, ...]:
    """Return precision, recall and F1 at thresholds 0, 0.01, ... up to the highest confidence."""
    highest = score.max(initial=0.0)
    points = _CONFIDENCE_POINTS[highest >= _CONFIDENCE_POINTS]
    rising, hits = np.sort(score), np.sort(score[is_hit])
    kept = len(rising) - np.searchsorted(rising, points, "left")
    true = len(hits) - np.searchsorted(hits, points, "left")
    return (
        _make_curve("precision", points, true / np.maximum(kept, 1)),
        _make_curve("recall", points, true / max(truth_count, 1)),
        _make_curve("f1", points, 2 * true / np.maximum(kept + truth_count, 1)),
    )


def build_confidence_histogram(score: Floats, is_hit: Bools) -> tuple[Curve, ...]:
    """Return the counts of true and false positives in 20 bins of confidence; x is a bin's middle."""
    return (
        _count_bins("true positives", score[is_hit], 0.0, 1.0, CONFIDENCE_BINS),
        _count_bins("false positives", score[~is_hit], 0.0, 1.0, CONFIDENCE_BINS),
    )


def build_iou_histogram(iou: Floats) -> Curve:
    """Return the counts of matched pairs in 20 bins of IoU from 0.5 to 1; x is a bin's middle."""
    return _count_bins("matched pairs", iou, 0.5, 1.0, IOU_BINS)


def _count_bins(name: str, values: Floats, low: float, high: float, bins: int) -> Curve:
    counts, edges = np.histogram(np.clip(values, low, high), bins, (low, high))
    return _make_curve(name, (edges[1:] + edges[:-1]) / 2, counts.astype(float))


def _make_curve(name: str, x: Floats, y: Floats) -> Curve:
    return Curve(name=name, x=tuple(x.tolist()), y=tuple(y.tolist()))
