"""Which plots there are, of which runs, and how a person has arranged them; no widget, nothing is drawn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from mlwf_tui.entities.layout import MonitorLayout, XAxis
from mlwf_tui.entities.mark import Mark
from mlwf_tui.entities.metric import MetricSeries
from mlwf_tui.entities.run import MetricPoint
from mlwf_tui.tui.widgets.curve_axis import Clock
from mlwf_tui.tui.widgets.metric_panels import Panel, PlotView, RunLines, build_panels
from mlwf_tui.tui.widgets.plot_cursor import find_moment, step_moment


class PlotSet:
    """The curves of one run or of several in panels, and the layout by which they are arranged."""

    def __init__(self) -> None:
        self.runs: list[RunLines] = [RunLines("", "")]
        self.layout = MonitorLayout()
        self.panels: list[Panel] = []
        self.moment_s: float | None = None  # of the first run, where the cursor stands
        self.view = PlotView((), {})

    @property
    def maximized(self) -> int | None:
        """The number of the panel that has all the room, or None."""
        if not self.layout.maximized:
            return None  # asked for with every plot that is drawn
        titles = [panel.title for panel in self.panels]
        return titles.index(self.layout.maximized) if self.layout.maximized in titles else None

    @property
    def is_zoomed(self) -> bool:
        return self.layout.window is not None or any(panel.window is not None for panel in self.panels)

    @property
    def axis(self) -> XAxis:
        """The axis that is wanted, or steps where epochs are and a run tells of none."""
        if self.layout.x_axis is XAxis.EPOCH:
            clocks = (Clock(XAxis.EPOCH, run.series, run.started_s) for run in self.runs if run.series)
            return XAxis.EPOCH if all(clock.has_epochs for clock in clocks) else XAxis.STEP
        return self.layout.x_axis

    def show_runs(self, runs: Sequence[RunLines]) -> None:
        """Show these runs' curves over each other, the first one leading."""
        self.runs = list(runs)
        self.moment_s = None
        self.panels = []
        self.arrange()

    def add_points(self, points: Iterable[MetricPoint], run_id: str) -> bool:
        """Append points of a run, unless it was put away; return whether there are other panels now."""
        run = next((run for run in self.runs if run.run_id == run_id), None)
        if run is None:
            return False
        known = len(run.series)
        for point in points:
            series = run.series.get(point.key)
            if series is None:
                series = run.series[point.key] = MetricSeries(point.key)
            series.add(point)
        if len(run.series) == known:
            return False
        self.arrange()
        return True

    def show_marks(self, marks: Iterable[Mark], run_id: str) -> bool:
        """Mark the plots in which something looks wrong; return whether the run is one of these."""
        run = next((run for run in self.runs if run.run_id == run_id), None)
        if run is not None:
            run.marks = {mark.key: mark for mark in reversed(list(marks))}
        return run is not None

    def change(self, **changes: object) -> bool:
        """Take up another layout; return whether there are other panels, or others in their places."""
        before, self.layout = self.layout, replace(self.layout, **changes)
        is_regrouped = (self.layout.panels, self.layout.hidden) != (before.panels, before.hidden)
        if is_regrouped:
            self.arrange()
        return is_regrouped

    def put_cursor(self, number: int, x: float | None) -> None:
        """Put the cursor on the point of this plot that is nearest to `x`, or away."""
        self.moment_s = None
        if x is not None and self.panels:
            self.moment_s = find_moment(self.panels[number], self.view, x)

    def step_cursor(self, number: int, step: int) -> bool:
        """Go to the plot's next point, or by a column where they are denser; return whether there is one."""
        if self.moment_s is None:
            return False
        moment_s = step_moment(self.panels[number], self.view, self.moment_s, step)
        self.moment_s = self.moment_s if moment_s is None else moment_s
        return moment_s is not None

    def arrange(self) -> None:
        """Make the panels anew, each with the zoom that its plot had."""
        before = {panel.title: panel for panel in self.panels}
        keys = dict.fromkeys(key for run in self.runs for key in run.series)
        self.panels = build_panels(keys, self.layout.panels, self.layout.hidden)
        for panel in self.panels:
            panel.is_log = panel.title in self.layout.logarithmic
            panel.window = before[panel.title].window if panel.title in before else None

    def renew_view(self, *, is_patient: bool = False) -> None:
        """Take into the view what has changed since it was made."""
        axis = self.axis
        self.view = PlotView(
            self.runs,
            {run.run_id: Clock(axis, run.series, run.started_s) for run in self.runs},
            axis,
            self.layout.smoothing,
            self.layout.window,
            self.moment_s,
            is_patient,
        )
