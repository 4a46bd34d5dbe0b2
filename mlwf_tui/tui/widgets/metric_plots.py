"""Live plots of runs' metrics in a grid that fits the screen; redrawn only where something is new."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from msgspec.structs import replace
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from mlwf_tui.entities.layout import MonitorLayout, XAxis
from mlwf_tui.entities.mark import Mark
from mlwf_tui.entities.metric import MetricSeries
from mlwf_tui.entities.run import MetricPoint
from mlwf_tui.tui.widgets import plot_windows
from mlwf_tui.tui.widgets.curve_axis import Clock
from mlwf_tui.tui.widgets.drawing import (
    INK_CLASSES,
    Line,
    build_strip,
    draw_message,
    fit,
    write_ink_css,
)
from mlwf_tui.tui.widgets.metric_panels import (
    Panel,
    PlotView,
    RunLines,
    Window,
    build_panels,
    choose_grid,
)
from mlwf_tui.tui.widgets.plot_cursor import find_moment, step_moment
from mlwf_tui.tui.widgets.plot_sheet import PlotSheet, draw_head, draw_large, draw_panel, place_panels

MIN_REDRAW_S = 0.5
SMOOTHINGS = (0.0, 0.6, 0.9, 0.97)
AXES = (XAxis.STEP, XAxis.EPOCH, XAxis.TIME)
EMPTY = ("No metrics yet", "Curves appear here after the first epoch")


class MetricPlots(Widget, can_focus=True):
    """One plot a metric, with the curves of one run or of several; one plot may fill the screen."""

    COMPONENT_CLASSES: ClassVar[set[str]] = INK_CLASSES
    DEFAULT_CSS = "MetricPlots { height: 1fr; background: $background; }\n" + write_ink_css("MetricPlots")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "go(-1)", "previous page, or cursor left", show=False, id="metrics.left"),
        Binding("right", "go(1)", "next page, or cursor right", show=False, id="metrics.right"),
        Binding("up,k", "move(-1)", "previous plot", show=False, id="metrics.previous"),
        Binding("down,j", "move(1)", "next plot", show=False, id="metrics.next"),
        Binding("g,home", "move_to(0)", "first plot", show=False, id="metrics.first"),
        Binding("G,end", "move_to(-1)", "last plot", show=False, id="metrics.last"),
        Binding("enter", "toggle_maximized", "one plot", id="metrics.maximize"),
        Binding("s", "step_smoothing", "smooth", id="metrics.smooth"),
        Binding("l", "toggle_log", "log scale", id="metrics.log"),
        Binding("e", "step_axis", "step, epoch, time", id="metrics.axis"),
        Binding("c", "toggle_cursor", "cursor", id="metrics.cursor"),
        Binding("escape", "clear_cursor", "put the cursor away", show=False, id="metrics.no_cursor"),
        Binding("plus,equals_sign", "zoom(1)", "zoom in", id="metrics.zoom_in"),
        Binding("minus", "zoom(-1)", "zoom out", show=False, id="metrics.zoom_out"),
        Binding("H,shift+left,comma", "pan(-1)", "pan left", show=False, id="metrics.pan_left"),
        Binding("L,shift+right,full_stop", "pan(1)", "pan right", show=False, id="metrics.pan_right"),
        Binding("0", "show_all", "show the whole curves", show=False, id="metrics.all"),
        Binding("K", "shift(-1)", "move the plot before the one before", show=False, id="metrics.earlier"),
        Binding("J", "shift(1)", "move the plot behind the next", show=False, id="metrics.later"),
        Binding("o", "join", "draw the next plot into this one, or part them", show=False, id="metrics.join"),
        Binding("delete,backspace", "hide", "hide this plot", show=False, id="metrics.hide"),
        Binding("A", "show_hidden", "show all plots, in their first order", show=False, id="metrics.reset"),
    ]  # fmt: skip

    cursor: reactive[int] = reactive(0, init=False)
    """The number of the selected plot."""

    class LayoutChanged(Message):
        """The person wants the plots laid out in another way from now on."""

        def __init__(self, layout: MonitorLayout) -> None:
            super().__init__()
            self.layout = layout

    def __init__(
        self,
        *,
        empty: tuple[str, str] = EMPTY,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        self._styles: dict[str, Style] = {}
        super().__init__(name=name, id=id, classes=classes)
        self._empty = empty
        self._runs: list[RunLines] = [RunLines("", "")]
        self._layout = MonitorLayout()
        self._panels: list[Panel] = []
        self._cursor_s: float | None = None  # a moment of the first run, where the cursor stands
        self._view = PlotView((), {})
        self._sheet = PlotSheet()
        self._drawn_at = 0.0
        self._is_redraw_due = False
        self._dragged_from: tuple[int, Panel, Window] | None = None
        self._is_dragged = False

    @property
    def layout_now(self) -> MonitorLayout:
        """How the plots are laid out now."""
        return self._layout

    @property
    def is_maximized(self) -> bool:
        return any(panel.title == self._layout.maximized for panel in self._panels)

    @property
    def page(self) -> int:
        """The number of the page that holds the selected plot."""
        return self.cursor // self._page_size

    @property
    def page_count(self) -> int:
        return max(1, -(-len(self._panels) // self._page_size))

    # --- what is shown -------------------------------------------------------------------------

    def use_layout(self, layout: MonitorLayout) -> None:
        """Lay the plots out as a person wanted them before."""
        self._layout = layout
        self._arrange()

    def show_runs(self, runs: Sequence[RunLines]) -> None:
        """Show these runs' curves over each other, the first one leading; points may follow."""
        self._runs = list(runs)
        self._cursor_s = None
        self._panels = []
        self._arrange()
        self.set_reactive(MetricPlots.cursor, self.validate_cursor(self.cursor))
        if self._layout.maximized in (titles := [panel.title for panel in self._panels]):
            self.set_reactive(MetricPlots.cursor, titles.index(self._layout.maximized))

    def show_metrics(self, points_by_key: Mapping[str, Sequence[MetricPoint]]) -> None:
        """Show these points of one run and no others."""
        self.show_runs([RunLines("", "")])
        self.add_points(point for points in points_by_key.values() for point in points)

    def add_points(self, points: Iterable[MetricPoint], run_id: str = "") -> None:
        """Append points of a run; curves are drawn at most twice a second, figures at once."""
        run = next((run for run in self._runs if run.run_id == run_id), None)
        if run is None:
            return  # it was put away meanwhile
        known = len(run.series)
        for point in points:
            series = run.series.get(point.key)
            if series is None:
                series = run.series[point.key] = MetricSeries(point.key)
            series.add(point)
        if len(run.series) != known:
            self._arrange()
        else:
            self._request_redraw()

    def show_marks(self, marks: Iterable[Mark], run_id: str = "") -> None:
        """Mark the plots in which something looks wrong."""
        for run in self._runs:
            if run.run_id == run_id:
                run.marks = {mark.key: mark for mark in reversed(list(marks))}
                self._draw_titles()

    # --- drawing -------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        if not self._sheet.is_drawn(self.size):
            self._draw_all()
        return build_strip(self._sheet.build_row(y), self._find_style, self.size.width)

    def on_resize(self, event: events.Resize) -> None:
        self._redraw_all()

    def on_focus(self) -> None:
        self._draw_titles()

    def on_blur(self) -> None:
        self._draw_titles()

    def validate_cursor(self, cursor: int) -> int:
        return max(0, min(cursor, len(self._panels) - 1))

    def watch_cursor(self, before: int, after: int) -> None:
        if self.is_maximized:
            self._change(maximized=self._panels[after].title)
        elif before // self._page_size == after // self._page_size:
            self._draw_titles()
        else:
            self._redraw_all()

    def _arrange(self) -> None:
        """Make the panels anew, each with the zoom that its plot had."""
        before = {panel.title: panel for panel in self._panels}
        keys = dict.fromkeys(key for run in self._runs for key in run.series)
        self._panels = build_panels(keys, self._layout.panels, self._layout.hidden)
        for panel in self._panels:
            panel.is_log = panel.title in self._layout.logarithmic
            panel.window = before[panel.title].window if panel.title in before else None
        if self.is_maximized:
            titles = [panel.title for panel in self._panels]
            self.set_reactive(MetricPlots.cursor, titles.index(self._layout.maximized))
        self._redraw_all()

    def _request_redraw(self) -> None:
        """Draw the figures now, and the curves when half a second has passed since the last time."""
        wait_s = self._drawn_at + MIN_REDRAW_S - time.monotonic()
        if wait_s <= 0:
            self._redraw_changed()
            return
        if self.is_mounted and not self._is_redraw_due:
            self._is_redraw_due = True
            self.set_timer(wait_s, self._redraw_changed)
        self._draw_titles()

    def _redraw_all(self) -> None:
        self._sheet.clear()
        self._view = self._make_view()  # keys may come before the drawing
        self.refresh()

    def _redraw_changed(self) -> None:
        """Draw what is new of the plots on this page, and refresh only the rows that differ."""
        self._is_redraw_due = False
        self._drawn_at = time.monotonic()
        if not self._panels or not self._sheet.is_drawn(self.size):
            self._redraw_all()
            return
        self._view = self._make_view()
        self._refresh_panels(is_titles_only=False)

    def _draw_titles(self) -> None:
        if self._panels and self._sheet.is_drawn(self.size):
            self._view = self._make_view()
            self._refresh_panels(is_titles_only=True)
        else:
            self._redraw_all()

    def _refresh_panels(self, *, is_titles_only: bool) -> None:
        regions = self._sheet.renew(self._draw_head if is_titles_only else self._draw_panel)
        if regions:
            self.refresh(*regions)
        if not self._sheet.is_smoothed and not self._is_redraw_due:
            self._is_redraw_due = True  # the rest of a long curve is smoothed piece by piece
            self.set_timer(0.05, self._redraw_changed)

    def _draw_all(self) -> None:
        width, height = self.size
        self._view = self._make_view()
        self._drawn_at = time.monotonic()
        if not self._panels:
            self._sheet.fill(self.size, draw_message(*self._empty, width, height))
            return
        self._sheet.draw(self.size, self._place_panels(width), self._draw_panel, self._draw_footer(width))
        if not self._sheet.is_smoothed:
            self.call_after_refresh(self._redraw_changed)

    def _place_panels(self, width: int) -> list[tuple[Region, Panel]]:
        if self.is_maximized:
            return [(Region(0, 0, width, self._plot_rows), self._panels[self.cursor])]
        first = self.page * self._page_size
        shown = self._panels[first : first + self._page_size]
        return place_panels(shown, width, self._plot_rows, self._choose_grid())

    def _draw_panel(self, panel: Panel, region: Region) -> list[Line]:
        draw = draw_large if self.is_maximized else draw_panel
        return draw(panel, self._view, region, is_selected=self._is_selected(panel))

    def _draw_head(self, panel: Panel, region: Region) -> list[Line]:
        """Draw what holds figures; of the one large plot that is all, its table."""
        draw = draw_large if self.is_maximized else draw_head
        return draw(panel, self._view, region, is_selected=self._is_selected(panel))

    def _is_selected(self, panel: Panel) -> bool:
        return self.has_focus and panel is self._panels[self.cursor]

    def _draw_footer(self, width: int) -> Line:
        """Return which page this is, and what is not as in the file: smoothed, zoomed, over time."""
        parts = []
        if self.page_count > 1 and not self.is_maximized:
            dots = " ".join("●" if page == self.page else "○" for page in range(self.page_count))
            parts.append(f"{dots}  {len(self._panels)} plots, ← → turn the page")
        parts.append(
            f"over {self._find_axis().value}s" if self._find_axis() is not XAxis.TIME else "over time"
        )
        if self._layout.x_axis is XAxis.EPOCH and self._find_axis() is not XAxis.EPOCH:
            parts.append("no epochs are told")
        if self._layout.smoothing:
            parts.append(f"smoothed {self._layout.smoothing:g}, raw faint")
        if self._is_zoomed:
            parts.append("zoomed, 0 shows all")
        if self._layout.hidden:
            parts.append(f"{len(self._layout.hidden)} hidden, A shows them")
        return [(fit("  ·  ".join(parts), width, "center"), "muted")]

    def _make_view(self) -> PlotView:
        axis = self._find_axis()
        return PlotView(
            self._runs,
            {run.run_id: Clock(axis, run.series, run.started_s) for run in self._runs},
            axis,
            self._layout.smoothing,
            self._layout.window,
            self._cursor_s,
        )

    def _find_axis(self) -> XAxis:
        """Return the axis that is wanted, or steps where epochs are and a run tells of none."""
        if self._layout.x_axis is XAxis.EPOCH:
            clocks = (Clock(XAxis.EPOCH, run.series, run.started_s) for run in self._runs if run.series)
            return XAxis.EPOCH if all(clock.has_epochs for clock in clocks) else XAxis.STEP
        return self._layout.x_axis

    @property
    def _is_zoomed(self) -> bool:
        return self._layout.window is not None or any(panel.window is not None for panel in self._panels)

    @property
    def _plot_rows(self) -> int:
        """Rows for plots: all but the last, which tells how they are drawn."""
        return max(1, self.size.height - 1)

    @property
    def _page_size(self) -> int:
        columns, rows = self._choose_grid()
        return columns * rows

    def _choose_grid(self) -> tuple[int, int]:
        return choose_grid(self.size.width, self._plot_rows, len(self._panels))

    def notify_style_update(self) -> None:
        """Forget the styles of the theme that was."""
        super().notify_style_update()
        self._styles = {}

    def _find_style(self, role: str) -> Style:
        style = self._styles.get(role)
        if style is None:
            style = self._styles[role] = self.get_component_rich_style(f"ink--{role}")
        return style

    # --- keys ----------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self._cursor_s is not None if action == "clear_cursor" else True

    def action_go(self, step: int) -> None:
        """Move the cursor where there is one, else turn the page."""
        if self._cursor_s is not None:
            self._step_cursor(step)
        elif self.is_maximized:
            self.cursor += step
        else:
            page = max(0, min(self.page_count - 1, self.page + step))
            if page != self.page:
                self.cursor = page * self._page_size

    def action_move(self, step: int) -> None:
        self.cursor += step

    def action_move_to(self, number: int) -> None:
        self.cursor = number if number >= 0 else len(self._panels) - 1

    def action_toggle_maximized(self) -> None:
        if self._panels:
            self._change(maximized="" if self.is_maximized else self._panels[self.cursor].title)

    def action_step_smoothing(self) -> None:
        """Go on to the next weight: none, light, usual, strong."""
        place = SMOOTHINGS.index(self._layout.smoothing) if self._layout.smoothing in SMOOTHINGS else -1
        self._change(smoothing=SMOOTHINGS[(place + 1) % len(SMOOTHINGS)])

    def action_toggle_log(self) -> None:
        """Draw the selected plot over a logarithmic scale, or a linear one again."""
        if self._panels:
            panel = self._panels[self.cursor]
            panel.is_log = not panel.is_log
            self._change(logarithmic=tuple(one.title for one in self._panels if one.is_log))

    def action_step_axis(self) -> None:
        """Go on from steps to epochs to time; a zoom holds for one axis only."""
        for panel in self._panels:
            panel.window = None
        place = AXES.index(self._layout.x_axis)
        self._change(x_axis=AXES[(place + 1) % len(AXES)])

    def action_toggle_cursor(self) -> None:
        if self._cursor_s is not None or not self._panels:
            self._put_cursor(None)
        else:
            limits = self._panels[self.cursor].find_limits(self._view)
            if limits is not None:
                self._put_cursor(limits[1])

    def action_clear_cursor(self) -> None:
        self._put_cursor(None)

    def action_zoom(self, step: int) -> None:
        """Zoom all plots in around the cursor, or to the newest end, or out again."""
        for panel in self._panels:
            limits, cursor = panel.find_limits(self._view), panel.find_cursor(self._view)
            if limits is not None:
                plot_windows.zoom(panel, self._view, limits[1] if cursor is None else cursor, step)
        self._note_window()

    def action_pan(self, step: int) -> None:
        for panel in self._panels:
            plot_windows.pan(panel, self._view, step * plot_windows.PAN_SHARE)
        self._note_window()

    def action_show_all(self) -> None:
        for panel in self._panels:
            panel.window = None
        self._change(window=None)

    def action_shift(self, step: int) -> None:
        """Change places with the neighbour."""
        target = self.cursor + step
        if 0 <= target < len(self._panels):
            keys = [panel.keys for panel in self._panels]
            keys[self.cursor], keys[target] = keys[target], keys[self.cursor]
            self._change(panels=tuple(keys))
            self.cursor = target

    def action_join(self) -> None:
        """Draw the next plot's curves into this one; where several are together, part them."""
        if not self._panels:
            return
        keys = [panel.keys for panel in self._panels]
        here = keys[self.cursor]
        if len(here) > 1:
            keys[self.cursor : self.cursor + 1] = [(key,) for key in here]
        elif self.cursor + 1 < len(keys):
            keys[self.cursor : self.cursor + 2] = [here + keys[self.cursor + 1]]
        self._change(panels=tuple(keys), maximized="")

    def action_hide(self) -> None:
        if self._panels:
            hidden = (*self._layout.hidden, *self._panels[self.cursor].keys)
            self._change(hidden=hidden, maximized="")

    def action_show_hidden(self) -> None:
        self._change(hidden=(), panels=())

    # --- mouse ---------------------------------------------------------------------------------

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._zoom_at(event, 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._zoom_at(event, -1)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        found = self._find_panel(event)
        self._is_dragged = False
        if found is not None and event.button == 1:
            limits = found[1].find_limits(self._view)
            if limits is not None:
                self._dragged_from = (event.x, found[1], limits)
                self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Pan all plots as the one that is dragged."""
        if self._dragged_from is None:
            return
        start, panel, limits = self._dragged_from
        if event.x == start and not self._is_dragged:
            return
        self._is_dragged = True
        share = (start - event.x) / max(1, panel.plotted.columns)
        plot_windows.pan(panel, self._view, share, since=limits)
        plot_windows.follow(panel, self._panels, self._view)
        self._note_window()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        if self._dragged_from is not None:
            self._dragged_from = None
            self.release_mouse()

    def on_click(self, event: events.Click) -> None:
        """Select a plot and put the cursor there; twice: give it all the room, or share it again."""
        found = self._find_panel(event)
        if found is None or self._is_dragged:
            return
        region, panel = found
        self.cursor = self._panels.index(panel)
        if event.chain == 2:
            self._put_cursor(None)
            self.action_toggle_maximized()
            return
        content = event.get_content_offset(self)
        if content is not None and content.y > region.y:
            self._put_cursor(panel.plotted.find_x(content.x - region.x))

    def _zoom_at(self, event: events.MouseEvent, step: int) -> None:
        event.stop()
        found = self._find_panel(event)
        if found is None:
            return
        region, panel = found
        at = panel.plotted.find_x(event.x - region.x)
        if at is not None:
            plot_windows.zoom(panel, self._view, at, step)
            plot_windows.follow(panel, self._panels, self._view)
            self._note_window()

    def _find_panel(self, event: events.MouseEvent) -> tuple[Region, Panel] | None:
        content = event.get_content_offset(self)
        return None if content is None else self._sheet.find(content.x, content.y)

    # --- zoom, cursor, layout ------------------------------------------------------------------

    def _note_window(self) -> None:
        """Remember which part is shown: shares fit the next run, whose steps are others."""
        share = plot_windows.find_share(self._panels[self.cursor], self._view) if self._panels else None
        self._change(window=share)

    def _put_cursor(self, x: float | None) -> None:
        """Put the cursor on the point of the selected plot that is nearest to `x`, or away."""
        self._cursor_s = None
        if x is not None and self._panels:
            self._cursor_s = find_moment(self._panels[self.cursor], self._view, x)
        self._redraw_changed()

    def _step_cursor(self, step: int) -> None:
        """Go to the next point, or by a column where points are denser."""
        if self._cursor_s is None:
            return
        moment = step_moment(self._panels[self.cursor], self._view, self._cursor_s, step)
        if moment is not None:
            self._cursor_s = moment
            self._redraw_changed()

    def _change(self, **changes: object) -> None:
        """Take up another layout, draw it, and tell whoever remembers it."""
        layout = replace(self._layout, **changes)
        is_regrouped = (layout.panels, layout.hidden) != (self._layout.panels, self._layout.hidden)
        self._layout = layout
        if is_regrouped:
            self._arrange()
            self.set_reactive(MetricPlots.cursor, self.validate_cursor(self.cursor))
        self._redraw_all()
        self.post_message(self.LayoutChanged(layout))
