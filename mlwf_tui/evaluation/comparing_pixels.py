"""Two measurements of pixels over the same items: their figures, and which images were won and lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from msgspec.structs import replace

from mlwf_tui.entities.evidence import Fate
from mlwf_tui.entities.measurement import IMAGES, ClassDifference, Comparison, ItemDifference
from mlwf_tui.evaluation.columns import Ints
from mlwf_tui.evaluation.comparing_figures import compare_figures
from mlwf_tui.evaluation.pixel_pairs import FATES, judge_iou, to_known
from mlwf_tui.evaluation.pixels import Painted

FIXED, BROKEN = FATES.index(Fate.FIXED), FATES.index(Fate.BROKEN)


def compare_pixels(new: Painted, old: Painted, *, check: Callable[[], None]) -> Comparison:
    """Return what differs in each figure, and the images whose IoU rose or fell, of each class too.

    Raises:
        Conflict: the two were not measured on the same items.
    """
    comparison = compare_figures(new, old, check=check)
    now, before = new.measure_items(), old.measure_items()
    fate, change = judge_iou(now, before)
    counts = dict(zip(FATES, _count_fates(fate), strict=True))
    wrong, was_wrong = new.total - new.right, old.total - old.right
    changed = np.flatnonzero((fate == FIXED) | (fate == BROKEN))
    return replace(
        comparison,
        classes=tuple(_iter_classes(new, old)),
        items=tuple(
            ItemDifference(
                key=new.keys[row],
                fixed=int(fate[row] == FIXED),
                broken=int(fate[row] == BROKEN),
                mistakes_before=int(was_wrong[row]),
                mistakes_now=int(wrong[row]),
                iou=to_known(now[row]),
                iou_before=to_known(before[row]),
            )
            for row in changed[np.argsort(change[changed], kind="stable")].tolist()
        ),
        truths_fixed=counts[Fate.FIXED],
        truths_broken=counts[Fate.BROKEN],
        truths_both_missed=counts[Fate.BOTH_WRONG],
        truths_both_found=counts[Fate.BOTH_RIGHT],
        counted=IMAGES,
    )


def _iter_classes(new: Painted, old: Painted) -> Iterator[ClassDifference]:
    """Yield the classes that are there or were found, in the order of the newer."""
    places = {name: place for place, name in enumerate(old.names)}
    sides = new.counts.measure_iou(), old.counts.measure_iou()
    totals = new.counts.measure_whole(), old.counts.measure_whole()
    for label, name in enumerate(new.names):
        was = places.get(name)
        unknown = np.full(len(new.keys), np.nan)
        fate, _ = judge_iou(sides[0][:, label], unknown if was is None else sides[1][:, was])
        if (fate >= 0).any():
            counts = _count_fates(fate)
            yield ClassDifference(
                name=name,
                truth_count=int(new.counts.truth[:, label].sum()),
                map50=None,
                fixed=counts[FIXED],
                broken=counts[BROKEN],
                iou=to_known(totals[0][label]),
                iou_before=None if was is None else to_known(totals[1][was]),
            )


def _count_fates(fate: Ints) -> list[int]:
    counts: list[int] = np.bincount(fate[fate >= 0], minlength=len(FATES)).tolist()
    return counts
