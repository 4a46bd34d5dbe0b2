"""A form's field with a few values to choose from, on one line: ← and → go through them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

STEPS = {"right": 1, "l": 1, "space": 1, "left": -1, "h": -1}


class ChoiceField(Widget, can_focus=True):
    """Shows the chosen value between arrows. The stock Select takes ↓, which belongs to the form."""

    DEFAULT_CSS = """
    ChoiceField {
        width: 1fr; height: 1; background: $boost;
        &:focus { background: $primary 30%; }
    }
    """

    value: reactive[str] = reactive("", init=False)

    class Changed(Message):
        """Another value was chosen."""

        def __init__(self, field: ChoiceField, value: str) -> None:
            super().__init__()
            self.field = field
            self.value = value

    def __init__(
        self,
        choices: Iterable[str],
        value: str,
        *,
        labels: Mapping[str, str] | None = None,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._choices = tuple(choices)
        self._labels = labels or {}
        self.set_reactive(ChoiceField.value, value if value in self._choices else self._choices[0])

    def render(self) -> Content:
        place = f"{self._choices.index(self.value) + 1} of {len(self._choices)}"
        return Content.assemble(
            ("‹ ", "$accent"),
            self._labels.get(self.value, self.value),
            (" ›", "$accent"),
            (f"  {place}", "$text-muted"),
        )

    def watch_value(self, value: str) -> None:
        self.post_message(self.Changed(self, value))

    def step(self, by: int) -> None:
        """Choose the value `by` places on, round the ends."""
        self.value = self._choices[(self._choices.index(self.value) + by) % len(self._choices)]

    def on_key(self, event: events.Key) -> None:
        """Handled here and not by bindings, which are looked up where the focus is by then."""
        step = STEPS.get(event.key)
        if step is not None:
            event.stop()
            event.prevent_default()
            self.step(step)

    def on_click(self) -> None:
        self.step(1)
