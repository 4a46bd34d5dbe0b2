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

from mlwf_tui.entities.measurement import ComparisonReport, Thresholds
from mlwf_tui.entities.model import Evaluation, Report
from mlwf_tui.tui.widgets.comparison_sections import list_comparison_sections
from mlwf_tui.tui.widgets.drawing import INK_CLASSES, Drawing, Line, build_strip, draw_message, write_ink_css
from mlwf_tui.tui.widgets.plot import warm_up
from mlwf_tui.tui.widgets.report_sections import draw_heading, draw_thresholds
from mlwf_tui.tui.widgets.task_sections import list_sections

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
            "right_parenthesis", "move_sections(1)", "next section", show=False, id="report.next_section"
        ),
        Binding(
            "left_parenthesis",
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
        Binding("less_than_sign", "step_confidence(-1)", "lower confidence", show=False, id="report.lower"),
        Binding(
            "greater_than_sign", "step_confidence(1)", "higher confidence", show=False, id="report.higher"
        ),
        Binding("left_curly_bracket", "step_iou(-1)", "hits at less IoU", show=False, id="report.looser"),
        Binding("right_curly_bracket", "step_iou(1)", "hits at more IoU", show=False, id="report.stricter"),
        Binding("0", "use_own", "the report's own thresholds", show=False, id="report.own"),
    ]

    class ThresholdsChosen(Message):
        """A person wants the numbers of a report at other thresholds: see `show_evaluation`."""

        def __init__(self, view: ReportView, report: Report, thresholds: Thresholds) -> None:
            super().__init__()
            self.view = view
            self.report = report
            self.thresholds = thresholds

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
        self._report: Report | None = None  # whose thresholds may be changed
        self._evaluation: Evaluation | None = None  # as it was kept, at its own thresholds
        self._own: Thresholds | None = None
        self._wanted: Thresholds | None = None  # what was chosen, also while it is worked out
        self._is_waiting = False
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
        self.show_sections(_list_sections(report, evaluation))
        confidence = evaluation.metrics.get("confidence")
        if confidence is not None and evaluation.confidence_curves:  # else nothing depends on it
            self._report, self._evaluation = report, evaluation
            self._own = self._wanted = Thresholds(confidence)

    @property
    def thresholds(self) -> Thresholds | None:
        """What was chosen last; None where there is nothing to choose for."""
        return self._wanted

    def show_evaluation(self, report: Report, evaluation: Evaluation, thresholds: Thresholds) -> None:
        """Show the numbers at thresholds that were chosen; dropped where others were chosen since."""
        if report is self._report and thresholds == self._wanted:
            self._is_waiting = False
            self._redraw(_list_sections(report, evaluation))

    def refuse_thresholds(self, report: Report) -> None:
        """Go back to the report's own thresholds: it cannot be evaluated at others."""
        if report is self._report:
            self.action_use_own()

    def show_comparison(self, body: ComparisonReport) -> None:
        """Show models side by side, from the top."""
        self.show_sections(list_comparison_sections(body))

    def show_sections(self, sections: Mapping[str, Drawing], *, keeps_place: bool = False) -> None:
        """Show sections by their titles, each drawn for a width; from the top, or as the same page anew."""
        self._report = self._evaluation = self._own = self._wanted = None
        self._is_waiting = False
        if not keeps_place:
            self._lines, self._starts = [], []
            self.scroll_to(y=0, animate=False, force=True, immediate=True)
        self._redraw(sections)

    def _redraw(self, sections: Mapping[str, Drawing]) -> None:
        self._shown = sections
        self._begin()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_size.width
        if self._own is not None and self._wanted is not None and y == self.scrollable_size.height - 1:
            # Over the last row: the page ends with a blank one, so that nothing is hidden for good.
            told = draw_thresholds(self._wanted, self._own, width, is_waiting=self._is_waiting)
            return build_strip(told, self._find_style, width)
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

    def action_move(self, lines: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False, force=True)

    def action_move_pages(self, pages: float) -> None:
        self.action_move(round(pages * (self.scrollable_size.height - 1)))

    def action_move_to(self, line: int) -> None:
        self.scroll_to(y=line if line >= 0 else self.max_scroll_y, animate=False, force=True)

    def action_step_confidence(self, by: int) -> None:
        if self._wanted is not None:
            self._choose(self._wanted.step_confidence(by))

    def action_step_iou(self, by: int) -> None:
        if self._wanted is not None:
            self._choose(self._wanted.step_iou(by))

    def action_use_own(self) -> None:
        """Show the report as it was kept."""
        if self._report is not None and self._evaluation is not None and self._wanted != self._own:
            self._wanted, self._is_waiting = self._own, False
            self._redraw(_list_sections(self._report, self._evaluation))
            self.refresh()

    def _choose(self, thresholds: Thresholds) -> None:
        if thresholds == self._own:
            self.action_use_own()
        elif self._report is not None and thresholds != self._wanted:
            self._wanted, self._is_waiting = thresholds, True
            self.refresh()
            self.post_message(self.ThresholdsChosen(self, self._report, thresholds))

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


def _list_sections(report: Report, evaluation: Evaluation) -> Mapping[str, Drawing]:
    return {title: partial(draw, report, evaluation) for title, draw in list_sections(evaluation).items()}
