"""How predictions are spread over confidence and IoU, as ink: a row for each bin, which stands for it."""

from __future__ import annotations

from mlwf_tui.entities.evidence import Pick
from mlwf_tui.entities.model import Evaluation, Report
from mlwf_tui.tui.widgets.drawing import Line, draw_bar, fit, link

MAX_BAR = 40


def draw_iou_histogram(report: Report, evaluation: Evaluation, width: int) -> list[Line]:
    """Return how well what was found lies on its truths: pairs by bins of IoU."""
    of = evaluation.iou_histogram
    if not of.x or not sum(of.y):
        return [[(" Nothing was found.", "muted")]]
    half = (1.0 - 0.5) / len(of.x) / 2
    bar_width = max(8, min(2 * MAX_BAR, width - 24))
    largest = max(of.y)
    head = f" {fit(evaluation.similarity, 12)} {'pairs':>8}"
    lines: list[Line] = [[(fit(head, width), "muted")]]
    for middle, count in zip(of.x, of.y, strict=True):
        bounds = round(middle - half, 6), round(middle + half, 6)
        line: Line = [
            (f" {bounds[0]:.3f}–{bounds[1]:.3f} ", "text"),  # noqa: RUF001 - a range
            (f"{count:>8,.0f} ", "strong"),
            (draw_bar(count / largest, bar_width), "series-2"),
        ]
        lines.append(link(line, Pick(iou=bounds)) if count else line)
    mean = evaluation.metrics.get("mean_iou")
    note = " of what was found at the confidence that holds" + (f"; mean {mean:.3f}" if mean else "")
    return [*lines, [(fit(note, width), "faint")]]


def draw_confidence_histogram(report: Report, evaluation: Evaluation, width: int) -> list[Line]:
    """Return how confident true and false positives are: all predictions by bins of confidence."""
    if len(evaluation.confidence_histogram) != 2 or not evaluation.confidence_histogram[0].x:
        return [[(" There are no predictions.", "muted")]]
    true, false = evaluation.confidence_histogram
    bar_width = max(4, min(MAX_BAR, (width - 34) // 2))
    largest = max(max(true.y), max(false.y)) or 1.0
    side = bar_width + 9
    head = f" {fit('confidence', 10)} {fit('true positives', side)}  {fit('false positives', side)}"
    lines: list[Line] = [[(fit(head, width), "muted")]]
    operating = evaluation.metrics.get("confidence", -1.0)
    for place, (hits, misses) in enumerate(zip(true.y, false.y, strict=True)):
        bounds = place / len(true.x), (place + 1) / len(true.x)
        here = "┃" if bounds[0] <= operating < bounds[1] or operating == bounds[1] == 1 else " "
        line: Line = [(f" {bounds[0]:.2f}–{bounds[1]:.2f}", "text"), (here, "accent")]  # noqa: RUF001
        for count, is_hit, role in ((hits, True, "series-0"), (misses, False, "series-3")):
            cell: Line = [
                (f"{count:>8,.0f} ", "strong" if count else "faint"),
                (draw_bar(count / largest, bar_width), role),
            ]
            line += [*(link(cell, Pick(confidence=bounds, is_hit=is_hit)) if count else cell), ("  ", "text")]
        lines.append(line)
    note = " all predictions, also those below the threshold; ┃ where it lies"
    return [*lines, [(fit(note, width), "faint")]]
