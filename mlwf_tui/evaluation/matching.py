"""Pairs detections with truths as COCO does: greedily by score, at ten IoUs and four size ranges.

Source: Lin et al., Microsoft COCO (2014); pycocotools' `COCOeval.evaluateImg`, which the result
equals bit by bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mlwf_tui.evaluation.columns import Bools, Detections, Floats, Ints, Truths

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
AREA_NAMES = ("all", "small", "medium", "large")
AREA_RANGES = np.array([(0, 1e10), (0, 32**2), (32**2, 96**2), (96**2, 1e10)])  # (4, 2) square pixels

_PAIRS_AT_ONCE = 2_000_000  # IoUs in memory at a time: about 200 MB with what works them out


@dataclass(frozen=True, slots=True)
class Matches:
    """What became of each detection and truth. A stands for size ranges, T for IoU thresholds."""

    is_hit: Bools  # (N, A, T) the detection has a truth
    is_ignored: Bools  # (N, A, T) the detection counts neither as hit nor as miss in this range
    truth: Ints  # (N,) row of the truth at IoU 0.5 and all sizes, -1 for none
    iou: Floats  # (N,) with that truth, 0 for none
    is_truth_ignored: Bools  # (M, A)
    truth_at: NDArray[np.int32]  # (N, T) row of the truth at each IoU and all sizes, -1 for none


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Detections and truths of one image and class that overlap by at least the lowest threshold."""

    detection: Ints  # (P,) ascending
    truth: Ints  # (P,) ascending within a detection
    iou: Floats  # (P,)


def match(truths: Truths, detections: Detections) -> Matches:
    """Return the pairing of detections with truths of the same image and class."""
    is_truth_ignored = is_outside(truths.areas)  # (M, A)
    pairs = _find_pairs(truths, detections)
    chosen = _choose(pairs, detections.rank, is_truth_ignored)  # (N, A, T) truth rows
    is_hit = chosen >= 0
    areas = np.arange(len(AREA_NAMES))[None, :, None]
    hit_ignored = is_truth_ignored[chosen, areas] if len(truths.image) else np.zeros_like(is_hit)
    is_ignored = np.where(is_hit, hit_ignored, is_outside(detections.areas)[:, :, None])
    truth = chosen[:, 0, 0]
    truth_at = chosen[:, 0].astype(np.int32)
    return Matches(is_hit, is_ignored, truth, _read_iou(pairs, truth), is_truth_ignored, truth_at)


def is_outside(areas: Floats) -> Bools:
    """Return (N, A): whether each area lies outside of each size range; both ends are inside."""
    low, high = AREA_RANGES.T
    outside: Bools = (areas[:, None] < low) | (areas[:, None] > high)
    return outside


def _find_pairs(truths: Truths, detections: Detections) -> _Pairs:
    width = 1 + max(truths.label.max(initial=0), detections.label.max(initial=0))
    truth_group = truths.image * width + truths.label
    detection_group = detections.image * width + detections.label
    parts = list(
        iter_overlaps(truths.boxes, truth_group, detections.boxes, detection_group, lowest=IOU_THRESHOLDS[0])
    )
    if not parts:
        return _Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    detection, truth, iou = (np.concatenate(column) for column in zip(*parts, strict=True))
    return _Pairs(detection, truth, iou)


def iter_overlaps(
    truth_boxes: Floats, truth_group: Ints, boxes: Floats, group: Ints, *, lowest: float
) -> Iterator[tuple[Ints, Ints, Floats]]:
    """Yield rows of boxes (P,), rows of truths (P,) and their IoUs (P,): those of one group from `lowest` up.

    Truths come in ascending order of their group. All pairs of a box come in one part, as it and its
    truths are ordered.
    """
    start = np.searchsorted(truth_group, group, "left")  # (N,)
    count = np.searchsorted(truth_group, group, "right") - start
    edges = np.searchsorted(np.cumsum(count), np.arange(0, count.sum(), _PAIRS_AT_ONCE))
    edges = np.append(edges, len(count))  # rows where a part of about as many pairs begins
    for first, last in pairwise(edges.tolist()):
        counts = count[first:last]
        row = np.repeat(np.arange(first, last), counts)
        place = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
        truth = np.repeat(start[first:last], counts) + place
        iou = compute_iou(boxes[row], truth_boxes[truth])
        kept = iou >= lowest
        yield row[kept], truth[kept], iou[kept]


def compute_iou(first: Floats, second: Floats) -> Floats:
    """Return the IoU of each row's two boxes, (P, 4) left, top, width, height; in pycocotools' order."""
    low = np.maximum(first[:, :2], second[:, :2])
    high = np.minimum(first[:, 2:] + first[:, :2], second[:, 2:] + second[:, :2])
    width, height = np.maximum(high - low, 0).T
    shared = width * height
    union = first[:, 2] * first[:, 3] + second[:, 2] * second[:, 3] - shared
    iou: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=shared > 0)
    return iou


def _choose(pairs: _Pairs, rank: Ints, is_truth_ignored: Bools) -> Ints:
    """Return (N, A, T): the truth row of each detection, -1 for none.

    Detections of one rank belong to different images or classes, so they choose side by side.
    """
    shape = (len(AREA_NAMES), len(IOU_THRESHOLDS))
    chosen = np.full((len(rank), *shape), -1, np.int64)
    is_taken = np.zeros((len(is_truth_ignored), *shape), bool)
    firsts = np.flatnonzero(np.diff(pairs.detection, prepend=-1))  # first pair of each detection
    sizes = np.diff(firsts, append=len(pairs.detection))
    ranks = rank[pairs.detection[firsts]]
    for turn in np.unique(ranks):
        at_turn = ranks == turn
        rows = _choose_turn(pairs, firsts[at_turn], sizes[at_turn], is_truth_ignored, is_taken)
        chosen[pairs.detection[firsts[at_turn]]] = rows
        place = np.nonzero(rows >= 0)
        is_taken[rows[place], place[1], place[2]] = True
    return chosen


def _choose_turn(pairs: _Pairs, first: Ints, size: Ints, is_truth_ignored: Bools, is_taken: Bools) -> Ints:
    """Return (D, A, T) truth rows, -1 for none.

    A truth that counts goes before one that is ignored, then the larger IoU, then the later row.
    """
    shape = (len(first), *is_taken.shape[1:])
    best_row = np.full(shape, -1, np.int64)
    lowest = np.minimum(IOU_THRESHOLDS, 1 - 1e-10)  # (T,)
    best_iou = np.broadcast_to(lowest, shape).copy()
    is_best_ignored = np.ones(shape, bool)
    for step in range(size.max(initial=0)):
        active = np.flatnonzero(size > step)  # (d,)
        pair = first[active] + step
        truth = pairs.truth[pair]
        iou = pairs.iou[pair][:, None, None]
        ignored = is_truth_ignored[truth][:, :, None]  # (d, A, 1)
        current_ignored, current_row = is_best_ignored[active], best_row[active]
        beats_ignored = ~ignored & current_ignored & (iou >= lowest)
        beats_equal = (ignored == current_ignored) & (iou >= best_iou[active])
        better = ~is_taken[truth] & (beats_ignored | beats_equal)  # (d, A, T)
        best_row[active] = np.where(better, truth[:, None, None], current_row)
        best_iou[active] = np.where(better, iou, best_iou[active])
        is_best_ignored[active] = np.where(better, ignored, current_ignored)
    return best_row


def _read_iou(pairs: _Pairs, truth: Ints) -> Floats:
    iou = np.zeros(len(truth))
    matched = truth[pairs.detection] == pairs.truth
    iou[pairs.detection[matched]] = pairs.iou[matched]
    return iou
