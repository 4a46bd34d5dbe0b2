"""A report as one HTML page that opens offline, its charts and pictures in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mlwf_tui.entities.evidence import name_nothing
from mlwf_tui.entities.measurement import (
    IMAGES,
    Calibration,
    ComparedPair,
    ComparisonReport,
    Difference,
    Interval,
)
from mlwf_tui.entities.model import Curve, Evaluation, Report
from mlwf_tui.entities.section import Section
from mlwf_tui.workflow.reporting.charts import STYLE as CHART_STYLE
from mlwf_tui.workflow.reporting.charts import draw_bars, draw_counts, draw_lines, round_up, show
from mlwf_tui.workflow.reporting.evidence_gallery import STYLE as EVIDENCE_STYLE
from mlwf_tui.workflow.reporting.galleries import LEGEND_OF_TWO
from mlwf_tui.workflow.reporting.galleries import STYLE as GALLERY_STYLE
from mlwf_tui.workflow.reporting.sections import (
    describe_note,
    draw_section,
    tabulate_classes,
    tabulate_section,
)
from mlwf_tui.workflow.reporting.sides import (
    describe_fates,
    draw_trade_offs,
    list_cause_rows,
    tabulate_models,
)
from mlwf_tui.workflow.reporting.words import (
    SLICE_HEADER,
    SLICE_PAIR_HEADER,
    SPEED_HEADER,
    describe_ground,
    describe_speed,
    describe_verdict,
    list_class_rows,
    list_metric_rows,
    list_pair_rows,
    list_slice_pair_rows,
    list_slice_rows,
    list_speed_rows,
)
from mlwf_tui.workflow.reporting.worst import CONFUSED_HEADER, list_confused_rows

MAX_CURVES = 8
MAX_CLASS_ROWS = 500

STYLE = """
body{font:14px/1.45 system-ui,sans-serif;color:#0f172a;max-width:1320px;margin:0 auto;padding:16px 24px}
h1{font-size:22px;margin:0}h2{font-size:16px;margin:28px 0 8px;border-bottom:1px solid #e2e8f0}
.about{color:#475569}.charts{display:flex;flex-wrap:wrap;gap:16px}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:2px 12px 2px 0;text-align:right}
th{color:#475569;font-weight:600;border-bottom:1px solid #cbd5e1}
th:first-child,td:first-child{text-align:left}
td.verdict{text-align:left}
"""


def write_benchmark_page(report: Report, evaluation: Evaluation, gallery: str) -> str:
    """Return the page of a benchmark; `gallery` is the figures of its worst items."""
    return _wrap(
        report.name,
        f"{report.model_name} on {report.version_ref}, {report.part.describe()}",
        [
            _section("To know", "".join(f"<p>{show(line, 500)}</p>" for line in evaluation.notes)),
            _section("Figures", _table(("", "value", "95 % interval"), list_metric_rows(evaluation))),
            _section("Curves", _group(_draw_curves(evaluation))),
            _section("Classes", _group(_draw_classes(evaluation)), _tabulate_classes(evaluation)),
            *map(_write_own, evaluation.sections),
            _section("Confusion", _draw_confusion(evaluation), _tabulate_confused(evaluation)),
            _section("Errors", _group(_draw_errors(evaluation))),
            _section(
                "Slices", _table(SLICE_HEADER, list_slice_rows(evaluation)) if evaluation.slices else ""
            ),
            _section("Calibration", _draw_calibration(evaluation.calibration)),
            _section("Speed", *_write_speed(report, evaluation)),
            _section("Items with the most mistakes", gallery),
        ],
    )


def _tabulate_confused(evaluation: Evaluation) -> str:
    rows = list_confused_rows(evaluation)
    return _table(CONFUSED_HEADER, rows) if rows else ""


def _write_speed(report: Report, evaluation: Evaluation) -> Iterator[str]:
    rows = list_speed_rows(evaluation.speed)
    if rows:
        yield _table(SPEED_HEADER, rows)
    elif report.speed:  # of a report before schema 3, or where only the measuring itself was timed
        yield _table(("", ""), [(name, f"{of:.2f}") for name, of in report.speed.items()])
    yield from (f"<p>{show(line, 500)}</p>" for line in describe_speed(evaluation.speed))


def write_comparison_page(report: Report, body: ComparisonReport, galleries: Sequence[str]) -> str:
    """Return the page of a comparison; `galleries` are the figures of what became worse, one a pair."""
    sections = [_section("Models", _table(*tabulate_models(body)), _group(draw_trade_offs(body)))]
    for pair, gallery in zip(body.pairs, galleries, strict=True):
        sections.extend(_write_pair(pair, gallery))
    return _wrap(report.name, describe_ground(body), sections)


def _write_pair(pair: ComparedPair, gallery: str) -> Iterator[str]:
    found = pair.comparison
    header = ("", "difference", "95 % interval", "p", "")
    yield _section(
        f"{pair.new} less {pair.old}",
        f"<p>{show(describe_verdict(pair), 300)}. {found.counted.capitalize()}: {describe_fates(pair)}.</p>",
        _table(header, list_pair_rows(found.differences)),
        _group([_draw_class_differences(pair)] if pair.comparison.classes else []),
    )
    if found.slices:
        yield _section("Slices", _table(SLICE_PAIR_HEADER, list_slice_pair_rows(pair)))
    if pair.causes:
        table = _table(("", pair.old, pair.new), list_cause_rows(pair))
        yield _section("What differs in how they were made", table)
    if gallery:
        yield _section("Items that became worse", f"<p>{LEGEND_OF_TWO}</p>{gallery}")


def _draw_curves(evaluation: Evaluation) -> Iterator[str]:
    if not evaluation.pr_curves:
        return
    similarity = evaluation.similarity
    yield draw_lines(evaluation.pr_curves[:MAX_CURVES], title=f"Precision over recall, {similarity} 0.5",
                     x_label="recall", y_label="precision")  # fmt: skip
    yield draw_lines(evaluation.confidence_curves, title="Over the confidence threshold",
                     x_label="confidence", y_label="value")  # fmt: skip
    yield draw_lines(evaluation.confidence_histogram, title="Confidence of hits and of others",
                     x_label="confidence", y_label="detections")  # fmt: skip
    yield draw_lines([evaluation.iou_histogram], title=f"{similarity} of matched pairs", x_label=similarity,
                     y_label="pairs", x_range=(0.5, 1))  # fmt: skip


def _draw_classes(evaluation: Evaluation) -> Iterator[str]:
    if tabulate_classes(evaluation) is not None:
        return
    known = sorted(evaluation.classes, key=lambda of: -(of.map50 if of.map50 is not None else -1))
    names = [of.name for of in known]
    intervals = [evaluation.class_intervals.get(name) for name in names]
    yield draw_bars(names, [of.map50 for of in known], title="mAP50 of each class", x_label="mAP50",
                    intervals=intervals)  # fmt: skip


def _tabulate_classes(evaluation: Evaluation) -> str:
    common = ("class", "truths", "predicted", "mAP50", "mAP", "precision", "recall", "F1")
    header, rows = tabulate_classes(evaluation) or (common, list_class_rows(evaluation))
    return _table(header, rows[:MAX_CLASS_ROWS]) if rows else ""


def _write_own(section: Section) -> str:
    """Return what the evaluator alone says, as a chart where it is one."""
    note = describe_note(section)
    chart = draw_section(section)
    header, rows = tabulate_section(section)
    body = _group([chart]) if chart else _table(header, rows[:MAX_CLASS_ROWS]) if rows else ""
    return _section(section.title, body, f"<p>{note}</p>" if note else "") if body else ""


def _draw_confusion(evaluation: Evaluation) -> str:
    if not evaluation.confusion:
        return ""
    names = [of.name for of in evaluation.classes]
    names.append(name_nothing(names))
    return draw_counts(names, evaluation.confusion, title="Which class was taken for which")


def _draw_errors(evaluation: Evaluation) -> Iterator[str]:
    if evaluation.errors:
        names = [f"{of.kind.value} ({of.count:,})" for of in evaluation.errors]
        values = [of.map50_lost for of in evaluation.errors]
        yield draw_bars(names, values, title="What mending each kind of error would give back",
                        x_label="mAP50 over all confidences; in brackets the count at the operating one",
                        x_range=(0, round_up(max(max(values), 0.01))))  # fmt: skip


def _draw_calibration(found: Calibration | None) -> str:
    if found is None:
        return ""
    filled = [of for of in found.bins if of.count]
    line = Curve(
        name="measured",
        x=tuple(of.confidence for of in filled),
        y=tuple(of.precision for of in filled),
    )
    ideal = Curve(name="ideal", x=(0.0, 1.0), y=(0.0, 1.0))
    words = (
        f"<p>Expected calibration error {found.ece:.3f}, largest {found.mce:.3f}; with confidences scaled by "
        f"the temperature {found.temperature:.2f}: {found.ece_scaled:.3f} and {found.mce_scaled:.3f}, "
        "measured on items it was not fitted to.</p>"
    )
    chart = draw_lines([ideal, line], title="Reliability", x_label="confidence", y_label="share of hits")
    return words + chart


def _draw_class_differences(pair: ComparedPair) -> str:
    if pair.comparison.counted == IMAGES:
        return _draw_class_ious(pair)
    known = [(of.name, of.map50) for of in pair.comparison.classes if of.map50 is not None]
    known.sort(key=lambda of: of[1].value)
    reach = round_up(max((max(abs(of.low), abs(of.high)) for _, of in known), default=0) or 0.01)
    return draw_bars(
        [name for name, _ in known],
        [of.value for _, of in known],
        title="Difference in mAP50 by class",
        x_label=f"mAP50, {pair.new} less {pair.old}",
        intervals=[_to_interval(of) for _, of in known],
        x_range=(-reach, reach),
    )


def _draw_class_ious(pair: ComparedPair) -> str:
    known = sorted(pair.comparison.classes, key=lambda of: of.iou_change)
    reach = round_up(max((abs(of.iou_change) for of in known), default=0) or 0.01)
    return draw_bars(
        [of.name for of in known],
        [of.iou_change for of in known],
        title="Difference in IoU by class",
        x_label=f"IoU, {pair.new} less {pair.old}",
        x_range=(-reach, reach),
    )


def _to_interval(of: Difference) -> Interval:
    return Interval(of.low, of.high)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{show(cell)}</th>" for cell in header)
    body = "".join(f"<tr>{''.join(f'<td>{show(cell, 120)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _section(title: str, *parts: str) -> str:
    body = "".join(parts)
    return f"<section><h2>{show(title, 200)}</h2>{body}</section>" if body else ""


def _group(charts: Iterator[str] | Sequence[str]) -> str:
    body = "".join(charts)
    return f'<div class="charts">{body}</div>' if body else ""


def _wrap(title: str, about: str, sections: Sequence[str]) -> str:
    style = STYLE + CHART_STYLE + GALLERY_STYLE + EVIDENCE_STYLE
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{show(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{style}</style></head><body>'
        f'<h1>{show(title)}</h1><p class="about">{show(about, 200)}</p>{"".join(sections)}</body></html>\n'
    )
