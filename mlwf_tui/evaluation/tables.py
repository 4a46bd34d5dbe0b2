"""Sections that several evaluators make, and the small sums that all of them need."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mlwf_tui.entities.evidence import quote_class
from mlwf_tui.entities.section import MatrixSection
from mlwf_tui.evaluation.columns import Bools, Floats, Ints

MOST_CLASSES = 300  # of a matrix: beyond it nobody sees anything, and it grows with the square


def make_matrix(title: str, names: Sequence[str], table: Ints, note: str) -> MatrixSection:
    """Return counts (K + 1, K + 1), rows predicted, the last for none; of many classes the most frequent."""
    chosen = np.arange(len(names))
    if len(names) > MOST_CLASSES + 1:
        frequent = np.argsort(-table[:, :-1].sum(axis=0), kind="stable")[:MOST_CLASSES]
        chosen = np.append(np.sort(frequent), len(names) - 1)
        note = f"{note} The {MOST_CLASSES} most frequent of {len(names) - 1:,} classes."
    cut = table[np.ix_(chosen, chosen)].tolist()
    return MatrixSection(
        title=title,
        names=tuple(names[place] for place in chosen.tolist()),
        rows=tuple(tuple(row) for row in cut),
        note=note,
    )


def mean_known(values: Floats, known: Bools) -> Floats:
    """Return (B,): the mean of the known ones of each row (B, K), NaN where there are none."""
    count = known.sum(axis=1)
    total = np.where(known, values, 0).sum(axis=1)
    mean: Floats = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return mean


def list_names(names: Sequence[str], most: int = 10) -> str:
    """Return names for a sentence, the first ones and how many more."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return f"{', '.join(map(quote_class, names[:most]))}{more}"
