"""The command on curves, and how runs' figures, marks and time left are written for a person."""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from mlwf_tui.cli.face import Face, NumberRange, command
from mlwf_tui.cli.text import format_state, format_table, format_time_left
from mlwf_tui.entities.run import Progress, Run
from mlwf_tui.errors import InvalidParameter

if TYPE_CHECKING:  # for the annotations alone: what reads curves is imported when they are wanted
    from mlwf_tui.entities.metric import MetricSeries, MetricSummary
    from mlwf_tui.entities.pace import TimeLeft
    from mlwf_tui.workflow.metrics import Outlook, RunCurves

group = click.Group()
SPARKLINE_CELLS = 32
CSV_COLUMNS = ("run", "key", "step", "at", "value")


@command(group, "metrics")
@click.argument("runs", nargs=-1, required=True, metavar="RUN…")
@click.option(
    "-k", "--key", "keys", multiple=True, help="Only metrics like this: map50, 'train/*'; may be repeated."
)
@click.option("--csv", "is_csv", is_flag=True, help="Print every point as run, key, step, at, value.")
@click.option(
    "--smooth",
    type=NumberRange(0, 1, max_open=True),
    default=0.0,
    help="Smooth by this weight, as TensorBoard does.",
)
@click.option(
    "--max-points",
    type=click.IntRange(2),
    help="Thin each curve to about so many points; no extreme is lost.",
)
def metrics_command(
    face: Face, runs: Sequence[str], keys: Sequence[str], is_csv: bool, smooth: float, max_points: int | None
) -> None:
    """Print the curves of runs, or of the runs that made models: in short, as CSV, or with --json.

    \b
    mlwf metrics 3f9a -k "map50*"
    mlwf metrics 3f9a 77c1 --csv > curves.csv
    """
    from mlwf_tui.workflow.metrics import read_curves, read_outlooks

    if is_csv and face.is_json:
        raise InvalidParameter("--csv and --json say different things.", hint="Give one of them.")
    with face.open() as workspace:
        found = read_curves(workspace, runs, keys=keys)
        outlooks = read_outlooks(workspace, [curves.run for curves in found])
    if is_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(CSV_COLUMNS)
        for curves in found:
            for series in curves.series:
                writer.writerows(
                    (curves.run.id, series.key, step, f"{at:.3f}", repr(value))
                    for step, at, value in _iter_points(series, smooth, max_points)
                )
        return
    document = {"runs": [_describe(one, outlooks[one.run.id], smooth, max_points) for one in found]}
    face.show(document, lambda: _draw(found, outlooks))


def draw_left(run: Run, outlook: Outlook) -> str:
    """Return the time left of a run that goes on, with its margin; "" of any other."""
    if run.state.is_finished:
        return ""
    left = outlook.time_left
    return "—" if left is None else format_time_left(left.seconds, left.margin_s)


def draw_marks(outlook: Outlook) -> str:
    """Return what looks wrong in one cell, the first in words."""
    marks = outlook.standing.marks
    more = f" and {len(marks) - 1} more" if len(marks) > 1 else ""
    return f"⚠ {marks[0].message.rstrip('.')}{more}" if marks else ""


def draw_outlook(run: Run, outlook: Outlook) -> str:
    """Return how a run stands: its state and progress, a line for each metric, each mark with its advice."""
    head = f"{run.verb} {run.id} is {format_state(run.state.value)}"
    if outlook.progress is not None and not run.state.is_finished:
        head += f": {', '.join(_tell_progress(outlook.progress, outlook.time_left))}"
    summaries = outlook.standing.summaries.values()
    rows = [(s.key, s.write_last(), _write_best(s), f"{s.count:,}") for s in summaries]
    lines = [head]
    if rows:
        lines.append(format_table(("METRIC", "LAST", "BEST", "POINTS"), rows, empty=""))
    lines += [f"⚠ {mark.message} {mark.hint}" for mark in outlook.standing.marks]
    return "\n".join(lines)


def _tell_progress(progress: Progress, left: TimeLeft | None) -> Iterator[str]:
    """Yield how far a run is, in its own words or in numbers, and the time left where it is known."""
    of = "" if progress.total is None else f"/{progress.total:,}"
    yield progress.message or f"{progress.step:,}{of}"
    if left is not None:
        yield f"{format_time_left(left.seconds, left.margin_s)} left"


def _draw(found: Sequence[RunCurves], outlooks: dict[Any, Outlook]) -> str:
    from mlwf_tui.entities.sparkline import draw_sparkline

    rows = []
    for curves in found:
        for series in curves.series:
            summary = _summarise(series)
            line = draw_sparkline(summary.means, SPARKLINE_CELLS).ljust(SPARKLINE_CELLS)
            rows.append(
                (
                    curves.run.id,
                    series.key,
                    line,
                    summary.write_last(),
                    _write_best(summary),
                    f"{len(series):,}",
                )
            )
    lines = [format_table(("RUN", "METRIC", "CURVE", "LAST", "BEST", "POINTS"), rows, empty="")]
    for curves in found:
        marks = outlooks[curves.run.id].standing.marks
        lines += [f"⚠ {curves.run.id}: {mark.message} {mark.hint}" for mark in marks]
    return "\n".join(lines)


def _describe(curves: RunCurves, outlook: Outlook, smooth: float, max_points: int | None) -> dict[str, Any]:
    from mlwf_tui.workflow.show import describe_outlook, describe_summary

    return {
        "run": curves.run.id,
        "verb": curves.run.verb,
        "state": curves.run.state,
        **describe_outlook(outlook),
        "metrics": [
            {
                **describe_summary(_summarise(series)),
                "points": [
                    {"step": step, "at": at, "value": value}
                    | ({"infinite": "-inf" if value < 0 else "inf"} if math.isinf(value) else {})
                    for step, at, value in _iter_points(series, smooth, max_points)
                ],
            }
            for series in curves.series
        ],
    }


def _iter_points(
    series: MetricSeries, smooth: float, max_points: int | None
) -> Iterator[tuple[int, float, float]]:
    """Yield (step, seconds since the epoch, value) of the points to print."""
    samples = series.smooth(smooth, limit=len(series)) if smooth else series.samples
    count = len(series)
    places: Sequence[int] = range(count)
    if max_points is not None and count > max_points:
        columns = max(1, max_points // 4)  # of each the first, lowest, highest and last point are kept
        places = samples.choose([count * column // columns for column in range(columns + 1)])
    for place in places:
        yield int(series.steps[place]), series.times[place], samples.values[place]


def _summarise(series: MetricSeries) -> MetricSummary:
    from mlwf_tui.entities.metric import MetricSummary
    from mlwf_tui.entities.run import MetricPoint

    summary = MetricSummary(key=series.key)
    for step, at, value in zip(series.steps, series.times, series.values, strict=True):
        summary.add(MetricPoint(key=series.key, value=value, step=int(step), at=at))
    return summary


def _write_best(summary: MetricSummary) -> str:
    return "" if summary.best is None else f"{summary.best:.5g} @{summary.best_step}"
