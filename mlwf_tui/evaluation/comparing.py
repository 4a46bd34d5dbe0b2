"""Two sets of detections over the same truths: what differs, how surely, and on which items."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mlwf_tui.entities.measurement import ClassDifference, Comparison, Difference, ItemDifference
from mlwf_tui.errors import Conflict
from mlwf_tui.evaluation.columns import Bools, Floats, Ints
from mlwf_tui.evaluation.measured import Measured
from mlwf_tui.evaluation.resampling import (
    RESAMPLES,
    Figures,
    correct_p_values,
    draw_weights,
    find_interval,
    find_p_value,
    weigh,
)


def compare(
    new: Measured,
    old: Measured,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    groups: Ints | None = None,
    check: Callable[[], None] | None = None,
) -> Comparison:
    """Return what differs, each figure with the interval and p-value of the paired difference.

    Both are resampled alike, so that what is hard for both does not count. p-values of classes are
    corrected for their number. `groups` (I,) are items that are drawn together.

    Raises:
        Conflict: the two were not measured on the same items, truths and classes.
    """
    _check_pair(new, old)
    count = len(new.keys)
    both = []
    for measured in (new, old):
        whole = weigh(measured, iter([np.ones((1, count))]), check=check)
        drawn = weigh(measured, draw_weights(count, count=resamples, seed=seed, groups=groups), check=check)
        both.append((whole, drawn))
    found = (new.is_found, old.is_found)
    drawn_count = count if groups is None else len(np.unique(groups))
    return Comparison(
        differences=_subtract(both[0], both[1], drawn_count),
        classes=_compare_classes(new, both, found, drawn_count),
        items=_compare_items(new, old, found),
        truths_both_found=int(np.count_nonzero(found[0] & found[1])),
        truths_fixed=int(np.count_nonzero(found[0] & ~found[1])),
        truths_broken=int(np.count_nonzero(~found[0] & found[1])),
        truths_both_missed=int(np.count_nonzero(~found[0] & ~found[1])),
        item_count=count,
    )


def _check_pair(new: Measured, old: Measured) -> None:
    same = new.keys == old.keys and new.names == old.names and _are_same_truths(new, old)
    if not same:
        raise Conflict(
            "The two were not measured on the same items and truths.",
            hint="Measure both on one version and split first: mlwf benchmark MODEL REF.",
        )


def _are_same_truths(new: Measured, old: Measured) -> bool:
    return all(
        np.array_equal(getattr(new.truths, column), getattr(old.truths, column))
        for column in ("image", "label", "boxes")
    )


def _subtract(
    new: tuple[Figures, Figures], old: tuple[Figures, Figures], drawn_count: int
) -> dict[str, Difference]:
    names = [name for name in new[0].metrics if name in old[0].metrics]
    found = {}
    for name in names:
        value = float(new[0].metrics[name][0] - old[0].metrics[name][0])
        drawn = new[1].metrics[name] - old[1].metrics[name]
        found[name] = _make_difference(value, drawn, find_p_value(drawn, drawn_count))
    return {name: difference for name, difference in found.items() if difference is not None}


def _make_difference(value: float, drawn: Floats, p: float) -> Difference | None:
    interval = find_interval(drawn)
    if interval is None or np.isnan(value):
        return None
    return Difference(value=value, low=interval.low, high=interval.high, p=p)


def _compare_classes(
    new: Measured, both: list[tuple[Figures, Figures]], found: tuple[Bools, Bools], drawn_count: int
) -> tuple[ClassDifference, ...]:
    (new_whole, new_drawn), (old_whole, old_drawn) = both
    values = new_whole.class_map50[0] - old_whole.class_map50[0]  # (K,)
    drawn = new_drawn.class_map50 - old_drawn.class_map50  # (B, K)
    known = np.flatnonzero(~np.isnan(values)).tolist()
    p_values = [find_p_value(drawn[:, label], drawn_count) for label in known]
    corrected = dict(zip(known, correct_p_values(p_values), strict=True))
    labels, count = new.truths.label, len(new.names)
    truths = np.bincount(labels, minlength=count).tolist()
    fixed = np.bincount(labels[found[0] & ~found[1]], minlength=count).tolist()
    broken = np.bincount(labels[~found[0] & found[1]], minlength=count).tolist()
    return tuple(
        ClassDifference(
            name=name,
            truth_count=truths[label],
            map50=_make_difference(float(values[label]), drawn[:, label], corrected[label])
            if label in corrected
            else None,
            fixed=fixed[label],
            broken=broken[label],
        )
        for label, name in enumerate(new.names)
    )


def _compare_items(new: Measured, old: Measured, found: tuple[Bools, Bools]) -> tuple[ItemDifference, ...]:
    images, count = new.truths.image, len(new.keys)
    fixed = np.bincount(images[found[0] & ~found[1]], minlength=count)
    broken = np.bincount(images[~found[0] & found[1]], minlength=count)
    now, before = _count_mistakes(new), _count_mistakes(old)
    differing = np.flatnonzero((fixed > 0) | (broken > 0) | (now != before))
    order = differing[np.lexsort((differing, before[differing] - now[differing]))]  # the worse ones first
    return tuple(
        ItemDifference(
            key=new.keys[row],
            fixed=int(fixed[row]),
            broken=int(broken[row]),
            mistakes_before=int(before[row]),
            mistakes_now=int(now[row]),
        )
        for row in order.tolist()
    )


def _count_mistakes(measured: Measured) -> Ints:
    """Return (I,): truths not found and detections of nothing, at the operating confidence."""
    count = len(measured.keys)
    wrong = measured.detections.image[measured.kept & ~measured.is_hit]
    missed = measured.truths.image[~measured.is_found]
    return np.bincount(wrong, minlength=count) + np.bincount(missed, minlength=count)
