"""Several models side by side on one page that scrolls."""

from __future__ import annotations

from typing import ClassVar

from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mlwf_tui.entities.comparison import ModelDiff
from mlwf_tui.tui.widgets.drawing import INK_CLASSES, Line, build_strip, write_ink_css
from mlwf_tui.tui.widgets.model_sections import draw_comparison


class ModelComparison(ScrollView, can_focus=True):
    """Draws a ModelDiff; `n` goes through its curves."""

    COMPONENT_CLASSES: ClassVar[set[str]] = INK_CLASSES
    DEFAULT_CSS = (
        "ModelComparison { background: $background; overflow-x: hidden; overflow-y: scroll; }\n"
        + write_ink_css("ModelComparison")
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "step_curve(1)", "next curve", id="comparison.next"),
        Binding("N", "step_curve(-1)", "curve before", show=False, id="comparison.before"),
        Binding("up,k", "move(-1)", "up", show=False, id="comparison.up"),
        Binding("down,j", "move(1)", "down", show=False, id="comparison.down"),
        Binding("pageup,ctrl+b", "move_pages(-1.0)", "page up", show=False, id="comparison.page_up"),
        Binding("pagedown,ctrl+f", "move_pages(1.0)", "page down", show=False, id="comparison.page_down"),
        Binding("home,g", "move_to(0)", "top", show=False, id="comparison.top"),
        Binding("end,G", "move_to(-1)", "bottom", show=False, id="comparison.bottom"),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._found: ModelDiff | None = None
        self._key: str | None = None
        self._lines: list[Line] = []

    def show(self, found: ModelDiff) -> None:
        """Draw a comparison from its top, with the curve that tells most."""
        self._found, self._key = found, found.main_key
        self.scroll_to(y=0, animate=False, force=True, immediate=True)
        self._draw()

    def render_line(self, y: int) -> Strip:
        row = self.scroll_offset.y + y
        line = self._lines[row] if row < len(self._lines) else []
        return build_strip(line, self._find_style, self.scrollable_size.width)

    def on_resize(self, event: events.Resize) -> None:
        self._draw()

    def action_step_curve(self, step: int) -> None:
        keys = list(self._found.curves) if self._found is not None else []
        if keys:
            self._key = keys[(keys.index(self._key or keys[0]) + step) % len(keys)]
            self._draw()

    def action_move(self, lines: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False, force=True)

    def action_move_pages(self, pages: float) -> None:
        self.action_move(round(pages * (self.scrollable_size.height - 1)))

    def action_move_to(self, line: int) -> None:
        self.scroll_to(y=line if line >= 0 else self.max_scroll_y, animate=False, force=True)

    def _draw(self) -> None:
        width = self.scrollable_size.width
        if self._found is not None and width > 0:
            self._lines = draw_comparison(self._found, self._key, width)
            self.virtual_size = Size(width, len(self._lines))
            self.refresh()

    def _find_style(self, role: str) -> Style:
        return self.get_component_rich_style(f"ink--{role}")
