"""The parts of a measured set as ink: where a model fails, the worst first."""

from __future__ import annotations

from mlwf_tui.entities.measurement import METRIC_NAMES, Slice
from mlwf_tui.entities.model import Evaluation, Report
from mlwf_tui.tui.widgets.drawing import Line, draw_bar, fit

FIGURES_WIDTH = 52
BAR_WIDTH = 20


def draw_slices(report: Report, evaluation: Evaluation, width: int) -> list[Line]:
    """Return each part of the set beside the rest, those furthest below it first."""
    if not evaluation.slices:
        told = "There is nothing to part the items by, or an older mlwf made this report."
        return [[(fit(f" {told} Press b on its model to measure again.", width), "muted")]]
    name_width = min(44, max(12, width - FIGURES_WIDTH))
    bar_width = max(0, min(BAR_WIDTH, width - name_width - FIGURES_WIDTH))
    head = f" {fit('part', name_width)} {'items':>6} {'objects':>8} {'figure':>7} {'value':>6} {'rest':>6}"
    lines: list[Line] = [[(fit(head, width), "muted")]]
    lines += [_draw_slice(of, name_width, bar_width) for of in evaluation.slices]
    worse = sum(of.is_worse for of in evaluation.slices)
    sure = f"{worse:,} measurably below the rest" if worse else "none is measurably below the rest"
    note = f" ! {sure}: p < 0.05, corrected for {len(evaluation.slices):,} parts"
    return [*lines, [(fit(note, width), "faint")]]


def _draw_slice(of: Slice, name_width: int, bar_width: int) -> Line:
    rest = "     -" if of.rest is None else f"{of.rest:>6.3f}"
    return [
        ("!" if of.is_worse else " ", "warning"),
        (fit(f"{of.group}: {of.name}", name_width), "strong" if of.is_worse else "text"),
        (f" {of.item_count:>6,} {of.truth_count:>8,} {METRIC_NAMES[of.metric]:>7} ", "muted"),
        (f"{of.value:>6.3f}", "warning" if of.is_worse else "strong"),
        (f" {rest} ", "muted"),
        (draw_bar(of.value, bar_width), "warning" if of.is_worse else "accent"),
    ]
