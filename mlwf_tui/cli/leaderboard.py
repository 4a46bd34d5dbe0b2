"""The command that ranks the models of a project, and its reports in groups that can be ranked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from msgspec.structs import replace

from mlwf_tui.cli.face import Face, command, to_document
from mlwf_tui.cli.text import format_age, format_table
from mlwf_tui.entities.sizes import format_size

if TYPE_CHECKING:  # for the annotations alone: a catalog's rows
    from mlwf_tui.entities.comparison import Leaderboard, RankedReport, ReportGroup

group = click.Group()

_AXIS = 40  # cells from 0 to 1


@command(group, "leaderboard")
@click.argument("project")
@click.option("--metric", default="", help="What decides; else what models of the task are judged by.")
@click.option("--on", default="", metavar="PROJECT@N", help="The version that they were measured on.")
@click.option("--split", default="", help="The split that they were measured on.")
@click.option("--limit", type=click.IntRange(1), help="At most so many of each list; of --trend the newest.")
@click.option("--trend", "shows_trend", is_flag=True, help="How the models became better in time.")
def leaderboard_command(
    face: Face, project: str, metric: str, on: str, split: str, limit: int | None, shows_trend: bool
) -> None:
    """Show the best models of a project, and what their order rests on.

    Where there are reports, those of the same images and truths decide, so that all were measured alike:
    of the version that is asked for, or else those that most models were measured on. Models that were not
    measured there have no rank. Below stand all reports, in groups: only those of the same images and
    truths, counted in the same way, are ranked. --trend shows each group's models by when they were made.

    \b
    mlwf leaderboard cells
    mlwf leaderboard cells --metric recall --on cells@4 --split test
    mlwf leaderboard cells --trend
    """
    from mlwf_tui.workflow.leaderboard import read_leaderboard

    with face.open() as workspace:
        board = read_leaderboard(workspace, project, metric=metric, on=on, split=split)
    shown = _cut(board, limit)
    document = to_document(shown)
    face.show(document, lambda: _format_trend(board, limit) if shows_trend else _format_board(shown))


def _cut(board: Leaderboard, limit: int | None) -> Leaderboard:
    """Return a leaderboard with at most so many of its models, and of each group's reports."""
    groups = tuple(replace(group, reports=group.reports[:limit]) for group in board.groups)
    return replace(board, models=board.models[:limit], groups=groups)


def _format_board(board: Leaderboard) -> str:
    rows = [
        (
            "-" if one.rank is None else str(one.rank), f"{one.model}{' ★' if one.is_starred else ''}",
            f"{one.value:.4f}", one.architecture, one.trained_on, one.report,
        )
        for one in board.models
    ]  # fmt: skip
    header = ("RANK", "MODEL", board.metric.upper(), "ARCHITECTURE", "TRAINED ON", "REPORT")
    empty = f"No model was trained or measured on {board.project} yet."
    head = [f"{board.metric}, {board.basis}"] if rows else []
    parts = ["\n".join([*head, format_table(header, rows, empty=empty)])]
    return "\n\n".join([*parts, *map(_format_group, board.groups)])


def _format_group(group: ReportGroup) -> str:
    rows = [
        (
            str(of.rank), of.report, f"{of.model}{' ★' if of.is_starred else ''}", f"{of.value:.3f}",
            _format_interval(of), _format_figure(of.precision), _format_figure(of.recall),
            "-" if of.image_ms is None else f"{of.image_ms:.2f}",
            "-" if of.size_bytes is None else format_size(of.size_bytes), format_age(of.created_at),
        )
        for of in group.reports
    ]  # fmt: skip
    header = (
        "RANK", "REPORT", "MODEL", group.metric_name.upper(), "95 % INTERVAL", "P", "R", "MS/IMAGE", "SIZE",
        "MADE",
    )  # fmt: skip
    title = f"{group.title} ({group.evaluator})"
    return f"{title}\n{format_table(header, rows, empty='No report has a figure to rank by.')}"


def _format_trend(board: Leaderboard, limit: int | None) -> str:
    courses = [_format_course(group, limit) for group in board.groups]
    return "\n\n".join(courses) or f"No model was measured on {board.project} yet."


def _format_course(group: ReportGroup, limit: int | None) -> str:
    """Return the newest models of a group, the oldest first, each with its interval as a line on one axis."""
    rows = []
    for of in group.list_trend()[-(limit or 0) :]:
        low, high = (of.interval.low, of.interval.high) if of.interval else (of.value, of.value)
        rows.append((_write_age(of), of.model, f"{of.value:.3f}", _draw_whisker(low, of.value, high)))
    header = ("MADE", "MODEL", group.metric_name.upper(), f"0{' ' * (_AXIS - 2)}1")
    return f"{group.title} ({group.evaluator})\n{format_table(header, rows, empty='No model.')}"


def _write_age(of: RankedReport) -> str:
    return format_age(of.model_created_at) if of.model_created_at is not None else "-"


def _draw_whisker(low: float, value: float, high: float) -> str:
    """Return an interval with its value on an axis from 0 to 1."""
    first, middle, last = (round(min(1.0, max(0.0, of)) * (_AXIS - 1)) for of in (low, value, high))
    cells = ["─" if first <= at <= last else " " for at in range(_AXIS)]
    cells[middle] = "●"
    return "".join(cells).rstrip()


def _format_figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _format_interval(of: RankedReport) -> str:
    return "" if of.interval is None else f"{of.interval.low:.3f} … {of.interval.high:.3f}"
