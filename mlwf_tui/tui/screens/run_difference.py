"""How the difference of two runs is drawn: what went in that differs, then what came out."""

from __future__ import annotations

from collections.abc import Iterator

from textual.content import Content

from mlwf_tui.tui.widgets.drawing import fit
from mlwf_tui.tui.widgets.formats import format_value
from mlwf_tui.workflow.run_diff import MetricChange, RunDiff

Row = tuple[str, str, str, str]
WIDTHS = (24, 18, 18)  # with the difference behind them they fit on 80 columns


def draw_run_diff(found: RunDiff) -> Content:
    """Return a table of what differs in data, parameters, environment, and of all metrics."""
    lines = [Content(f"{run.verb} {run.id}  {run.state.value}") for run in (found.before, found.after)]
    if found.is_same:
        said = "Both were asked for the same, on the same data, in the same surroundings."
        lines.append(Content.styled(said, "$success"))
    sections = (
        ("data", list(_list_inputs(found))),
        ("parameters", [(c.name, _tell(c.before), _tell(c.after), "") for c in found.params]),
        ("environment", [(c.name, _tell(c.before), _tell(c.after), "") for c in found.environment]),
        ("metrics", [_tell_metric(change) for change in found.metrics]),
    )
    for heading, rows in sections:
        if rows:
            lines += [Content.assemble("\n", (heading, "bold $secondary")), *map(_draw_row, rows)]
    return Content("\n").join(lines)


def _list_inputs(found: RunDiff) -> Iterator[Row]:
    for change in found.inputs:
        counts = ", ".join(f"{count:,} {kind}" for kind, count in (change.items or {}).items() if count)
        yield change.kind, change.before or "-", change.after or "-", counts


def _tell(value: object) -> str:
    return "-" if value is None else format_value(value)


def _tell_metric(change: MetricChange) -> Row:
    before, after = ("-" if value is None else f"{value:.4g}" for value in (change.before, change.after))
    return change.key, before, after, "" if change.difference is None else f"{change.difference:+.4g}"


def _draw_row(row: Row) -> Content:
    name, before, after = (fit(text, width) for text, width in zip(row[:3], WIDTHS, strict=True))
    return Content.assemble(
        (f"{name} ", "$text-muted"), f"{before} ", (f"{after} ", "bold"), (row[3], "$accent")
    )
