"""A one-line question at the foot of the screen: messages, names, searches."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static

from mlwf_tui.tui.widgets.dialog import Dialog


class Prompt(Dialog[str | None]):
    """Asks for one line of text; returns it on ⏎, None on Esc. `on_change` sees every keystroke."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "cancel", show=False, id="prompt.close"),
    ]
    DEFAULT_CSS = """
    Prompt {
        background: transparent;
        align: center bottom;
        & > Vertical {
            width: 100%; max-width: 100; height: auto; margin-bottom: 1;
            background: $panel; border: round $primary; padding: 0 1;
        }
        & Input { border: none; height: 1; padding: 0; background: $panel; }
        & .help { color: $text-muted; }
        & #prompt-fault { color: $text-error; height: auto; display: none; }
    }
    """

    def __init__(
        self,
        title: str,
        *,
        value: str = "",
        help: str = "",
        can_be_empty: bool = False,
        is_suggestion: bool = False,
        on_change: Callable[[str], None] | None = None,
        find_fault: Callable[[str], str] | None = None,
        fault: str = "",
    ) -> None:
        """`fault` says what was wrong with the value, until another is written."""
        super().__init__()
        self._title = title
        self._value = value
        self._help = help
        self._can_be_empty = can_be_empty
        self._is_suggestion = is_suggestion  # typing replaces the value
        self._on_change = on_change
        self._fault = fault
        self._find_fault = find_fault  # returns what is wrong with a text, which then is not taken

    def refill(self, value: str, fault: str) -> Prompt:
        """Return the same question once more, with what was answered and what is wrong with that."""
        return Prompt(
            self._title, value=value, help=self._help, can_be_empty=self._can_be_empty,
            on_change=self._on_change, find_fault=self._find_fault, fault=fault,
        )  # fmt: skip

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = self._title
            box.border_subtitle = "⏎ ok · esc cancel"
            if self._help:
                yield Static(self._help, classes="help", markup=False)
            yield Input(self._value, compact=True, select_on_focus=self._is_suggestion)
            yield Static(id="prompt-fault", markup=False)

    def on_mount(self) -> None:
        self.say_fault(self._fault)

    def action_close(self) -> None:
        self.dismiss(None)

    @on(Input.Changed)
    def _on_changed(self, event: Input.Changed) -> None:
        if event.value != self._value:
            self.say_fault("")
        if self._find_fault is not None:
            self.say_fault(self._find_fault(event.value.strip()) if event.value.strip() else "")
        if self._on_change is not None:
            self._on_change(event.value)

    def say_fault(self, fault: str) -> None:
        """Say what is wrong with what is written; "" is nothing."""
        told = self.query_one("#prompt-fault", Static)
        told.display = bool(fault)
        told.update(f"✗ {fault}" if fault else "")

    @on(Input.Submitted)
    def _on_submitted(self, event: Input.Submitted) -> None:
        text = event.value.strip()
        if text and self._find_fault is not None and self._find_fault(text):
            return  # it is said below what is written
        if text or self._can_be_empty:
            self.dismiss(text)
        else:
            self.query_one(Vertical).border_subtitle = "write something, or esc"
