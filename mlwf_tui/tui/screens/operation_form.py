"""The form of an operation: besides asking, it counts and shows what the operation would do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import msgspec
from textual.binding import Binding, BindingType

from mlwf_tui.tui.screens.counting_form import CountingForm
from mlwf_tui.tui.widgets.form import FormField


class Looks(msgspec.Struct, frozen=True):
    """What can be seen before anything is done; called with a form whose fields can be used."""

    preview: Callable[[OperationForm], None]
    count: Callable[[CountingForm], None]
    add: Callable[[OperationForm], None]  # puts it onto the draft of a pipeline instead


class OperationForm(CountingForm):
    """Asks for an operation's parameters and target."""

    BINDINGS: ClassVar[list[BindingType]] = [
        # With priority: a field with the focus takes most keys.
        Binding("ctrl+o", "preview", "preview", show=False, priority=True, id="operation.preview"),
        Binding("ctrl+y", "add", "add as a step", show=False, priority=True, id="operation.add"),
    ]
    MORE_KEYS = " · ^o preview · ^n count · ^y as a step"

    def __init__(
        self,
        title: str,
        fields: Sequence[FormField],
        *,
        command: Callable[[Mapping[str, str]], str],
        verb: str,
        looks: Looks,
        given: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(title, fields, command=command, verb=verb, count=looks.count, given=given)
        self._looks = looks

    def refill(self, values: Mapping[str, str]) -> OperationForm:
        title, command, verb = self._title, self._command, self._verb
        return OperationForm(title, self._fields, command=command, verb=verb, looks=self._looks, given=values)

    def action_preview(self) -> None:
        if self.is_mounted and self.check():
            self._looks.preview(self)

    def action_add(self) -> None:
        if self.is_mounted and self.check():
            self._looks.add(self)
