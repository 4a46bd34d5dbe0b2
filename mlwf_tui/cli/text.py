"""Words and tables for a person: ages, sizes, aligned columns; no colour without a terminal."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import click

from mlwf_tui.entities.run import Problem

SHOWN_PROBLEMS = 20
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


def format_bytes(count: float) -> str:
    """Return a size with a binary unit: `1.4 MiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def format_state(state: str) -> str:
    """Return a run's state, coloured on a terminal."""
    return click.style(state, fg=STATE_COLORS.get(state)) if sys.stdout.isatty() else state


def format_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str) -> str:
    """Return aligned columns, the last one cut to the terminal's width; `empty` where there is no row."""
    if not rows:
        return empty
    widths = [max(_width(cell) for cell in column) for column in zip(header, *rows, strict=True)]
    lines = [_format_row([click.style(cell, dim=True) for cell in header], widths)]
    lines += [_format_row(row, widths) for row in rows]
    if not sys.stdout.isatty():
        return "\n".join(click.unstyle(line) for line in lines)
    columns = read_terminal_width()
    return "\n".join(line if _width(line) <= columns else _cut(line, columns) for line in lines)


def read_terminal_width() -> int:
    """Return the columns of the terminal, 80 where there is none."""
    import shutil  # 3 ms that only a terminal is worth

    return shutil.get_terminal_size().columns


def _format_row(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell + " " * (width - _width(cell)) for cell, width in zip(cells, widths, strict=True))
    return "  ".join(padded).rstrip()


def _width(text: str) -> int:
    """Return the columns a text takes on a terminal: wide characters two, styles none."""
    plain = click.unstyle(text)
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in plain)


def _cut(line: str, columns: int) -> str:
    return click.unstyle(line)[: columns - 1] + "…"


def format_problems(problems: Sequence[Problem], word: str = "left out") -> list[str]:
    """Return a line for each thing that was left out, or has failed, cut where there are many."""
    lines = [f"  {word}: {problem.path}: {problem.reason}" for problem in problems[:SHOWN_PROBLEMS]]
    if len(problems) > SHOWN_PROBLEMS:
        lines.append(f"  … and {len(problems) - SHOWN_PROBLEMS} more; --json lists all")
    return lines
