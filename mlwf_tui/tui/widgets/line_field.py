"""The field to write a line in that every prompt, form and search has."""

from __future__ import annotations

from textual import events
from textual.widgets import Input


class LineField(Input):
    """Takes keys in the order in which they come.

    The stock Input writes characters at once and lets every other key rise to the app first: of "ab⌫c" in a
    burst, as it comes over SSH or to a busy app, it made "ab".
    """

    async def on_key(self, event: events.Key) -> None:
        """Do at once what a key is bound to, here or around; what comes behind the last one is let go."""
        if not (self.is_attached and self.screen.is_current):
            event.stop()
            event.prevent_default()
            return
        bound = None if event.is_printable else self.screen.active_bindings.get(event.key)
        if bound is None or not bound.enabled or bound.binding.priority:
            return
        if await self.app.run_action(bound.binding.action, bound.node):
            event.stop()
            event.prevent_default()


class SearchField(LineField):
    """Takes what is searched for; a `/` before it is the key that begins a search everywhere."""

    def replace(self, text: str, start: int, end: int) -> None:
        super().replace(text if start else text.lstrip("/"), start, end)
