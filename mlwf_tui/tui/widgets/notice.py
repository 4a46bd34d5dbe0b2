"""A few lines in the middle of a pane: what is empty, being read, or broken, and what to do."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget


class Notice(Widget):
    """Draws a title and a hint, centred; takes no focus."""

    DEFAULT_CSS = """
    Notice {
        height: 1fr; padding: 0 2;
        content-align: center middle; text-align: center; color: $text-muted;
    }
    """

    def __init__(self, title: str, hint: str = "", *, is_error: bool = False, id: str | None = None) -> None:
        super().__init__(id=id)
        self._content = _draw(title, hint, is_error=is_error)

    def show(self, title: str, hint: str = "", *, is_error: bool = False) -> None:
        """Draw another message."""
        self._content = _draw(title, hint, is_error=is_error)
        self.refresh()

    def render(self) -> Content:
        return self._content


def _draw(title: str, hint: str, *, is_error: bool) -> Content:
    head = Content.styled(f"✗ {title}" if is_error else title, "$error bold" if is_error else "bold")
    return Content.assemble(head, "\n\n", hint) if hint else head
