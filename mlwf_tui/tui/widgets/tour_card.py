"""What the tour says: a step at a time, in a frame above the foot of the screen; takes no focus."""

from __future__ import annotations

from textual.widgets import Static


class TourCard(Static):
    """Draws a step: its number and title in the frame, what to press in it."""

    DEFAULT_CSS = """
    TourCard {
        height: auto; padding: 0 1; border: round $accent; background: $panel;
        border-title-color: $accent; border-title-style: bold; border-subtitle-color: $text-muted;
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
        self.display = False

    def show(self, title: str, text: str, keys: str) -> None:
        """Draw a step; `keys` says how to skip and to leave."""
        self.border_title, self.border_subtitle = title, keys
        self.update(text)
        self.display = True

    def hide(self) -> None:
        """Give the room back."""
        self.display = False
