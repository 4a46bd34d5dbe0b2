"""The plot below a leaderboard: draws a group of reports in one of several ways, as large as it is."""

from __future__ import annotations

from typing import ClassVar

from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from mlwf_tui.entities.comparison import ReportGroup
from mlwf_tui.tui.widgets.board_plots import PLOTS
from mlwf_tui.tui.widgets.drawing import INK_CLASSES, Line, build_strip, write_ink_css


class BoardPlot(Widget):
    """Draws one of PLOTS; it takes no keys."""

    COMPONENT_CLASSES: ClassVar[set[str]] = INK_CLASSES
    DEFAULT_CSS = "BoardPlot { background: $background; }\n" + write_ink_css("BoardPlot")

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._group: ReportGroup | None = None
        self.kind = next(iter(PLOTS))
        self._lines: list[Line] = []

    def show(self, group: ReportGroup | None) -> None:
        """Draw a group, or nothing."""
        self._group = group
        self._draw()

    def show_next_kind(self) -> None:
        """Draw in the next way, round the end."""
        kinds = list(PLOTS)
        self.kind = kinds[(kinds.index(self.kind) + 1) % len(kinds)]
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def render_line(self, y: int) -> Strip:
        line = self._lines[y] if y < len(self._lines) else []
        return build_strip(line, self._find_style, self.size.width)

    def _draw(self) -> None:
        width, height = self.size
        is_fit = self._group is not None and width > 0 and height > 0
        self._lines = PLOTS[self.kind](self._group, width, height) if is_fit and self._group else []
        self.refresh()

    def _find_style(self, role: str) -> Style:
        return self.get_component_rich_style(f"ink--{role}")
