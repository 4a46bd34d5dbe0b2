"""The machine while it works: what `machine_drawing` draws, scrolled where it does not fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mlwf_tui.entities.machine import Machine
from mlwf_tui.entities.mark import Mark
from mlwf_tui.tui.widgets.drawing import INK_CLASSES, Line, build_strip, draw_message_row, write_ink_css
from mlwf_tui.tui.widgets.machine_drawing import draw_machine


class MachineView(ScrollView, can_focus=True):
    """Draws the newest reading and the history behind it, as often as it is handed one."""

    COMPONENT_CLASSES: ClassVar[set[str]] = INK_CLASSES
    DEFAULT_CSS = (
        "MachineView { background: $background; overflow-x: hidden; padding: 0 1; }\n"
        + write_ink_css("MachineView")
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "up", show=False, id="machine.up"),
        Binding("down,j", "move(1)", "down", show=False, id="machine.down"),
        Binding("pageup,ctrl+b,ctrl+u", "move(-10)", "page up", show=False, id="machine.page_up"),
        Binding("pagedown,ctrl+f,ctrl+d", "move(10)", "page down", show=False, id="machine.page_down"),
        Binding("home,g", "scroll_home", "top", show=False, id="machine.top"),
        Binding("end,G", "scroll_end", "bottom", show=False, id="machine.bottom"),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown: tuple[Sequence[Machine], Sequence[Mark], Mapping[str, str]] = ((), (), {})
        self._lines: list[Line] = []

    def show(self, history: Sequence[Machine], marks: Sequence[Mark], titles: Mapping[str, str]) -> None:
        """Draw what was read, the oldest first; `titles` are of the runs that may hold a GPU."""
        self._shown = (history, marks, titles)
        self._draw()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_size.width
        if not self._lines:
            line = draw_message_row(y, "Reading the machine…", "", *self.scrollable_size)
        else:
            row = self.scroll_offset.y + y
            line = self._lines[row] if row < len(self._lines) else []
        return build_strip(line, self._find_style, width)

    def on_resize(self, event: events.Resize) -> None:
        self._draw()

    def action_move(self, lines: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False, force=True)

    def _draw(self) -> None:
        width = self.scrollable_size.width
        if self._shown[0] and width > 0:
            self._lines = draw_machine(*self._shown, width)
            self.virtual_size = Size(width, len(self._lines))
            self.refresh()

    def _find_style(self, role: str) -> Style:
        return self.get_component_rich_style(f"ink--{role}")
