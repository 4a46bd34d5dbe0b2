"""A line of names of which one is shown; for views in a pane, and for panes on a narrow screen."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

CUT = "…"  # before the first tab that is seen, and after the last, where there are more
Tab = tuple[str, str]
"""Id and title."""


class TabLine(Widget):
    """Draws the tabs on one line and says which one was clicked; the keys belong to the screen."""

    DEFAULT_CSS = """
    TabLine { height: 1; background: $surface; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    class Chosen(Message):
        """A person clicked the tab."""

        def __init__(self, line: TabLine, tab: str) -> None:
            super().__init__()
            self.line = line
            self.tab = tab

        @property
        def control(self) -> TabLine:
            return self.line

    def __init__(self, tabs: Sequence[Tab], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._tabs = tuple(tabs)
        self._active = self._tabs[0][0]

    @property
    def active(self) -> str:
        return self._active

    def show(self, active: str, tabs: Sequence[Tab] | None = None) -> None:
        """Draw `active` as the one that is shown."""
        if tabs is not None:
            self._tabs = tuple(tabs)
        self._active = active
        self.refresh()

    def find_neighbour(self, step: int) -> str:
        """Return the tab `step` places on from the active one, round the ends."""
        names = [name for name, _ in self._tabs]
        return names[(names.index(self._active) + step) % len(names)]

    def _list_seen(self) -> list[Tab]:
        """Return the tabs from the first that leaves room for the active one."""
        seen = list(self._tabs)
        while len(seen) > 1 and seen[0][0] != self._active:
            names = [name for name, _ in seen]
            width = sum(Content(title).cell_length + 3 for _, title in seen[: names.index(self._active) + 1])
            is_cut = len(seen) < len(self._tabs)
            if width - 1 + is_cut * len(CUT) <= self.content_size.width:
                break
            seen.pop(0)
        return seen

    def _cut_end(self, seen: list[Tab]) -> list[Tab]:
        """Return of the tabs that are seen those that have room as a whole, the active one in any case."""
        room = self.content_size.width - (len(CUT) if len(seen) < len(self._tabs) else 0)
        whole = list(seen)
        while len(whole) > 1 and whole[-1][0] != self._active:
            width = sum(Content(title).cell_length + 3 for _, title in whole) - 1
            if width + (len(whole) < len(seen)) * (1 + len(CUT)) <= room:
                break
            whole.pop()
        return whole

    def render(self) -> Content:
        found = self._list_seen()
        seen = self._cut_end(found)
        parts = [
            Content.styled(f" {title} ", "bold $primary reverse" if name == self._active else "$text-muted")
            for name, title in seen
        ]
        if len(seen) < len(found):
            parts.append(Content.styled(CUT, "$text-muted"))
        cut = Content.styled(CUT if len(found) < len(self._tabs) else "", "$text-muted")
        return cut + Content(" ").join(parts)

    def on_click(self, event: events.Click) -> None:
        seen = self._list_seen()
        column = self.styles.padding.left + (len(CUT) if len(seen) < len(self._tabs) else 0)
        for name, title in seen:
            width = Content(title).cell_length + 2
            if column <= event.x < column + width:
                self.post_message(self.Chosen(self, name))
            column += width + 1
