"""How the difference of two runs is shown; the command is diff."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlwf_tui.cli.face import Face, to_document
from mlwf_tui.cli.text import format_state, format_table
from mlwf_tui.workflow.run_diff import InputChange, MetricChange, RunDiff, ValueChange


def show_run_diff(face: Face, found: RunDiff) -> None:
    """Print two runs side by side."""
    from mlwf_tui.workflow.show import describe_run

    document = {
        "before": describe_run(found.before),
        "after": describe_run(found.after),
        "is_same": found.is_same,
        "params": [to_document(change) for change in found.params],
        "environment": [to_document(change) for change in found.environment],
        "inputs": [to_document(change) for change in found.inputs],
        "metrics": [to_document(change) | {"difference": change.difference} for change in found.metrics],
    }
    face.show(document, lambda: "\n".join(_format(found)))


def _format(found: RunDiff) -> Iterator[str]:
    for run in (found.before, found.after):
        yield f"{run.verb} {run.id}  {format_state(run.state.value)}"
    if found.is_same:
        yield "Both were asked for the same, on the same data, in the same surroundings."
    rows = [("data", change.kind, *_tell_input(change)) for change in found.inputs]
    for name, changes in (("parameter", found.params), ("environment", found.environment)):
        rows += [(name, change.name, *_tell_values(change)) for change in changes]
    if rows:
        yield ""
        yield format_table(("DIFFERS", "IN", "BEFORE", "AFTER", ""), rows, empty="")
    if found.metrics:
        yield ""
        metrics = [_tell_metric(change) for change in found.metrics]
        yield format_table(("METRIC", "BEFORE", "AFTER", "DIFFERENCE"), metrics, empty="")


def _tell_input(change: InputChange) -> tuple[str, str, str]:
    counts = [f"{count:,} {kind}" for kind, count in (change.items or {}).items() if count]
    detail = ", ".join(counts) or ("the same items" if change.items is not None else "")
    return change.before or "-", change.after or "-", detail


def _tell_values(change: ValueChange) -> tuple[str, str, str]:
    return _tell(change.before), _tell(change.after), ""


def _tell(value: Any) -> str:
    return "-" if value is None else str(value)


def _tell_metric(change: MetricChange) -> tuple[str, str, str, str]:
    before, after = ("-" if v is None else f"{v:.4g}" for v in (change.before, change.after))
    difference = "" if change.difference is None else f"{change.difference:+.4g}"
    return change.key, before, after, difference
