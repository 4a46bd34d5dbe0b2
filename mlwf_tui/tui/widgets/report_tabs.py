"""The tabs of a report: which sections stand on which, and the line that names them; no widget."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from rich.cells import cell_len

from mlwf_tui.entities.model import Evaluation, Report
from mlwf_tui.entities.section import CurveSection, MatrixSection, TableSection
from mlwf_tui.tui.widgets.drawing import Drawing, Line, Linked, fit, measure_line
from mlwf_tui.tui.widgets.task_sections import list_sections

Sections = Mapping[str, Drawing]
"""What draws each section, by its title."""

Tabs = Mapping[str, Sections]
"""The sections of each tab, by its title."""

ALL = "All"
_TABS: Mapping[str, tuple[str, ...]] = {
    "Overview": ("Overview",),
    "Classes": ("Classes",),
    "Curves": (
        "Precision and recall", "Confidence", "Calibration", "Matched pairs by IoU",
        "Predictions by confidence",
    ),
    "Confusion": ("Confusion", "Most confused"),
    "Errors": ("Errors",),
    "Slices": ("Slices",),
    "Speed": ("Speed",),
    "Items": ("Items",),
}  # fmt: skip


def list_tabs(report: Report, evaluation: Evaluation) -> Tabs:
    """Return the tabs of a benchmark that have something on them, the whole page last."""
    whole = {title: partial(draw, report, evaluation) for title, draw in list_sections(evaluation).items()}
    homes = {title: tab for tab, titles in _TABS.items() for title in titles}
    homes |= {section.title: _find_tab(section) for section in evaluation.sections}
    tabs: dict[str, dict[str, Drawing]] = {tab: {} for tab in _TABS}
    for title, draw in whole.items():
        tabs[homes.get(title, "Classes")][title] = draw
    return {**{tab: sections for tab, sections in tabs.items() if sections}, ALL: whole}


def _find_tab(section: object) -> str:
    match section:
        case MatrixSection():
            return "Confusion"
        case TableSection(header=("said", "is", *_)):
            return "Confusion"
        case TableSection(header=("item", *_)):
            return "Items"
        case CurveSection():
            return "Curves"
        case _:
            return "Classes"


class TabTarget(str):
    """What a tab stands for where it is clicked: its title."""


def draw_tabs(titles: list[str], active: str, width: int) -> Line:
    """Return the line that names all tabs, the shown one in brackets; narrow, without the first of them."""
    first = 0
    while True:
        line: Line = []
        for title in titles[first:]:
            is_active = title == active
            text = f"[{title}]" if is_active else f" {title} "
            line.append((Linked(text, TabTarget(title)), "heading" if is_active else "muted"))
        keys = "  ← → "
        room = width - measure_line(line)
        if room >= 0 or first >= titles.index(active):
            break
        first += 1
    return [*line, (fit(keys, room, "right"), "faint")] if room >= cell_len(keys) else line
