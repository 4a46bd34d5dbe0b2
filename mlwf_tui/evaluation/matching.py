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

from mlwf_tui.evaluation.columns import Bools, Detections, Floats, Ints, Overlaps, Truths

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
    pairs: Pairs  # what could be paired
    is_spared: Bools  # (N, T) the detection lies on a truth that nobody has to find, and has no other

    def keep_truths(self, rows: Ints) -> Matches:
        """Return the same with some truths alone, given as rows in ascending order."""
        places = np.full(len(self.is_truth_ignored) + 1, -1, np.int32)  # the last is that of -1
        places[rows] = np.arange(len(rows))
        pairs = self.pairs.select(places[self.pairs.truth] >= 0)
        pairs = Pairs(pairs.detection, places[pairs.truth].astype(np.int64), pairs.iou)
        truth_at = places[self.truth_at]
        truth = truth_at[:, 0].astype(np.int64)
        iou, is_truth_ignored = read_iou(pairs, truth), self.is_truth_ignored[rows]
        return Matches(
            self.is_hit, self.is_ignored, truth, iou, is_truth_ignored, truth_at, pairs, self.is_spared
        )

    def at_threshold(self, place: int) -> Matches:
        """Return the same with the truths at another of the IoU thresholds."""
        truth = self.truth_at[:, place].astype(np.int64)
        iou = read_iou(self.pairs, truth)
        return Matches(
            self.is_hit, self.is_ignored, truth, iou, self.is_truth_ignored, self.truth_at, self.pairs,
            self.is_spared,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pairs:
    """Detections and truths of one image and class that overlap by at least the lowest threshold."""

    detection: Ints  # (P,) ascending
    truth: Ints  # (P,) ascending within a detection
    iou: Floats  # (P,)

    def select(self, chosen: Bools) -> Pairs:
        return Pairs(self.detection[chosen], self.truth[chosen], self.iou[chosen])


def match(truths: Truths, detections: Detections) -> Matches:
    """Return the pairing of detections with truths of the same image and class.

    Of truths that nobody has to find one is matched where no other is left, by any number of detections.
    """
    is_spare = truths.duties.is_ignored  # (M,)
    is_truth_ignored = is_outside(truths.areas) | is_spare[:, None]  # (M, A)
    pairs = _find_pairs(truths, detections)
    outside = is_outside(detections.areas)  # (N, A)
    shape = (*outside.shape, len(IOU_THRESHOLDS))
    is_hit = np.zeros(shape, bool)
    is_ignored = np.broadcast_to(outside[:, :, None], shape).copy()
    truth_at = np.full((len(outside), len(IOU_THRESHOLDS)), -1, np.int32)
    is_contested = _find_contested(pairs, is_spare)

    sole = pairs.select(~is_contested)
    hit = _choose_sole(sole, detections.rank)  # (P, T)
    row, ignored = sole.detection, is_truth_ignored[sole.truth]
    is_hit[row] = hit[:, None, :]
    is_ignored[row] = np.where(hit[:, None, :], ignored[:, :, None], outside[row][:, :, None])
    place, at = np.nonzero(hit)
    truth_at[row[place], at] = sole.truth[place]

    contested = pairs.select(is_contested)
    if len(contested.detection):
        row, chosen = _choose(contested, detections.rank, is_truth_ignored, is_spare)  # (D,), (D, A, T)
        areas = np.arange(len(AREA_NAMES))[None, :, None]
        is_hit[row] = chosen >= 0
        ignored = is_truth_ignored[chosen, areas]
        is_ignored[row] = np.where(chosen >= 0, ignored, outside[row][:, :, None])
        truth_at[row] = chosen[:, 0]
    truth = truth_at[:, 0].astype(np.int64)
    iou = read_iou(pairs, truth)
    is_spared = np.append(is_spare, False)[truth_at]
    return Matches(is_hit, is_ignored, truth, iou, is_truth_ignored, truth_at, pairs, is_spared)


def is_outside(areas: Floats) -> Bools:
    """Return (N, A): whether each area lies outside of each size range; both ends are inside."""
    low, high = AREA_RANGES.T
    outside: Bools = (areas[:, None] < low) | (areas[:, None] > high)
    return outside


def _find_pairs(truths: Truths, detections: Detections) -> Pairs:
    parts = list(iter_pairs(truths, detections, lowest=IOU_THRESHOLDS[0]))
    if not parts:
        return Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    detection, truth, iou = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Pairs(detection, truth, iou)


def iter_pairs(
    truths: Truths,
    detections: Detections,
    *,
    lowest: float,
    rows: Ints | None = None,
    is_blind: bool = False,
) -> Iterator[tuple[Ints, Ints, Floats]]:
    """Yield places in `rows` (P,), truth rows (P,) and their similarity (P,), from `lowest` up.

    Of one image and class, or where `is_blind` of one image. `rows` (R,) are detections, all if not given.
    All pairs of a detection come in one part, as it and its truths are ordered.
    """
    chosen = np.arange(len(detections.image)) if rows is None else rows
    if detections.overlaps is not None:
        yield _look_up(truths, detections, detections.overlaps, chosen, lowest, is_blind)
        return
    truth_group, group = truths.image, detections.image[chosen]
    if not is_blind:
        width = 1 + max(truths.label.max(initial=0), detections.label.max(initial=0))
        truth_group = truth_group * width + truths.label
        group = group * width + detections.label[chosen]
    parts = iter_neighbours(truth_group, group)
    for row, truth in parts:
        iou = compute_iou(detections.boxes[chosen[row]], truths.boxes[truth], truths.duties.is_crowd[truth])
        kept = iou >= lowest
        yield row[kept], truth[kept], iou[kept]


def _look_up(
    truths: Truths, detections: Detections, overlaps: Overlaps, rows: Ints, lowest: float, is_blind: bool
) -> tuple[Ints, Ints, Floats]:
    assert detections.row is not None  # shapes have it
    detection = _find_places(detections.row[rows], overlaps.detection)
    truth = _find_places(truths.row, overlaps.truth)
    kept = np.flatnonzero((detection >= 0) & (truth >= 0) & (overlaps.similarity >= lowest))
    if not is_blind:
        is_same = detections.label[rows[detection[kept]]] == truths.label[truth[kept]]
        kept = kept[is_same]
    kept = kept[np.lexsort((truth[kept], detection[kept]))]
    return detection[kept], truth[kept], overlaps.similarity[kept]


def _find_places(rows: Ints, wanted: Ints) -> Ints:
    """Return where in `rows` each of the wanted stands, -1 for nowhere."""
    places = np.full(1 + max(rows.max(initial=-1), wanted.max(initial=-1)), -1, np.int64)
    places[rows] = np.arange(len(rows))
    return places[wanted]


def iter_neighbours(truth_group: Ints, group: Ints) -> Iterator[tuple[Ints, Ints]]:
    """Yield rows of detections (P,) and rows of truths (P,) that are of one group.

    Truths come in ascending order of their group. All pairs of a detection come in one part, as it and its
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
        yield row, np.repeat(start[first:last], counts) + place


def compute_iou(first: Floats, second: Floats, is_crowd: Bools) -> Floats:
    """Return the IoU of each row's two boxes, (P, 4) left, top, width, height; in pycocotools' order.

    Where the second is a crowd (P,), the share of the first that lies on it.
    """
    low = np.maximum(first[:, :2], second[:, :2])
    high = np.minimum(first[:, 2:] + first[:, :2], second[:, 2:] + second[:, :2])
    width, height = np.maximum(high - low, 0).T
    shared = width * height
    area = first[:, 2] * first[:, 3]
    union = np.where(is_crowd, area, area + second[:, 2] * second[:, 3] - shared)
    iou: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=shared > 0)
    return iou


def _find_contested(pairs: Pairs, is_spare: Bools) -> Bools:
    """Return (P,) which pairs are of a truth that a detection could have which could have another as well.

    So are those of truths that several may have.
    """
    has_choice = np.bincount(pairs.detection)[pairs.detection] > 1
    is_contested = is_spare.copy()
    is_contested[pairs.truth[has_choice]] = True
    return is_contested[pairs.truth]


def _choose_sole(pairs: Pairs, rank: Ints) -> Bools:
    """Return (P, T): which detections have their truth where none could have another one.

    Then, in every size range, a truth goes to the first whose IoU is enough: no earlier one's was.
    """
    lowest = np.minimum(IOU_THRESHOLDS, 1 - 1e-10)
    level = np.searchsorted(lowest, pairs.iou, "right")  # how many thresholds it reaches
    order = np.lexsort((rank[pairs.detection], pairs.truth))
    width = len(lowest) + 1
    reached = np.maximum.accumulate(pairs.truth[order] * width + level[order])
    before = np.concatenate([[0], reached[:-1]]) - pairs.truth[order] * width
    earlier = np.empty(len(level), np.int64)
    earlier[order] = np.maximum(before, 0)  # an earlier truth's lies below
    places = np.arange(len(lowest))
    hit: Bools = (places >= earlier[:, None]) & (places < level[:, None])
    return hit


def _choose(pairs: Pairs, rank: Ints, is_truth_ignored: Bools, is_spare: Bools) -> tuple[Ints, Ints]:
    """Return the detections that have a choice (D,), and the truth row of each (D, A, T), -1 for none.

    Detections of one rank belong to different images or classes, so they choose side by side.
    """
    shape = (len(AREA_NAMES), len(IOU_THRESHOLDS))
    is_taken = np.zeros((len(is_truth_ignored), *shape), bool)
    firsts = np.flatnonzero(np.diff(pairs.detection, prepend=-1))  # first pair of each detection
    sizes = np.diff(firsts, append=len(pairs.detection))
    chosen = np.full((len(firsts), *shape), -1, np.int64)
    ranks = rank[pairs.detection[firsts]]
    for turn in np.unique(ranks):
        at_turn = np.flatnonzero(ranks == turn)
        rows = _choose_turn(pairs, firsts[at_turn], sizes[at_turn], is_truth_ignored, is_taken)
        chosen[at_turn] = rows
        place = np.nonzero(rows >= 0)
        is_taken[rows[place], place[1], place[2]] = ~is_spare[rows[place]]
    return pairs.detection[firsts], chosen


def _choose_turn(pairs: Pairs, first: Ints, size: Ints, is_truth_ignored: Bools, is_taken: Bools) -> Ints:
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


def read_iou(pairs: Pairs, truth: Ints) -> Floats:
    """Return the similarity (N,) of each detection with its truth, given as rows (N,), -1 for none."""
    iou = np.zeros(len(truth))
    matched = truth[pairs.detection] == pairs.truth
    iou[pairs.detection[matched]] = pairs.iou[matched]
    return iou
