"""Commands on what was measured: compare."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from mlwf_tui.cli.deploy import TRUST, ask_for_trust
from mlwf_tui.cli.face import DONE, FAILED, Face, command, to_document
from mlwf_tui.cli.progress import show_progress
from mlwf_tui.cli.text import format_table
from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.run import RunState
from mlwf_tui.entities.sizes import format_size

if TYPE_CHECKING:
    from mlwf_tui.entities.measurement import ComparedPair, ComparisonReport, Difference
    from mlwf_tui.entities.run import Run
    from mlwf_tui.workflow.benchmarking.apart import NotMeasured
    from mlwf_tui.workflow.compare import CompareResult
    from mlwf_tui.workspace import Workspace

group = click.Group()

_ROWS = 10


@command(group, "compare")
@click.argument("models", nargs=-1, required=True, metavar="NEW OLD")
@click.option("--on", default=None, metavar="PROJECT@N", help="The version that all were measured on.")
@click.option("--split", default=None, help="The split that all were measured on.")
@click.option("--evaluator", default=None, metavar="NAME", help="Who measured them; semantic counts pixels.")
@click.option(
    "--fail-if",
    multiple=True,
    metavar="CONDITION",
    help='End with 1 where the difference is so, as in "map50 < -0.01"; may be repeated.',
)
@click.option("--measure", "measures", is_flag=True, help="First measure what was not on the same data.")
@TRUST
def compare_command(
    face: Face,
    models: tuple[str, ...],
    on: str | None,
    split: str | None,
    evaluator: str | None,
    fail_if: tuple[str, ...],
    measures: bool,
    trust: bool,
) -> int:
    """Say whether a model is really better than another, where, and how sure that is.

    Differences are those of the first named less the last; with several, each is set beside the last.
    Both are measured on the same items; intervals come from resampling these 1,000 times. What was not
    measured on the same data by one evaluator is refused; --measure benchmarks it first, on what was
    measured last.

    \b
    mlwf compare new old
    mlwf compare new old --on cells@3 --split test
    mlwf compare new old --measure
    mlwf compare boxes outlines --evaluator detect --measure
    mlwf compare new old --fail-if "map50 < -0.01"
    mlwf compare new old --fail-if "map50.high < 0"
    """
    from mlwf_tui.workflow.benchmarking.apart import find_apart
    from mlwf_tui.workflow.compare import compare

    with face.open() as workspace:
        if measures:
            apart = find_apart(workspace, models, on=on, split=split, evaluator=evaluator, fail_if=fail_if)
            if apart is not None:
                models, evaluator = _measure_first(face, workspace, apart, trust), apart.evaluator
        with show_progress("compare") as observer:
            result = compare(
                workspace, models, on=on, split=split, evaluator=evaluator, fail_if=fail_if, observer=observer
            )
    face.show(_document(result), lambda: "\n".join(_describe(result)))
    return FAILED if result.failed else DONE


def _measure_first(face: Face, workspace: Workspace, apart: NotMeasured, trust: bool) -> tuple[str, ...]:
    """Benchmark what is lacking, one after another, and return what can be compared then.

    Raises:
        NotMeasured: nobody can say on what; or a benchmark was stopped.
    """
    from mlwf_tui.cli.following import follow_to_end
    from mlwf_tui.workflow.benchmarking.lacking import submit_missing

    if not apart.missing:
        raise apart
    missing = apart.missing

    def submit(is_trusted: bool) -> tuple[Run, ...]:
        return submit_missing(workspace, missing, is_trusted=is_trusted)

    for run in ask_for_trust(face, submit, is_trusted=trust):
        if not run.state.is_finished:  # else it was measured before
            ended = follow_to_end(workspace, run, stopping="stopping; what is done so far is kept")
            if ended.state is RunState.STOPPED:
                raise apart  # those that were to come after it are given up
    return apart.refs


def _document(result: CompareResult) -> dict[str, Any]:
    body = result.body
    first = body.pairs[0].comparison.differences
    return {
        "report": result.report.name,
        "reports": [model.report for model in body.models],
        "metrics": {model.model: dict(model.metrics) for model in body.models},
        "differences": {name: _document_difference(found) for name, found in first.items()},
        "models": [to_document(model) for model in body.models],
        "pairs": [to_document(pair) for pair in body.pairs],
        "one_sided_classes": list(body.one_sided_classes),
        "evaluator": body.evaluator,
        "failed": list(result.failed),
        "cached": result.cached,
    }


def _document_difference(found: Difference) -> dict[str, Any]:
    return {**to_document(found), "is_measurable": found.is_measurable}


def _describe(result: CompareResult) -> Iterator[str]:
    yield from describe_comparison(result.body)
    yield ""
    yield f"report: {result.report.name}{' (made before)' if result.cached else ''}"
    for text in result.failed:
        yield f"fails: {text}"


def describe_comparison(body: ComparisonReport) -> Iterator[str]:
    """Yield the lines that tell a person what a comparison has found."""
    from mlwf_tui.workflow.reporting.words import describe_ground

    yield _tell_models(body)
    yield f"all {describe_ground(body)}"
    for pair in body.pairs:
        yield ""
        yield f"{pair.new} less {pair.old}, on {format_count(pair.comparison.item_count, 'item')}"
        yield from _tell_pair(pair)
    if body.one_sided_classes:
        yield ""
        yield (
            f"Not every model knows {', '.join(body.one_sided_classes)}: "
            "those that do not are taken to miss them."
        )


def _tell_models(body: ComparisonReport) -> str:
    from mlwf_tui.entities.measurement import choose_two

    figures = choose_two(body.models[0].metrics)
    header = ("MODEL", "ARCHITECTURE", *map(str.upper, figures), "IMAGES/S", "SIZE", "")
    rows = [
        (
            model.model,
            model.architecture,
            *(f"{model.metrics.get(name, 0):.3f}" for name in figures),
            _show(model.speed.get("images_per_second")),
            format_size(model.size_bytes),
            "none is better in all three" if model.is_on_front else "",
        )
        for model in body.models
    ]
    return format_table(header, rows, empty="")


def _show(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _tell_pair(pair: ComparedPair) -> Iterator[str]:
    from mlwf_tui.workflow.reporting.sides import describe_change, describe_fates, list_cause_rows
    from mlwf_tui.workflow.reporting.words import judge

    found = pair.comparison
    rows = [
        (name, f"{of.value:+.3f}", f"{of.low:+.3f} … {of.high:+.3f}", f"{of.p:.3f}", judge(of))
        for name, of in found.differences.items()
    ]
    yield format_table(("METRIC", "DIFFERENCE", "95 % INTERVAL", "P", ""), rows, empty="")
    counts = (found.truths_fixed, found.truths_broken, found.truths_both_found, found.truths_both_missed)
    if any(counts):
        yield f"{found.counted}: {describe_fates(pair)}"
    sure = [(of.name, of.map50) for of in found.classes if of.map50 is not None and of.map50.is_measurable]
    for name, map50 in sure[:_ROWS]:
        yield f"class {name}: map50 {map50.value:+.3f} [{map50.low:+.3f}, {map50.high:+.3f}]"
    for part in found.slices:
        of = part.difference
        if of.is_measurable:
            figure = f"{part.metric} {of.value:+.3f} [{of.low:+.3f}, {of.high:+.3f}]"
            yield f"slice {part.group} {part.name}: {figure}, {part.fixed} fixed, {part.broken} broken"
    worse = [item for item in found.items if item.is_worse]
    for item in worse[:_ROWS]:
        yield f"worse: {item.key}  {describe_change(item)}"
    if len(worse) > _ROWS:
        yield f"… and {len(worse) - _ROWS:,} more"
    for name, before, after in list_cause_rows(pair):
        yield f"differs: {name}  {before} → {after}"
