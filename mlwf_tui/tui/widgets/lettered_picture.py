"""A picture with letters at its shapes, each in a cell of its own: readable at any size, in any colours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from mlwf_tui.entities.picture import Rgb
from mlwf_tui.tui.widgets.picture_view import PictureView, has_colors

DARK = Color.from_rgb(16, 16, 16)


class Letter(msgspec.Struct, frozen=True):
    """A sign at a place of a picture, in shares of it."""

    x: float
    y: float
    text: str  # one cell
    color: Rgb


class LetteredPicture(PictureView):
    """Puts letters over what it draws; those that would lie on each other stand side by side."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.letters: Sequence[Letter] = ()

    def put_letters(self, letters: Sequence[Letter]) -> None:
        """Show these letters from now on."""
        self.letters = letters
        self.refresh()

    def say(self, title: str, hint: str = "") -> None:
        """Draw a message in place of a picture."""
        self.letters = ()
        super().say(title, hint)

    def render_line(self, y: int) -> Strip:
        strip = super().render_line(y)
        for column, letter in sorted(self._find_letters(y)):
            style = self._find_letter_style(letter.color)
            parts = strip.crop(0, column), Strip([Segment(letter.text, style)]), strip.crop(column + 1)
            strip = Strip.join(parts)
        return strip

    def _find_letters(self, y: int) -> Iterator[tuple[int, Letter]]:
        """Yield the letters of a line with their columns; a later one moves on to the next free column."""
        picture = self.picture
        if picture is None or not self.letters:
            return
        left, top = (max(0, (room - own) // 2) for room, own in
                     zip(self.size, (picture.columns, picture.rows), strict=True))  # fmt: skip
        taken: set[int] = set()
        for letter in self.letters:
            row = min(picture.rows - 1, max(0, int(letter.y * picture.rows)))
            if top + row != y:
                continue
            column = left + min(picture.columns - 1, max(0, int(letter.x * picture.columns)))
            while column in taken:
                column += 1
            if column < self.size.width:
                taken.add(column)
                yield column, letter

    def _find_letter_style(self, color: Rgb) -> Style:
        if not has_colors(self.app):
            return Style(bold=True, reverse=True)
        return Style(color=DARK, bgcolor=Color.from_rgb(*color), bold=True)
