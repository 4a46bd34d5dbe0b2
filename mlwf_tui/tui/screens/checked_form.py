"""A form of a pipeline's part: what its values would make wrong is said while a person types."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import ClassVar

import msgspec
from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Input

from mlwf_tui.errors import MlwfError
from mlwf_tui.tui.screens.counting_form import draw_error
from mlwf_tui.tui.screens.work import Work
from mlwf_tui.tui.widgets.choice_field import ChoiceField
from mlwf_tui.tui.widgets.form import Form, FormField

DELAY_S = 0.2  # a person who types on wants no answer to half a word


class Looks(msgspec.Struct, frozen=True):
    """How a part is looked at with values that are still written: in a thread, but for the preview."""

    check: Callable[[Mapping[str, str]], Content]
    count: Callable[[Mapping[str, str]], Content] | None = None
    preview: Callable[[CheckedForm], None] | None = None


class CheckedForm(Form):
    """Asks for a part. Below the fields stand the part as the file will have it, and its faults."""

    BINDINGS: ClassVar[list[BindingType]] = [
        # With priority: a field with the focus takes most keys.
        Binding("ctrl+o", "preview", "preview", show=False, priority=True, id="part.preview"),
        Binding("ctrl+n", "count", "count", show=False, priority=True, id="part.count"),
    ]
    PROMPT = ""

    def __init__(
        self,
        title: str,
        fields: Sequence[FormField],
        *,
        text: Callable[[Mapping[str, str]], str],
        verb: str,
        work: Work,
        looks: Looks,
        given: Mapping[str, str] | None = None,
    ) -> None:
        """`text` returns the part as the file will have it."""
        super().__init__(title, fields, command=text, verb=verb, given=given)
        self._work = work
        self._looks = looks
        self._timer: Timer | None = None
        self._asked = 0

    def refill(self, values: Mapping[str, str]) -> CheckedForm:
        return type(self)(
            self._title, self._fields, text=self._command, verb=self._verb, work=self._work,
            looks=self._looks, given=values,
        )  # fmt: skip

    def action_preview(self) -> None:
        if self.is_mounted and self._looks.preview is not None and self.check():
            self._looks.preview(self)

    def action_count(self) -> None:
        if self.is_mounted and self._looks.count is not None and self.check():
            self.tell("counting…")
            self._ask(self._looks.count)

    @on(Input.Changed)
    @on(ChoiceField.Changed)
    def _on_typed(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(DELAY_S, partial(self._ask, self._looks.check))

    def _ask(self, look: Callable[[Mapping[str, str]], Content]) -> None:
        """Have the values looked at in a thread; of several answers only that to the last is told."""
        if not self.is_mounted:
            return
        self._asked += 1
        number = self._asked

        def done(told: Content) -> None:
            if number == self._asked and self.is_mounted:
                self.tell(told)

        def fail(error: MlwfError) -> None:
            done(draw_error(error))

        self._work.start("check", partial(look, self.collect()), done, fail=fail)


class StepForm(CheckedForm):
    """Asks for a step, which can be looked at and counted besides."""

    MORE_KEYS = " · ^o preview · ^n count"
