"""Writes a report out as a file: HTML with its pictures, Markdown, JSON or CSV."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from mlwf_tui.entities.evidence import Pick
from mlwf_tui.entities.ids import ReportId
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.measurement import ComparedModel, ComparedPair, ComparisonReport
from mlwf_tui.entities.model import Evaluation, Report, ReportKind
from mlwf_tui.errors import InvalidParameter, MlwfError, NotFound
from mlwf_tui.settings import expand_path
from mlwf_tui.store.manifests import iter_items
from mlwf_tui.workflow.compare import read_comparison
from mlwf_tui.workflow.measuring import read_predictions
from mlwf_tui.workflow.reporting.charts import show
from mlwf_tui.workflow.reporting.evidence import PIXELS, open_evidence
from mlwf_tui.workflow.reporting.evidence_gallery import LEGEND, PIXEL_LEGEND, draw_evidence
from mlwf_tui.workflow.reporting.galleries import Shown, draw_gallery
from mlwf_tui.workflow.reporting.pages import write_benchmark_page, write_comparison_page
from mlwf_tui.workflow.reporting.sides import describe_change
from mlwf_tui.workflow.reporting.words import (
    write_benchmark_text,
    write_class_table,
    write_comparison_text,
    write_difference_table,
)
from mlwf_tui.workflow.reports import get_report, read_evaluation
from mlwf_tui.workflow.whole_files import write_new_file
from mlwf_tui.workspace import Workspace

FORMATS = ("html", "md", "json", "csv")
MAX_PICTURES = 24


def export_report(workspace: Workspace, ref: str, dest: Path, *, format: str | None = None) -> Path:
    """Write a report to a file that is not there yet, and return its path; the ending says the format.

    Raises:
        NotFound: there is no such report.
        InvalidParameter: the format is not known.
        Conflict: the file exists.
        StorageFailed: it cannot be written.
        CorruptData: what the report is made of is damaged.
    """
    path = expand_path(dest)
    chosen = format or path.suffix.lstrip(".").lower()
    if chosen not in FORMATS:
        raise InvalidParameter(
            f"A report cannot be written as {chosen!r}.", hint=f"There are: {', '.join(FORMATS)}."
        )
    return write_new_file(path, _write(workspace, get_report(workspace, ref), chosen))


def _write(workspace: Workspace, report: Report, format: str) -> str:
    if report.kind is ReportKind.COMPARISON:
        return _write_comparison(workspace, report, read_comparison(workspace, report), format)
    evaluation = read_evaluation(workspace, report)
    match format:
        case "html":
            return write_benchmark_page(report, evaluation, _draw_worst(workspace, report, evaluation))
        case "md":
            return write_benchmark_text(report, evaluation)
        case "csv":
            return write_class_table(evaluation)
        case _:
            return _write_json(report, evaluation)


def _write_comparison(workspace: Workspace, report: Report, body: ComparisonReport, format: str) -> str:
    match format:
        case "html":
            drawn = [
                _draw_worse(workspace, report, (of, body.models[-1]), pair)
                for of, pair in zip(body.models[:-1], body.pairs, strict=True)
            ]
            return write_comparison_page(report, body, drawn)
        case "md":
            return write_comparison_text(report, body)
        case "csv":
            return write_difference_table(body)
        case _:
            return _write_json(report, body)


def _write_json(report: Report, body: Evaluation | ComparisonReport) -> str:
    document = {"report": msgspec.to_builtins(report), "body": msgspec.to_builtins(body)}
    return msgspec.json.format(msgspec.json.encode(document)).decode() + "\n"


def _draw_worst(workspace: Workspace, report: Report, evaluation: Evaluation) -> str:
    """Return the items with the most mistakes, and what became of their objects, or why there are none.

    Of a report whose predictions or data are lost the rest can be written all the same.
    """
    has_mistakes = any(of.false_positives + of.false_negatives for of in evaluation.items)
    if not has_mistakes and report.evaluator != PIXELS:  # whose mistakes are in no item's counts
        return ""
    try:
        evidence = open_evidence(workspace, report, evaluation)
        worst = [of for of in evidence.list_items(Pick()) if of.mistakes][:MAX_PICTURES]
    except MlwfError as error:
        return f"<p>They cannot be shown. {show(error.message, 300)}</p>"
    legend = PIXEL_LEGEND if evidence.is_of_pixels else LEGEND
    return f"<p>{legend}</p>{draw_evidence(workspace, evidence, worst)}"


def _draw_worse(
    workspace: Workspace, report: Report, sides: tuple[ComparedModel, ComparedModel], pair: ComparedPair
) -> str:
    worse = [of for of in pair.comparison.items if of.is_worse][:MAX_PICTURES]
    chosen = [
        Shown(of.key, describe_change(of) + ("" if of.is_of_pixels else f", {of.broken} broken"))
        for of in worse
    ]
    layers = {}
    for style, side in zip(("found", "old"), sides, strict=True):
        with suppress(NotFound):  # deleted since: the truths, and what the other found, can be shown
            of_side = workspace.catalog.reports.get_by_id(ReportId(side.report))
            layers[style] = (of_side, side.metrics.get("confidence", 0.0))
    return _draw(workspace, report, chosen, layers)


def _draw(
    workspace: Workspace,
    report: Report,
    chosen: Sequence[Shown],
    layers: dict[str, tuple[Report, float]],
) -> str:
    """Return the figures with truths and, over them, what each report's model found.

    Empty without items, and where their version was deleted since.
    """
    if not chosen:
        return ""
    keys = {shown.key for shown in chosen}
    try:
        version = workspace.catalog.versions.get_by_id(report.version_id)
    except NotFound:
        return ""
    items: dict[str, Item] = {
        item.key: item for item in iter_items(workspace.store, version.manifest) if item.key in keys
    }
    drawn = {"truth": {key: item.annotation.objects for key, item in items.items()}}
    told = ""
    for style, (of, confidence) in layers.items():
        if of.predictions is None:  # of before they were kept: the truths alone say something
            continue
        try:
            said = read_predictions(workspace, of)
        except MlwfError as error:
            told += f"<p>What {show(of.name)} found is not drawn. {show(error.message, 300)}</p>"
            continue
        drawn[style] = {
            key: tuple(o for o in said.get(key, ()) if (o.confidence or 0) >= confidence) for key in keys
        }
    gallery = draw_gallery(workspace, items, [shown for shown in chosen if shown.key in items], drawn)
    return told + gallery
