"""Two measurements over the same items of which nothing but figures and outcomes by item is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mlwf_tui.entities.measurement import Comparison, Difference, ItemDifference
from mlwf_tui.entities.model import ItemOutcome
from mlwf_tui.errors import Conflict
from mlwf_tui.evaluation.resampling import RESAMPLES, draw_weights, find_interval, find_p_value
from mlwf_tui.protocols.evaluators import Measurement


def compare_figures(
    new: Measurement, old: Measurement, *, seed: int = 0, check: Callable[[], None]
) -> Comparison:
    """Return what differs in each figure, with the interval and p-value of the paired difference.

    Both are resampled alike. An item is fixed where the newer makes no mistake on it and the older did.

    Raises:
        Conflict: the two were not measured on the same items.
    """
    if new.keys != old.keys:
        raise Conflict(
            "The two were not measured on the same items.",
            hint="Measure both on one version and split first: mlwf benchmark MODEL REF.",
        )
    count = len(new.keys)
    outcomes = new.summarize().items, old.summarize().items
    right, was_right = ({of.key for of in items if _is_right(of)} for items in outcomes)
    measured = {of.key for items in outcomes for of in items}
    return Comparison(
        differences=_find_differences(new, old, count, seed, check),
        classes=(),
        items=tuple(
            ItemDifference(
                key=key,
                fixed=int(key in right),
                broken=int(key in was_right),
                mistakes_before=int(key not in was_right),
                mistakes_now=int(key not in right),
            )
            for key in sorted(right ^ was_right, key=lambda key: (key in right, key))  # the broken first
        ),
        truths_both_found=len(right & was_right),
        truths_fixed=len(right - was_right),
        truths_broken=len(was_right - right),
        truths_both_missed=len(measured - right - was_right),
        item_count=count,
    )


def _find_differences(
    new: Measurement, old: Measurement, count: int, seed: int, check: Callable[[], None]
) -> dict[str, Difference]:
    wholes = [of.weigh(iter([np.ones((1, count))]), check) for of in (new, old)]
    draws = [of.weigh(draw_weights(count, count=RESAMPLES, seed=seed), check) for of in (new, old)]
    found = {}
    for name in draws[0]:
        if name in draws[1]:
            value = float(wholes[0][name][0] - wholes[1][name][0])
            drawn = draws[0][name] - draws[1][name]
            interval = find_interval(drawn)
            if interval is not None and not np.isnan(value):
                p = find_p_value(drawn, count)
                found[name] = Difference(value=value, low=interval.low, high=interval.high, p=p)
    return found


def _is_right(of: ItemOutcome) -> bool:
    return not of.false_positives and not of.false_negatives
