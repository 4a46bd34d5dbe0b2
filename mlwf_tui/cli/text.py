"""Words and tables for a person: ages, sizes, aligned columns; no colour without a terminal."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import IO

import click

from mlwf_tui.entities.lines import first_line
from mlwf_tui.entities.run import ArtifactRef, Problem, Run

SHOWN_PROBLEMS = 20
GAP, LEAST_WIDTH = 2, 6  # columns between two cells, and that a cut one keeps
STATE_COLORS = {
    "done": "green", "running": "blue", "queued": "cyan", "claimed": "cyan", "stopping": "yellow",
    "pausing": "yellow", "paused": "yellow", "stopped": "yellow", "failed": "red", "lost": "red",
}  # fmt: skip


def format_age(then: datetime | None) -> str:
    """Return how long ago, in the largest fitting unit: `3 min ago`."""
    if then is None:
        return ""
    seconds = (datetime.now(UTC) - then).total_seconds()
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return f"{max(0, int(seconds))} s ago"


def format_duration(length: timedelta | None) -> str:
    """Return a duration as `1:02:03`, `2:03` or `0.4 s`."""
    if length is None:
        return ""
    seconds = length.total_seconds()
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def format_time_left(seconds: float, margin_s: float) -> str:
    """Return an estimate with its margin: `2:10 ± 0:20`."""
    length, margin = (format_duration(timedelta(seconds=round(value))) for value in (seconds, margin_s))
    return f"{length} ± {margin}".replace(".0 s", " s")  # nobody knows it to a tenth


def is_colored(stream: IO[str]) -> bool:
    """Return whether colours belong there: on a terminal, unless NO_COLOR says otherwise."""
    is_wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return is_wanted and stream.isatty()


def paint(text: str, color: str | None = None, *, is_bold: bool = False, is_dim: bool = False) -> str:
    """Return a text for stdout in a colour, where colours belong there."""
    if not is_colored(sys.stdout):
        return text
    return click.style(text, fg=color, bold=is_bold or None, dim=is_dim or None)


def format_state(state: str) -> str:
    """Return a run's state, coloured on a terminal."""
    return paint(state, STATE_COLORS.get(state))


def format_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str, indent: str = ""
) -> str:
    """Return aligned columns behind `indent`; `empty` where there is no row.

    On a terminal the widest columns are cut to fit its width; a pipe gets every cell whole, but of a cell
    of several lines the first.
    """
    if not rows:
        return empty
    rows = [[cell if "\n" not in cell else first_line(click.unstyle(cell)) for cell in row] for row in rows]
    widths = [max(_width(cell) for cell in column) for column in zip(header, *rows, strict=True)]
    if not sys.stdout.isatty():
        return "\n".join(indent + click.unstyle(_format_row(row, widths)) for row in (header, *rows))
    fitting = _fit(widths, read_terminal_width() - len(indent) - GAP * (len(widths) - 1))
    lines = [_format_row([paint(cell, is_dim=True) for cell in _cut_row(header, fitting)], fitting)]
    lines += [_format_row(_cut_row(row, fitting), fitting) for row in rows]
    return "\n".join(indent + line for line in lines)


def _fit(widths: Sequence[int], room: int) -> list[int]:
    """Return widths that fit, cut by the widest first; none below what still tells something.

    The first column is what a person copies, a name or an id, so it is cut last.
    """
    fitting = [min(width, max(room, LEAST_WIDTH)) for width in widths]
    while sum(fitting) > room and max(fitting) > LEAST_WIDTH:
        others = max(fitting[1:], default=0)
        place = fitting.index(others, 1) if others > LEAST_WIDTH else 0
        if fitting[place] <= LEAST_WIDTH:
            break
        fitting[place] -= 1
    return fitting


def _cut_row(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [
        cell if _width(cell) <= width else _cut(cell, width) for cell, width in zip(row, widths, strict=True)
    ]


def read_terminal_width() -> int:
    """Return the columns of the terminal, 80 where there is none."""
    import shutil  # 3 ms that only a terminal is worth

    return shutil.get_terminal_size().columns


def _format_row(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell + " " * (width - _width(cell)) for cell, width in zip(cells, widths, strict=True))
    return (" " * GAP).join(padded).rstrip()


def _width(text: str) -> int:
    """Return the columns a text takes on a terminal: wide characters two, styles none."""
    plain = click.unstyle(text)
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in plain)


def _cut(cell: str, columns: int) -> str:
    """Return a cell cut to so many columns, its colour lost; a wide character is never cut in half."""
    kept = ""
    for character in click.unstyle(cell):
        if _width(kept + character) > columns - 1:
            break
        kept += character
    return f"{kept}…"


def name_artifacts(artifacts: Sequence[ArtifactRef]) -> str:
    """Return what artifacts are called, in one cell."""
    return ", ".join(artifact.title for artifact in artifacts) or "-"


def name_outputs(run: Run) -> str:
    """Return what a run has made, or what it is to be called once it is there: `→ (small)`.

    A search makes nothing itself: of it the trials are counted. What stood there already, as another run had
    made it, is marked: `→ = small@1`.
    """
    from mlwf_tui.entities.search import SEARCH  # 5 ms that only lists of runs need

    trials = run.result.get("trials") if run.verb == SEARCH and not run.outputs else None
    if trials and isinstance(trials, list):
        return f"→ {len(trials)} trial{'s' if len(trials) > 1 else ''}"
    is_coming = run.output_name and not run.outputs and not run.state.is_finished
    if is_coming:
        return f"→ ({run.output_name})"
    found = [f"= {ref}" for ref in _list_found(run)]
    return f"→ {', '.join([ref.title for ref in run.outputs] + found) or '-'}"


def _list_found(run: Run) -> list[str]:
    """Return the versions that a pipeline or transform would have made, and that stood there already."""
    if run.is_tracked or not run.state.is_finished:
        return []
    if run.verb == "pipeline":
        outputs = run.result.get("outputs", ())
        return [f"{one['project']}@{one['version']}" for one in outputs if not one["is_new"]]
    is_found = run.verb == "transform" and not run.outputs and "project" in run.result
    return [f"{run.result['project']}@{run.result['version']}"] if is_found else []


def format_problems(problems: Sequence[Problem], word: str = "left out") -> list[str]:
    """Return a line for each thing that was left out, has failed or is doubtful, cut where there are many."""
    lines = [
        f"  {'doubtful' if problem.is_taken else word}: {problem.path}: {problem.reason}"
        for problem in problems[:SHOWN_PROBLEMS]
    ]
    if len(problems) > SHOWN_PROBLEMS:
        lines.append(f"  … and {len(problems) - SHOWN_PROBLEMS} more; --json lists all")
    return lines
