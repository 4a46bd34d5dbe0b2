"""What an empty home shows: three things to do, each one key away."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

THINGS_TO_DO = (
    ("demo", "T", "See the whole workflow", "a sample project is made, trained on and measured: two minutes"),
    (
        "import",
        "i",
        "Import your own images",
        "COCO, VOC, YOLO, Supervisely or a plain folder; it is only read",
    ),
    ("help", "?", "See the keys", "everything here has a key, and everything has a command"),
)


class Welcome(Vertical):
    """Says what mlwf is in a line and offers the first steps."""

    DEFAULT_CSS = """
    Welcome {
        align: center middle;
        & Static { width: auto; max-width: 100%; color: $text-muted; margin-bottom: 1; text-align: center; }
        & #welcome-name { color: $primary; text-style: bold; }
        & OptionList {
            width: 68; max-width: 100%; height: auto; border: none; padding: 0; background: transparent;
            &:focus { border: none; background-tint: $panel 0%; }
        }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "move(1)", "down", show=False, id="welcome.down"),
        Binding("k", "move(-1)", "up", show=False, id="welcome.up"),
    ]

    class Chosen(Message):
        """A person chose one of the things to do."""

        def __init__(self, action: str) -> None:
            super().__init__()
            self.action = action

    def compose(self) -> ComposeResult:
        yield Static("m l w f", id="welcome-name")
        yield Static(
            "Data versions, lineage, training and benchmarks.\nThis home is empty. Begin with one of these:"
        )
        yield OptionList(*(self._draw(*thing) for thing in THINGS_TO_DO))

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()

    def action_move(self, step: int) -> None:
        things = self.query_one(OptionList)
        if step > 0:
            things.action_cursor_down()
        else:
            things.action_cursor_up()

    @on(OptionList.OptionSelected)
    def _on_chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.post_message(self.Chosen(event.option_id or ""))

    @staticmethod
    def _draw(action: str, key: str, title: str, text: str) -> Option:
        line = Content.assemble(
            (f" {key}  ", "bold $accent"), (title, "bold"), "\n    ", (text, "$text-muted"), "\n"
        )
        return Option(line, id=action)
