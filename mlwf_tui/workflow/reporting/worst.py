"""Where a model fails, as rows: classes that are taken for others, and the items with the most mistakes."""

from __future__ import annotations

from mlwf_tui.entities.model import Evaluation

Row = tuple[str, ...]
CONFUSED_HEADER: Row = ("is", "taken for", "objects", "share of the class")
ITEM_HEADER: Row = ("item", "found", "missed", "of nothing")
MOST_PAIRS = 20
MOST_ITEMS = 50


def list_confused_rows(evaluation: Evaluation) -> list[Row]:
    """Return which classes are most often taken for which others, the most frequent first."""
    names = [of.name for of in evaluation.classes]
    table = evaluation.confusion
    counts = [
        (count, row, column)
        for row, counted in enumerate(table[:-1])
        for column, count in enumerate(counted[:-1])
        if count and row != column
    ]
    ordered = sorted(counts, key=lambda of: (-of[0], of[1], of[2]))[:MOST_PAIRS]
    return [
        (names[column], names[row], f"{count:,}", f"{count / sum(line[column] for line in table):.1%}")
        for count, row, column in ordered
    ]


def list_worst_items(evaluation: Evaluation) -> list[Row]:
    """Return the items with the most mistakes, and how many they are."""
    wrong = [of for of in evaluation.items if of.false_positives + of.false_negatives]
    ordered = sorted(wrong, key=lambda of: (-(of.false_positives + of.false_negatives), of.key))[:MOST_ITEMS]
    return [
        (of.key, f"{of.true_positives:,}", f"{of.false_negatives:,}", f"{of.false_positives:,}")
        for of in ordered
    ]
