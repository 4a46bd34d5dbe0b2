"""The command palette's source: every action of the main screen, then the app's own, by name and help."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from mlwf_tui.tui.screens.main import MainScreen
from mlwf_tui.tui.widgets.context_menu import Choice

BEGINNINGS = "/: "
"""What begins a search or a command elsewhere, and is pressed once more out of habit."""


class ActionProvider(Provider):
    """Offers what the main screen can do now; what it cannot do says why in its help line."""

    async def discover(self) -> Hits:
        """Yield every action that can be done now."""
        for screen, choice in self._iter_choices():
            if not choice.reason:
                run = partial(screen.action_perform, choice.id)
                yield DiscoveryHit(_name(choice), run, help=choice.note)
        for command in self.app.get_system_commands(self.screen):
            yield DiscoveryHit(command.title, command.callback, help=command.help)

    async def search(self, query: str) -> Hits:
        """Yield the actions whose name or description fits `query`."""
        matcher = self.matcher(query.lstrip(BEGINNINGS) or query)
        for screen, choice in self._iter_choices():
            score = max(matcher.match(_name(choice)), matcher.match(choice.note) * 0.8)
            if score > 0:
                help_text = f"not now: {choice.reason}" if choice.reason else choice.note
                yield Hit(
                    score,
                    matcher.highlight(_name(choice)),
                    partial(screen.action_perform, choice.id),
                    help=help_text,
                )
        for command in self.app.get_system_commands(self.screen):
            if (score := matcher.match(command.title)) > 0:
                yield Hit(score, matcher.highlight(command.title), command.callback, help=command.help)

    def _iter_choices(self) -> Iterator[tuple[MainScreen, Choice]]:
        screen = self.screen
        if isinstance(screen, MainScreen):
            for choice in screen.list_choices():
                yield screen, choice


def _name(choice: Choice) -> str:
    name = choice.label.capitalize()
    return f"{name}  ({choice.key})" if choice.key else name
