"""Which sections a report has for its task, and those that its evaluator alone gives, as ink; no widget."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from mlwf_tui.entities.evidence import BACKGROUND, NOTHING, Pick, name_nothing
from mlwf_tui.entities.measurement import Interval, PixelErrorKind
from mlwf_tui.entities.model import Evaluation, Report
from mlwf_tui.entities.section import (
    BarSection,
    Cell,
    CurveSection,
    MatrixSection,
    Section,
    TableSection,
)
from mlwf_tui.tui.widgets.drawing import SERIES_ROLES, Line, draw_bar, fit, link
from mlwf_tui.tui.widgets.plot import Series, draw_plot
from mlwf_tui.tui.widgets.report_confusion import draw_matrix
from mlwf_tui.tui.widgets.report_sections import (
    MAX_PLOT_WIDTH,
    PLOT_HEIGHT,
    SECTIONS,
    draw_legend,
    label_axes,
)

Picks = Sequence[Pick | None]
"""What the cells of a row stand for; None for nothing."""

MAX_ROWS = 200
MAX_CELL = 24
GAP = 2

_CONTENTS: Mapping[str, Callable[[Evaluation], object]] = {
    "Classes": lambda of: of.classes,
    "Precision and recall": lambda of: of.pr_curves,
    "Confidence": lambda of: of.confidence_curves,
    "Confusion": lambda of: of.confusion,
    "Matched pairs by IoU": lambda of: of.iou_histogram.x,
    "Predictions by confidence": lambda of: of.confidence_histogram,
    "Most confused": lambda of: of.confusion,
    "Errors": lambda of: of.errors,
    "Slices": lambda of: of.slices or of.pr_curves,
    "Calibration": lambda of: of.calibration or of.pr_curves,
    "Items": lambda of: of.items,
}
"""What each common section needs: of another task than boxes it is left out where there is nothing."""


def list_sections(evaluation: Evaluation) -> Mapping[str, Callable[[Report, Evaluation, int], list[Line]]]:
    """Return what draws each section of a report by its title, in the order in which they stand."""
    if evaluation.evaluator == "detect":  # an old report says in each section what it has not
        return SECTIONS
    found: dict[str, Callable[[Report, Evaluation, int], list[Line]]] = {}
    for title, draw in SECTIONS.items():
        if title != "Overview" and not _CONTENTS.get(title, bool)(evaluation):
            continue
        has_map = any(of.map50 is not None for of in evaluation.classes)
        found[title] = draw if title != "Classes" or has_map else draw_task_classes
    return _insert(found, evaluation)


def draw_task_classes(report: Report, evaluation: Evaluation, width: int) -> list[Line]:
    """Return the classes of a task that has no mAP, by what it has; those with most truths first."""
    others = tuple(dict.fromkeys(name for of in evaluation.classes for name in of.others))
    header = ("class", "truths", "found", "P", "R", "F1", *others)
    ordered = sorted(evaluation.classes, key=lambda of: (-of.truth_count, of.name))
    rows: list[tuple[Cell, ...]] = [
        (
            of.name, of.truth_count, of.prediction_count, of.precision, of.recall, of.f1,
            *(of.others.get(name) for name in others),
        )
        for of in ordered
    ]  # fmt: skip
    return _draw_rows(header, rows, width, [_repeat(Pick(of_class=of.name), header) for of in ordered])


def draw_section(section: Section, report: Report, evaluation: Evaluation, width: int) -> list[Line]:
    """Return one section that an evaluator gives."""
    match section:
        case TableSection():
            picks = _list_picks(section, evaluation)
            lines = _draw_rows(section.header, section.rows, width, picks) if section.rows else _say_empty()
        case BarSection():
            lines = _draw_bars(section, width)
        case MatrixSection():
            ends = [name_nothing(section.names[:-1], name) for name in (NOTHING, BACKGROUND)]
            is_linked = section.names[-1] in ends  # not of a stranger's evaluator
            matrix = draw_matrix(section.names, section.rows, width, is_linked=is_linked)
            return [*_write_note(section.note, width), *matrix]
        case CurveSection():
            lines = _draw_curves(section, width)
    return [*lines, *_write_note(section.note, width)]


def _insert(
    found: dict[str, Callable[[Report, Evaluation, int], list[Line]]], evaluation: Evaluation
) -> Mapping[str, Callable[[Report, Evaluation, int], list[Line]]]:
    """Return the sections with the evaluator's own after the classes."""
    own = {section.title: _choose_drawing(section, evaluation) for section in evaluation.sections}
    titles = list(found)
    place = titles.index("Classes") + 1 if "Classes" in titles else 1
    before = {title: found[title] for title in titles[:place]}
    return {**before, **own, **{title: found[title] for title in titles[place:]}}


def _choose_drawing(
    section: Section, evaluation: Evaluation
) -> Callable[[Report, Evaluation, int], list[Line]]:
    if isinstance(section, BarSection) and evaluation.pixel_errors:  # of an evaluator that counts them
        return partial(_draw_errors, section)
    return partial(draw_section, section)


def _draw_errors(section: BarSection, report: Report, evaluation: Evaluation, width: int) -> list[Line]:
    """Return bars, of which the kinds of errors open their images."""
    lines = draw_section(section, report, evaluation, width)
    kinds = {of.value: Pick(error=of) for of in PixelErrorKind}
    for row, (name, value) in enumerate(zip(section.names, section.values, strict=True), start=1):
        if name in kinds and value:
            lines[row] = link(lines[row], kinds[name])
    return lines


def _list_picks(section: TableSection, evaluation: Evaluation) -> list[Picks]:
    """Return what the cells of each row stand for: a class taken for another, a class, or an image.

    Where pixels are counted, each share of a class's union stands for its own pixels.
    """
    header = section.header
    match header:
        case ("said", "is", *_):
            found = [Pick(predicted=str(said), truth=str(truth)) for said, truth, *_ in section.rows]
        case ("class", *_) if evaluation.pixel_errors:
            return [_pick_pixels(header, row) for row in section.rows]
        case ("class", *_):
            found = [Pick(of_class=str(name)) for name, *_ in section.rows]
        case ("item", *_):
            found = [Pick(item=str(key)) for key, *_ in section.rows]
        case _:
            return []
    return [_repeat(pick, header) for pick in found]


def _repeat(pick: Pick, header: Sequence[str]) -> Picks:
    return [pick] * len(header)


def _pick_pixels(header: Sequence[str], row: tuple[Cell, ...]) -> Picks:
    """Return what the shares of a class's pixels stand for; nothing where there are none of a kind."""
    name = str(row[0])
    shares = {of.value: Pick(error=of, of_class=name) for of in PixelErrorKind} | {
        "too much": Pick(predicted=name, is_hit=False),
        "missed": Pick(truth=name, is_hit=False),
    }
    whole = Pick(of_class=name)
    return [
        shares.get(title, whole) if value or title not in shares else None
        for title, value in zip(header, row, strict=True)
    ]


def _draw_rows(
    header: Sequence[str], rows: Sequence[tuple[Cell, ...]], width: int, picks: Sequence[Picks] = ()
) -> list[Line]:
    """Return a table; columns that find no room are left out from the right, and that is said.

    `picks` are what the cells of each row stand for, in their order, where they do.
    """
    shown = [tuple(map(_write_cell, row)) for row in rows[:MAX_ROWS]]
    columns = list(zip(header, *shown, strict=True))
    widths = [min(MAX_CELL, max(len(cell) for cell in column)) for column in columns]
    while len(widths) > 1 and 1 + sum(widths) + GAP * (len(widths) - 1) > width:
        widths.pop()
    numbers = [any(isinstance(row[place], int | float) for row in rows) for place in range(len(widths))]
    lines: list[Line] = [[(text, "muted") for text in _fit_cells(header, widths, numbers)]]
    for place, row in enumerate(shown):
        first, *rest = _fit_cells(row, widths, numbers)
        line: Line = [(first, "strong"), *((text, "text") for text in rest)]
        lines.append(_link_cells(line, picks[place]) if picks else line)
    left_out = [name for name in header[len(widths) :] if name]
    told = f" no room for {', '.join(left_out)}" if left_out else ""
    told += f" … and {len(rows) - MAX_ROWS:,} more" if len(rows) > MAX_ROWS else ""
    return [*lines, *([[(fit(told, width), "faint")]] if told else [])]


def _fit_cells(cells: Sequence[str], widths: Sequence[int], numbers: Sequence[bool]) -> list[str]:
    """Return the text of each cell with the gap before it."""
    return [
        " " * (GAP if place else 1) + fit(cell, room, "right" if is_number else "left")
        for place, (cell, room, is_number) in enumerate(zip(cells, widths, numbers, strict=False))
    ]


def _link_cells(line: Line, picks: Picks) -> Line:
    linked: Line = []
    for run, pick in zip(line, picks, strict=False):
        linked += [run] if pick is None else link([run], pick)
    return linked


def _draw_bars(section: BarSection, width: int) -> list[Line]:
    name_width = min(MAX_CELL, max(map(len, section.names), default=1))
    bar_width = max(0, min(50, width - name_width - 30))
    low, high = section.limits
    intervals = section.intervals or (None,) * len(section.names)
    lines: list[Line] = [[(fit(f" {'':<{name_width}}  {section.label}", width), "muted")]]
    for name, value, interval in list(zip(section.names, section.values, intervals, strict=True))[:MAX_ROWS]:
        share = 0.0 if value is None else min(1.0, max(0.0, (value - low) / ((high - low) or 1.0)))
        lines.append(
            [
                (f" {fit(name, name_width)}", "strong"),
                (f" {_write_cell(value):>7} ", "text"),
                (draw_bar(share, bar_width), "primary"),
                (f" {_write_interval(interval)}", "muted"),
            ]
        )
    return lines


def _draw_curves(section: CurveSection, width: int) -> list[Line]:
    if not section.curves:
        return _say_empty()
    shown = section.curves[: len(SERIES_ROLES)]
    series = [Series(of.x, of.y, SERIES_ROLES[place]) for place, of in enumerate(shown)]
    plot = draw_plot(
        [*reversed(series)],  # the first one last, on top of the others
        min(width - 1, MAX_PLOT_WIDTH),
        PLOT_HEIGHT,
        x_limits=section.x_range,
        y_limits=section.y_range,
    )
    lines: list[Line] = [[(" ", "text"), *line] for line in plot]
    more = len(section.curves) - len(shown)
    label = section.y_label + (f", {len(shown)} of {len(section.curves)} lines" if more else "")
    return [*draw_legend(shown, width), *lines, label_axes(section.x_label, label, width)]


def _write_note(note: str, width: int) -> list[Line]:
    """Return a note in lines of this width."""
    lines: list[str] = []
    for word in note.split():
        if lines and len(lines[-1]) + len(word) + 2 <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(f" {word}")
    return [[(line, "faint")] for line in lines]


def _say_empty() -> list[Line]:
    return [[(" There is nothing to show.", "muted")]]


def _write_cell(value: Cell) -> str:
    match value:
        case None:
            return "–"  # noqa: RUF001 - a dash says that there is no number
        case str():
            return value
        case int():
            return f"{value:,}"
        case float():
            return f"{value:.3f}"


def _write_interval(interval: Interval | None) -> str:
    return "" if interval is None else f"{interval.low:.3f} … {interval.high:.3f}"
