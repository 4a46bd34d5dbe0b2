"""Live plots of runs' metrics in a grid that fits the screen; redrawn only where something is new."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from mlwf_tui.entities.layout import MonitorLayout
from mlwf_tui.entities.mark import Mark
from mlwf_tui.entities.run import MetricPoint
from mlwf_tui.tui.widgets import plot_choices, plot_windows
from mlwf_tui.tui.widgets.drawing import INK_CLASSES, Line, build_strip, draw_message, write_ink_css
from mlwf_tui.tui.widgets.key_names import name_key, rename
from mlwf_tui.tui.widgets.metric_panels import Panel, RunLines, has_curves
from mlwf_tui.tui.widgets.plot_footer import draw_footer
from mlwf_tui.tui.widgets.plot_keys import CURVE_KEYS, PLOT_KEYS
from mlwf_tui.tui.widgets.plot_mouse import PlotMouse
from mlwf_tui.tui.widgets.plot_pages import PlotPages, make_pages
from mlwf_tui.tui.widgets.plot_set import PlotSet
from mlwf_tui.tui.widgets.plot_sheet import PlotSheet, draw_head, draw_large, draw_panel

MIN_REDRAW_S = 0.5
CATCH_UP_S = 2.0  # what is narrower than a dot is drawn so often: a spike shows, a long curve costs little
EMPTY = ("No metrics yet", "Curves appear here after the first epoch of a training; t begins one")


class MetricPlots(Widget, can_focus=True):
    """One plot a metric, with the curves of one run or of several; one plot may fill the screen."""

    COMPONENT_CLASSES: ClassVar[set[str]] = INK_CLASSES
    DEFAULT_CSS = "MetricPlots { height: 1fr; background: $background; }\n" + write_ink_css("MetricPlots")
    BINDINGS: ClassVar[list[BindingType]] = list(PLOT_KEYS)

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
        self._plots = PlotSet()
        self._mouse = PlotMouse(self._plots)
        self._sheet = PlotSheet()
        self._drawn_at = 0.0
        self._caught_up_at = 0.0
        self._redraw: Timer | None = None
        self._redraw_at = 0.0  # by the monotonic clock

    @property
    def layout_now(self) -> MonitorLayout:
        """How the plots are laid out now."""
        return self._plots.layout

    @property
    def is_maximized(self) -> bool:
        return self._plots.maximized is not None

    @property
    def has_curves(self) -> bool:
        """Whether there is room for more than figures, be it of the one plot that has all of it."""
        height = self.size.height
        return not height or has_curves(height if self.is_maximized else height - 1)

    def reword(self, binding: Binding) -> Binding:
        """Return a binding as it is to be told: without curves, what changes only how they look is not."""
        if self.has_curves or binding.id not in CURVE_KEYS:
            return binding
        return rename(binding, binding.description, is_shown=False)

    @property
    def page(self) -> int:
        """The number of the page that holds the selected plot."""
        return self._pages.find_page(self.cursor)

    @property
    def page_count(self) -> int:
        return self._pages.page_count

    @property
    def _pages(self) -> PlotPages:
        return make_pages(self.size, len(self._plots.panels))

    # --- what is shown -------------------------------------------------------------------------

    def use_layout(self, layout: MonitorLayout) -> None:
        """Lay the plots out as a person wanted them before."""
        self._plots.layout = layout
        self._plots.arrange()
        self._take_up()

    def show_runs(self, runs: Sequence[RunLines]) -> None:
        """Show these runs' curves over each other, the first one leading; points may follow."""
        self._plots.show_runs(runs)
        self._take_up()

    def show_metrics(self, points_by_key: Mapping[str, Sequence[MetricPoint]]) -> None:
        """Show these points of one run and no others."""
        self.show_runs([RunLines("", "")])
        self.add_points(point for points in points_by_key.values() for point in points)

    def add_points(self, points: Iterable[MetricPoint], run_id: str = "") -> None:
        """Append points of a run; figures are drawn at once, curves at most twice a second."""
        if self._plots.add_points(points, run_id):
            self._take_up()
        else:
            self._request_redraw()

    def show_marks(self, marks: Iterable[Mark], run_id: str = "") -> None:
        """Mark the plots in which something looks wrong."""
        if self._plots.show_marks(marks, run_id):
            self._draw_titles()

    def _take_up(self) -> None:
        """Draw panels that are new or in other places, the selection on the one that has all the room."""
        number = self._plots.maximized
        self.set_reactive(MetricPlots.cursor, self.validate_cursor(self.cursor if number is None else number))
        self._redraw_all()

    # --- drawing -------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        if not self._sheet.is_drawn(self.size):
            self._draw_all()
        return build_strip(self._sheet.build_row(y), self._find_style, self.size.width)

    def on_resize(self, event: events.Resize) -> None:
        self._redraw_all()

    def watch_has_focus(self, has_focus: bool) -> None:
        """Mark the plot under the cursor; `on_focus` is called before the widget has the focus."""
        super().watch_has_focus(has_focus)
        self._draw_titles()

    def validate_cursor(self, cursor: int) -> int:
        return max(0, min(cursor, len(self._plots.panels) - 1))

    def watch_cursor(self, before: int, after: int) -> None:
        if self.is_maximized:
            self._change({"maximized": self._plots.panels[after].title})
        elif self._pages.find_page(before) == self._pages.find_page(after):
            self._draw_titles()
        else:
            self._redraw_all()

    def _request_redraw(self) -> None:
        """Draw the figures now, and the curves when half a second has passed since the last time."""
        wait_s = self._drawn_at + MIN_REDRAW_S - time.monotonic()
        if wait_s <= 0:
            self._redraw_changed()
            return
        if self.is_mounted:
            self._redraw_in(wait_s)
        self._draw_titles()

    def _redraw_in(self, wait_s: float) -> None:
        """Have the curves drawn again after so long, unless they are sooner."""
        due_at = time.monotonic() + wait_s
        if self._redraw is not None and self._redraw_at <= due_at:
            return
        if self._redraw is not None:
            self._redraw.stop()
        self._redraw_at, self._redraw = due_at, self.set_timer(wait_s, self._redraw_changed)

    def _redraw_all(self) -> None:
        self._sheet.clear()
        self._plots.renew_view()  # keys may come before the drawing
        self.refresh()

    def _redraw_changed(self) -> None:
        """Draw what is new of the plots on this page, and refresh only the rows that differ."""
        if self._redraw is not None:
            self._redraw.stop()
            self._redraw = None
        self._drawn_at = time.monotonic()
        if not self._plots.panels or not self._sheet.is_drawn(self.size):
            self._redraw_all()
            return
        is_patient = self._drawn_at < self._caught_up_at + CATCH_UP_S
        self._caught_up_at = self._caught_up_at if is_patient else self._drawn_at
        self._plots.renew_view(is_patient=is_patient)
        self._refresh_panels(is_titles_only=False)

    def _draw_titles(self) -> None:
        if self._plots.panels and self._sheet.is_drawn(self.size):
            self._plots.renew_view()
            self._refresh_panels(is_titles_only=True)
        else:
            self._redraw_all()

    def _refresh_panels(self, *, is_titles_only: bool) -> None:
        regions = self._sheet.renew(self._draw_head if is_titles_only else self._draw_panel)
        if regions:
            self.refresh(*regions)
        if not self._sheet.is_smoothed:
            self._redraw_in(0.05)  # the rest of a long curve is smoothed piece by piece
        elif self._sheet.is_behind:
            self._redraw_in(CATCH_UP_S)  # also where nothing more is told

    def _draw_all(self) -> None:
        width, height = self.size
        self._plots.renew_view()
        self._drawn_at = self._caught_up_at = time.monotonic()
        if not self._plots.panels:
            self._sheet.fill(self.size, draw_message(*self._empty, width, height))
            return
        placed = self._pages.place(self._plots.panels, self.cursor, is_alone=self.is_maximized)
        self._sheet.draw(self.size, placed, self._draw_panel, self._draw_footer())
        if not self._sheet.is_smoothed:
            self.call_after_refresh(self._redraw_changed)

    def _draw_footer(self) -> Line:
        pages = (self.page, self.page_count) if not self.is_maximized else (0, 1)
        return draw_footer(self._plots, self.size.width, *pages, name_key(self, "metrics.reset"))

    def _draw_panel(self, panel: Panel, region: Region) -> list[Line]:
        draw = draw_large if self.is_maximized else draw_panel
        return draw(panel, self._plots.view, region, is_selected=self._is_selected(panel))

    def _draw_head(self, panel: Panel, region: Region) -> list[Line]:
        """Draw what holds figures; of the one large plot that is all, its table."""
        draw = draw_large if self.is_maximized else draw_head
        return draw(panel, self._plots.view, region, is_selected=self._is_selected(panel))

    def _is_selected(self, panel: Panel) -> bool:
        return self.has_focus and panel is self._plots.panels[self.cursor]

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
        return self._plots.moment_s is not None if action == "clear_cursor" else True

    def action_go(self, step: int) -> None:
        """Move the cursor where there is one, else turn the page."""
        if self._plots.moment_s is not None:
            self._step_cursor(step)
        elif self.is_maximized:
            self.cursor += step
        else:
            page = max(0, min(self.page_count - 1, self.page + step))
            if page != self.page:
                self.cursor = page * self._pages.size

    def action_move(self, step: int) -> None:
        self.cursor += step

    def action_move_to(self, number: int) -> None:
        self.cursor = number if number >= 0 else len(self._plots.panels) - 1

    def action_toggle_maximized(self) -> None:
        if self._plots.panels:
            self._change(plot_choices.toggle_maximized(self._plots, self.cursor))

    def action_step_smoothing(self) -> None:
        self._change(plot_choices.step_smoothing(self._plots))

    def action_toggle_log(self) -> None:
        if self._plots.panels:
            self._change(plot_choices.toggle_log(self._plots, self.cursor))

    def action_step_axis(self) -> None:
        self._change(plot_choices.step_axis(self._plots))

    def action_toggle_cursor(self) -> None:
        if self._plots.moment_s is not None or not self._plots.panels:
            self._put_cursor(None)
        elif (limits := self._plots.panels[self.cursor].find_limits(self._plots.view)) is not None:
            self._put_cursor(limits[1])

    def action_clear_cursor(self) -> None:
        self._put_cursor(None)

    def action_zoom(self, step: int) -> None:
        """Zoom all plots in around the cursor, or to the newest end, or out again."""
        plot_windows.zoom_all(self._plots.panels, self._plots.view, step)
        self._note_window()

    def action_pan(self, step: int) -> None:
        for panel in self._plots.panels:
            plot_windows.pan(panel, self._plots.view, step * plot_windows.PAN_SHARE)
        self._note_window()

    def action_show_all(self) -> None:
        self._change(plot_choices.show_all(self._plots))

    def action_shift(self, step: int) -> None:
        """Change places with the neighbour."""
        target = self.cursor + step
        if 0 <= target < len(self._plots.panels):
            self._change(plot_choices.swap(self._plots, self.cursor, target))
            self.cursor = target

    def action_join(self) -> None:
        if self._plots.panels:
            self._change(plot_choices.join(self._plots, self.cursor))

    def action_hide(self) -> None:
        if self._plots.panels:
            self._change(plot_choices.hide(self._plots, self.cursor))

    def action_show_hidden(self) -> None:
        self._change({"hidden": (), "panels": ()})

    # --- mouse ---------------------------------------------------------------------------------

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._zoom_at(event, 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._zoom_at(event, -1)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        found = self._find_panel(event)
        if event.button == 1 and self._mouse.press(found[1] if found is not None else None, event.x):
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._mouse.move(event.x):
            self._note_window()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        if self._mouse.is_dragging:
            self._mouse.release()
            self.release_mouse()

    def on_click(self, event: events.Click) -> None:
        """Select a plot and put the cursor there; twice: give it all the room, or share it again."""
        found = self._find_panel(event)
        if found is None or self._mouse.has_moved:
            return
        region, panel = found
        self.cursor = self._plots.panels.index(panel)
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
        if found is not None and self._mouse.zoom(found[1], event.x - found[0].x, step):
            self._note_window()

    def _find_panel(self, event: events.MouseEvent) -> tuple[Region, Panel] | None:
        content = event.get_content_offset(self)
        return None if content is None else self._sheet.find(content.x, content.y)

    # --- zoom, cursor, layout ------------------------------------------------------------------

    def _note_window(self) -> None:
        """Remember which part is shown: shares fit the next run, whose steps are others."""
        panels = self._plots.panels
        share = plot_windows.find_share(panels[self.cursor], self._plots.view) if panels else None
        self._change({"window": share})

    def _put_cursor(self, x: float | None) -> None:
        self._plots.put_cursor(self.cursor, x)
        self._redraw_changed()

    def _step_cursor(self, step: int) -> None:
        if self._plots.step_cursor(self.cursor, step):
            self._redraw_changed()

    def _change(self, changes: plot_choices.Changes) -> None:
        """Take up another layout, draw it, and tell whoever remembers it."""
        if self._plots.change(**changes):
            self._take_up()
        else:
            self._redraw_all()
        self.post_message(self.LayoutChanged(self._plots.layout))
