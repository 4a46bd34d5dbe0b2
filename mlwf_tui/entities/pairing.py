"""Finds what belongs together in two lists: by a key, or by how much boxes overlap; names no change."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from heapq import nlargest
from typing import TypeVar

from mlwf_tui.entities.annotation import Bounds

T = TypeVar("T")
LabelledBox = tuple[int, str, Bounds]
"""The place in its list, the label, the box."""
BoxPair = tuple[int, int, float]
"""A place in the list before, one in the list after, and their IoU."""

MIN_IOU = 0.5  # below it two boxes are not taken for one that moved
MAX_COMPARED = 256  # with one box, so that a pile of thousands of near-equal boxes takes seconds
MAX_CANDIDATES = 16  # of them are remembered


def measure_iou(one: Bounds, other: Bounds) -> float:
    """Return the intersection over union of two boxes; boxes without area share all or nothing."""
    if one == other:
        return 1.0
    width_px = min(one.right, other.right) - max(one.left, other.left)
    height_px = min(one.bottom, other.bottom) - max(one.top, other.top)
    if width_px <= 0 or height_px <= 0:
        return 0.0
    shared = width_px * height_px
    union = one.width_px * one.height_px + other.width_px * other.height_px - shared
    return shared / union if union > 0 else 0.0


def pair_by_key(
    before: Sequence[T], after: Sequence[T], key: Callable[[T], Hashable]
) -> tuple[list[tuple[T, T]], list[T], list[T]]:
    """Pair what has one key, the first with the first; return the pairs and what is left of each list."""
    waiting: defaultdict[Hashable, deque[int]] = defaultdict(deque)
    for place, value in enumerate(after):
        waiting[key(value)].append(place)
    pairs, rest, taken = [], [], set()
    for value in before:
        places = waiting.get(key(value))
        if places:
            taken.add(places[0])
            pairs.append((value, after[places.popleft()]))
        else:
            rest.append(value)
    return pairs, rest, [value for place, value in enumerate(after) if place not in taken]


def pair_by_overlap(before: Sequence[LabelledBox], after: Sequence[LabelledBox]) -> list[BoxPair]:
    """Pair boxes whose IoU is at least MIN_IOU: those of one label first, then the largest IoU first.

    Among equals those win whose places are nearest to each other. That knows no side: exchanging
    the two lists exchanges the pairs.
    """
    labels_before = {place: label for place, label, _ in before}
    labels_after = {place: label for place, label, _ in after}

    def rank(pair: BoxPair) -> tuple[bool, float, int, int]:
        left, right, iou = pair
        return labels_before[left] != labels_after[right], -iou, abs(left - right), left + right

    pairs = []
    for left, right, iou in sorted(_iter_candidates(before, after), key=rank):
        if left in labels_before and right in labels_after:
            del labels_before[left], labels_after[right]
            pairs.append((left, right, iou))
    return pairs


def _iter_candidates(before: Sequence[LabelledBox], after: Sequence[LabelledBox]) -> Iterator[BoxPair]:
    """Yield the pairs that overlap enough; each box is compared with those in a window of left edges."""
    ordered = sorted((bounds, place) for place, _, bounds in after)
    edges = [bounds.left for bounds, _ in ordered]
    for place, _, bounds in before:
        # With half in common, the left edge stands a width to the left at most, or half of one to the right.
        first = bisect_left(edges, bounds.left - bounds.width_px)
        last = bisect_right(edges, bounds.left + bounds.width_px / 2)
        if last - first > MAX_COMPARED:
            middle = bisect_left(edges, bounds.left)
            first = max(first, middle - MAX_COMPARED // 2)
            last = min(last, middle + MAX_COMPARED // 2)
        near = [
            (place, other_place, measure_iou(bounds, other))
            for other, other_place in ordered[first:last]
            if other.top <= bounds.bottom and bounds.top <= other.bottom
        ]
        overlapping = [pair for pair in near if pair[2] >= MIN_IOU]
        yield from nlargest(MAX_CANDIDATES, overlapping, key=lambda pair: pair[2])
