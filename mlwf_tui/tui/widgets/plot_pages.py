"""How plots are shared out to pages of a grid that fits the screen; no widget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from textual.geometry import Region, Size

from mlwf_tui.tui.widgets.metric_panels import Panel, choose_grid, has_curves
from mlwf_tui.tui.widgets.plot_sheet import place_panels


class PlotPages(NamedTuple):
    """Pages of so many columns and rows of plots, above the line that tells how they are drawn."""

    columns: int
    rows: int
    panel_count: int
    width: int
    height: int  # without that line

    @property
    def size(self) -> int:
        """Plots on a page."""
        return self.columns * self.rows

    @property
    def page_count(self) -> int:
        return max(1, -(-self.panel_count // self.size))

    def find_page(self, number: int) -> int:
        """Return the page that holds a plot."""
        return number // self.size

    def place(self, panels: Sequence[Panel], number: int, *, is_alone: bool) -> list[tuple[Region, Panel]]:
        """Return where the plots of the page stand that holds this one, or this one where it is alone."""
        if is_alone:
            return [(Region(0, 0, self.width, self.height), panels[number])]
        first = self.find_page(number) * self.size
        height = self.height if has_curves(self.height) else self.rows
        return place_panels(panels[first : first + self.size], self.width, height, self[:2])


def make_pages(screen: Size, panel_count: int) -> PlotPages:
    """Choose the grid for a screen of this size."""
    height = max(1, screen.height - 1)
    columns, rows = choose_grid(screen.width, height, panel_count)
    return PlotPages(columns, rows, panel_count, screen.width, height)
