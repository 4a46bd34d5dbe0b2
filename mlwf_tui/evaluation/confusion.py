"""Which class was taken for which: every prediction and every truth counted once."""

from __future__ import annotations

from collections.abc import Sequence

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
    other, other_truths = find_crossed(truths, detections, truth, kept)
    alone = np.setdiff1d(np.flatnonzero(kept & (truth < 0)), other)
    missed = np.setdiff1d(np.arange(len(truths.image)), np.concatenate([truth[own], other_truths]))

    none = class_count
    return _count(
        none + 1,
        (detections.label[own], truths.label[truth[own]]),
        (detections.label[other], truths.label[other_truths]),
        (detections.label[alone], np.full(len(alone), none)),
        (np.full(len(missed), none), truths.label[missed]),
    )


def find_crossed(truths: Truths, detections: Detections, truth: Ints, kept: Bools) -> tuple[Ints, Ints]:
    """Return rows of detections and the truths of other classes that they lie on, where both have no own."""
    own = np.flatnonzero(kept & (truth >= 0))
    spare_truths = np.setdiff1d(np.arange(len(truths.image)), truth[own])
    spare, spare_rows = detections.select_blind(np.flatnonzero(kept & (truth < 0)))
    crossed = match(truths.select_blind(spare_truths), spare).truth
    return spare_rows[crossed >= 0], spare_truths[crossed[crossed >= 0]]


def measure_naming(confusion: Sequence[Sequence[int]]) -> dict[str, float]:
    """Return how many of the objects that were found, whatever they were called, were called rightly.

    Nothing where there is one class alone, or no object was found.
    """
    size = len(confusion) - 1
    pairs = sum(sum(row[:size]) for row in confusion[:size])
    right = sum(confusion[label][label] for label in range(size))
    return {"class_accuracy": right / pairs} if size > 1 and pairs else {}


def _count(size: int, *pairs: tuple[Ints, Ints]) -> tuple[tuple[int, ...], ...]:
    """Return how often each (row, column) stands in the columns given, as a square table."""
    cells = np.concatenate([row * size + column for row, column in pairs])
    table = np.bincount(cells, minlength=size * size).reshape(size, size)
    return tuple(tuple(row) for row in table.tolist())
