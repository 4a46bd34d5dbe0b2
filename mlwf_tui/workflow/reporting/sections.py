"""What an evaluator says beyond the common figures, as rows and as charts; and classes by what is known."""

from __future__ import annotations

from collections.abc import Iterator

from mlwf_tui.entities.model import Evaluation
from mlwf_tui.entities.section import (
    BarSection,
    Cell,
    CurveSection,
    MatrixSection,
    Section,
    TableSection,
)
from mlwf_tui.workflow.reporting.charts import draw_bars, draw_counts, draw_lines, round_up, show

MOST_NAMES = 12  # of a matrix as text: beyond it a line is longer than any screen

Row = tuple[str, ...]
Table = tuple[Row, list[Row]]


def tabulate_section(section: Section) -> Table:
    """Return a section's header and rows; of a matrix the most frequent classes, of lines where they lead."""
    match section:
        case TableSection():
            return section.header, [tuple(map(write_cell, row)) for row in section.rows]
        case BarSection():
            intervals = section.intervals or (None,) * len(section.names)
            rows: list[Row] = [
                (name, write_cell(value), "" if of is None else f"{of.low:.3f} … {of.high:.3f}")
                for name, value, of in zip(section.names, section.values, intervals, strict=True)
            ]
            return ("", section.label, "95 % interval" if section.intervals else ""), rows
        case MatrixSection():
            return _tabulate_matrix(section)
        case CurveSection():
            at = (0.01, 0.05, 0.1, 0.25, 0.5)
            low, high = section.x_range
            points = [low + share * (high - low) for share in at]
            header = (f"{section.y_label} at {section.x_label}", *(f"{point:.2f}" for point in points))
            return header, [
                (of.name, *(write_cell(_read(of.x, of.y, point)) for point in points))
                for of in section.curves
            ]


def write_cell(value: Cell) -> str:
    """Return a value for a person; a dash where there is nothing to say."""
    match value:
        case None:
            return "-"
        case str():
            return value
        case int():
            return f"{value:,}"
        case float():
            return f"{value:.3f}"


def tabulate_classes(evaluation: Evaluation) -> Table | None:
    """Return classes by the figures of a task that has no mAP; None where there is one.

    Those with most truths first.
    """
    classes = evaluation.classes
    if not evaluation.metric_names or any(of.map50 is not None for of in classes) or not classes:
        return None
    others = tuple(dict.fromkeys(name for of in classes for name in of.others))
    ordered = sorted(classes, key=lambda of: (-of.truth_count, of.name))
    return ("class", "truths", "predicted", "precision", "recall", "F1", *others), [
        (
            of.name,
            *map(write_cell, (of.truth_count, of.prediction_count, of.precision, of.recall, of.f1)),
            *(write_cell(of.others.get(name)) for name in others),
        )
        for of in ordered
    ]


def draw_section(section: Section) -> str:
    """Return a section as a chart for a page; empty for a table, which the page draws itself."""
    match section:
        case TableSection():
            return ""
        case BarSection():
            return draw_bars(
                list(section.names), list(section.values), title=section.title, x_label=section.label,
                intervals=section.intervals,
                x_range=(section.limits[0], max(section.limits[1], _find_reach(section))),
            )  # fmt: skip
        case MatrixSection():
            return draw_counts(list(section.names), section.rows, title=section.title)
        case CurveSection():
            return draw_lines(
                section.curves, title=section.title, x_label=section.x_label, y_label=section.y_label,
                x_range=section.x_range,
            )  # fmt: skip


def describe_note(section: Section) -> str:
    """Return what a section says of itself, escaped for a page."""
    return show(section.note, 500) if section.note else ""


def iter_section_text(evaluation: Evaluation) -> Iterator[tuple[str, str, Table]]:
    """Yield title, note and table of each section that has rows."""
    for section in evaluation.sections:
        table = tabulate_section(section)
        if table[1]:
            yield section.title, section.note, table


def _tabulate_matrix(section: MatrixSection) -> Table:
    totals = [sum(row[place] for row in section.rows) for place in range(len(section.names))]
    last = len(section.names) - 1
    largest = sorted(range(last), key=lambda place: -totals[place])[: MOST_NAMES - 1]
    chosen = [*sorted(largest), last]
    header = ("found ↓  is →", *(section.names[place] for place in chosen))
    return header, [
        (section.names[row], *(f"{section.rows[row][column]:,}" for column in chosen)) for row in chosen
    ]


def _read(x: tuple[float, ...], y: tuple[float, ...], at: float) -> float | None:
    """Return a line's height at a place: the last one that is given up to there, or between two."""
    below = [place for place, value in enumerate(x) if value <= at]
    if not below:
        return None
    last = below[-1]
    if last + 1 == len(x) or x[last + 1] == x[last]:
        return y[last]
    share = (at - x[last]) / (x[last + 1] - x[last])
    return y[last] + share * (y[last + 1] - y[last])


def _find_reach(section: BarSection) -> float:
    known = [value for value in section.values if value is not None]
    return round_up(max(known)) if known and max(known) > section.limits[1] else section.limits[1]
