"""The parts of a benchmark report as ink: headline, classes, curves, confusion, histograms; no widget."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.evidence import LETTERS, Pick, Verdict
from mlwf_tui.entities.measurement import COUNT_NAMES, METRIC_NAMES, Interval, Thresholds
from mlwf_tui.entities.model import ClassMetrics, Curve, Evaluation, Report, describe_benchmark
from mlwf_tui.entities.speed import STAGES
from mlwf_tui.tui.widgets.drawing import SERIES_ROLES, Line, Run, draw_bar, fit, link, measure_line
from mlwf_tui.tui.widgets.plot import Series, draw_plot
from mlwf_tui.tui.widgets.report_confusion import draw_confusion, draw_pairs
from mlwf_tui.tui.widgets.report_findings import draw_calibration, draw_errors, draw_items
from mlwf_tui.tui.widgets.report_histograms import draw_confidence_histogram, draw_iou_histogram
from mlwf_tui.tui.widgets.report_speed import draw_speed
from mlwf_tui.tui.widgets.slice_section import draw_slices

Section = Callable[[Report, Evaluation, int], list[Line]]

HEADLINE = ("map", "map50", "map75", "precision", "recall", "f1", "mean_iou")
UNITS = COUNT_NAMES | {"confidence"}
"""Figures that are no share of anything: they get no card."""
VERDICT_ROLES: Mapping[Verdict, str] = {
    Verdict.FOUND: "success", Verdict.MISSED: "warning", Verdict.FALSE: "error",
    Verdict.CONFUSED: "secondary",
}  # fmt: skip
MOST_CARDS = 8
MOST_CARD_WIDTH = 18
CARD_WIDTH = 11
MOST_NAME_WIDTH, LEAST_NAME_WIDTH = 24, 10  # of a class
_COUNTS: Mapping[str, int] = {"truths": 7, "predicted": 9}  # of a class, with their widths
_SCORES_WIDTH = 38  # of its figures, and of what lies between these, its name and a bar
PLOT_HEIGHT = 15
MAX_PLOT_WIDTH = 110


def draw_overview(report: Report, evaluation: Evaluation, width: int) -> list[Line]:
    """Return what was measured on what, the headline numbers as cards, and the speed."""
    subject: Line = [
        ("▲ ", "accent"), (report.model_name, "strong"), ("  on  ", "muted"), ("◆ ", "primary"),
        (report.version_ref, "strong"),
        (f"  {report.split}, {format_count(_count_items(evaluation), 'item')}", "muted"),
    ]  # fmt: skip
    confidence = evaluation.metrics.get("confidence")
    note = "" if confidence is None else f" precision, recall, F1 at confidence {confidence:.3f}"
    if confidence is not None and evaluation.sections and not evaluation.confidence_curves:
        note = f" counted at confidence {confidence:.3f}"
    if evaluation.intervals:
        note = f"{note}; below, the 95 % interval" if note else " below each, its 95 % interval"
    lines: list[Line] = [[(" ", "text"), *subject]]
    is_said = describe_benchmark(report.model_name, report.version_ref, report.part, evaluation)
    if report.description not in ("", is_said):
        lines.append([(" " + fit(report.description, width - 2), "muted")])
    cards = _draw_cards(evaluation, width)
    fate = [_draw_fate(evaluation), []] if evaluation.confusion else []
    return [*lines, [], *cards, [(note, "faint")], [], *fate, *_draw_speed(report.speed, width)]


def _draw_fate(evaluation: Evaluation) -> Line:
    """Return what became of all objects, each count standing for its images."""
    table = evaluation.confusion
    known = range(len(table) - 1)
    found = sum(table[place][place] for place in known)
    counts = {
        Verdict.FOUND: found,
        Verdict.MISSED: sum(table[-1]),
        Verdict.FALSE: sum(row[-1] for row in table),
        Verdict.CONFUSED: sum(table[row][column] for row in known for column in known) - found,
    }
    line: Line = [(" objects  ", "muted")]
    for verdict, count in counts.items():
        run: Line = [(f"{LETTERS[verdict]} ", VERDICT_ROLES[verdict]), (f"{count:,} {verdict.value}", "text")]
        line += [*(link(run, Pick(verdict=verdict)) if count else run), ("   ", "text")]
    return line


def _count_items(evaluation: Evaluation) -> int:
    return len(evaluation.items) or int(evaluation.metrics.get("image_count", 0))


def draw_classes(report: Report, evaluation: Evaluation, width: int) -> list[Line]:
    """Return a table of all classes with a bar for mAP."""
    longest = min(MOST_NAME_WIDTH, max(6, *(len(one.name) for one in evaluation.classes), 0))
    counts, room = _choose_counts(longest, width)
    name_width = min(longest, room)
    bar_width = max(0, min(24, room - name_width - 6))
    titles = "".join(f" {title:>{count_width}}" for title, count_width in counts.items())
    header = f" {fit('class', name_width)}{titles}   {'mAP':>5} {'':<{bar_width}} "
    header += f"{'mAP50':>6} {'P':>6} {'R':>6} {'F1':>6}"
    lines: list[Line] = [[(fit(header, width), "muted")]]
    for one in evaluation.classes:
        line = _draw_class(one, counts, name_width, bar_width)
        lines.append(link(line, Pick(of_class=one.name)))
    return lines


def _choose_counts(longest: int, width: int) -> tuple[Mapping[str, int], int]:
    """Return the counts of a class that there is room for, by title, and the room left for its name."""
    shown = dict(_COUNTS)
    while True:
        room = width - _SCORES_WIDTH - sum(count_width + 1 for count_width in shown.values())
        if room >= min(longest, LEAST_NAME_WIDTH) or not shown:
            return shown, max(room, 1)
        shown.popitem()


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


SECTIONS: Mapping[str, Section] = {
    "Overview": draw_overview,
    "Classes": draw_classes,
    "Precision and recall": draw_pr_curves,
    "Confidence": draw_confidence_curves,
    "Calibration": draw_calibration,
    "Matched pairs by IoU": draw_iou_histogram,
    "Predictions by confidence": draw_confidence_histogram,
    "Confusion": draw_confusion,
    "Most confused": draw_pairs,
    "Errors": draw_errors,
    "Slices": draw_slices,
    "Speed": draw_speed,
    "Items": draw_items,
}


def draw_heading(number: int, count: int, title: str, width: int) -> Line:
    """Return a section's heading: which of how many, and at the first one the keys that lead to the next."""
    head = f"{number}/{count}"
    keys = " ( ) sections ──" if number == 1 else ""
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
    stages = [(name.removesuffix("_ms"), speed[name]) for name in STAGES if name in speed]
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


def _draw_class(one: ClassMetrics, shown: Mapping[str, int], name_width: int, bar_width: int) -> Line:
    bar: list[Run] = []
    if bar_width:
        bar = [(draw_bar(one.map or 0.0, bar_width), "primary")]
    known = {"truths": one.truth_count, "predicted": one.prediction_count}
    counts = "".join(f" {known[title]:>{width},}" for title, width in shown.items())
    rest = " ".join(f"{_write_score(value):>6}" for value in (one.map50, one.precision, one.recall, one.f1))
    return [
        (f" {fit(one.name, name_width)}", "strong"),
        (f"{counts}   ", "muted"),
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
