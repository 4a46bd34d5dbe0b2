"""The mouse over plots: the wheel zooms where it is, a drag pans all plots; no widget."""

from __future__ import annotations

from mlwf_tui.tui.widgets import plot_windows
from mlwf_tui.tui.widgets.metric_panels import Panel, Window
from mlwf_tui.tui.widgets.plot_set import PlotSet


class PlotMouse:
    """What a drag began with; each method returns whether another part of the curves is shown."""

    def __init__(self, plots: PlotSet) -> None:
        self._plots = plots
        self._from: tuple[int, Panel, Window] | None = None
        self.has_moved = False

    @property
    def is_dragging(self) -> bool:
        return self._from is not None

    def press(self, panel: Panel | None, x: int) -> bool:
        """Begin a drag on a panel, if that is one with curves; return whether it began."""
        self.has_moved = False
        limits = panel.find_limits(self._plots.view) if panel is not None else None
        if panel is not None and limits is not None:
            self._from = (x, panel, limits)
        return self.is_dragging

    def move(self, x: int) -> bool:
        """Pan all plots as the one that is dragged."""
        if self._from is None:
            return False
        start, panel, limits = self._from
        if x == start and not self.has_moved:
            return False
        self.has_moved = True
        share = (start - x) / max(1, panel.plotted.columns)
        plot_windows.pan(panel, self._plots.view, share, since=limits)
        plot_windows.follow(panel, self._plots.panels, self._plots.view)
        return True

    def release(self) -> None:
        self._from = None

    def zoom(self, panel: Panel, column: int, step: int) -> bool:
        """Zoom all plots around the place of a panel that is so many cells from its left."""
        at = panel.plotted.find_x(column)
        if at is None:
            return False
        plot_windows.zoom(panel, self._plots.view, at, step)
        plot_windows.follow(panel, self._plots.panels, self._plots.view)
        return True
