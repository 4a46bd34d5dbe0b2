"""Which class was taken for which, at any threshold: overlaps whatever the class, found once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlwf_tui.evaluation.columns import Floats, Ints
from mlwf_tui.evaluation.matching import IOU_THRESHOLDS, iter_pairs
from mlwf_tui.evaluation.measured import Measured


@dataclass(frozen=True, slots=True)
class Crossings:
    """Detections and truths of one image, whatever their classes, in the order in which they are paired."""

    detection: Ints  # (P,)
    truth: Ints  # (P,)
    iou: Floats  # (P,)


@dataclass(frozen=True, slots=True)
class Entries:
    """Detections and truths, as pairs and alone. Of those that are kept the sum of a confusion matrix."""

    detection: Ints  # (E,) row, -1 where a truth has none
    truth: Ints  # (E,) row, -1 where a detection has none
    iou: Floats  # (E,) of a pair, else 0

    def join(self, others: Entries) -> Entries:
        """Return these, and the others after them."""
        return Entries(
            np.concatenate([self.detection, others.detection]),
            np.concatenate([self.truth, others.truth]),
            np.concatenate([self.iou, others.iou]),
        )


def find_crossings(measured: Measured) -> Crossings:
    """Return what could be paired if classes did not count, from the lowest IoU up."""
    detections, truths = measured.detections, measured.truths
    parts = list(iter_pairs(truths, detections, lowest=float(IOU_THRESHOLDS[0]), is_blind=True))
    if not parts:
        return Crossings(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    detection, truth, iou = (np.concatenate(column) for column in zip(*parts, strict=True))
    # The best score first, of one detection the largest IoU, of equals the later truth: as in `match`.
    order = np.lexsort((-truth, -iou, detection, -detections.score[detection]))
    return Crossings(detection[order], truth[order], iou[order])


def list_entries(measured: Measured, crossings: Crossings) -> Entries:
    """Return every kept detection and every truth once, as `build_confusion` counts them.

    Pairs of one class are there first; what is left over is paired across classes, the best score first.
    """
    kept, truth = measured.kept, measured.matches.truth
    own = np.flatnonzero(kept & (truth >= 0))
    is_spare = kept & (truth < 0)
    is_missed = ~measured.is_found
    lowest = min(measured.hit_iou, 1 - 1e-10)
    open_ = np.flatnonzero(
        is_spare[crossings.detection] & is_missed[crossings.truth] & (crossings.iou >= lowest)
    )
    places = open_[_pair(crossings.detection[open_], crossings.truth[open_])]
    other, other_truths = crossings.detection[places], crossings.truth[places]
    is_spare[other] = False
    is_missed[other_truths] = False
    alone, missed = np.flatnonzero(is_spare), np.flatnonzero(is_missed)
    nothing = np.zeros(len(alone) + len(missed))
    return Entries(
        np.concatenate([own, other, alone, np.full(len(missed), -1)]),
        np.concatenate([truth[own], other_truths, np.full(len(alone), -1), missed]),
        np.concatenate([measured.matches.iou[own], crossings.iou[places], nothing]),
    )


def list_unkept(measured: Measured) -> Entries:
    """Return the other detections that count, each with the truth that it hits, or alone."""
    rows = np.flatnonzero(measured.is_counted & ~measured.kept)
    truth = measured.matches.truth[rows]
    return Entries(rows, truth, np.where(truth >= 0, measured.matches.iou[rows], 0.0))


def _pair(detections: Ints, truths: Ints) -> Ints:
    """Return the places of pairs taken in order, each detection and each truth once."""
    taken: set[int] = set()
    used: set[int] = set()
    places = []
    for place, (detection, truth) in enumerate(zip(detections.tolist(), truths.tolist(), strict=True)):
        if detection not in taken and truth not in used:
            taken.add(detection)
            used.add(truth)
            places.append(place)
    return np.array(places, np.int64)
