"""Which errors the detections make, and what each kind costs.

Source: Bolya et al., TIDE: A General Toolbox for Identifying Object Detection Errors (2020). An error
is mended as there: of those near one truth that was not found, the best becomes a hit and the others
go; duplicates, detections of nothing, and those wrong in both go; missed truths are counted no more.
Otherwise than there, a class whose truths were all missed then counts as 1, not as 0 or in no mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlwf_tui.entities.measurement import ErrorKind, ErrorShare
from mlwf_tui.evaluation.average_precision import sum_precision
from mlwf_tui.evaluation.columns import Bools, Floats, Ints
from mlwf_tui.evaluation.matching import iter_pairs
from mlwf_tui.evaluation.measured import Measured

NEAR_IOU = 0.1

_KINDS = tuple(ErrorKind)


@dataclass(frozen=True, slots=True)
class Errors:
    """What is wrong with each detection and truth: places in ErrorKind, -1 for nothing."""

    detection: Ints  # (N,)
    truth: Ints  # (M,) MISSED or -1
    near: Ints  # (N,) the truth that a misplaced or misnamed detection means; -1 for none


@dataclass(frozen=True, slots=True)
class Nearest:
    """For each detection its best IoU, and the truth, among those of its own class and of others."""

    own_iou: Floats  # (N,)
    own_truth: Ints  # (N,) -1 for none
    other_iou: Floats
    other_truth: Ints


@dataclass(frozen=True, slots=True)
class _State:
    """What AP is worked out from."""

    label: Ints  # (N,)
    score: Floats  # (N,)
    is_hit: Bools  # (N,)
    is_counted: Bools  # (N,)
    truth_counts: Ints  # (K,)

    def average(self, class_count: int) -> float:
        """Return mAP50 over so many classes; one that has no truth left has none to miss, and counts as 1."""
        rows = np.flatnonzero(self.is_counted)
        known = sum_precision(self.label[rows], self.score[rows], self.is_hit[rows], self.truth_counts)
        emptied = class_count - int(np.count_nonzero(self.truth_counts))
        return (known + emptied) / class_count


def find_errors(measured: Measured, nearest: Nearest | None = None) -> Errors:
    """Return what kind of error each detection is that has no truth, and each truth that was missed.

    `nearest` is known already where hits are looked at by several IoUs: it does not depend on them.
    """
    is_wrong = measured.is_counted & ~measured.is_hit
    nearest = nearest or find_nearest(measured, np.flatnonzero(is_wrong))
    kind = np.full(len(is_wrong), _KINDS.index(ErrorKind.BOTH))
    near = np.full(len(is_wrong), -1)
    highest = np.maximum(nearest.own_iou, nearest.other_iou)
    kind[highest < NEAR_IOU] = _KINDS.index(ErrorKind.BACKGROUND)
    kind[nearest.own_iou >= measured.hit_iou] = _KINDS.index(ErrorKind.DUPLICATE)
    misnamed = nearest.other_iou >= measured.hit_iou
    kind[misnamed] = _KINDS.index(ErrorKind.CLASSIFICATION)
    near[misnamed] = nearest.other_truth[misnamed]
    misplaced = (nearest.own_iou >= NEAR_IOU) & (nearest.own_iou < measured.hit_iou)
    kind[misplaced] = _KINDS.index(ErrorKind.LOCALISATION)
    near[misplaced] = nearest.own_truth[misplaced]
    kind[~is_wrong], near[~is_wrong] = -1, -1

    is_missed = np.ones(len(measured.truths.image), bool)
    is_missed[measured.matches.truth[measured.is_hit]] = False
    is_missed[near[near >= 0]] = False
    return Errors(kind, np.where(is_missed, _KINDS.index(ErrorKind.MISSED), -1), near)


def share_errors(measured: Measured, errors: Errors | None = None) -> tuple[ErrorShare, ...]:
    """Return each kind's count at the operating confidence, and the mAP50 that mending it gives back.

    That is of detections of all confidences, as mAP50 is.
    """
    errors = errors or find_errors(measured)
    detections, count = measured.detections, len(measured.names)
    state = _State(
        detections.label,
        detections.score,
        measured.is_hit,
        measured.is_counted,
        np.bincount(measured.truths.label, minlength=count),
    )
    class_count = int(np.count_nonzero(state.truth_counts))
    whole = state.average(class_count)
    return tuple(
        ErrorShare(
            kind=kind,
            count=count_errors(measured, errors, kind),
            map50_lost=max(0.0, _mend(measured, errors, state, kind).average(class_count) - whole),
        )
        for kind in ErrorKind
    )


def count_errors(measured: Measured, errors: Errors, kind: ErrorKind) -> int:
    """Return how often an error was made at the operating confidence."""
    if kind is not ErrorKind.MISSED:
        return int(np.count_nonzero(measured.kept & (errors.detection == _KINDS.index(kind))))
    return int(np.count_nonzero(find_missed(measured, errors)))


def find_missed(measured: Measured, errors: Errors) -> Bools:
    """Return (M,): the truths that nothing found, or means, at the operating confidence."""
    is_missed = ~measured.is_found
    is_missed[errors.near[measured.kept & (errors.near >= 0)]] = False
    return is_missed


def _mend(measured: Measured, errors: Errors, state: _State, kind: ErrorKind) -> _State:
    if kind is ErrorKind.MISSED:
        missed = np.bincount(measured.truths.label[errors.truth >= 0], minlength=len(measured.names))
        left = state.truth_counts - missed
        return _State(state.label, state.score, state.is_hit, state.is_counted, left)
    wrong = errors.detection == _KINDS.index(kind)
    label, is_hit = state.label.copy(), state.is_hit.copy()
    best = _choose_best(measured, errors)
    mended = best[wrong[best]]
    is_hit[mended] = True
    label[mended] = measured.truths.label[errors.near[mended]]
    is_counted = state.is_counted & ~wrong
    is_counted[mended] = True
    return _State(label, state.score, is_hit, is_counted, state.truth_counts)


def _choose_best(measured: Measured, errors: Errors) -> Ints:
    """Return, for each truth that is near but not found, the row of highest score that means it."""
    is_taken = np.zeros(len(measured.truths.image), bool)
    is_taken[measured.matches.truth[measured.is_hit]] = True
    rows = np.flatnonzero(errors.near >= 0)
    rows = rows[~is_taken[errors.near[rows]]]
    rows = rows[np.lexsort((-measured.detections.score[rows], errors.near[rows]))]
    meant = errors.near[rows]
    is_first = np.ones(len(rows), bool)
    is_first[1:] = meant[1:] != meant[:-1]
    return rows[is_first]


def find_nearest(measured: Measured, wrong: Ints) -> Nearest:
    """Return what lies nearest to some detections, given as rows; nothing does to the others."""
    detections, truths = measured.detections, measured.truths
    count = len(detections.image)
    nearest = Nearest(np.zeros(count), np.full(count, -1), np.zeros(count), np.full(count, -1))
    overlaps = iter_pairs(truths, detections, lowest=NEAR_IOU, rows=wrong, is_blind=True)
    for rows, truth, iou in overlaps:
        detection = wrong[rows]
        is_own = truths.label[truth] == detections.label[detection]
        for chosen, best, place in (
            (is_own, nearest.own_iou, nearest.own_truth),
            (~is_own, nearest.other_iou, nearest.other_truth),
        ):
            order = np.argsort(iou[chosen], kind="stable")  # the last that is written is the best
            best[detection[chosen][order]] = iou[chosen][order]
            place[detection[chosen][order]] = truth[chosen][order]
    return nearest
