"""Commands on models: benchmark, apply, and what they leave; train is in a file of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlwf_tui.cli.deploy import TRUST, ask_for_trust
from mlwf_tui.cli.face import DONE, Face, command, params_option, to_document
from mlwf_tui.cli.terms import DETACH, say_detached, terms_options
from mlwf_tui.cli.text import format_age, format_table
from mlwf_tui.entities.measurement import ThresholdFigures, describe_slice
from mlwf_tui.entities.model import Evaluation, Report, ReportKind
from mlwf_tui.entities.queue import Terms
from mlwf_tui.entities.run import Run
from mlwf_tui.errors import InvalidParameter

if TYPE_CHECKING:  # for the annotation alone; see Face.open
    from mlwf_tui.workspace import Workspace

group = click.Group()


@command(group, "benchmark")
@click.argument("model")
@click.argument("ref")
@click.option("--split", default="val", show_default=True, help="The split to measure on, or all.")
@click.option("--dataset", "datasets", multiple=True, help="Only items of it and of those below; repeatable.")
@click.option("--class", "classes", multiple=True, help="Measure objects of this class alone; repeatable.")
@click.option("--tag", "tags", multiple=True, help="Only items with this tag, or an object that has it.")
@click.option("--select", "where", default="", metavar="EXPR", help="Only items that meet a condition.")
@click.option(
    "--items", "items", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Only items that a file names, one a line.",
)  # fmt: skip
@click.option("--device", default="auto", show_default=True, help="auto, cpu, or a GPU's index.")
@click.option(
    "--runtime", default="", metavar="NAME", help="Measure the speed with onnxruntime instead of pytorch."
)
@click.option("--again", is_flag=True, help="Ask the model and measure though it was done before.")
@TRUST
@params_option
@terms_options
@DETACH
def benchmark_command(
    face: Face,
    model: str,
    ref: str,
    split: str,
    datasets: tuple[str, ...],
    classes: tuple[str, ...],
    tags: tuple[str, ...],
    where: str,
    items: Path | None,
    device: str,
    runtime: str,
    again: bool,
    trust: bool,
    params: Mapping[str, str],
    detach: bool,
    terms: Terms,
) -> int:
    """Measure a model of any task on a version, or on a part of it: mAP, precision, recall, speed.

    What the model said of an image is kept, so that another part or threshold asks it nothing again; the
    same benchmark gives the report that is there. Parameters: speed (off, quick or full); confidence, the
    threshold of precision and recall; evaluator, who measures (semantic counts pixels). The model may be
    one that a training will make: name that run with --after.

    \b
    mlwf benchmark small cells@2
    mlwf benchmark small cells@2 --split test -p speed=full
    mlwf benchmark small cells@2 --class rbc --select "width < 400 or tag(night)"
    mlwf benchmark cell-masks cells@2 -p evaluator=semantic
    mlwf benchmark small cells@2 --runtime onnxruntime
    mlwf benchmark 3f9a cells@2 --after 3f9a --detach
    """
    from mlwf_tui.entities.part import Part
    from mlwf_tui.workflow.benchmark import submit_benchmark
    from mlwf_tui.workflow.benchmarking.parts import read_keys

    keys = read_keys(items) if items is not None else ()
    part = Part(split=split, datasets=datasets, classes=classes, tags=tags, where=where, keys=keys)
    params = {**params, **({"runtime": runtime} if runtime else {})}
    with face.open() as workspace:

        def submit(is_trusted: bool) -> Run:
            return submit_benchmark(
                workspace, model, ref, part=part, params=params, device=device, is_trusted=is_trusted,
                is_again=again, terms=terms,
            )  # fmt: skip

        run = ask_for_trust(face, submit, is_trusted=trust)
        return finish(face, workspace, run, detach=detach)


@command(group, "apply")
@click.argument("model")
@click.argument("ref", metavar="REF|PATH")
@click.option("--to", required=True, help="The project that gets the annotated items.")
@click.option("--dataset", default="", help="Put them into this dataset, beside what else the project has.")
@TRUST
@params_option
@terms_options
@DETACH
def apply_command(
    face: Face,
    model: str,
    ref: str,
    to: str,
    dataset: str,
    trust: bool,
    params: Mapping[str, str],
    detach: bool,
    terms: Terms,
) -> int:
    """Let a model annotate the items of a version, the images of a folder, or the frames of a video.

    What is done before it is stopped or killed is not done again. Parameters: confidence, nms_iou and
    max_objects choose among predictions; tile finds what is small on large images; policy says what
    becomes of the objects that are there; every and track are for videos.

    \b
    mlwf apply cells-1 cells@2 --to cells-labelled -p confidence=0.4
    mlwf apply cells-1 new-images --to cells --dataset guessed
    mlwf apply cells-1 ~/slides --to slides -p tile=640 -p overlap=0.25
    mlwf apply cars-1 street.mp4 --to street -p every=5 -p track=true
    """
    from mlwf_tui.workflow.apply import submit_apply

    with face.open() as workspace:

        def submit(is_trusted: bool) -> Run:
            return submit_apply(
                workspace, model, ref, to=to, dataset=dataset, params=params,
                is_trusted=is_trusted, terms=terms,
            )  # fmt: skip

        run = ask_for_trust(face, submit, is_trusted=trust)
        return finish(face, workspace, run, detach=detach)


@command(group, "report")
@click.argument("ref", required=False)
@click.option("--html", type=click.Path(path_type=Path), help="Write it as a page that opens offline.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Write it as a file; its ending says how: .html, .md, .json or .csv.",
)
@click.option("--confidence", type=float, help="Count at this confidence instead of the operating one.")
@click.option("--iou", type=float, help="Count a detection as right from this IoU up; 0.5 where not given.")
@click.option(
    "--class-iou", multiple=True, metavar="CLASS=IOU", help="The IoU of one class; may be repeated."
)
def report_command(
    face: Face,
    ref: str | None,
    html: Path | None,
    out: Path | None,
    confidence: float | None,
    iou: float | None,
    class_iou: tuple[str, ...],
) -> None:
    """Show a report; without a name, list all.

    At another confidence or IoU the figures are counted from what the model said when it was measured.

    \b
    mlwf report small-on-cells --html report.html
    mlwf report small-on-cells --out report.md
    mlwf report small-on-cells --confidence 0.4 --iou 0.6 --class-iou cell=0.75
    """
    from mlwf_tui.workflow.reports import get_report, list_reports, read_evaluation

    with face.open() as workspace:
        if ref is None:
            reports = list_reports(workspace)
            face.show({"reports": [to_document(r) for r in reports]}, lambda: _format_reports(reports))
            return
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
        f"at confidence {found.confidence:.3f} and IoU {iou:.2f}: precision {found.precision:.3f}  "
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


def finish(face: Face, workspace: Workspace, run: Run, *, detach: bool) -> int:
    """Follow the run to its end, or leave it to itself, and show what became of it."""
    from mlwf_tui.cli.following import exit_code_of_run, follow_to_end

    if detach:
        document: dict[str, Any] = {
            "run": run.id,
            "state": run.state.value,
            "waits_for": run.waits_for,
            "model": None,
            "metrics": {},
        }
        face.show(document, say_detached(run.verb, run))
        return DONE
    is_known = run.state.is_finished  # the same was asked for before
    finished = (
        run if is_known else follow_to_end(workspace, run, stopping="stopping; what is done so far is kept")
    )
    document = {"run": run.id, "state": finished.state.value, **finished.result}
    document |= {"cached": True} if is_known else {}
    told = "made before; --again measures anew\n" if is_known else ""
    face.show(document, lambda: told + _format_result(finished))
    return exit_code_of_run(finished)


def _format_result(run: Run) -> str:
    from mlwf_tui.cli.following import format_partly

    result: Mapping[str, Any] = run.result
    metrics = "  ".join(f"{name} {value:.3f}" for name, value in list(result.get("metrics", {}).items())[:6])
    if run.verb == "train":
        lines = [f"{run.state}: model {result.get('model', '-')}  {metrics}"]
        return "\n".join([*lines, *map(str, result.get("notes", ())), *_tell_measuring(result)])
    if run.verb == "benchmark":
        return "\n".join(_tell_benchmark(run, metrics))
    resumed = result.get("items_resumed")
    text = (
        f"{run.state}: {result.get('project', '-')}@{result.get('version', '-')}"
        f"  {result.get('objects_out', 0)} objects on {result.get('items_out', 0)} items"
        f"{f', {resumed:,} of them known from a run that did not end' if resumed else ''}"
    )
    warnings = [f"warning: {conflict}." for conflict in result.get("conflicts", ())]
    return "\n".join([text, *warnings, *format_partly(run)])


def _tell_measuring(result: Mapping[str, Any]) -> Iterator[str]:
    """Yield where the report of a new model comes from, or why there is none."""
    measured = result.get("benchmark")
    if measured and measured.get("run"):
        run = measured["run"][:8]
        yield f"it is measured on {measured['split']} by the run {run}: mlwf watch {run}"
    elif measured:
        yield f"it is not measured: {measured['reason']}"


def _tell_benchmark(run: Run, metrics: str) -> Iterator[str]:
    from mlwf_tui.cli.following import format_partly

    yield f"{run.state}: report {run.result.get('report', '-')}  {metrics}"
    known = run.result.get("items_known")
    if known:
        yield f"cached: what the model says of {known:,} of the {run.result['items']:,} images was known"
    yield from map(str, run.result.get("notes", ()))
    yield from format_partly(run)


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
        f"{share.kind}: {share.count:,}, {share.map50_lost:.3f} of mAP50 lost" for share in evaluation.errors
    ]
    worse = [f"worse: {describe_slice(of)}" for of in evaluation.slices if of.is_worse]
    timed = list_speed_rows(evaluation.speed)
    times = [format_table(tuple(map(str.upper, SPEED_HEADER)), timed, empty="")] if timed else [speed]
    times += describe_speed(evaluation.speed)
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
