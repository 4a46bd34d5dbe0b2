"""Which class was taken for which, as ink: the matrix with a link in each cell, and the worst pairs."""

from __future__ import annotations

from collections.abc import Sequence

from mlwf_tui.entities.evidence import Pick, name_nothing
from mlwf_tui.entities.model import Evaluation, Report
from mlwf_tui.tui.widgets.drawing import Line, draw_bar, fit, link

MAX_SPACED_CLASSES = 8  # rows of the matrix that still get a blank line between them
MIN_CELL_WIDTH = 8
MAX_CELL_WIDTH = 14
MAX_PAIRS = 20


def draw_confusion(report: Report, evaluation: Evaluation, width: int) -> list[Line]:
    """Return the confusion matrix as a heat map: shade is the share of the column's truths."""
    names = [one.name for one in evaluation.classes]
    nothing = name_nothing(names)
    lines = draw_matrix([*names, nothing], evaluation.confusion, width, is_linked=True)
    explanation = f" {nothing}: last row, truths missed; last column, seen where nothing is"
    return [*lines, [(fit(explanation, width), "faint")]]


def draw_pairs(report: Report, evaluation: Evaluation, width: int) -> list[Line]:
    """Return the classes that are most often taken for others."""
    names = [one.name for one in evaluation.classes]
    counts = [
        (count, row, column)
        for row, counted in enumerate(evaluation.confusion[:-1])
        for column, count in enumerate(counted[:-1])
        if count and row != column
    ]
    if not counts:
        return [[(" No object was taken for one of another class.", "muted")]]
    totals = [sum(row[column] for row in evaluation.confusion) for column in range(len(names))]
    room = max(8, min(24, (width - 34) // 2))
    bar_width = max(0, min(20, width - 2 * room - 34))
    head = f" {fit('is', room)}   {fit('taken for', room)} {'objects':>8}  share of the class"
    lines: list[Line] = [[(fit(head, width), "muted")]]
    ordered = sorted(counts, key=lambda of: (-of[0], of[1], of[2]))
    for count, row, column in ordered[:MAX_PAIRS]:
        share = count / totals[column]
        line: Line = [
            (f" {fit(names[column], room)}", "strong"),
            (f" → {fit(names[row], room)}", "text"),
            (f" {count:>8,}  ", "text"),
            (f"{share:>6.1%} ", "warning"),
            (draw_bar(share, bar_width), "error"),
        ]
        lines.append(link(line, Pick(predicted=names[row], truth=names[column])))
    more = len(counts) - MAX_PAIRS
    return [*lines, [(f" … and {more:,} more pairs", "faint")]] if more > 0 else lines


def draw_matrix(
    names: Sequence[str], confusion: Sequence[Sequence[int]], width: int, *, is_linked: bool = False
) -> list[Line]:
    """Return counts, rows predicted and columns truth, as a heat map; of many classes the largest.

    Linked, a cell stands for what it counts; the last name is for nothing.
    """
    label_width = max(7, min(16, max(len(name) for name in names) + 1))
    fitting = max(2, (width - label_width - 4) // MIN_CELL_WIDTH)
    chosen = _choose_classes(confusion, fitting)
    cell_width = max(MIN_CELL_WIDTH, min(MAX_CELL_WIDTH, (width - label_width - 4) // max(1, len(chosen))))
    totals = [sum(row[column] for row in confusion) for column in range(len(names))]
    head: Line = [(fit("predicted", label_width + 2, "right"), "muted")]
    head += [(fit(names[column], cell_width - 1, "center") + " ", "strong") for column in chosen]
    note = "truth →   shaded by the share of the column's truths"
    if len(chosen) < len(names):
        note = f"truth →   the {len(chosen) - 1} largest of {len(names) - 1} classes"
    lines: list[Line] = [[(" " * (label_width + 3), "text"), (note, "faint")], head]
    labels = [*names[:-1], ""]
    for row in chosen:
        line: Line = [(fit(names[row], label_width + 1, "right") + " ", "strong")]
        for column in chosen:
            count = confusion[row][column]
            cell, gap = _draw_cell(count, totals[column], row == column, cell_width)
            pick = Pick(predicted=labels[row], truth=labels[column])
            line += [*(link([cell], pick) if is_linked and count else [cell]), gap]
        lines += [line, []] if len(chosen) <= MAX_SPACED_CLASSES else [line]
    return lines


def _choose_classes(confusion: Sequence[Sequence[int]], limit: int) -> list[int]:
    """Return the rows to show in their order: all, or those with most objects; always `none`."""
    count = len(confusion)
    if count <= limit:
        return list(range(count))
    totals = [sum(confusion[index]) + sum(row[index] for row in confusion) for index in range(count - 1)]
    largest = sorted(range(count - 1), key=lambda index: -totals[index])[: limit - 1]
    return [*sorted(largest), count - 1]


def _draw_cell(count: int, total: int, is_right: bool, width: int) -> Line:
    """Return the cell and the gap after it."""
    share = count / total if total else 0.0
    level = 0 if count == 0 else 1 + (share > 0.05) + (share > 0.25) + (share > 0.5)
    role = f"{'heat' if is_right or level == 0 else 'miss'}-{level}"
    text = "·" if count == 0 else f"{count:,}"
    return [(fit(text, width - 1, "center"), role), (" ", "text")]
