"""Models side by side as ink: data, parameters and metrics in columns, curves over each other; no widget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mlwf_tui.entities.comparison import ModelDiff, SideValues
from mlwf_tui.entities.experiment import format_fact
from mlwf_tui.entities.metric import MetricSeries
from mlwf_tui.tui.widgets.curve_plot import MARKERS, Curve, draw_curves
from mlwf_tui.tui.widgets.drawing import SERIES_ROLES, Line, Run, fit, fit_tail

NAME_CELLS = 18
MIN_SIDE_CELLS, MAX_SIDE_CELLS = 12, 24
PLOT_ROWS = 14
BEST = "★"


def draw_comparison(found: ModelDiff, key: str | None, width: int) -> list[Line]:
    """Return all of a comparison; `key` is the curve that is plotted, None where there is none."""
    return [
        *_draw_legend(found, width),
        [],
        *(_draw_plot(found, key, width) if key is not None else [[(" No curves were kept.", "muted")]]),
        *_draw_tables(found, width),
    ]


def _draw_legend(found: ModelDiff, width: int) -> Iterator[Line]:
    """Yield a line for each side: its marker, its name and its data."""
    for place, side in enumerate(found.sides):
        marker, role = _find_mark(place)
        name = fit_tail(side.name, min(40, max(12, width - 36)))
        line: Line = [(f" {marker} ", role), (name, "strong"), ("  on ", "muted"), (side.data or "?", "text")]
        items = found.items[place]
        if items is not None:
            counts = ", ".join(f"{count:,} {kind}" for kind, count in items.items() if count)
            line.append((f"  {counts or 'the same items'}", "muted"))
        yield line


def _draw_plot(found: ModelDiff, key: str, width: int) -> list[Line]:
    keys = list(found.curves)
    heading = f" {key}  {keys.index(key) + 1}/{len(keys)}"
    curves = [
        _make_curve(series, place) for place, series in enumerate(found.curves[key]) if series is not None
    ]
    steps = [step for curve in curves for step in (curve.x[0], curve.x[-1])]
    plotted = draw_curves(curves, width - 1, PLOT_ROWS, x_limits=(min(steps), max(steps)))
    return [[(heading, "heading"), ("   n next curve", "faint")], *plotted.lines]


def _make_curve(series: MetricSeries, place: int) -> Curve:
    marker, role = _find_mark(place)
    return Curve(series.steps, series.values, role, marker)


def _find_mark(place: int) -> tuple[str, str]:
    return MARKERS[place % len(MARKERS)], SERIES_ROLES[place % len(SERIES_ROLES)]


def _draw_tables(found: ModelDiff, width: int) -> Iterator[Line]:
    """Yield what differs, in as many columns side by side as there is room for."""
    room = max(MIN_SIDE_CELLS, width - NAME_CELLS - 2)
    at_once = max(1, room // (MIN_SIDE_CELLS + 1))
    data = SideValues(name="data", values=tuple(side.data for side in found.sides))
    groups: tuple[tuple[str, Sequence[SideValues]], ...] = (
        ("metrics", found.metrics),
        ("asked for", (data, *found.params)),
        ("surroundings", found.environment),
    )
    for start in range(0, len(found.sides), at_once):
        places = range(start, min(len(found.sides), start + at_once))
        cells = min(MAX_SIDE_CELLS, room // len(places) - 1)
        yield []
        yield [(" " * (NAME_CELLS + 1), "text"), *(_name_side(found, place, cells) for place in places)]
        for title, rows in groups:
            if rows:
                yield [(f" {title}", "heading")]
                yield from (_draw_row(row, places, cells) for row in rows)


def _name_side(found: ModelDiff, place: int, cells: int) -> Run:
    marker, role = _find_mark(place)
    return f" {marker} {fit_tail(found.sides[place].name, cells - 2)}", role


def _draw_row(row: SideValues, places: range, cells: int) -> Line:
    line: Line = [(f" {fit(row.name, NAME_CELLS)}", "muted")]
    known = [value for value in row.values if value is not None]
    usual = max(known, key=known.count, default=None)
    for place in places:
        value = row.values[place]
        is_best = place == row.best
        text = f"{_write(row.name, value)}{f' {BEST}' if is_best else ''}"
        role = "success" if is_best else "faint" if value is None else "text" if value == usual else "accent"
        line.append((f" {fit(text, cells)}", role))
    return line


def _write(name: str, value: object) -> str:
    if value is None:
        return "—"
    return format_fact(name, value) if isinstance(value, str | float | int | bool) else str(value)
