"""How the difference of two runs, or of several models, is shown; the command is diff."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from mlwf_tui.cli.face import Face, to_document
from mlwf_tui.cli.text import format_state, format_table
from mlwf_tui.entities.comparison import ModelDiff, SideValues
from mlwf_tui.entities.metric import MetricSeries
from mlwf_tui.entities.sparkline import draw_sparkline
from mlwf_tui.workflow.run_diff import InputChange, MetricChange, RunDiff, ValueChange

CURVE_CELLS = 16


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


def show_model_diff(face: Face, found: ModelDiff) -> None:
    """Print several models, or runs, side by side."""
    document = {
        "models": [{"name": s.name, "run": s.run.id, "data": s.data or None} for s in found.sides],
        "params": [_to_sides(one) for one in found.params],
        "environment": [_to_sides(one) for one in found.environment],
        "items": [None if one is None else dict(one) for one in found.items],
        "metrics": [_to_sides(one) | {"best": one.best} for one in found.metrics],
        "curves": [
            {"key": key, "last": [None if s is None else s.values[-1] for s in curves]}
            for key, curves in found.curves.items()
        ],
    }
    face.show(document, lambda: "\n".join(_format_sides(found)))


def _to_sides(one: SideValues) -> dict[str, Any]:
    return {"name": one.name, "values": list(one.values)}


def _format_sides(found: ModelDiff) -> Iterator[str]:
    header = ("", *(side.name for side in found.sides))
    items = [", ".join(f"{n:,} {kind}" for kind, n in (one or {}).items() if n) for one in found.items]
    rows = [("data", *(side.data or "-" for side in found.sides))]
    if any(items):
        rows.append(("  against the first", *(text or "-" for text in items)))
    for changes in (found.params, found.environment):
        rows += [(one.name, *map(_tell, one.values)) for one in changes]
    yield format_table(header, rows, empty="")
    rows = [
        (one.name, *(_tell_best(value, is_best=place == one.best) for place, value in enumerate(one.values)))
        for one in found.metrics
    ]
    if rows:
        yield ""
        yield format_table(("METRIC", *header[1:]), rows, empty="")
    rows = [(key, *(_draw_curve(curve) for curve in curves)) for key, curves in found.curves.items()]
    if rows:
        yield ""
        yield format_table(("CURVE", *header[1:]), rows, empty="")


def _tell_best(value: float | None, *, is_best: bool) -> str:
    return "-" if value is None else f"{value:.4g}{' *' if is_best else ''}"


def _draw_curve(curve: MetricSeries | None) -> str:
    if curve is None:
        return "-"
    values = [value if math.isfinite(value) else None for value in curve.values]
    return f"{draw_sparkline(values, CURVE_CELLS)} {curve.values[-1]:.4g}"


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
