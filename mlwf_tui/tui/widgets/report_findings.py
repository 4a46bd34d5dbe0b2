"""What a benchmark report says beyond its figures: errors, calibration, the items with most mistakes."""

from __future__ import annotations

from mlwf_tui.entities.evidence import Pick
from mlwf_tui.entities.measurement import ErrorKind, ErrorShare
from mlwf_tui.entities.model import Evaluation, ItemOutcome, Report
from mlwf_tui.tui.widgets.drawing import Line, draw_bar, fit, link
from mlwf_tui.tui.widgets.plot import Series, draw_plot

MAX_ITEMS = 100
PLOT_HEIGHT = 13
MAX_PLOT_WIDTH = 76
MEANINGS = {
    ErrorKind.CLASSIFICATION: "right place, wrong class",
    ErrorKind.LOCALISATION: "right class, badly placed",
    ErrorKind.BOTH: "near something, wrong class and place",
    ErrorKind.DUPLICATE: "one more of what was found",
    ErrorKind.BACKGROUND: "nothing is there",
    ErrorKind.MISSED: "nothing comes near it",
}
OLD = "Not in this report: an older mlwf made it. Press b on its model to measure again."


def draw_errors(report: Report, evaluation: Evaluation, width: int) -> list[Line]:
    """Return each kind of error, how often it was made, and what mending it would give back."""
    if not evaluation.errors:
        return [[(f" {OLD}", "muted")]]
    largest = max(share.map50_lost for share in evaluation.errors) or 1.0
    bar_width = max(0, min(30, width - 72))
    least = evaluation.metrics.get("confidence", 0.0)
    head = f" {'error':<15} {f'≥ {least:.3f}':>8}  mAP50 lost, all confidences"
    lines: list[Line] = [[(fit(head, width), "muted")]]
    for share in evaluation.errors:
        line = _draw_error(share, share.map50_lost / largest, bar_width)
        lines.append(link(line, Pick(error=share.kind)) if share.count else line)
    notes = (
        f" Counted from the confidence {least:.3f} on; lost is what mending the kind alone gives back of",
        " mAP50, which all detections have a part in (TIDE).",
    )
    return [*lines, *([(fit(note, width), "faint")] for note in notes)]


def draw_calibration(report: Report, evaluation: Evaluation, width: int) -> list[Line]:
    """Return how often detections of a confidence are right, beside how often they should be."""
    found = evaluation.calibration
    if found is None:
        return [[(f" {OLD}" if evaluation.schema < 2 else " There are no detections to calibrate.", "muted")]]
    filled = [of for of in found.bins if of.count]
    ideal = Series((0.0, 1.0), (0.0, 1.0), "faint")
    measured = Series(tuple(of.confidence for of in filled), tuple(of.precision for of in filled), "series-0")
    plot_width = min(width - 1, MAX_PLOT_WIDTH)
    plot = draw_plot([ideal, measured], plot_width, PLOT_HEIGHT, x_limits=(0.0, 1.0), y_limits=(0.0, 1.0))
    ahead = sum(of.count * (of.confidence - of.precision) for of in filled)
    leaning = "more confident than right" if ahead > 0 else "more often right than confident"
    return [
        [(" expected calibration error ", "muted"), (f"{found.ece:.3f}", "strong"),
         ("   largest ", "muted"), (f"{found.mce:.3f}", "text"), (f"   {leaning}", "muted")],
        [(" with confidences scaled by the temperature ", "muted"), (f"{found.temperature:.2f}", "strong"),
         (f": {found.ece_scaled:.3f} and {found.mce_scaled:.3f}", "muted")],
        *([(" ", "text"), *line] for line in plot),
        [(fit("share of hits  over  confidence; the thin line is ideal", plot_width, "center"), "faint")],
    ]  # fmt: skip


def draw_items(report: Report, evaluation: Evaluation, width: int) -> list[Line]:
    """Return the items with the most mistakes."""
    ordered = sorted(evaluation.items, key=lambda of: (-(of.false_positives + of.false_negatives), of.key))
    wrong = [of for of in ordered if of.false_positives + of.false_negatives]
    if not wrong:
        return [[(" No item has a mistake.", "muted")]]
    key_width = max(10, min(60, width - 30))
    lines: list[Line] = [[(f" {fit('item', key_width)} {'found':>7} {'missed':>7} {'false':>8}", "muted")]]
    lines += [link(_draw_item(of, key_width), Pick(item=of.key)) for of in wrong[:MAX_ITEMS]]
    hidden = len(wrong) - MAX_ITEMS
    more = f" … and {hidden:,} more with mistakes" if hidden > 0 else ""
    clean = f" {len(evaluation.items) - len(wrong):,} of {len(evaluation.items):,} items have no mistake"
    return [*lines, [(f"{more}{clean}", "faint")]]


def _draw_error(share: ErrorShare, fraction: float, bar_width: int) -> Line:
    return [
        (f" {share.kind.value:<15}", "strong"),
        (f" {share.count:>8,}  ", "text"),
        (f"{share.map50_lost:.3f} ", "strong" if fraction == 1 else "text"),
        (draw_bar(fraction, bar_width), "warning"),
        (f" {MEANINGS[share.kind]}", "faint"),
    ]


def _draw_item(of: ItemOutcome, key_width: int) -> Line:
    return [
        (f" {fit(of.key, key_width)}", "text"),
        (f" {of.true_positives:>7,}", "muted"),
        (f" {of.false_negatives:>7,}", "warning" if of.false_negatives else "faint"),
        (f" {of.false_positives:>8,}", "warning" if of.false_positives else "faint"),
    ]
