"""The same figures for many weightings of the items at once: resamples, and parts of the set.

Drawing items anew with replacement is giving each a whole weight; choosing a part of them is giving
the others none. So one function, working on a batch of weightings side by side, serves the bootstrap
(Efron 1979), the paired comparison and the slices. With all weights one the figures are those of
`evaluate`, to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mlwf_tui.entities.measurement import Interval
from mlwf_tui.evaluation.columns import Bools, Floats, Ints
from mlwf_tui.evaluation.matching import AREA_NAMES
from mlwf_tui.evaluation.measured import Measured
from mlwf_tui.evaluation.weighing import Ranking, Rankings

RESAMPLES = 1000

_WEIGHTINGS_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of B weightings; NaN where one leaves no truth to measure against."""

    metrics: dict[str, Floats]  # (B,) under the names of an evaluation's metrics
    class_map: Floats  # (B, K)
    class_map50: Floats  # (B, K)


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


class HalfWeigher:
    """Gives mAP50 alone of many weightings, in a twentieth of the time that all figures take."""

    def __init__(self, measured: Measured) -> None:
        self._halves = [
            Ranking(of.image, of.is_hit[:, :1], of.is_counted[:, :1], of.truth_image)
            for of in _list_rankings(measured, areas=1)
        ]
        self._rankings = Rankings(self._halves, len(measured.keys))

    def weigh(self, batches: Iterable[Floats]) -> Floats:
        """Return (B,); NaN where a weighting leaves no truth."""
        return _average_halves(self._rankings, batches)

    def weigh_part(self, member: Bools, batches: Iterable[Floats]) -> Floats:
        """Return the same as of weightings (B, I) that are 0 but for some items (I,), to rounding.

        Nothing else is gone through: a part of a tenth of the items costs a tenth.
        """
        place = np.cumsum(member) - 1  # of each item among the members
        parts = []
        for of in self._halves:
            kept, seen = member[of.image], member[of.truth_image]
            images, truths = place[of.image[kept]], place[of.truth_image[seen]]
            parts.append(Ranking(images, of.is_hit[kept], of.is_counted[kept], truths))
        rankings = Rankings(parts, int(member.sum()))
        return _average_halves(rankings, (weights[:, member] for weights in batches))


def _average_halves(rankings: Rankings, batches: Iterable[Floats]) -> Floats:
    return np.concatenate([_mean(rankings.average(weights, lambda: None)[:, 0].T) for weights in batches])


class _Gatherer:
    """Holds what does not depend on the weights."""

    def __init__(self, measured: Measured) -> None:
        self._measured = measured
        shape = (len(AREA_NAMES), len(measured.names))
        rankings = list(_list_rankings(measured))
        sizes = np.array([len(ranking.truth_image) for ranking in rankings]).reshape(shape)
        self._has_truth = np.any(sizes > 0, axis=1).tolist()  # of each size range
        self._shape = shape
        self._rankings = Rankings(rankings, len(measured.keys))

    def weigh(self, weights: Floats, check: Callable[[], None]) -> Figures:
        found = self._rankings.average(weights, check)  # (A * K, T, B)
        precision = found.reshape(*self._shape, *found.shape[1:]).transpose(0, 3, 1, 2)  # (A, B, K, T)
        at_all = precision.mean(axis=3)
        at_half, at_three_quarters = precision[0, :, :, 0], precision[0, :, :, 5]
        metrics = {"map": _mean(at_all[0]), "map50": _mean(at_half), "map75": _mean(at_three_quarters)}
        for area, name in enumerate(AREA_NAMES[1:], start=1):
            if self._has_truth[area]:
                metrics[f"map_{name}"] = _mean(at_all[area])
        return Figures(metrics | _weigh_counts(self._measured, weights), at_all[0], at_half)


def _list_rankings(measured: Measured, areas: int = len(AREA_NAMES)) -> Iterator[Ranking]:
    """Yield the ranking of each class, in so many size ranges one after another."""
    truths, detections, matches = measured.truths, measured.detections, measured.matches
    order = np.lexsort((-detections.score, detections.label))
    ends = np.searchsorted(detections.label[order], np.arange(len(measured.names) + 1))
    by_class = [order[first:last] for first, last in pairwise(ends.tolist())]
    of_truths = [np.flatnonzero(truths.label == label) for label in range(len(measured.names))]
    for area in range(areas):
        for rows, of_class in zip(by_class, of_truths, strict=True):
            counted = ~matches.is_ignored[rows, area]  # (n, T)
            kept = counted.any(axis=1)
            rows, counted = rows[kept], counted[kept]
            seen = of_class[~matches.is_truth_ignored[of_class, area]]
            hit = matches.is_hit[rows, area] & counted
            yield Ranking(detections.image[rows], hit, counted, truths.image[seen])


def _weigh_counts(measured: Measured, weights: Floats) -> dict[str, Floats]:
    """Return what is counted at the operating confidence, which stays as it is."""
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
        if len(measured.names) > 1:
            named = hits + add(detections.image[measured.crossed])
            metrics["class_accuracy"] = np.where(named > 0, hits / named, np.nan)
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
