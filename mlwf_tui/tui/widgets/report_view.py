"""A report in tabs, with a cursor on what stands for images; a comparison or search on one long page."""

from __future__ import annotations

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
from mlwf_tui.tui.widgets.drawing import INK_CLASSES, Line, build_strip, draw_message_row, write_ink_css
from mlwf_tui.tui.widgets.key_names import rename
from mlwf_tui.tui.widgets.report_cursor import Cursor, find_spots, mark
from mlwf_tui.tui.widgets.report_sections import draw_heading, draw_thresholds
from mlwf_tui.tui.widgets.report_tabs import Sections, Tabs, draw_tabs, list_tabs

EMPTY = ("No report", "Choose a report in the tree, or press b on a model to make one")


class ReportView(ScrollView, can_focus=True):
    """Draws a report section by section, a few milliseconds each, so that the app stays awake."""

    COMPONENT_CLASSES: ClassVar[set[str]] = INK_CLASSES
    DEFAULT_CSS = (
        "ReportView { background: $background; overflow-x: hidden; overflow-y: scroll; }\n"
        + write_ink_css("ReportView")
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "images behind it", id="report.open"),
        Binding("right,l", "move_columns(1)", "next tab, or cell", id="report.right"),
        Binding("left,h", "move_columns(-1)", "tab before, or cell", show=False, id="report.left"),
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

    class KeysChanged(Message):
        """What is drawn now has something to open, other than before, or nothing any more."""

    class TargetOpened(Message):
        """A person wants to see what stands behind a number, at the thresholds that hold now."""

        def __init__(self, view: ReportView, target: object, thresholds: Thresholds | None) -> None:
            super().__init__()
            self.view = view
            self.target = target
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
        self._tabs: Tabs = {}
        self._tab = ""  # the title of the one that is shown
        self._cursor = Cursor()
        self._shown: Sections | None = None
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
        """Show a report from its top, on the tab that was looked at last."""
        self.show_tabs(list_tabs(report, evaluation))
        confidence = evaluation.metrics.get("confidence")
        if confidence is not None and evaluation.confidence_curves:  # else nothing depends on it
            self._report, self._evaluation = report, evaluation
            self._own = self._wanted = Thresholds(confidence)

    @property
    def tab(self) -> str:
        """The tab that is shown; "" of what has none."""
        return self._tab

    def show_tabs(self, tabs: Tabs) -> None:
        """Show sections in tabs, from the top of one of them."""
        chosen = self._tab if self._tab in tabs else next(iter(tabs))
        self.show_sections(tabs[chosen])
        self._tabs, self._tab = tabs, chosen

    def show_tab(self, title: str) -> None:
        """Show another tab, from its top."""
        self._tab = title
        self._go_to_top()
        self._redraw(self._tabs[title], at_once=True)
        self.refresh()

    @property
    def thresholds(self) -> Thresholds | None:
        """What was chosen last; None where there is nothing to choose for."""
        return self._wanted

    def show_evaluation(self, report: Report, evaluation: Evaluation, thresholds: Thresholds) -> None:
        """Show the numbers at thresholds that were chosen; dropped where others were chosen since."""
        if report is self._report and thresholds == self._wanted:
            self._is_waiting = False
            self._renew_tabs(report, evaluation)

    def refuse_thresholds(self, report: Report) -> None:
        """Go back to the report's own thresholds: it cannot be evaluated at others."""
        if report is self._report:
            self.action_use_own()

    def show_comparison(self, body: ComparisonReport) -> None:
        """Show models side by side, from the top."""
        self.show_sections(list_comparison_sections(body))

    def show_sections(self, sections: Sections, *, keeps_place: bool = False) -> None:
        """Show sections by their titles, each drawn for a width; from the top, or as the same page anew."""
        self._report = self._evaluation = self._own = self._wanted = None
        self._is_waiting = False
        self._tabs = {}
        if not keeps_place:
            self._go_to_top()
        self._redraw(sections)

    def _go_to_top(self) -> None:
        self._lines, self._starts = [], []
        self._cursor.leave()
        self._cursor.show(())  # until what is new is drawn
        self.scroll_to(y=0, animate=False, force=True, immediate=True)

    def _renew_tabs(self, report: Report, evaluation: Evaluation) -> None:
        """Draw the same report anew, at the same place."""
        self._tabs = list_tabs(report, evaluation)
        self._redraw(self._tabs[self._tab])

    def _redraw(self, sections: Sections, *, at_once: bool = False) -> None:
        self._shown = sections
        self._begin(at_once=at_once)

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_size.width
        if self._own is not None and self._wanted is not None and y == self.scrollable_size.height - 1:
            # Over the last row: the page ends with a blank one, so that nothing is hidden for good.
            told = draw_thresholds(self._wanted, self._own, width, is_waiting=self._is_waiting)
            return build_strip(told, self._find_style, width)
        if y == 0 and self._tabs:  # likewise: the page begins with a blank row
            return build_strip(draw_tabs(list(self._tabs), self._tab, width), self._find_style, width)
        if self._shown is None:
            line = draw_message_row(y, *self._empty, *self.scrollable_size)
        else:
            row = self.scroll_offset.y + y
            line = self._lines[row] if row < len(self._lines) else []
            spot = self._cursor.spot
            line = mark(line, spot) if spot is not None and spot.row == row else line
        return build_strip(line, self._find_style, width)

    def on_resize(self, event: events.Resize) -> None:
        if self.scrollable_size.width != self._drawn_width:
            self._begin()

    def action_open(self) -> None:
        """Ask for what stands behind the number under the cursor; without one, go to the next there is."""
        spot = self._cursor.spot
        if spot is not None:
            self.post_message(self.TargetOpened(self, spot.target, self._wanted))
            return
        tops = self.scroll_offset.y + self._covered_rows, 0
        if any(self._cursor.move_rows(1, top, len(self._lines)) for top in tops):
            assert self._cursor.spot is not None
            self._keep_in_sight(self._cursor.spot.row)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self._cursor.has_any if action == "open" else True

    def reword(self, binding: Binding) -> Binding:
        """Return a binding as it is to be told: without tabs there are cells alone to go to, if any."""
        if binding.id == "report.open" and not self._cursor.has_any:
            return rename(binding, "", is_shown=False)
        cells = {"report.right": "next cell", "report.left": "cell before"}
        if self._tabs or binding.id not in cells:
            return binding
        return rename(binding, cells[binding.id], is_shown=False)

    def action_move_sections(self, step: int) -> None:
        """Go to the heading of the next section, or of the one before; past the last one to another tab."""
        top = self.scroll_offset.y + self._covered_rows
        below = [start for start in self._starts if top < start <= self.max_scroll_y + self._covered_rows]
        above = [start for start in self._starts if start < top]
        found = below[:1] if step > 0 else above[-1:]
        if found:
            self._cursor.leave()
            self.scroll_to(y=found[0] - self._covered_rows, animate=False, force=True)
            self.refresh()
        elif self._tabs:
            self._move_tabs(step)

    @property
    def _covered_rows(self) -> int:
        """Rows at the top that the tabs take."""
        return 1 if self._tabs else 0

    def _move_tabs(self, step: int) -> None:
        titles = list(self._tabs)
        self.show_tab(titles[(titles.index(self._tab) + step) % len(titles)])

    def action_move_columns(self, by: int) -> None:
        """Go to the cell beside the cursor; past the end of the row, and without one, to another tab."""
        if self._cursor.move_columns(by):
            self.refresh()
        elif self._tabs:
            self._move_tabs(by)

    def action_move(self, lines: int) -> None:
        """Move the cursor to the next row that has something to open, or the page where none is near."""
        top, height = self.scroll_offset.y, self.scrollable_size.height
        before = self._cursor.spot
        if self._cursor.move_rows(lines, top + self._covered_rows, top + height - 1):
            spot = self._cursor.spot
            assert spot is not None
            if before is not None and abs(spot.row - before.row) > height // 2:
                self._cursor.go_to(before)  # far away: what lies between is to be seen first
            else:
                self._keep_in_sight(spot.row)
                return
        self.scroll_to(y=top + lines, animate=False, force=True)
        self.refresh()

    def _keep_in_sight(self, row: int) -> None:
        """Scroll as little as lets a row be seen, with a row around it."""
        top, height = self.scroll_offset.y, self.scrollable_size.height
        lowest, highest = row - height + 3, row - self._covered_rows - 1
        self.scroll_to(y=min(max(top, lowest), max(highest, 0)), animate=False, force=True)
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Show the tab that was clicked, or put the cursor on a number; clicked again it is opened."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y == 0 and self._tabs:
            tabs = draw_tabs(list(self._tabs), self._tab, self.scrollable_size.width)
            clicked = next((of for of in find_spots([tabs]) if of.start <= offset.x < of.end), None)
            if clicked is not None:
                self.show_tab(str(clicked.target))
            return
        before = self._cursor.spot
        if self._cursor.put(offset.x, self.scroll_offset.y + offset.y):
            if self._cursor.spot == before:
                self.action_open()
            self.refresh()

    def action_move_pages(self, pages: float) -> None:
        self._cursor.leave()
        rows = round(pages * (self.scrollable_size.height - 1))
        self.scroll_to(y=self.scroll_offset.y + rows, animate=False, force=True)

    def action_move_to(self, line: int) -> None:
        self._cursor.leave()
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
            self._renew_tabs(self._report, self._evaluation)
            self.refresh()

    def _choose(self, thresholds: Thresholds) -> None:
        if thresholds == self._own:
            self.action_use_own()
        elif self._report is not None and thresholds != self._wanted:
            self._wanted, self._is_waiting = thresholds, True
            self.refresh()
            self.post_message(self.ThresholdsChosen(self, self._report, thresholds))

    def _begin(self, *, at_once: bool = False) -> None:
        """Start to draw all sections anew; those on the screen stay until the new ones are ready.

        `at_once` the first of them is: keys that were pressed behind the one for a tab mean what is on it.
        """
        self._generation += 1
        self._drawn_width = self.scrollable_size.width
        if self._shown is None or self._drawn_width <= 0:
            return
        if at_once:
            self._draw_section(self._generation, [], [])
        else:
            self.call_later(self._draw_section, self._generation, [], [])

    def _draw_section(self, generation: int, lines: list[Line], starts: list[int]) -> None:
        """Draw one section more, and the next when the loop comes round again."""
        if generation != self._generation or self._shown is None:
            return
        titles = list(self._shown)
        title = titles[len(starts)]
        if not starts and self._tabs:
            lines.append([])  # the row of the tabs
        starts.append(len(lines))
        if len(titles) > 1 or not self._tabs:
            lines.append(draw_heading(len(starts), len(titles), title, self._drawn_width))
        lines += [*self._shown[title](self._drawn_width), []]
        if len(starts) > len(self._starts) or len(starts) == len(titles):
            self._lines, self._starts = lines, starts
            could_open = self._cursor.has_any
            self._cursor.show(find_spots(lines))
            if self._cursor.has_any != could_open:
                self.post_message(self.KeysChanged())
            self.virtual_size = Size(self._drawn_width, len(lines))
            self.refresh()
        if len(starts) < len(titles):
            self.call_later(self._draw_section, generation, lines, starts)

    def _find_style(self, role: str) -> Style:
        return self.get_component_rich_style(f"ink--{role}")
