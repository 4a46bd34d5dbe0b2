"""The parts of a benchmark report as ink: headline, classes, curves, confusion, histograms; no widget."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mlwf_tui.entities.measurement import COUNT_NAMES, METRIC_NAMES, Interval, Thresholds
from mlwf_tui.entities.model import ClassMetrics, Curve, Evaluation, Report
from mlwf_tui.tui.widgets.drawing import SERIES_ROLES, Line, Run, draw_bar, fit, measure_line, pad_line
from mlwf_tui.tui.widgets.plot import Series, draw_plot
from mlwf_tui.tui.widgets.report_findings import draw_calibration, draw_errors, draw_items
from mlwf_tui.tui.widgets.slice_section import draw_slices

Section = Callable[[Report, Evaluation, int], list[Line]]

HEADLINE = ("map", "map50", "map75", "precision", "recall", "f1", "mean_iou")
SPEED = (("preprocess_ms", "preprocess"), ("inference_ms", "inference"), ("postprocess_ms", "postprocess"))
UNITS = COUNT_NAMES | {"confidence"}
"""Figures that are no share of anything: they get no card."""
MOST_CARDS = 8
MOST_CARD_WIDTH = 18
CARD_WIDTH = 11
PLOT_HEIGHT = 15
MAX_PLOT_WIDTH = 110
MAX_SPACED_CLASSES = 8  # rows of the confusion matrix that still get a blank line between them
MIN_CELL_WIDTH = 8
MAX_CELL_WIDTH = 14
NONE_NAME = "none"  # no prediction for a truth, or no truth for a prediction


def draw_overview(report: Report, evaluation: Evaluation, width: int) -> list[Line]:
    """Return what was measured on what, the headline numbers as cards, and the speed."""
    subject: Line = [
        ("▲ ", "accent"), (report.model_name, "strong"), ("  on  ", "muted"), ("◆ ", "primary"),
        (report.version_ref, "strong"), (f"  {report.split}, {_count_items(evaluation):,} items", "muted"),
    ]  # fmt: skip
    confidence = evaluation.metrics.get("confidence")
    note = "" if confidence is None else f" precision, recall, F1 at confidence {confidence:.3f}"
    if confidence is not None and evaluation.sections and not evaluation.confidence_curves:
        note = f" counted at confidence {confidence:.3f}"
    if evaluation.intervals:
        note = f"{note}; below, the 95 % interval" if note else " below each, its 95 % interval"
    lines: list[Line] = [[(" ", "text"), *subject]]
    if report.description:
        lines.append([(" " + fit(report.description, width - 2), "muted")])
    cards = _draw_cards(evaluation, width)
    return [*lines, [], *cards, [(note, "faint")], [], *_draw_speed(report.speed, width)]


def _count_items(evaluation: Evaluation) -> int:
    return len(evaluation.items) or int(evaluation.metrics.get("image_count", 0))


def draw_classes(report: Report, evaluation: Evaluation, width: int) -> list[Line]:
    """Return a table of all classes with a bar for mAP."""
    name_width = min(24, max(6, *(len(one.name) for one in evaluation.classes))) if evaluation.classes else 6
    bar_width = max(0, min(24, width - name_width - 60))
    header = f" {fit('class', name_width)} {'truths':>7} {'found':>7}   {'mAP':>5} {'':<{bar_width}} "
    header += f"{'mAP50':>6} {'P':>6} {'R':>6} {'F1':>6}"
    lines: list[Line] = [[(fit(header, width), "muted")]]
    lines += [_draw_class(one, name_width, bar_width) for one in evaluation.classes]
    return lines


def draw_pr_curves(report: Report, evaluation: Evaluation, width: int) -> list[Line]:
    """Return precision over recall: all classes together, then as many classes as there are colours."""
    shown = evaluation.pr_curves[: len(SERIES_ROLES)]
    lines = _draw_curves(shown, width)
    label = f"precision at {evaluation.similarity} 0.5"
    if len(evaluation.pr_curves) > len(shown):
        label += f", {len(shown) - 1} of {len(evaluation.pr_curves) - 1} classes"
    return [*draw_legend(shown, width), *lines, label_axes("recall", label, width)]


def draw_confidence_curves(report: Report, evaluation: Evaluation, width: int) -> list[Line]:
    """Return precision, recall and F1 over the confidence threshold, with the operating one marked."""
    confidence = evaluation.metrics.get("confidence")
    mark = [] if confidence is None else [Series((confidence, confidence + 1e-6), (0.0, 1.0), "faint")]
    legend = draw_legend(evaluation.confidence_curves, width)
    if confidence is not None:
        own = report.metrics.get("confidence", confidence)
        best = " F1 is best" if abs(own - confidence) < 1e-9 else ""
        legend[-1].append((f"┃ at {confidence:.3f}{best}", "faint"))
    curves = _draw_curves(evaluation.confidence_curves, width, mark)
    return [*legend, *curves, label_axes("confidence", "score", width)]


def draw_confusion(report: Report, evaluation: Evaluation, width: int) -> list[Line]:
    """Return the confusion matrix as a heat map: shade is the share of the column's truths."""
    names = [*(one.name for one in evaluation.classes), NONE_NAME]
    lines = draw_matrix(names, evaluation.confusion, width)
    explanation = f" {NONE_NAME}: last row, truths missed; last column, seen where nothing is"
    return [*lines, [(explanation, "faint")]]


def draw_matrix(names: Sequence[str], confusion: Sequence[Sequence[int]], width: int) -> list[Line]:
    """Return counts, rows predicted and columns truth, as a heat map; of many classes the largest."""
    label_width = min(16, max(len(name) for name in names) + 1)
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
    for row in chosen:
        line: Line = [(fit(names[row], label_width + 1, "right") + " ", "strong")]
        for column in chosen:
            count = confusion[row][column]
            line += _draw_confusion_cell(count, totals[column], row == column, cell_width)
        lines += [line, []] if len(chosen) <= MAX_SPACED_CLASSES else [line]
    return lines


def draw_histograms(report: Report, evaluation: Evaluation, width: int) -> list[Line]:
    """Return how confident true and false positives are, and how well matched boxes lie."""
    curves = [
        *((f"{curve.name}, by confidence", curve, (0.0, 1.0)) for curve in evaluation.confidence_histogram),
        (f"matched pairs, by {evaluation.similarity}", evaluation.iou_histogram, (0.5, 1.0)),
    ]
    columns = 1 if width < 70 else 2 if width < 110 else 3
    cell_width = (width - 2 * (columns - 1)) // columns
    lines: list[Line] = []
    for start in range(0, len(curves), columns):
        parts = [
            [
                [(fit(f" {title}", cell_width), "strong")],
                *_draw_histogram(curve, limits, cell_width, start + index),
            ]
            for index, (title, curve, limits) in enumerate(curves[start : start + columns])
        ]
        lines += [_join(rows, cell_width) for rows in zip(*parts, strict=True)] + [[]]
    return lines[:-1]


SECTIONS: Mapping[str, Section] = {
    "Overview": draw_overview,
    "Classes": draw_classes,
    "Precision and recall": draw_pr_curves,
    "Confidence": draw_confidence_curves,
    "Confusion": draw_confusion,
    "Distributions": draw_histograms,
    "Errors": draw_errors,
    "Slices": draw_slices,
    "Calibration": draw_calibration,
    "Items": draw_items,
}


def draw_heading(number: int, count: int, title: str, width: int) -> Line:
    """Return a section's heading: which of how many, and at the first one the keys that lead to the next."""
    head = f"{number}/{count}"
    keys = " J K sections ──" if number == 1 else ""
    rest = "─" * max(0, width - len(head) - len(title) - len(keys) - 6)
    return [("── ", "faint"), (head, "key"), (f" {title} ", "heading"), (rest, "faint"), (keys, "faint")]


def draw_thresholds(now: Thresholds, own: Thresholds, width: int, *, is_waiting: bool) -> Line:
    """Return which thresholds hold, which are the report's own, and the keys that change them."""
    line: Line = [
        ("… " if is_waiting else " ", "warning"),
        ("confidence ", "muted"),
        (f"{now.confidence:.3f}", "strong"),
        ("  hit from IoU ", "muted"),
    ]
    line.append((f"{now.hit_iou:.2f}", "strong"))
    if now != own:
        line.append((f"  report's own {own.confidence:.3f}, {own.hit_iou:.2f}  0 back", "warning"))
        keys = "mAP, calibration, slices stay"
    else:
        keys = "the report's own; < > { } change"
    room = width - measure_line(line) - 2
    return [*line, (fit(f"  {keys}", room), "faint")] if room > len(keys) else line


def _draw_cards(evaluation: Evaluation, width: int) -> list[Line]:
    """Return the headline numbers with their intervals, as many side by side as there is room for."""
    metrics, intervals = evaluation.metrics, evaluation.intervals
    names = {**METRIC_NAMES, **evaluation.metric_names}
    is_boxes = evaluation.evaluator == "detect"
    known = [key for key in (HEADLINE if is_boxes else evaluation.metric_names) if key in metrics]
    shown = [(names[key], metrics[key], intervals.get(key)) for key in known if key not in UNITS][:MOST_CARDS]
    least = max(CARD_WIDTH, *(len(label) + 1 for label, _, _ in shown)) if shown else CARD_WIDTH
    per_row = max(1, min(len(shown), (width - 1) // min(least, MOST_CARD_WIDTH)))
    card_width = min(MOST_CARD_WIDTH, (width - 1) // per_row)
    lines: list[Line] = []
    for start in range(0, len(shown), per_row):
        labels: Line = [(" ", "text")]
        values: Line = [(" ", "text")]
        bars: Line = [(" ", "text")]
        ranges: Line = [(" ", "text")]
        for index, (label, value, interval) in enumerate(shown[start : start + per_row]):
            is_first = start + index == 0
            labels.append((fit(label, card_width - 1) + " ", "muted"))
            values.append((fit(f"{value:.3f}", card_width), "heading" if is_first else "strong"))
            bars += _draw_gauge(value, card_width - 2, "accent" if is_first else "primary")
            bars.append(("  ", "text"))
            ranges.append((fit(_write_interval(interval), card_width), "muted"))
        lines += [labels, values, bars, *([ranges] if intervals else [])]
    return lines


def _write_interval(interval: Interval | None) -> str:
    if interval is None:
        return ""
    return f"{interval.low:.2f}–{interval.high:.2f}"  # noqa: RUF001 - a range


def _draw_gauge(value: float, width: int, role: str) -> Line:
    filled = round(max(0.0, min(1.0, value)) * width)
    return [("━" * filled, role), ("─" * (width - filled), "faint")]


def _draw_speed(speed: Mapping[str, float], width: int) -> list[Line]:
    """Return the time an image takes, by stage, as one bar of three colours."""
    stages = [(name, speed[key]) for key, name in SPEED if key in speed]
    total = sum(value for _, value in stages)
    if not total:
        return []
    bar_width = min(width - 2, 76)
    bar: Line = [(" ", "text")]
    legend: Line = [(" ", "text")]
    for index, (name, value) in enumerate(stages):
        bar.append(("█" * max(1, round(value / total * bar_width)), SERIES_ROLES[index]))
        legend += [("■ ", SERIES_ROLES[index]), (f"{name} ", "muted"), (f"{value:.2f} ms  ", "text")]
    per_second = speed.get("images_per_second")
    title = f" {total:.2f} ms an image" + (f", {per_second:,.0f} images a second" if per_second else "")
    return [[(title, "strong")], bar, legend]


def _draw_class(one: ClassMetrics, name_width: int, bar_width: int) -> Line:
    bar: list[Run] = []
    if bar_width:
        bar = [(draw_bar(one.map or 0.0, bar_width), "primary")]
    counts = f" {one.truth_count:>7,} {one.prediction_count:>7,}   "
    rest = " ".join(f"{_write_score(value):>6}" for value in (one.map50, one.precision, one.recall, one.f1))
    return [
        (f" {fit(one.name, name_width)}", "strong"),
        (counts, "muted"),
        (f"{_write_score(one.map):>5} ", "text"),
        *bar,
        (f" {rest}", "text"),
    ]


def _write_score(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"  # noqa: RUF001 - a dash says that there is no number


def _draw_curves(curves: Sequence[Curve], width: int, marks: Sequence[Series] = ()) -> list[Line]:
    series = [Series(curve.x, curve.y, SERIES_ROLES[i]) for i, curve in enumerate(curves)]
    plot_width = min(width - 1, MAX_PLOT_WIDTH)
    ordered = [*marks, *reversed(series)]  # the first curve last, on top of the others
    plot = draw_plot(ordered, plot_width, PLOT_HEIGHT, x_limits=(0.0, 1.0), y_limits=(0.0, 1.0))
    return [[(" ", "text"), *line] for line in plot]


def draw_legend(curves: Sequence[Curve], width: int) -> list[Line]:
    """Return the names behind their colours, on as many lines as they need."""
    lines: list[Line] = [[(" ", "text")]]
    for index, curve in enumerate(curves):
        entry = [("━━ ", SERIES_ROLES[index]), (f"{curve.name}  ", "text")]
        if measure_line(lines[-1]) + measure_line(entry) > width:
            lines.append([(" ", "text")])
        lines[-1] += entry
    return lines


def label_axes(x: str, y: str, width: int) -> Line:
    """Return what stands below a plot: which figure over which."""
    return [(fit(f"{y}  over  {x}", min(width, MAX_PLOT_WIDTH), "center"), "faint")]


def _choose_classes(confusion: Sequence[Sequence[int]], limit: int) -> list[int]:
    """Return the rows to show in their order: all, or those with most objects; always `none`."""
    count = len(confusion)
    if count <= limit:
        return list(range(count))
    totals = [sum(confusion[index]) + sum(row[index] for row in confusion) for index in range(count - 1)]
    largest = sorted(range(count - 1), key=lambda index: -totals[index])[: limit - 1]
    return [*sorted(largest), count - 1]


def _draw_confusion_cell(count: int, total: int, is_right: bool, width: int) -> Line:
    share = count / total if total else 0.0
    level = 0 if count == 0 else 1 + (share > 0.05) + (share > 0.25) + (share > 0.5)
    role = f"{'heat' if is_right or level == 0 else 'miss'}-{level}"
    text = "·" if count == 0 else f"{count:,}"
    return [(fit(text, width - 1, "center"), role), (" ", "text")]


def _draw_histogram(curve: Curve, limits: tuple[float, float], width: int, index: int) -> list[Line]:
    series = Series(curve.x, curve.y, SERIES_ROLES[(0, 3, 2)[index % 3]])
    return draw_plot([series], width, 10, x_limits=limits, is_bar=True)


def _join(parts: Sequence[Line], width: int) -> Line:
    line: Line = []
    for part in parts:
        line += [*([("  ", "text")] if line else []), *pad_line(part, width)]
    return line
