"""Figures at another confidence and another IoU, at once: what a person turns the knobs of."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mlwf_tui.entities.measurement import ClassCount, ThresholdFigures, check_confidence
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.evaluation.columns import Bools, Floats, Ints
from mlwf_tui.evaluation.matching import iter_pairs
from mlwf_tui.evaluation.measured import Measured

LOWEST_IOU = 0.05


class Threshold:
    """Holds the overlaps of a measured set, which do not depend on thresholds.

    A hit is what COCO's greedy rule says at the IoU asked for: the best score first, each to the truth of its
    class and item that it overlaps most and that is still free.
    """

    def __init__(self, measured: Measured) -> None:
        self._measured = measured
        truths, detections = measured.truths, measured.detections
        parts = list(iter_pairs(truths, detections, lowest=LOWEST_IOU))
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)] or [np.zeros(0, int)] * 3
        self._detection, self._truth, self._iou = columns[0], columns[1], columns[2].astype(float)
        self._truth_counts = np.bincount(truths.label, minlength=len(measured.names))
        self._spare_iou = _find_spare_iou(measured)

    def count(
        self,
        *,
        confidence: float | None = None,
        iou: float = 0.5,
        class_iou: Mapping[str, float] | None = None,
    ) -> ThresholdFigures:
        """Return the figures at a confidence (the operating one where None) and an IoU.

        Raises:
            InvalidParameter: a threshold is no number from 0 to 1, an IoU lies below 0.05, or no class is
                called so.
        """
        measured = self._measured
        least = measured.confidence if confidence is None else confidence
        check_confidence(least)
        limits = self._list_limits(iou, class_iou or {})
        kept = measured.detections.score >= least
        truth, overlap = self._pair(kept, limits)
        hit = truth >= 0
        labels, count = measured.detections.label, len(measured.names)
        kept &= hit | (self._spare_iou < limits[labels])
        kept_counts = np.bincount(labels[kept], minlength=count)
        hit_counts = np.bincount(labels[hit], minlength=count)
        hits, found, truths = int(hit.sum()), int(kept.sum()), len(measured.truths.image)
        return ThresholdFigures(
            confidence=least,
            precision=hits / found if found else 0.0,
            recall=hits / truths,
            f1=2 * hits / (found + truths),
            mean_iou=float(overlap[hit].mean()) if hits else 0.0,
            classes=tuple(
                ClassCount(name=name, truth_count=of, prediction_count=seen, hit_count=right)
                for name, of, seen, right in zip(
                    measured.names,
                    self._truth_counts.tolist(),
                    kept_counts.tolist(),
                    hit_counts.tolist(),
                    strict=True,
                )
            ),
        )

    def _list_limits(self, iou: float, class_iou: Mapping[str, float]) -> Floats:
        """Return (K,) the IoU that a hit of each class needs."""
        names = self._measured.names
        for of, value in (("all", iou), *class_iou.items()):
            if not LOWEST_IOU <= value <= 1:
                raise InvalidParameter(
                    f"The IoU {value} of {of} is none.", hint=f"Give a number from {LOWEST_IOU} to 1."
                )
        for name in class_iou:
            if name not in names:
                raise InvalidParameter(
                    f"There is no class {name!r}.", hint=f"There are: {', '.join(names[:20])}."
                )
        return np.minimum([class_iou.get(name, iou) for name in names], 1 - 1e-10)

    def _pair(self, kept: Bools, limits: Floats) -> tuple[Ints, Floats]:
        """Return the truth row of each detection (N,), -1 for none, and their IoU (N,)."""
        detections = self._measured.detections
        enough = limits[detections.label[self._detection]]
        chosen = np.flatnonzero(kept[self._detection] & (self._iou >= enough))
        truth, overlap = np.full(len(kept), -1), np.zeros(len(kept))
        is_taken = np.zeros(len(self._measured.truths.image), bool)
        # The best overlap first, of equals the later truth: a detection's first free one is then its choice.
        order = np.lexsort((-self._truth[chosen], -self._iou[chosen], self._detection[chosen]))
        chosen = chosen[order]
        ranks = detections.rank[self._detection[chosen]]
        for rank in np.unique(ranks).tolist():
            pairs = chosen[ranks == rank]
            free = pairs[~is_taken[self._truth[pairs]]]
            row, first = np.unique(self._detection[free], return_index=True)
            truth[row], overlap[row] = self._truth[free[first]], self._iou[free[first]]
            is_taken[truth[row]] = True
        return truth, overlap


def _find_spare_iou(measured: Measured) -> Floats:
    """Return how much of each detection (N,) lies on truths of its class that nobody has to find."""
    most = np.zeros(len(measured.detections.image))
    for detection, _, iou in iter_pairs(measured.ignored, measured.detections, lowest=LOWEST_IOU):
        np.maximum.at(most, detection, iou)
    return most
