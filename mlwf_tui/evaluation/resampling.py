"""The same figures for many weightings of the items at once: resamples, and parts of the set.

Drawing items anew with replacement is giving each a whole weight; choosing a part of them is giving
the others none. So one function, working on a batch of weightings side by side, serves the bootstrap
(Efron 1979), the paired comparison and the slices. With all weights one the figures are those of
`evaluate`, to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mlwf_tui.entities.measurement import Interval
from mlwf_tui.evaluation.average_precision import RECALL_POINTS
from mlwf_tui.evaluation.columns import Bools, Floats, Ints
from mlwf_tui.evaluation.matching import AREA_NAMES, is_outside
from mlwf_tui.evaluation.measured import Measured

RESAMPLES = 1000

_CELLS_AT_ONCE = 1_000_000  # weights of detections in memory at a time: 8 MB, which a cache likes
_WEIGHTINGS_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of B weightings; NaN where one leaves no truth to measure against."""

    metrics: dict[str, Floats]  # (B,) under the names of an evaluation's metrics
    class_map: Floats  # (B, K)
    class_map50: Floats  # (B, K)


@dataclass(frozen=True, slots=True)
class _Rows:
    """The detections of one class in one size range, by falling score."""

    image: Ints  # (n,)
    hits: tuple[Ints, ...]  # T arrays of places among the n: true positives
    is_counted: Bools  # (n,) were none of them a hit
    changes: tuple[tuple[Ints, Floats], ...]  # T: places where hits count more (+1) or fewer (-1)
    truth_image: Ints  # (m,)

    def keep_first(self) -> _Rows:
        """Return the same at the lowest IoU alone."""
        return _Rows(self.image, self.hits[:1], self.is_counted, self.changes[:1], self.truth_image)


def draw_weights(
    image_count: int, *, count: int = RESAMPLES, seed: int = 0, groups: Ints | None = None
) -> Iterator[Floats]:
    """Yield weightings (B, I), `count` in all: how often each image is drawn, with replacement.

    `groups` (I,) are images that are drawn together: frames of a video, copies of one picture.
    """
    random = np.random.default_rng(seed)
    group = np.arange(image_count) if groups is None else np.unique(groups, return_inverse=True)[1]
    group_count = int(group.max(initial=-1)) + 1
    for first in range(0, count, _WEIGHTINGS_AT_ONCE):
        size = min(_WEIGHTINGS_AT_ONCE, count - first)
        drawn = random.multinomial(group_count, np.full(group_count, 1 / max(group_count, 1)), size)
        yield drawn[:, group].astype(np.float64)


def weigh(
    measured: Measured, batches: Iterator[Floats], *, check: Callable[[], None] | None = None
) -> Figures:
    """Return the figures of each weighting; `check` is called between parts and may raise to stop."""
    gatherer = _Gatherer(measured)
    parts = [gatherer.weigh(weights, check or (lambda: None)) for weights in batches]
    names = parts[0].metrics if parts else {}
    return Figures(
        {name: np.concatenate([part.metrics[name] for part in parts]) for name in names},
        np.concatenate([part.class_map for part in parts]),
        np.concatenate([part.class_map50 for part in parts]),
    )


def weigh_map50(measured: Measured, batches: Iterator[Floats]) -> Floats:
    """Return (B,) mAP50 alone of each weighting, in a fortieth of the time that all figures take."""
    outside = is_outside(measured.detections.areas)[:, 0]
    labels = range(len(measured.names))
    of_classes = [_select(measured, label, 0, outside).keep_first() for label in labels]
    parts = []
    for weights in batches:
        precision = np.full((len(weights), len(of_classes)), np.nan)
        for label, rows in enumerate(of_classes):
            if len(rows.truth_image):
                precision[:, label] = _average_precision(rows, weights)[:, 0]
        parts.append(_mean(precision))
    return np.concatenate(parts)


class _Gatherer:
    """Holds what does not depend on the weights."""

    def __init__(self, measured: Measured) -> None:
        self._measured = measured
        outside = is_outside(measured.detections.areas)  # (N, A)
        self._rows = [
            [_select(measured, label, area, outside[:, area]) for area in range(len(AREA_NAMES))]
            for label in range(len(measured.names))
        ]

    def weigh(self, weights: Floats, check: Callable[[], None]) -> Figures:
        shape = (len(AREA_NAMES), len(weights), len(self._rows))  # (A, B, K)
        at_all, at_half, at_three_quarters = (np.full(shape, np.nan) for _ in range(3))
        for label, areas in enumerate(self._rows):
            check()
            for area, rows in enumerate(areas):
                if len(rows.truth_image):
                    precision = _average_precision(rows, weights)  # (B, T)
                    at_all[area, :, label] = precision.mean(axis=1)
                    at_half[area, :, label] = precision[:, 0]
                    at_three_quarters[area, :, label] = precision[:, 5]
        metrics = {"map": _mean(at_all[0]), "map50": _mean(at_half[0]), "map75": _mean(at_three_quarters[0])}
        for area, name in enumerate(AREA_NAMES[1:], start=1):
            if any(len(areas[area].truth_image) for areas in self._rows):
                metrics[f"map_{name}"] = _mean(at_all[area])
        return Figures(metrics | _weigh_counts(self._measured, weights), at_all[0], at_half[0])


def _select(measured: Measured, label: int, area: int, is_outside_area: Bools) -> _Rows:
    truths, detections, matches = measured.truths, measured.detections, measured.matches
    rows = np.flatnonzero(detections.label == label)
    rows = rows[~matches.is_ignored[rows, area].all(axis=1) | ~is_outside_area[rows]]
    rows = rows[np.argsort(-detections.score[rows], kind="stable")]
    counted = ~matches.is_ignored[rows, area]  # (n, T)
    hit = matches.is_hit[rows, area] & counted
    base = ~is_outside_area[rows]
    of_class = (truths.label == label) & ~matches.is_truth_ignored[:, area]
    return _Rows(
        image=detections.image[rows],
        hits=tuple(np.flatnonzero(column) for column in hit.T),
        is_counted=base,
        changes=tuple(_find_changes(base, column) for column in counted.T),
        truth_image=truths.image[of_class],
    )


def _find_changes(base: Bools, counted: Bools) -> tuple[Ints, Floats]:
    places = np.flatnonzero(base != counted)
    return places, np.where(counted[places], 1.0, -1.0)


def _average_precision(rows: _Rows, weights: Floats) -> Floats:
    """Return (B, T): COCO's mean of the precision at 101 recalls, at each IoU."""
    size = max(1, _CELLS_AT_ONCE // max(len(rows.image), 1))
    by_image = np.ascontiguousarray(weights.T)  # (I, B): sums down the rows go side by side
    parts = [_average_part(rows, by_image[:, at : at + size]) for at in range(0, len(weights), size)]
    return np.concatenate(parts)


def _average_part(rows: _Rows, weights: Floats) -> Floats:
    weight = weights[rows.image]  # (n, B)
    truth_weight = weights[rows.truth_image].sum(axis=0)  # (B,)
    total = np.cumsum(weight if rows.is_counted.all() else weight * rows.is_counted[:, None], axis=0)
    precision = np.zeros((weights.shape[1], len(rows.hits)))
    for place, (hits, (changed, sign)) in enumerate(zip(rows.hits, rows.changes, strict=True)):
        if len(hits):
            kept = total[hits]
            if len(changed):
                more = np.cumsum(weight[changed] * sign[:, None], axis=0)
                before = np.searchsorted(changed, hits, "right")
                kept += np.pad(more, ((1, 0), (0, 0)))[before]
            precision[:, place] = _integrate(np.cumsum(weight[hits], axis=0), kept, truth_weight)
    precision[truth_weight == 0] = np.nan
    return precision


def _integrate(true: Floats, kept: Floats, truth_weight: Floats) -> Floats:
    """Return (B,): the mean over 101 recalls of the best precision from there on.

    `true` and `kept` are (h, B), the weights of true positives and of all detections down to each of
    the h hits: between them the precision only falls, and no recall is reached.
    """
    recall = true / np.maximum(truth_weight, 1e-300)
    height = np.maximum.accumulate((true / np.maximum(kept, 1e-300))[::-1], axis=0)[::-1]
    last = (recall * 100 + 1e-9).astype(np.intp)  # of the points 0, 0.01, ... 1, which are not all k / 100
    reached = last - (RECALL_POINTS[last] > recall)  # one less than how many
    height[:-1] -= height[1:]  # the sum of heights by steps, by parts
    mean: Floats = np.einsum("hb,hb->b", height, reached + 1) / len(RECALL_POINTS)
    return mean


def _weigh_counts(measured: Measured, weights: Floats) -> dict[str, Floats]:
    """Return precision, recall, F1 and the mean IoU at the operating confidence, which stays as it is."""
    detections, matches, size = measured.detections, measured.matches, len(measured.keys)
    kept, true = measured.kept, measured.kept & measured.is_hit

    def add(image: Ints, values: Floats | None = None) -> Floats:
        return weights @ np.bincount(image, values, minlength=size)

    hits, found = add(detections.image[true]), add(detections.image[kept])
    truth = add(measured.truths.image)
    overlap = add(detections.image[true], matches.iou[true])
    with np.errstate(invalid="ignore", divide="ignore"):
        metrics = {
            "precision": np.where(found > 0, hits / found, 0.0),
            "recall": hits / truth,
            "f1": 2 * hits / (found + truth),
            "mean_iou": np.where(hits > 0, overlap / hits, 0.0),
        }
    return {name: np.where(truth > 0, values, np.nan) for name, values in metrics.items()}


def _mean(values: Floats) -> Floats:
    """Return (B,): the mean over classes (B, K) that have a truth."""
    known = ~np.isnan(values)
    count = known.sum(axis=1)
    total = np.where(known, values, 0).sum(axis=1)
    mean: Floats = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return mean


def find_interval(values: Floats, level: float = 0.95) -> Interval | None:
    """Return between what the middle `level` of resampled values lie; None where none is a number."""
    known = values[~np.isnan(values)]
    if not len(known):
        return None
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def find_p_value(differences: Floats, drawn_count: int) -> float:
    """Return the two-sided bootstrap p-value of "there is no difference" from resampled differences.

    Never 0: with B resamples nothing rarer than 2 / (B + 1) can be told, nor with `drawn_count` items (or
    groups of them) what would be rarer than all n coins falling alike. Resamples of one item are all equal.
    """
    known = differences[~np.isnan(differences)]
    low = np.count_nonzero(known <= 0) + 1
    high = np.count_nonzero(known >= 0) + 1
    least = 2.0 ** (1 - drawn_count)
    return float(min(1.0, max(least, 2 * min(low, high) / (len(known) + 1))))


def find_spread_p_value(gap: float, differences: Floats, drawn_count: int) -> float:
    """Return the two-sided p-value of "there is no difference" from how far resampled ones spread.

    For many parts looked at together: counting B resamples can tell nothing rarer than 2 / (B + 1), which no
    correction for their number leaves small. Taken to be normal; nothing is rarer than all n items alike.
    """
    known = differences[~np.isnan(differences)]
    if len(known) < 2:
        return 1.0
    spread = float(known.std(ddof=1))
    p = math.erfc(abs(gap) / spread / math.sqrt(2)) if spread > 0 else float(gap == 0)
    return max(p, 2.0 ** (1 - drawn_count))


def correct_p_values(values: Sequence[float]) -> tuple[float, ...]:
    """Return p-values that hold though many were looked at (Holm 1979), in the order given."""
    order = np.argsort(values, kind="stable")
    count = len(order)
    rising = np.array(values, float)[order] * (count - np.arange(count))
    corrected = np.empty(count)
    corrected[order] = np.minimum(np.maximum.accumulate(rising), 1.0)
    return tuple(corrected.tolist())
