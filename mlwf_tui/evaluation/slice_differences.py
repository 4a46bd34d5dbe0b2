"""Where two sets of detections over the same truths differ: in which parts of the items and objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from mlwf_tui.entities.measurement import Difference, SliceDifference
from mlwf_tui.evaluation.columns import Bools, Floats
from mlwf_tui.evaluation.measured import Measured
from mlwf_tui.evaluation.resampling import (
    HalfWeigher,
    correct_p_values,
    draw_weights,
    find_interval,
    find_spread_p_value,
)
from mlwf_tui.evaluation.slices import (
    MIN_ITEMS,
    RESAMPLES,
    ItemFacts,
    Part,
    iter_item_parts,
    iter_object_parts,
    weigh_recalls,
)


class _Seen(NamedTuple):
    part: Part
    metric: str
    truths: Bools  # (M,) that lie in the part
    value: float
    drawn: Floats  # (B,)


def compare_slices(
    new: Measured,
    old: Measured,
    facts: Mapping[str, ItemFacts],
    *,
    check: Callable[[], None] = lambda: None,
) -> tuple[SliceDifference, ...]:
    """Return what differs in each part that `slice_measured` looks at, the losses first.

    Both are resampled alike; p-values are corrected for the number of parts. The two must have been measured
    on the same items and truths.
    """
    weights = list(draw_weights(len(new.keys), count=RESAMPLES))
    seen: list[_Seen] = []
    halves = HalfWeigher(new), HalfWeigher(old)
    for part in iter_item_parts(new, [facts.get(key, ItemFacts()) for key in new.keys]):
        check()
        seen.extend(_compare_items(new, halves, part, weights))
    check()
    seen.extend(_compare_objects(new, old, weights))
    counts = [len(np.unique(new.truths.image[of.truths])) for of in seen]
    p_values = [
        find_spread_p_value(of.value, of.drawn, count) for of, count in zip(seen, counts, strict=True)
    ]
    found = [
        _make(new, old, of, count, p)
        for of, count, p in zip(seen, counts, correct_p_values(p_values), strict=True)
    ]
    return tuple(sorted(found, key=lambda of: (of.difference.value, of.group, of.name)))


def _compare_items(
    measured: Measured, halves: tuple[HalfWeigher, HalfWeigher], part: Part, drawn: Sequence[Floats]
) -> Iterator[_Seen]:
    inside = part.member.astype(float)
    truths = part.member[measured.truths.image]
    if np.count_nonzero(part.member) < MIN_ITEMS or not truths.any() or truths.all():
        return
    new, old = (float(of.weigh([inside[None]])[0]) for of in halves)
    drawn_new, drawn_old = (of.weigh_part(part.member, drawn) for of in halves)
    yield _Seen(part, "map50", truths, new - old, drawn_new - drawn_old)


def _compare_objects(new: Measured, old: Measured, drawn: Sequence[Floats]) -> Iterator[_Seen]:
    parts = [part for part in iter_object_parts(new) if part.member.any() and not part.member.all()]
    members = [part.member for part in parts]
    once = [np.ones((1, len(new.keys)))]
    values = weigh_recalls(new, members, once) - weigh_recalls(old, members, once)  # (P, 1)
    differences = weigh_recalls(new, members, drawn) - weigh_recalls(old, members, drawn)  # (P, B)
    for part, value, differs in zip(parts, values[:, 0].tolist(), differences, strict=True):
        yield _Seen(part, "recall", part.member, value, differs)


def _make(new: Measured, old: Measured, seen: _Seen, item_count: int, p: float) -> SliceDifference:
    interval = find_interval(seen.drawn)
    assert interval is not None  # the part has truths, so some resample has
    return SliceDifference(
        group=seen.part.group,
        name=seen.part.name,
        item_count=item_count,
        truth_count=int(np.count_nonzero(seen.truths)),
        metric=seen.metric,
        difference=Difference(value=seen.value, low=interval.low, high=interval.high, p=p),
        fixed=int(np.count_nonzero(seen.truths & new.is_found & ~old.is_found)),
        broken=int(np.count_nonzero(seen.truths & ~new.is_found & old.is_found)),
    )
