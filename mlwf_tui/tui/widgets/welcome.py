"""What an empty home shows: three things to do, each one key away."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Center, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from mlwf_tui.tui.widgets.context_menu import MenuList

THINGS_TO_DO = (
    ("demo", "T", "See the whole workflow", "a sample is made, trained on and measured: two minutes"),
    ("import", "i", "Import your own images", "COCO, VOC, YOLO, Supervisely, folders; they are only read"),
    ("tour", "F2", "Take the tour", "ten steps in the app, on a sample drawn in seconds"),
)


class Welcome(Vertical):
    """Says what mlwf is in a line and offers the first steps."""

    DEFAULT_CSS = """
    Welcome {
        align: center middle;
        & Static { width: 100%; color: $text-muted; text-align: center; }
        & #welcome-name { color: $primary; text-style: bold; }
        & Center { height: auto; margin: 1 0; }
        & OptionList {
            width: 64; max-width: 100%; height: auto; border: none; padding: 0; background: transparent;
            &:focus { border: none; background-tint: $panel 0%; }
        }
    }
    """

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
        with Center():
            yield MenuList(*(self._draw(*thing) for thing in THINGS_TO_DO))
        yield Static("? shows the keys of where you are, : finds any command by its name")

    def on_mount(self) -> None:
        self.query_one(MenuList).focus()

    @on(OptionList.OptionSelected)
    def _on_chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.post_message(self.Chosen(event.option_id or ""))

    @staticmethod
    def _draw(action: str, key: str, title: str, text: str) -> Option:
        line = Content.assemble(
            (f" {key:>2}  ", "bold $accent"), (title, "bold"), "\n     ", (text, "$text-muted")
        )
        return Option(line, id=action)
