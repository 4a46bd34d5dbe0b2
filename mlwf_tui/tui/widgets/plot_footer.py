"""The line below plots: which page this is, and what is not as in the file; no widget."""

from __future__ import annotations

from mlwf_tui.entities.layout import XAxis
from mlwf_tui.tui.widgets.drawing import Line, fit
from mlwf_tui.tui.widgets.plot_set import PlotSet


def draw_footer(plots: PlotSet, width: int, page: int, page_count: int, show_key: str) -> Line:
    """Return the page where there are several, and whether it is smoothed, zoomed, over time.

    `show_key` is what shows hidden plots again.
    """
    parts = []
    if page_count > 1:
        dots = " ".join("●" if number == page else "○" for number in range(page_count))
        parts.append(f"{dots}  {len(plots.panels)} plots, ← → turn the page")
    axis, layout = plots.axis, plots.layout
    parts.append(f"over {axis.value}s" if axis is not XAxis.TIME else "over time")
    if layout.x_axis is XAxis.EPOCH and axis is not XAxis.EPOCH:
        parts.append("no epochs are told")
    if layout.smoothing:
        parts.append(f"smoothed {layout.smoothing:g}, raw faint")
    if plots.is_zoomed:
        parts.append("zoomed, 0 shows all")
    if layout.hidden:
        parts.append(f"{len(layout.hidden)} hidden, {show_key} shows them")
    return [(fit("  ·  ".join(parts), width, "center"), "muted")]
