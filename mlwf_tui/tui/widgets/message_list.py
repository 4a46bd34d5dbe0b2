"""What the app has said so far, newest first, with the details that no toast has room for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from mlwf_tui.tui.widgets.context_menu import MenuList
from mlwf_tui.tui.widgets.dialog import Dialog


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One line that the app has told a person; kept for the list of messages."""

    at: datetime
    text: str
    hint: str = ""
    detail: str = ""
    is_error: bool = False


class MessageList(Dialog[str | None]):
    """Lists messages and shows the whole of the selected one; `y` returns its text to be copied."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,exclamation_mark", "close", "close", show=False, id="messages.close"),
        Binding("y", "copy", "copy", show=False, id="messages.copy"),
    ]
    DEFAULT_CSS = """
    MessageList {
        background: transparent;
        align: center middle;
        & > Vertical {
            width: 96; max-width: 100%; height: 80%; min-height: 12;
            background: $panel; border: round $primary; padding: 0 1;
        }
        & MenuList { height: 1fr; background: $panel; border: none; padding: 0; }
        & MenuList:focus { border: none; background-tint: $panel 0%; }
        & VerticalScroll { height: 1fr; border-top: solid $border; padding-top: 0; }
        & VerticalScroll Static { height: auto; }
        &.-empty > Vertical { height: auto; min-height: 3; }
        &.-empty MenuList, &.-empty VerticalScroll { display: none; }
    }
    """

    def __init__(self, messages: Sequence[Said]) -> None:
        super().__init__(classes="" if messages else "-empty")
        self._messages = tuple(reversed(messages))

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "Messages"
            box.border_subtitle = "y copy · esc close" if self._messages else "esc close"
            if not self._messages:
                yield Static(
                    Content.styled(
                        "Nothing was told yet. What the app tells, and what went wrong, is kept here.",
                        "$text-muted",
                    )
                )
            yield MenuList(*(Option(_draw_line(message)) for message in self._messages))
            with VerticalScroll(can_focus=False):
                yield Static(id="whole")

    def on_mount(self) -> None:
        messages = self.query_one(MenuList)
        messages.focus()
        if self._messages:
            messages.highlighted = 0

    def action_close(self) -> None:
        self.dismiss(None)

    def action_copy(self) -> None:
        place = self.query_one(MenuList).highlighted
        if place is not None:
            said = self._messages[place]
            self.dismiss("\n".join(part for part in (said.text, said.hint, said.detail) if part))

    @on(OptionList.OptionHighlighted)
    def _on_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        said = self._messages[event.option_index]
        head = Content.styled(said.text, "$error" if said.is_error else "")
        rest = [Content(part) for part in (said.hint, said.detail) if part]
        self.query_one("#whole", Static).update(Content("\n").join([head, *rest]))


def _draw_line(said: Said) -> Content:
    mark = Content.styled("✗ ", "$error") if said.is_error else Content.styled("· ", "$text-muted")
    time = Content.styled(f"{said.at.astimezone():%H:%M:%S} ", "$text-muted")
    return Content.assemble(time, mark, said.text.partition("\n")[0])
