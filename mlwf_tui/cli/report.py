"""The command that shows reports, at other thresholds too, and writes them to files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from mlwf_tui.cli.face import Face, command, to_document
from mlwf_tui.cli.text import format_age, format_table
from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.measurement import ThresholdFigures, describe_slice
from mlwf_tui.entities.model import Evaluation, Report, ReportKind
from mlwf_tui.errors import InvalidParameter

if TYPE_CHECKING:  # for the annotations alone; see Face.open
    from mlwf_tui.entities.evidence import ItemEvidence, ItemFates
    from mlwf_tui.workspace import Workspace

group = click.Group()
_OF_ONE = ("html", "out", "confidence", "iou", "class_iou", "lists_items", "where", "limit")


@command(group, "report")
@click.argument("ref", required=False)
@click.option("--html", type=click.Path(path_type=Path), help="Write it as a page that opens offline.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Write it as a file; its ending says how: .html, .md, .json or .csv.",
)
@click.option("--confidence", type=float, help="Count at this confidence instead of the operating one.")
@click.option(
    "--iou",
    type=float,
    help="Count a detection as right from this IoU up, else 0.5; with --items one of 0.5, 0.55, … 0.95.",
)
@click.option(
    "--class-iou", multiple=True, metavar="CLASS=IOU", help="The IoU of one class; may be repeated."
)
@click.option("--items", "lists_items", is_flag=True, help="List its images, those with most mistakes first.")
@click.option(
    "--where",
    multiple=True,
    metavar="FIELD=VALUE",
    help="With --items: only images behind one number; may be repeated, and all must hold.",
)
@click.option("--limit", type=click.IntRange(1), help="With --items: at most so many.")
def report_command(
    face: Face,
    ref: str | None,
    html: Path | None,
    out: Path | None,
    confidence: float | None,
    iou: float | None,
    class_iou: tuple[str, ...],
    lists_items: bool,
    where: tuple[str, ...],
    limit: int | None,
) -> None:
    """Show a report; without a name, list all.

    At another confidence or IoU the figures are counted from what the model said when it was measured.
    --items lists the images behind it; --where says behind which number: a cell of the confusion
    (predicted, truth; none is nothing), class, verdict (found, missed, false, confused), error, slice, a
    bin of confidence or iou (LOW..HIGH), right (yes, no), or one item. Of a comparison: fate (fixed,
    broken, 'both wrong', 'both right'), class, slice, item, pair.

    \b
    mlwf report small-on-cells --html report.html
    mlwf report small-on-cells --out report.md
    mlwf report small-on-cells --confidence 0.4 --iou 0.6 --class-iou cell=0.75
    mlwf report small-on-cells --items --where "predicted=rbc truth=wbc"
    mlwf report small-on-cells --items --where "slice='object size: small' verdict=missed" --iou 0.75
    mlwf report small-on-cells --items --out items.csv
    mlwf report small-against-old --items --where "fate=broken class=rbc"
    """
    from mlwf_tui.workflow.reports import get_report, list_reports, read_evaluation

    with face.open() as workspace:
        if ref is None:
            _refuse_without_report()
            reports = list_reports(workspace)
            face.show({"reports": [to_document(r) for r in reports]}, lambda: _format_reports(reports))
            return
        if lists_items:
            _refuse_with_items(html, out, class_iou)
            _show_items(face, workspace, ref, where, limit, (confidence, iou), out)
            return
        if where or limit is not None:
            raise InvalidParameter("--where and --limit are for the images.", hint="Add --items.")
        if confidence is not None or iou is not None or class_iou:
            if html is not None or out is not None:
                raise InvalidParameter(
                    "What is written to a file is the report as it was measured.",
                    hint="Leave out --confidence, --iou and --class-iou, or --html and --out.",
                )
            _show_threshold(face, workspace, ref, confidence, 0.5 if iou is None else iou, class_iou)
            return
        if html is not None or out is not None:
            _write_report(face, workspace, ref, html, out)
            return
        report = get_report(workspace, ref)
        if report.kind is ReportKind.COMPARISON:
            _show_comparison(face, workspace, report)
            return
        evaluation = read_evaluation(workspace, report)
    document = {**to_document(report), "evaluation": to_document(evaluation)}
    face.show(document, lambda: _format_report(report, evaluation))


def _refuse_without_report() -> None:
    """Raise InvalidParameter where an option of one report is given to the list of all."""
    context = click.get_current_context()
    given = [
        option.opts[0]
        for option in context.command.params
        if option.name in _OF_ONE and context.get_parameter_source(option.name) is not ParameterSource.DEFAULT
    ]
    if given:
        raise InvalidParameter(
            f"{' and '.join(given)} {'is' if len(given) == 1 else 'are'} of one report.",
            hint="Name it; mlwf report lists them.",
        )


def _refuse_with_items(html: Path | None, out: Path | None, class_iou: tuple[str, ...]) -> None:
    if html is not None or class_iou:
        raise InvalidParameter(
            "Images are listed at one IoU for all classes, and not as a page.",
            hint="Leave out --html and --class-iou; --out FILE.csv writes the list.",
        )
    if out is not None and out.suffix.lower() != ".csv":
        raise InvalidParameter(f"Images cannot be listed in {out.name}.", hint="Give a file.csv.")


def _show_items(
    face: Face,
    workspace: Workspace,
    ref: str,
    where: tuple[str, ...],
    limit: int | None,
    thresholds: tuple[float | None, float | None],
    out: Path | None,
) -> None:
    from mlwf_tui.entities.evidence import parse_pick
    from mlwf_tui.workflow.reporting.evidence import open_evidence, write_item_table
    from mlwf_tui.workflow.reports import get_report, read_evaluation

    report = get_report(workspace, ref)
    if report.kind is ReportKind.COMPARISON:
        _show_fates(face, workspace, report, where, limit, thresholds, out)
        return
    evaluation = read_evaluation(workspace, report)
    pick = parse_pick(where, [of.name for of in evaluation.classes])
    evidence = open_evidence(workspace, report, evaluation)
    at = evidence.choose(*thresholds)
    items = evidence.list_items(pick, at)
    shown = items[:limit]
    if out is not None:
        _write_items(face, report, out, write_item_table(shown))
        return
    document = {
        "report": report.name, "where": pick.describe(),
        "confidence": at.confidence if evidence.has_thresholds else None,
        "iou": at.hit_iou if evidence.has_thresholds else None,
        "item_count": len(items), "items": [to_document(of) for of in shown],
    }  # fmt: skip
    at_text = f" at {evidence.describe(at)}" if evidence.describe(at) else ""
    head = f"{report.name}, {pick.describe()}: {len(items):,} images{at_text}"
    face.show(document, lambda: f"{head}\n\n{_format_items(shown)}")


def _show_fates(
    face: Face,
    workspace: Workspace,
    report: Report,
    where: tuple[str, ...],
    limit: int | None,
    thresholds: tuple[float | None, float | None],
    out: Path | None,
) -> None:
    from mlwf_tui.entities.evidence import parse_fate_pick
    from mlwf_tui.workflow.compare import read_comparison
    from mlwf_tui.workflow.reporting.pair_evidence import open_pair, write_fate_table

    if thresholds != (None, None):
        raise InvalidParameter(
            "A comparison stands at the confidence of each of its reports.",
            hint="Leave out --confidence and --iou, or list the images of one of the reports.",
        )
    pick = parse_fate_pick(where)
    items = open_pair(workspace, read_comparison(workspace, report), pick.pair).list_items(pick)
    shown = items[:limit]
    if out is not None:
        _write_items(face, report, out, write_fate_table(shown))
        return
    document = {
        "report": report.name, "where": pick.describe(), "item_count": len(items),
        "items": [to_document(of) for of in shown],
    }  # fmt: skip
    head = f"{report.name}, {pick.describe()}: {format_count(len(items), 'image')}"
    face.show(document, lambda: f"{head}\n\n{_format_fates(shown)}")


def _format_fates(items: Sequence[ItemFates]) -> str:
    rows: list[tuple[str, ...]] = [
        (of.key, *(f"{n:,}" for n in (of.count, of.fixed, of.broken, of.both_wrong, of.both_right)))
        for of in items
    ]
    header: tuple[str, ...] = ("ITEM", "COUNT", "FIXED", "BROKEN", "BOTH WRONG", "BOTH RIGHT")
    if any(of.is_of_pixels for of in items):
        header = (*header, "IOU BEFORE", "IOU")
        rows = [
            (*row, _format_share(of.iou_before), _format_share(of.iou))
            for row, of in zip(rows, items, strict=True)
        ]
    return format_table(header, rows, empty="No image.")


def _write_items(face: Face, report: Report, out: Path, table: str) -> None:
    from mlwf_tui.workflow.whole_files import write_new_file

    path = write_new_file(out, table)
    face.show({"report": report.name, "paths": [str(path)]}, f"written: {path}")


def _format_items(items: Sequence[ItemEvidence]) -> str:
    rows: list[tuple[str, ...]] = [
        (of.key, *(f"{count:,}" for count in (of.count, of.found, of.missed, of.false, of.confused)))
        for of in items
    ]
    header: tuple[str, ...] = ("ITEM", "COUNT", "FOUND", "MISSED", "FALSE", "CONFUSED")
    if any(of.iou is not None for of in items):  # of pixels
        header = (*header, "IOU")
        rows = [(*row, _format_share(of.iou)) for row, of in zip(rows, items, strict=True)]
    return format_table(header, rows, empty="No image.")


def _show_threshold(
    face: Face,
    workspace: Workspace,
    ref: str,
    confidence: float | None,
    iou: float,
    class_iou: tuple[str, ...],
) -> None:
    from mlwf_tui.workflow.reporting.thresholds import read_threshold
    from mlwf_tui.workflow.reports import get_report

    report = get_report(workspace, ref)
    limits = dict(_parse_class_iou(text) for text in class_iou)
    found = read_threshold(workspace, report).count(confidence=confidence, iou=iou, class_iou=limits)
    document = {"report": report.name, "iou": iou, "class_iou": limits, **to_document(found)}
    face.show(document, lambda: _format_threshold(report, found, iou))


def _parse_class_iou(text: str) -> tuple[str, float]:
    name, _, value = text.rpartition("=")
    try:
        return name, float(value)
    except ValueError as error:
        raise InvalidParameter(
            f"{text!r} is no IoU of a class.", hint="Write CLASS=IOU, as in cell=0.6."
        ) from error


def _format_threshold(report: Report, found: ThresholdFigures, iou: float) -> str:

    head = f"{report.name}: {report.model_name} on {report.version_ref} ({report.split})"
    figures = (
        f"at confidence {found.confidence:.3f} and IoU {_format_iou(iou)}: precision {found.precision:.3f}  "
        f"recall {found.recall:.3f}  F1 {found.f1:.3f}  mean IoU {found.mean_iou:.3f}"
    )
    rows = [
        (
            of.name,
            f"{of.truth_count:,}",
            f"{of.prediction_count:,}",
            f"{of.hit_count:,}",
            _format_share(of.hit_count / of.prediction_count if of.prediction_count else None),
            _format_share(of.hit_count / of.truth_count if of.truth_count else None),
        )
        for of in found.classes
    ]
    header = ("CLASS", "TRUTHS", "PREDICTED", "RIGHT", "PRECISION", "RECALL")
    return "\n".join([head, figures, "", format_table(header, rows, empty="")])


def _format_iou(iou: float) -> str:
    """Return two decimals, or as many as it takes: 0.99999 is not 1."""
    return f"{iou:.2f}" if round(iou, 2) == iou else str(iou)


def _write_report(face: Face, workspace: Workspace, ref: str, html: Path | None, out: Path | None) -> None:
    from mlwf_tui.workflow.reporting.export_report import export_report

    paths = [export_report(workspace, ref, html, format="html")] if html is not None else []
    paths += [export_report(workspace, ref, out)] if out is not None else []
    document = {"report": ref, "paths": [str(path) for path in paths]}
    face.show(document, "\n".join(f"written: {path}" for path in paths))


def _show_comparison(face: Face, workspace: Workspace, report: Report) -> None:
    from mlwf_tui.cli.reports import describe_comparison
    from mlwf_tui.workflow.compare import read_comparison

    body = read_comparison(workspace, report)
    document = {**to_document(report), "comparison": to_document(body)}
    face.show(document, lambda: "\n".join(describe_comparison(body)))


def _format_reports(reports: tuple[Report, ...]) -> str:
    rows = [
        (r.name, r.model_name, r.version_ref, r.split, *_list_figures(r), format_age(r.created_at))
        for r in reports
    ]
    header = ("NAME", "MODEL", "VERSION", "SPLIT", "MAP", "MAP50", "CREATED")
    return format_table(header, rows, empty="No reports yet. Make one: mlwf benchmark MODEL PROJECT")


def _list_figures(report: Report) -> tuple[str, ...]:
    """Return mAP and mAP50, or what another task has in their place, with its name."""
    from mlwf_tui.entities.measurement import choose_two

    figures = choose_two(report.metrics)
    if "map50" in figures or not figures:
        return report.write_figure("map"), report.write_figure("map50")
    return f"{figures[0]} {report.write_figure(figures[0])}", ""


def _format_report(report: Report, evaluation: Evaluation) -> str:
    from mlwf_tui.workflow.reporting.sections import tabulate_classes
    from mlwf_tui.workflow.reporting.words import (
        SPEED_HEADER,
        describe_speed,
        list_metric_rows,
        list_speed_rows,
    )

    head = f"{report.name}: {report.model_name} on {report.version_ref} ({report.part.describe()})"
    metrics = format_table(("FIGURE", "VALUE", "95 % INTERVAL"), list_metric_rows(evaluation), empty="")
    speed = "  ".join(f"{name} {value:.1f}" for name, value in report.speed.items())
    rows = [
        (
            c.name,
            str(c.truth_count),
            str(c.prediction_count),
            *map(_format_share, (c.map50, c.map, c.precision, c.recall, c.f1)),
        )
        for c in evaluation.classes
    ]
    header = ("CLASS", "TRUTHS", "PREDICTED", "MAP50", "MAP", "PRECISION", "RECALL", "F1")
    errors = [
        f"{share.kind}: {share.count:,} at the operating confidence, "
        f"{share.map50_lost:.3f} of mAP50 lost over all"
        for share in evaluation.errors
    ]
    worse = [f"worse: {describe_slice(of)}" for of in evaluation.slices if of.is_worse]
    timed = list_speed_rows(evaluation.speed)
    table = format_table(tuple(map(str.upper, SPEED_HEADER)), timed, empty="") if timed else speed
    times = [*filter(None, [table]), *describe_speed(evaluation.speed)]
    own = tabulate_classes(evaluation)
    classes = format_table(*((tuple(map(str.upper, own[0])), own[1]) if own else (header, rows)), empty="")
    parts = [*errors, *worse, *_tell_sections(evaluation)]
    return "\n".join([head, *evaluation.notes, "", metrics, "", classes, *parts, "", *times])


def _tell_sections(evaluation: Evaluation) -> Iterator[str]:
    """Yield what the task's evaluator says beyond the common figures."""
    from mlwf_tui.workflow.reporting.sections import iter_section_text

    for title, note, (header, rows) in iter_section_text(evaluation):
        yield ""
        yield f"{title}. {note}" if note else title
        yield format_table(header, rows, empty="")


def _format_share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
