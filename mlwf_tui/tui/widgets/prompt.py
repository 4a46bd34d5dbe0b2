"""A one-line question at the foot of the screen: messages, names, searches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static

from mlwf_tui.tui.widgets.dialog import Dialog
from mlwf_tui.tui.widgets.key_names import name_key
from mlwf_tui.tui.widgets.line_field import LineField

LINE = "line"


class Prompt(Dialog[str | None]):
    """Asks for one line of text; returns it on ⏎, None on Esc. `on_change` sees every keystroke."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "cancel", show=False, id="prompt.close"),
        Binding("ctrl+r", "reset", "what stood there again", show=False, priority=True, id="prompt.reset"),
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
        & #prompt-note { color: $text-muted; display: none; }
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
        self._opening = value
        self._is_taken_up = False
        self.unsent: Mapping[str, str] = {}
        """The line that stood in it as it was given up, where that is not what it opened with."""
        self._help = help
        self._can_be_empty = can_be_empty
        self._is_suggestion = is_suggestion  # typing replaces the value
        self._on_change = on_change
        self._fault = fault
        self._find_fault = find_fault  # returns what is wrong with a text, which then is not taken

    def refill(self, value: str, fault: str) -> Prompt:
        """Return the same question once more, with what was answered and what is wrong with that."""
        again = Prompt(
            self._title, value=value, help=self._help, can_be_empty=self._can_be_empty,
            on_change=self._on_change, find_fault=self._find_fault, fault=fault,
        )  # fmt: skip
        again._opening = self._opening
        return again

    @property
    def identity(self) -> tuple[object, ...]:
        """What tells it from other questions: what it asks, and what it opens with."""
        return self._title, self._opening

    def take_up(self, values: Mapping[str, str]) -> None:
        """Open with the line that stood in it when it was given up."""
        self._value = values[LINE]
        self._is_suggestion = False
        self._is_taken_up = True

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = self._title
            box.border_subtitle = "⏎ ok · esc cancel"
            if self._help:
                yield Static(self._help, classes="help", markup=False)
            yield LineField(self._value, compact=True, select_on_focus=self._is_suggestion)
            yield Static(id="prompt-note", markup=False)
            yield Static(id="prompt-fault", markup=False)

    def on_mount(self) -> None:
        self.say_fault(self._fault)
        if self._is_taken_up:
            note = self.query_one("#prompt-note", Static)
            note.update(f"As you left it. {name_key(self, 'prompt.reset')} puts back what it opens with.")
            note.display = True

    def action_close(self) -> None:
        if self.is_mounted:
            line = self.query_one(Input).value.strip()
            self.unsent = {LINE: line} if line and line != self._opening.strip() else {}
        self.dismiss(None)

    def action_reset(self) -> None:
        """Put back the line that it opens with, where it was taken up as it had been left."""
        if self.is_mounted and self._is_taken_up:
            self.query_one(Input).value = self._opening
            self.query_one("#prompt-note").display = False

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
