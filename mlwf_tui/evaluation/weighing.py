"""Average precision for many weightings of the items side by side: the arithmetic, whatever is weighed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from mlwf_tui.evaluation.average_precision import RECALL_POINTS, RECALL_STEP
from mlwf_tui.evaluation.columns import Bools, Floats, Ints
from mlwf_tui.evaluation.stacks import Stack

_NUMBERS_NEAR = 16_384  # worked on in one go: 128 KB an array
_CELLS_AT_ONCE = 2_000_000  # weights of hits in memory at a time: 16 MB an array; with fewer, more calls


@dataclass(frozen=True, slots=True)
class Ranking:
    """The detections of one class, by falling score, and the truths that they are to find."""

    image: Ints  # (n,)
    is_hit: Bools  # (n, T) at each IoU; a hit is counted
    is_counted: Bools  # (n, T) hits and false positives; what is neither is left out
    truth_image: Ints  # (m,)


@dataclass(frozen=True)
class _Group:
    """Rankings that are worked on together. A line is a ranking at one IoU at which it has a hit.

    A detection between two hits of a line only adds to the weight of all that was found by then. So the
    detections are summed once for each ranking, up to each place where any IoU has a hit (`step`).
    """

    found: csr_array  # (U, I) detections counted at the first IoU, from the step before to each step
    steps: Stack  # U, a row a ranking
    at_step: Ints  # (S,) for each hit its step
    is_aligned: bool  # steps and hits are the same, as where there is one IoU
    hit_image: Ints  # (S,) of each hit
    changes: csr_array | None  # (S, I) what the line's IoU counts otherwise than the first
    hits: Stack  # S, a row a line
    ranking: Ints  # (L,) of each line
    threshold: Ints  # (L,) which IoU


class Rankings:
    """Holds what does not depend on the weights of `image_count` images."""

    def __init__(self, rankings: Sequence[Ranking], image_count: int) -> None:
        self._count = len(rankings)
        self._thresholds = rankings[0].is_hit.shape[1] if rankings else 1
        truths = [ranking.truth_image for ranking in rankings]
        rows = np.repeat(np.arange(self._count), [len(of) for of in truths])
        self._truths = _count_cells(rows, _join(truths), (self._count, image_count))
        self._rankings = rankings
        self._images = image_count
        self._scratch = _Scratch()
        self._groups: dict[int, list[_Group]] = {}

    def average(self, weights: Floats, check: Callable[[], None]) -> Floats:
        """Return (R, T, B) of weights (B, I): COCO's mean of the precision at 101 recalls.

        NaN where a weighting leaves a ranking no truth.
        """
        by_image = np.ascontiguousarray(weights.T)  # (I, B): sums down the rows go side by side
        truth_weight = self._truths @ by_image  # (R, B)
        precision = np.zeros((self._count, self._thresholds, len(weights)))
        for group in self._list_groups(len(weights)):
            check()
            precision[group.ranking, group.threshold] = _average(group, by_image, truth_weight, self._scratch)
        precision[np.broadcast_to((truth_weight == 0)[:, None], precision.shape)] = np.nan
        return precision

    def _list_groups(self, batch: int) -> list[_Group]:
        size = max(1, _CELLS_AT_ONCE // max(batch, 1))
        if size not in self._groups:
            parts = _part([int(of.is_hit.sum()) for of in self._rankings], size)
            self._groups[size] = [_build_group(self._rankings, part, self._images) for part in parts]
        return self._groups[size]


def _part(sizes: Sequence[int], limit: int) -> Iterator[Ints]:
    """Yield the places of what is not empty, the largest first, in parts of at most `limit`, or of one."""
    order = np.argsort(-np.array(sizes, np.int64), kind="stable")
    part: list[int] = []
    room = limit
    for place in order.tolist():
        if not sizes[place]:
            break
        if part and sizes[place] > room:
            yield np.array(part)
            part, room = [], limit
        part.append(place)
        room -= sizes[place]
    if part:
        yield np.array(part)


def _build_group(rankings: Sequence[Ranking], places: Ints, image_count: int) -> _Group:
    steps = {place: np.flatnonzero(rankings[place].is_hit.any(axis=1)) for place in places.tolist()}
    by_steps = sorted(steps, key=lambda place: -len(steps[place]))
    stack = Stack(np.array([len(steps[place]) for place in by_steps]))
    firsts = dict(zip(by_steps, (np.cumsum(stack.lengths) - stack.lengths).tolist(), strict=True))
    found_rows, found_images = [], []
    for place in by_steps:
        ranking, step = rankings[place], steps[place]
        counted = np.flatnonzero(ranking.is_counted[: step[-1] + 1, 0])
        found_rows.append(firsts[place] + np.searchsorted(step, counted))
        found_images.append(ranking.image[counted])
    where = np.empty(
        len(stack.order), np.int64
    )  # of each step, written row after row, its place in the stack
    where[stack.order] = np.arange(len(where))
    found = _count_cells(where[_join(found_rows)], _join(found_images), (len(where), image_count))

    lines = _list_lines(rankings, by_steps)
    hits = Stack(np.array([len(of) for _, _, of in lines]))
    at_steps = [where[firsts[place] + np.searchsorted(steps[place], of)] for place, _, of in lines]
    at_step = _join(at_steps)[hits.order]
    return _Group(
        found=found,
        steps=stack,
        at_step=at_step,
        is_aligned=np.array_equal(at_step, np.arange(len(where))),
        hit_image=_join([rankings[place].image[of] for place, _, of in lines])[hits.order],
        changes=_find_changes(rankings, lines, hits, image_count),
        hits=hits,
        ranking=np.array([place for place, _, _ in lines]),
        threshold=np.array([at for _, at, _ in lines]),
    )


_Line = tuple[int, int, Ints]
"""The place of a ranking, an IoU's place, and the hits there (h,)."""


def _list_lines(rankings: Sequence[Ranking], places: Sequence[int]) -> list[_Line]:
    lines = [
        (place, at, np.flatnonzero(column))
        for place in places
        for at, column in enumerate(rankings[place].is_hit.T)
    ]
    return sorted((line for line in lines if len(line[2])), key=lambda line: -len(line[2]))


def _find_changes(
    rankings: Sequence[Ranking], lines: Sequence[_Line], hits: Stack, image_count: int
) -> csr_array | None:
    """Return, at the hit that is the next, what an IoU counts more (1) or less (-1) than the first."""
    rows, images, signs = [], [], []
    firsts = np.cumsum(hits.lengths) - hits.lengths
    for (place, at, of), first in zip(lines, firsts.tolist(), strict=True):
        ranking = rankings[place]
        before, now = ranking.is_counted[: of[-1] + 1, 0], ranking.is_counted[: of[-1] + 1, at]
        changed = np.flatnonzero(before != now)
        rows.append(first + np.searchsorted(of, changed))
        images.append(ranking.image[changed])
        signs.append(np.where(now[changed], 1.0, -1.0))
    if not sum(len(part) for part in rows):
        return None
    where = np.empty(len(hits.order), np.int64)
    where[hits.order] = np.arange(len(where))
    return _count_cells(where[_join(rows)], _join(images), (len(where), image_count), np.concatenate(signs))


class _Scratch:
    """Room that is used again and again: new pages cost more than what is worked out on them."""

    def __init__(self) -> None:
        self._kept: dict[str, NDArray[Any]] = {}

    def take(self, name: str, shape: tuple[int, int], dtype: type = np.float64) -> NDArray[Any]:
        """Return an array of that shape with anything in it; the one of that name before is gone."""
        size = shape[0] * shape[1]
        if name not in self._kept or len(self._kept[name]) < size:
            self._kept[name] = np.empty(size, dtype)
        return self._kept[name][:size].reshape(shape)


def _average(group: _Group, by_image: Floats, truth_weight: Floats, scratch: _Scratch) -> Floats:
    """Return (L, B). Between two hits the precision only falls, and no recall is reached."""
    shape = (len(group.hit_image), by_image.shape[1])  # (S, B)
    steps = group.found @ by_image  # (U, B)
    group.steps.sum_down(steps)
    kept = steps
    if not group.is_aligned:
        kept = np.take(steps, group.at_step, axis=0, out=scratch.take("kept", shape), mode="clip")
    if group.changes is not None:
        more = group.changes @ by_image
        group.hits.sum_down(more)
        kept += more
    true = np.take(by_image, group.hit_image, axis=0, out=scratch.take("true", shape), mode="clip")
    group.hits.sum_down(true)
    height = np.divide(true, np.maximum(kept, 1e-300, out=kept), out=kept)
    group.hits.max_up(height)
    group.hits.drop_up(height)  # the sum of heights by steps, by parts
    group.hits.divide(true, np.maximum(truth_weight[group.ranking], 1e-300))  # recall
    _multiply_by_reached(height, true)
    mean: Floats = group.hits.total(height) / len(RECALL_POINTS)
    return mean


def _multiply_by_reached(height: Floats, recall: Floats) -> None:
    """Multiply by how many of the points 0, 0.01, ... 1, not all of them k / 100, are no greater; in place.

    A few rows at a time, whose numbers then stay near the processor from step to step.
    """
    rows = max(1, _NUMBERS_NEAR // max(1, recall.shape[1]))
    last, point = np.empty((2, rows, recall.shape[1]))
    is_reached = np.empty((rows, recall.shape[1]), np.bool_)
    for first in range(0, len(recall), rows):
        part = recall[first : first + rows]
        size = len(part)
        np.multiply(part, 100, out=last[:size])
        np.add(last[:size], 1e-9, out=last[:size])
        np.floor(last[:size], out=last[:size])
        np.multiply(last[:size], RECALL_STEP, out=point[:size])  # as RECALL_POINTS are made
        np.less_equal(point[:size], part, out=is_reached[:size])
        np.add(last[:size], is_reached[:size], out=last[:size])
        height[first : first + rows] *= last[:size]


def _count_cells(
    rows: Ints, columns: Ints, shape: tuple[int, int], values: Floats | None = None
) -> csr_array:
    """Return a sparse table with the sum of `values` (1 each) of each cell."""
    given = np.ones(len(rows)) if values is None else values
    return csr_array((given, (rows, columns)), shape=shape)


def _join(parts: Sequence[Ints]) -> Ints:
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)
