"""A question that is answered with yes or no; no is what a hasty ⏎ gives where something is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Static

from mlwf_tui.tui.widgets.dialog import Dialog

ASK_EVERY_S = 1.0


class Confirm(Dialog[bool | None]):
    """Says what will happen and asks; `y` and `n` answer at once, Esc is no.

    A text that changes while the question stands is a function.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "yes", show=False, id="confirm.yes"),
        Binding("n,escape,q", "answer(False)", "no", show=False, id="confirm.no"),
        Binding("left,right,h,l", "app.focus_next", "other button", show=False, id="confirm.other"),
    ]
    DEFAULT_CSS = """
    Confirm {
        background: transparent;
        align: center middle;
        & > Vertical {
            width: 64; max-width: 100%; height: auto;
            background: $panel; border: round $primary; padding: 1 2;
        }
        &.-dangerous > Vertical { border: round $error; }
        & Horizontal { height: 1; margin-top: 1; align: right middle; }
        & Button { margin-left: 2; min-width: 10; }
    }
    """

    def __init__(
        self, title: str, text: str | Callable[[], str], *, yes: str = "Yes", is_dangerous: bool = False
    ) -> None:
        super().__init__(classes="-dangerous" if is_dangerous else "")
        self._title = title
        self._text = text
        self._yes = yes
        self._is_dangerous = is_dangerous

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = self._title
            box.border_subtitle = "y yes · n no"
            yield Static(self._read_text(), markup=False)
            with Horizontal():
                yield Button("No", id="no", compact=True)
                yield Button(
                    self._yes, id="yes", compact=True, variant="error" if self._is_dangerous else "primary"
                )

    def on_mount(self) -> None:
        self.query_one("#no" if self._is_dangerous else "#yes", Button).focus()
        if not isinstance(self._text, str):
            said = self.query_one(Static)
            self.set_interval(ASK_EVERY_S, lambda: said.update(self._read_text()))

    def action_answer(self, answer: bool) -> None:
        self.dismiss(answer)

    def _read_text(self) -> str:
        return self._text if isinstance(self._text, str) else self._text()

    @on(Button.Pressed)
    def _on_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")
