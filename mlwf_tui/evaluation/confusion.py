"""Which class was taken for which: every prediction and every truth counted once."""

from __future__ import annotations

import numpy as np

from mlwf_tui.evaluation.columns import Bools, Detections, Ints, Truths
from mlwf_tui.evaluation.matching import match


def build_confusion(
    truths: Truths, detections: Detections, truth: Ints, kept: Bools, class_count: int
) -> tuple[tuple[int, ...], ...]:
    """Return counts (K + 1, K + 1), rows predicted, columns truth; the last of each is none.

    `truth` is each detection's truth row in its own class (-1 for none), `kept` whether it stands
    at the operating confidence. So the diagonal holds the true positives; what is left over is then
    paired across classes at IoU 0.5, the best score first.
    """
    own = np.flatnonzero(kept & (truth >= 0))
    spare_truths = np.setdiff1d(np.arange(len(truths.image)), truth[own])
    spare, spare_rows = detections.select_blind(np.flatnonzero(kept & (truth < 0)))
    crossed = match(truths.select_blind(spare_truths), spare).truth
    other, alone = spare_rows[crossed >= 0], spare_rows[crossed < 0]
    other_truths = spare_truths[crossed[crossed >= 0]]
    missed = np.setdiff1d(spare_truths, other_truths)

    none = class_count
    return _count(
        none + 1,
        (detections.label[own], truths.label[truth[own]]),
        (detections.label[other], truths.label[other_truths]),
        (detections.label[alone], np.full(len(alone), none)),
        (np.full(len(missed), none), truths.label[missed]),
    )


def _count(size: int, *pairs: tuple[Ints, Ints]) -> tuple[tuple[int, ...], ...]:
    """Return how often each (row, column) stands in the columns given, as a square table."""
    cells = np.concatenate([row * size + column for row, column in pairs])
    table = np.bincount(cells, minlength=size * size).reshape(size, size)
    return tuple(tuple(row) for row in table.tolist())
