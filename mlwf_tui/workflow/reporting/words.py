"""A report in rows and words, which every kind of page shares; and as Markdown and CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO

from mlwf_tui.entities.card import show_safely
from mlwf_tui.entities.measurement import (
    COUNT_NAMES,
    METRIC_NAMES,
    ComparedPair,
    ComparisonReport,
    Difference,
    Interval,
    choose_main,
    describe_slice,
)
from mlwf_tui.entities.model import ClassMetrics, Evaluation, Report
from mlwf_tui.entities.sizes import MIB
from mlwf_tui.entities.speed import BatchSpeed, Speed
from mlwf_tui.workflow.reporting.sections import iter_section_text, tabulate_classes
from mlwf_tui.workflow.reporting.sides import describe_fates, list_cause_rows, tabulate_models
from mlwf_tui.workflow.reporting.worst import (
    CONFUSED_HEADER,
    ITEM_HEADER,
    list_confused_rows,
    list_worst_items,
)

COUNTS = COUNT_NAMES

Row = tuple[str, ...]


def list_metric_rows(evaluation: Evaluation) -> list[Row]:
    """Return name, value and interval of each figure."""
    return [
        (
            evaluation.metric_names.get(name) or METRIC_NAMES.get(name, name),
            f"{value:,.0f}" if name in COUNTS else f"{value:.3f}",
            _show_interval(evaluation.intervals.get(name)),
        )
        for name, value in evaluation.metrics.items()
    ]


def list_class_rows(evaluation: Evaluation) -> list[Row]:
    """Return what is known of each class, the most truths first."""
    return [
        (
            of.name,
            f"{of.truth_count:,}",
            f"{of.prediction_count:,}",
            *(show_share(value) for value in (of.map50, of.map, of.precision, of.recall, of.f1)),
        )
        for of in _order_classes(evaluation)
    ]


def _order_classes(evaluation: Evaluation) -> list[ClassMetrics]:
    return sorted(evaluation.classes, key=lambda of: (-of.truth_count, of.name))


ERROR_HEADER = ("error", "count at the operating confidence", "mAP50 lost over all confidences")
SPEED_HEADER = (
    "images at once", "part", "mean ms", "deviation", "p50", "p95", "p99", "images a second",
    "CPU ms an image", "memory MiB", "GPU MiB", "J an image",
)  # fmt: skip


def list_speed_rows(speed: Speed | None) -> list[Row]:
    """Return how long each part of a pass takes, for each batch size; times are of the whole batch."""
    return [
        (
            str(of.batch),
            times.part,
            *(f"{value:.2f}" for value in (times.mean_ms, times.deviation_ms, times.p50_ms, times.p95_ms,
                                           times.p99_ms)),
            *(_list_costs(of) if times.part == "total" else ("",) * 5),
        )
        for of in (speed.batches if speed is not None else ())
        for times in of.parts
    ]  # fmt: skip


def _list_costs(of: BatchSpeed) -> Row:
    sizes = [None if size is None else size / MIB for size in (of.rss_peak_bytes, of.gpu_peak_bytes)]
    return (
        f"{of.images_per_second:.1f}",
        f"{of.cpu_ms:.2f}",
        *("-" if size is None else f"{size:,.0f}" for size in sizes),
        "-" if of.energy_j is None else f"{of.energy_j:.3f}",
    )


def describe_speed(speed: Speed | None) -> list[str]:
    """Return under which circumstances the speed was measured, or why it was not."""
    if speed is None:
        return []
    if speed.missing:
        return [f"The speed was not measured: {speed.missing}"]
    cold = "" if speed.cold_ms is None else f", the first pass of all took {speed.cold_ms:,.0f} ms"
    load = "" if speed.load_1m is None else f"; load of the machine {speed.load_1m:.1f}"
    lines = [
        f"{speed.device}, {speed.runtime}, {speed.precision}; {speed.clock}{load}",
        f"{speed.warm_up} passes to warm up{cold}; {speed.image_count} different images, decoded before",
    ]
    if speed.is_disturbed:
        lines.append("Other work disturbed it: take the times as an upper bound, and CPU time as it is.")
    return [*lines, *filter(None, [speed.energy_missing])]


def list_pair_rows(differences: Mapping[str, Difference]) -> list[Row]:
    """Return name, difference, interval, p-value and verdict of each figure."""
    return [
        (
            METRIC_NAMES.get(name, name),
            f"{of.value:+.3f}",
            f"{of.low:+.3f} … {of.high:+.3f}",
            f"{of.p:.3f}",
            judge(of),
        )
        for name, of in differences.items()
    ]


SLICE_HEADER: Row = ("part", "of", "items", "objects", "figure", "value", "95 % interval", "the rest", "p")


def list_slice_rows(evaluation: Evaluation) -> list[Row]:
    """Return what is known of each part of the set, those furthest below the rest first."""
    return [
        (
            of.name,
            of.group,
            f"{of.item_count:,}",
            f"{of.truth_count:,}",
            METRIC_NAMES[of.metric],
            f"{of.value:.3f}",
            _show_interval(of.interval),
            show_share(of.rest),
            f"{of.p:.3f}",
        )
        for of in evaluation.slices
    ]


def describe_worst_slices(evaluation: Evaluation, most: int = 5) -> list[str]:
    """Return a sentence on each part that is measurably worse than the rest, the worst first."""
    return [describe_slice(of) for of in evaluation.slices if of.is_worse][:most]


SLICE_PAIR_HEADER: Row = (
    "part",
    "of",
    "objects",
    "figure",
    "difference",
    "95 % interval",
    "p",
    "",
    "fixed",
    "broken",
)


def list_slice_pair_rows(pair: ComparedPair) -> list[Row]:
    """Return what differs in each part of the set, the losses first."""
    return [
        (
            of.name,
            of.group,
            f"{of.truth_count:,}",
            METRIC_NAMES[of.metric],
            f"{of.difference.value:+.3f}",
            f"{of.difference.low:+.3f} … {of.difference.high:+.3f}",
            f"{of.difference.p:.3f}",
            judge(of.difference),
            f"{of.fixed:,}",
            f"{of.broken:,}",
        )
        for of in pair.comparison.slices
    ]


def judge(difference: Difference) -> str:
    """Return better, worse, or that no difference can be measured."""
    if not difference.is_measurable:
        return "no measurable difference"
    return "better" if difference.value > 0 else "worse"


def describe_verdict(pair: ComparedPair) -> str:
    """Return in one sentence whether the newer is better by the figure that says most."""
    name = choose_main(pair.comparison.differences)
    title = METRIC_NAMES.get(name, name) or "mAP50"
    found = pair.comparison.differences.get(name)
    if found is None:
        return f"{pair.new} and {pair.old} cannot be compared by {title}"
    if not found.is_measurable:
        return f"There is no measurable difference in {title} between {pair.new} and {pair.old}"
    word = "better" if found.value > 0 else "worse"
    return (
        f"{pair.new} is {word} than {pair.old} by {abs(found.value):.3f} {title} "
        f"(95 % interval {found.low:+.3f} to {found.high:+.3f})"
    )


def describe_comparison(body: ComparisonReport) -> str:
    """Return the verdict on each pair of models, a sentence each."""
    return " ".join(f"{describe_verdict(pair)}." for pair in body.pairs)


def describe_ground(body: ComparisonReport) -> str:
    """Return in words what a comparison stands on: the data, and who has measured."""
    first = body.models[0]
    by = f" by {body.evaluator}" if body.evaluator else ""
    return f"measured on {first.version}, split {first.split}{by}"


def show_share(value: float | None) -> str:
    """Return three decimals, or a dash where there is nothing to measure."""
    return "-" if value is None else f"{value:.3f}"


def write_benchmark_text(report: Report, evaluation: Evaluation) -> str:
    """Return a benchmark as Markdown."""
    return "\n".join(_iter_benchmark(report, evaluation)) + "\n"


def write_comparison_text(report: Report, body: ComparisonReport) -> str:
    """Return a comparison as Markdown."""
    return "\n".join(_iter_comparison(report, body)) + "\n"


def write_class_table(evaluation: Evaluation) -> str:
    """Return what is known of each class as CSV, the most truths first; numbers as they are."""
    others = tuple(dict.fromkeys(name for of in evaluation.classes for name in of.others))
    header = ("class", "truths", "predicted", "map50", "map", "precision", "recall", "f1", *others)
    rows = [
        (
            of.name, of.truth_count, of.prediction_count, of.map50, of.map, of.precision, of.recall, of.f1,
            *(of.others.get(name) for name in others),
        )
        for of in _order_classes(evaluation)
    ]  # fmt: skip
    return write_table(header, rows)


def write_difference_table(body: ComparisonReport) -> str:
    """Return the differences of each pair as CSV, numbers as they are."""
    header = ("new", "old", "figure", "difference", "low", "high", "p", "verdict")
    rows = [
        (pair.new, pair.old, name, of.value, of.low, of.high, of.p, judge(of))
        for pair in body.pairs
        for name, of in pair.comparison.differences.items()
    ]
    return write_table(header, rows)


def write_table(header: Sequence[str], rows: Sequence[Sequence[str | float | None]]) -> str:
    """Return rows as CSV with a header; a text that a spreadsheet would take for a formula is quoted."""
    file = StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([[_disarm(cell) for cell in row] for row in rows])
    return file.getvalue()


def _disarm(cell: str | float | None) -> str | float | None:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def _iter_benchmark(report: Report, evaluation: Evaluation) -> Iterator[str]:
    yield f"# {_cell(report.name)}"
    yield ""
    yield f"{_cell(report.model_name)} on {_cell(report.version_ref)}, {_cell(report.part.describe())}"
    yield ""
    yield from _iter_table(("figure", "value", "95 % interval"), list_metric_rows(evaluation))
    yield ""
    header: Row = ("class", "truths", "predicted", "mAP50", "mAP", "precision", "recall", "F1")
    yield from _iter_table(*(tabulate_classes(evaluation) or (header, list_class_rows(evaluation))))
    for title, note, table in iter_section_text(evaluation):
        yield from ("", f"## {_cell(title)}", "")
        yield from ([_cell(note), ""] if note else [])
        yield from _iter_table(*table)
    for line in evaluation.notes:
        yield ""
        yield f"- {_cell(line)}"
    rows = list_speed_rows(evaluation.speed)
    if rows:
        yield ""
        yield from _iter_table(SPEED_HEADER, rows)
    for line in describe_speed(evaluation.speed):
        yield ""
        yield _cell(line)
    if evaluation.errors:
        yield ""
        rows = [(of.kind.value, f"{of.count:,}", f"{of.map50_lost:.3f}") for of in evaluation.errors]
        yield from _iter_table(ERROR_HEADER, rows)
    if evaluation.slices:
        yield ""
        yield from (f"- {_cell(text)}." for text in describe_worst_slices(evaluation))
        yield ""
        yield from _iter_table(SLICE_HEADER, list_slice_rows(evaluation))
    for header, rows in (
        (CONFUSED_HEADER, list_confused_rows(evaluation)), (ITEM_HEADER, list_worst_items(evaluation)),
    ):  # fmt: skip
        if rows:
            yield ""
            yield from _iter_table(header, rows)


def _iter_comparison(report: Report, body: ComparisonReport) -> Iterator[str]:
    yield f"# {_cell(report.name)}"
    yield ""
    yield f"All were {_cell(describe_ground(body))}."
    yield ""
    yield from _iter_table(*tabulate_models(body))
    for pair in body.pairs:
        yield ""
        yield f"## {_cell(pair.new)} less {_cell(pair.old)}"
        yield ""
        counted = pair.comparison.counted.capitalize()
        yield f"{_cell(describe_verdict(pair))}. {counted}: {describe_fates(pair)}."
        yield ""
        header = ("figure", "difference", "95 % interval", "p", "")
        yield from _iter_table(header, list_pair_rows(pair.comparison.differences))
        if pair.comparison.slices:
            yield ""
            yield from _iter_table(SLICE_PAIR_HEADER, list_slice_pair_rows(pair))
        if pair.causes:
            yield ""
            yield from _iter_table(("differs", pair.old, pair.new), list_cause_rows(pair))


def _iter_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield f"|{'---|' * len(header)}"
    for row in rows:
        yield f"| {' | '.join(_cell(cell) for cell in row)} |"


def _cell(text: str) -> str:
    return show_safely(text, 200).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def _show_interval(found: Interval | None) -> str:
    return "" if found is None else f"{found.low:.3f} … {found.high:.3f}"
