"""A report on one long page, its sections one key away: of a benchmark, or of a search for parameters."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mlwf_tui.entities.measurement import ComparisonReport
from mlwf_tui.entities.model import Evaluation, Report
from mlwf_tui.tui.widgets.comparison_sections import list_comparison_sections
from mlwf_tui.tui.widgets.drawing import INK_CLASSES, Drawing, Line, build_strip, draw_message, write_ink_css
from mlwf_tui.tui.widgets.plot import warm_up
from mlwf_tui.tui.widgets.report_sections import SECTIONS, draw_heading, draw_tuned_overview

"""What draws a section for a width in cells."""

EMPTY = ("No report", "Choose a report in the tree, or press b on a model to make one")


class ReportView(ScrollView, can_focus=True):
    """Draws a report section by section, a few milliseconds each, so that the app stays awake."""

    COMPONENT_CLASSES: ClassVar[set[str]] = INK_CLASSES
    DEFAULT_CSS = (
        "ReportView { background: $background; overflow-x: hidden; overflow-y: scroll; }\n"
        + write_ink_css("ReportView")
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "right_curly_bracket", "move_sections(1)", "next section", show=False, id="report.next_section"
        ),
        Binding(
            "left_curly_bracket",
            "move_sections(-1)",
            "section before",
            show=False,
            id="report.previous_section",
        ),
        Binding("up,k", "move(-1)", "up", show=False, id="report.up"),
        Binding("down,j", "move(1)", "down", show=False, id="report.down"),
        Binding("pageup,ctrl+b", "move_pages(-1.0)", "page up", show=False, id="report.page_up"),
        Binding("pagedown,ctrl+f", "move_pages(1.0)", "page down", show=False, id="report.page_down"),
        Binding("ctrl+u", "move_pages(-0.5)", "half a page up", show=False, id="report.half_up"),
        Binding("ctrl+d", "move_pages(0.5)", "half a page down", show=False, id="report.half_down"),
        Binding("home,g", "move_to(0)", "top", show=False, id="report.top"),
        Binding("end,G", "move_to(-1)", "bottom", show=False, id="report.bottom"),
        Binding("right,l", "tune(0.01)", "count at a higher confidence", show=False, id="report.higher"),
        Binding("left,h", "tune(-0.01)", "count at a lower confidence", show=False, id="report.lower"),
        Binding("shift+right", "tune(0.1)", "confidence higher by 0.1", show=False, id="report.far_higher"),
        Binding("shift+left", "tune(-0.1)", "confidence lower by 0.1", show=False, id="report.far_lower"),
        Binding("0", "tune(0.0)", "the report's own confidence", show=False, id="report.own"),
    ]

    class ConfidenceWanted(Message):
        """The report is to count at a confidence higher by `step`; None for its own again."""

        def __init__(self, view: ReportView, step: float | None) -> None:
            super().__init__()
            self.view = view
            self.step = step

        @property
        def control(self) -> ReportView:
            return self.view

    def __init__(
        self,
        *,
        empty: tuple[str, str] = EMPTY,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._empty = empty
        self._shown: Mapping[str, Drawing] | None = None  # by their titles
        self._lines: list[Line] = []
        self._starts: list[int] = []  # the first line of each section
        self._drawn_width = 0
        self._generation = 0  # grows with everything that makes a drawing in progress useless

    @property
    def is_drawn(self) -> bool:
        """Whether every section is there."""
        return self._shown is not None and len(self._starts) == len(self._shown)

    def show_report(self, report: Report, evaluation: Evaluation) -> None:
        """Show a report from its top."""
        self.show_sections({title: partial(draw, report, evaluation) for title, draw in SECTIONS.items()})

    def show_tuned(self, report: Report, evaluation: Evaluation, own: float | None) -> None:
        """Show the same report as it counts at another confidence; `own` is the one it was made with."""
        sections: dict[str, Drawing] = {
            title: partial(draw, report, evaluation) for title, draw in SECTIONS.items()
        }
        if own is not None:
            now = evaluation.metrics["confidence"]
            sections["Overview"] = partial(draw_tuned_overview, now, own, report, evaluation)
        self.show_sections(sections, keeps_place=True)

    def show_comparison(self, body: ComparisonReport) -> None:
        """Show models side by side, from the top."""
        self.show_sections(list_comparison_sections(body))

    def show_sections(self, sections: Mapping[str, Drawing], *, keeps_place: bool = False) -> None:
        """Show sections by their titles, each drawn for a width; from the top, or as the same page anew."""
        self._shown = sections
        if not keeps_place:
            self._lines, self._starts = [], []
            self.scroll_to(y=0, animate=False, force=True, immediate=True)
        self._begin()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_size.width
        if self._shown is None:
            line = draw_message(*self._empty, width, self.scrollable_size.height)[y]
        else:
            row = self.scroll_offset.y + y
            line = self._lines[row] if row < len(self._lines) else []
        return build_strip(line, self._find_style, width)

    def on_show(self) -> None:
        self.run_worker(warm_up, thread=True, name="load the plot library")

    def on_resize(self, event: events.Resize) -> None:
        if self.scrollable_size.width != self._drawn_width:
            self._begin()

    def action_move_sections(self, step: int) -> None:
        """Go to the next section's heading, or to the one before the line at the top."""
        top = self.scroll_offset.y
        below = [start for start in self._starts if start > top]
        above = [start for start in self._starts if start < top]
        found = below[:1] if step > 0 else above[-1:]
        if found:
            self.scroll_to(y=found[0], animate=False, force=True)

    def action_tune(self, step: float) -> None:
        self.post_message(self.ConfidenceWanted(self, step or None))

    def action_move(self, lines: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False, force=True)

    def action_move_pages(self, pages: float) -> None:
        self.action_move(round(pages * (self.scrollable_size.height - 1)))

    def action_move_to(self, line: int) -> None:
        self.scroll_to(y=line if line >= 0 else self.max_scroll_y, animate=False, force=True)

    def _begin(self) -> None:
        """Start to draw all sections anew; those on the screen stay until the new ones are ready."""
        self._generation += 1
        self._drawn_width = self.scrollable_size.width
        if self._shown is not None and self._drawn_width > 0:
            self.call_later(self._draw_section, self._generation, [], [])

    def _draw_section(self, generation: int, lines: list[Line], starts: list[int]) -> None:
        """Draw one section more, and the next when the loop comes round again."""
        if generation != self._generation or self._shown is None:
            return
        titles = list(self._shown)
        title = titles[len(starts)]
        starts.append(len(lines))
        lines.append(draw_heading(len(starts), len(titles), title, self._drawn_width))
        lines += [*self._shown[title](self._drawn_width), []]
        if len(starts) > len(self._starts):
            self._lines, self._starts = lines, starts
            self.virtual_size = Size(self._drawn_width, len(lines))
            self.refresh()
        if len(starts) < len(titles):
            self.call_later(self._draw_section, generation, lines, starts)
        else:
            self._lines, self._starts = lines, starts
            self.virtual_size = Size(self._drawn_width, len(lines))
            self.refresh()

    def _find_style(self, role: str) -> Style:
        return self.get_component_rich_style(f"ink--{role}")
