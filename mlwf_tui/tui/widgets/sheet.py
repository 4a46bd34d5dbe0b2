"""A page of text over the screen: what a question about the home or a folder was answered with."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from mlwf_tui.tui.widgets.dialog import Dialog
from mlwf_tui.tui.widgets.hanging import hang

WIDTH, FRAME = 96, 5  # cells of the box, and of its border, padding and scroll bar


class Sheet(Dialog[str | None]):
    """Shows text that may be longer than the screen; returns `yes` where a person wants what it offers."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "close", "close", show=False, id="sheet.close"),
        Binding("enter,y", "yes", "yes", show=False, id="sheet.yes"),
        Binding("j,down", "scroll(1)", "down", show=False, id="sheet.down"),
        Binding("k,up", "scroll(-1)", "up", show=False, id="sheet.up"),
        Binding("pagedown,ctrl+d", "scroll(12)", "page down", show=False, id="sheet.page_down"),
        Binding("pageup,ctrl+u", "scroll(-12)", "page up", show=False, id="sheet.page_up"),
    ]
    DEFAULT_CSS = """
    Sheet {
        background: transparent;
        align: center middle;
        & > Vertical {
            width: 96; max-width: 100%; height: auto; max-height: 90%;
            background: $panel; border: round $primary; padding: 0 1;
        }
        & VerticalScroll { height: auto; max-height: 100%; background: $panel; }
        & Static { height: auto; }
    }
    """

    def __init__(self, title: str, content: Content, *, yes: str = "", indent: int = 0) -> None:
        """`yes` is what Enter and y offer to do, in one or two words; empty for nothing but closing.

        A line that has no room goes on below, `indent` cells from the left.
        """
        super().__init__()
        self._title = title
        self._content = content
        self._yes = yes
        self._indent = indent

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = self._title
            box.border_subtitle = f"⏎ {self._yes} · esc close" if self._yes else "esc close"
            with VerticalScroll(can_focus=False):
                yield Static(self._content)

    def on_resize(self) -> None:
        if self._indent:
            room = min(WIDTH, self.size.width) - FRAME
            self.query_one(Static).update(hang(self._content, room, self._indent))

    def action_close(self) -> None:
        self.dismiss(None)

    def action_yes(self) -> None:
        self.dismiss("yes" if self._yes else None)

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)


def draw_lines(lines: list[tuple[str, str]]) -> Content:
    """Return labels with what stands behind them; an empty label begins a heading."""
    width = max((len(label) for label, _ in lines), default=0)
    return Content("\n").join([_draw_line(label, text, width) for label, text in lines])


def _draw_line(label: str, text: str, width: int) -> Content:
    if not label:
        return Content.styled(text, "bold $secondary")
    return Content.assemble((f"{label:<{width}}  ", "$text-muted"), text)
