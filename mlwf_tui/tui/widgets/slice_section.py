"""The parts of a measured set as ink: where a model fails, the worst first."""

from __future__ import annotations

from mlwf_tui.entities.evidence import FatePick, Pick
from mlwf_tui.entities.measurement import METRIC_NAMES, Comparison, Slice, SliceDifference
from mlwf_tui.entities.model import Evaluation, Report
from mlwf_tui.tui.widgets.drawing import Line, draw_bar, fit, link

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
    lines += [
        link(_draw_slice(of, name_width, bar_width), Pick(slice=(of.group, of.name)))
        for of in evaluation.slices
    ]
    worse = sum(of.is_worse for of in evaluation.slices)
    sure = f"{worse:,} measurably below the rest" if worse else "none is measurably below the rest"
    note = f" ! {sure}: p < 0.05, corrected for {len(evaluation.slices):,} parts"
    return [*lines, [(fit(note, width), "faint")]]


def draw_slice_differences(comparison: Comparison, place: int, width: int) -> list[Line]:
    """Return what differs in each part of the set, the losses first; `place` is that of the pair."""
    name_width = min(44, max(12, width - 62))
    head = f" {fit('part', name_width)} {'objects':>8} {'figure':>7} {'differs':>8} {'95 % interval':<17}"
    lines: list[Line] = [[(fit(f"{head} {'fixed':>6} {'broken':>6}", width), "muted")]]
    for of in comparison.slices:
        line = _draw_difference(of, name_width)
        pick = FatePick(pair=place, slice=(of.group, of.name))
        lines.append(link(line, pick) if of.fixed + of.broken else line)
    sure = sum(of.difference.is_measurable for of in comparison.slices)
    note = f" ! {sure:,} measurable" if sure else " no measurable difference in any part"
    return [*lines, [(fit(f"{note}; corrected for {len(comparison.slices):,} parts", width), "faint")]]


def _draw_difference(of: SliceDifference, name_width: int) -> Line:
    found = of.difference
    role = "faint" if not found.is_measurable else "success" if found.value > 0 else "error"
    return [
        ("!" if found.is_measurable else " ", role),
        (fit(f"{of.group}: {of.name}", name_width), "strong" if found.is_measurable else "text"),
        (f" {of.truth_count:>8,} {METRIC_NAMES[of.metric]:>7} ", "muted"),
        (f"{found.value:>+8.3f}", role if found.is_measurable else "text"),
        (f" {f'{found.low:+.3f} … {found.high:+.3f}':<17}", "muted"),
        (f" {of.fixed:>6,} {of.broken:>6,}", "muted"),
    ]


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
