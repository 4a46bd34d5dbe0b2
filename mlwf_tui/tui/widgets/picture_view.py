"""A picture in real pixels where the terminal has them, else in half blocks: two pixels a cell.

Shades of a few characters where there are few colours.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, partial
from itertools import groupby
from operator import itemgetter
from typing import ClassVar, NamedTuple

from rich.color import Color, ColorType
from rich.color_triplet import ColorTriplet
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.app import App
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from mlwf_tui.entities.picture import Picture, Rgb
from mlwf_tui.tui import graphics, sixels
from mlwf_tui.tui.graphics import Graphics
from mlwf_tui.tui.widgets.drawing import INK_CLASSES, build_strip, draw_message_row, write_ink_css

HALF = "▀"
SHADES = " ░▒▓"
MARK_CELLS = {(True, True): "█", (True, False): "▀", (False, True): "▄"}
RICH_SYSTEMS = ("256", "truecolor")
LUMA = (299, 587, 114)  # thousandths, ITU-R BT.601
LIGHT_SAMPLES = 400
BRIGHT = 140  # of 255: black is better read on what is brighter
MIN_CAPTION = 2  # cells
FRAME_S = 1 / 60
CELLS_PER_FRAME = 900  # 6-8 ms of drawing: what is left of a frame is for the rest of the app


class Caption(NamedTuple):
    """A word over a picture, in cells of it, and the colour of what it names."""

    column: int
    row: int
    text: str
    color: Rgb


class PictureView(Widget, can_focus=True):
    """Draws a picture in the middle of its room, or a message where there is none.

    A picture is drawn from its top, some lines a frame; until a line's turn comes, the one of the
    picture before stays.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = INK_CLASSES
    DEFAULT_CSS = "PictureView { background: $background; }\n" + write_ink_css("PictureView")

    class Resized(Message):
        """Another picture fits now."""

        def __init__(self, view: PictureView) -> None:
            super().__init__()
            self.view = view

        @property
        def control(self) -> PictureView:
            return self.view

    class Moved(Resized):
        """A person has dragged the picture by so many cells, or turned the wheel over it."""

        def __init__(self, view: PictureView, *, columns: int = 0, rows: int = 0, zoom: int = 0) -> None:
            super().__init__(view)
            self.columns, self.rows = columns, rows
            self.zoom = zoom  # 1 nearer, -1 farther

    class Sent(Message):
        """The terminal is to be sent this, which draws nothing by itself: a picture's pixels."""

        def __init__(self, view: PictureView, sequence: str) -> None:
            super().__init__()
            self.view = view
            self.sequence = sequence

    class Striped(Message):
        """The terminal is to draw these strips where cells of this number stand; see `use_strips`."""

        def __init__(self, view: PictureView, picture: Picture, number: int, strips: tuple[str, ...]) -> None:
            super().__init__()
            self.view = view
            self.picture = picture
            self.number = number
            self.strips = strips

    class Dropped(Message):
        """The strips of this number are not drawn any more."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._number = 0  # of the pixels that the terminal has been sent; 0 for none
        self._graphics = Graphics.BLOCKS  # how they were sent
        self._picture: Picture | None = None
        self._lights = (0, 255)
        self._captions: Mapping[int, Sequence[Caption]] = {}  # by the row of the picture
        self._is_dragged = False
        self.is_awaited = False
        """Whether whoever orders pictures waits before ordering the next."""
        self._message = ("", "")
        self._lines: list[Strip] = []  # as high as the widget; those of the picture before below `_drawn`
        self._drawn = 0
        self._timer: Timer | None = None

    @property
    def picture(self) -> Picture | None:
        return self._picture

    @property
    def is_drawing(self) -> bool:
        """Whether another picture will be seen than is seen now."""
        return self._timer is not None or self.is_awaited

    @property
    def room(self) -> tuple[int, int]:
        """Columns and rows that a picture may have."""
        return self.size.width, self.size.height

    def show(self, picture: Picture, captions: Sequence[Caption] = ()) -> None:
        """Draw a picture in place of what is there, with words over it."""
        self._picture, self._lights = picture, measure_lights(picture)
        self._captions = place_captions(captions, picture.columns, picture.rows)
        before, self._number = self._number, 0
        removal = graphics.write_removal(before) if before and self._graphics is Graphics.KITTY else ""
        if before and not removal:
            self.app.post_message(self.Dropped(before))
        self._graphics = self._choose_graphics(picture)
        if self._graphics is Graphics.KITTY:
            self._number = random.randint(graphics.FIRST_NUMBER, graphics.LAST_NUMBER)
            self._send(
                graphics.write_picture(self._number, picture.sharp, picture.columns, picture.rows) + removal
            )
        elif removal:
            self._send(removal)
        self._begin()
        if self._graphics is Graphics.SIXEL:  # half blocks meanwhile
            work = partial(self._write_strips, picture)
            self.run_worker(
                work, thread=True, exclusive=True, group="strips", name="write a picture's strips"
            )

    def _choose_graphics(self, picture: Picture) -> Graphics:
        """Return how a picture is sent; one that comes when nobody looks any more would stay for ever."""
        is_fit = bool(picture.sharp) and graphics.fits(picture.columns, picture.rows)
        return graphics.find_graphics(self.app) if is_fit and self.is_attached else Graphics.BLOCKS

    def _write_strips(self, picture: Picture) -> None:
        cell = sixels.measure_cell()
        if cell is not None:
            strips = sixels.write_strips(picture.sharp, picture.columns, picture.rows, cell)
            number = random.randint(graphics.FIRST_NUMBER, graphics.LAST_NUMBER)
            self.app.post_message(self.Striped(self, picture, number, strips))

    def use_strips(self, picture: Picture, number: int) -> bool:
        """Draw in the cells that strips stand for; False where another picture is shown by now."""
        if picture is not self._picture or not self.is_attached:
            return False
        self._number = number
        self._begin()
        return True

    def use_cells(self) -> None:
        """Draw in half blocks: the pixels could not be sent."""
        self._number = 0
        if self._picture is not None:
            self._begin()

    def on_unmount(self) -> None:
        self._remove()

    def _remove(self) -> None:
        """Let the terminal forget what it was sent."""
        if self._number and self._graphics is Graphics.SIXEL:
            self.app.post_message(self.Dropped(self._number))
        elif self._number:
            self._send(graphics.write_removal(self._number))

    def _send(self, sequence: str) -> None:
        self.app.post_message(self.Sent(self, sequence))

    def say(self, title: str, hint: str = "") -> None:
        """Draw a message in place of a picture."""
        self._remove()
        self._picture, self._number, self._message, self._lines = None, 0, (title, hint), []
        self._stop()
        self.refresh()

    def on_resize(self) -> None:
        self._lines = []
        if self._picture is not None:
            self._begin()
        self.post_message(self.Resized(self))

    def notify_style_update(self) -> None:
        """Draw anew in the way that fits the theme just chosen."""
        super().notify_style_update()
        if self._picture is not None:
            self._begin()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if self._picture is None:
            return build_strip(draw_message_row(y, *self._message, *self.size), self._find_ink, width)
        return self._lines[y] if y < len(self._lines) else Strip.blank(width, self._find_ink("text"))

    def _begin(self) -> None:
        self._drawn = 0
        self._stop()
        self._draw_some()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def _draw_some(self) -> None:
        """Draw as many lines as a frame has time for, and come back for the others."""
        self._timer = None
        width, height = self.size
        last = min(height, self._drawn + max(1, CELLS_PER_FRAME // max(1, width)))
        missing = height - len(self._lines)
        self._lines += [Strip.blank(width, self._find_ink("text"))] * missing
        for y in range(self._drawn, last):
            self._lines[y] = self._draw_line(y, width, height)
        self.refresh(Region(0, self._drawn, width, last - self._drawn))
        self._drawn = last
        if last < height:
            self._timer = self.set_timer(FRAME_S, self._draw_some)

    def _draw_line(self, y: int, width: int, height: int) -> Strip:
        assert self._picture is not None
        blank = self._find_ink("text")
        row = y - max(0, (height - self._picture.rows) // 2)
        if not 0 <= row < self._picture.rows:
            return Strip.blank(width, blank)
        left = max(0, (width - self._picture.columns) // 2)
        cells = list(self._draw_captioned(self._picture, row, blank))
        return Strip([Segment(" " * left, blank), *cells]).adjust_cell_length(width, blank)

    def _draw_captioned(self, picture: Picture, row: int, blank: Style) -> Iterator[Segment]:
        """Yield one line of the picture, with the words that stand over it."""
        drawn = Strip([] if self._number else self._draw_cells(picture, row, blank))
        column = 0
        for caption in self._captions.get(row, ()):
            yield from self._cut(picture, drawn, row, column, caption.column)
            color = None if not self._is_rich and self.app.no_color else caption.color
            yield Segment(caption.text, make_caption_style(color))
            column = caption.column + len(caption.text)
        yield from self._cut(picture, drawn, row, column, picture.columns)

    def _cut(self, picture: Picture, drawn: Strip, row: int, first: int, end: int) -> Iterator[Segment]:
        """Yield the cells of a line from a column on to another."""
        if self._number:
            yield Segment(graphics.write_row(row, end, first), _make_number_style(self._number))
        elif first or end < picture.columns:
            yield from drawn.crop(first, end)
        else:
            yield from drawn

    def _draw_cells(self, picture: Picture, row: int, blank: Style) -> list[Segment]:
        if self._is_rich:
            return draw_half_blocks(picture, row)
        return draw_shades(picture, row, blank, self._lights)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.post_message(self.Moved(self, zoom=1))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.post_message(self.Moved(self, zoom=-1))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        if event.button == 1:
            self._is_dragged = True
            self.capture_mouse()

    def on_mouse_up(self) -> None:
        self._is_dragged = False
        self.release_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._is_dragged and (event.delta_x or event.delta_y):
            self.post_message(self.Moved(self, columns=-event.delta_x, rows=-event.delta_y))

    @property
    def _is_rich(self) -> bool:
        return has_colors(self.app)

    def _find_ink(self, role: str) -> Style:
        return self.get_component_rich_style(f"ink--{role}")


def place_captions(captions: Sequence[Caption], columns: int, rows: int) -> Mapping[int, Sequence[Caption]]:
    """Return captions by their rows, from left to right; one that has no room on its row is left out."""
    placed: dict[int, list[Caption]] = {}
    for caption in sorted(captions, key=lambda one: (one.row, one.column)):
        on_row = placed.setdefault(caption.row, [])
        first = on_row[-1].column + len(on_row[-1].text) + 1 if on_row else 0
        column = max(caption.column, first, 0)
        if 0 <= caption.row < rows and column + MIN_CAPTION <= columns:
            on_row.append(caption._replace(column=column, text=caption.text[: columns - column]))
    return placed


def has_colors(app: App[object]) -> bool:
    """Return whether there are colours enough for half blocks."""
    is_poor = app.no_color or app.native_ansi_color
    return app.console.color_system in RICH_SYSTEMS and not is_poor


def draw_half_blocks(picture: Picture, row: int) -> list[Segment]:
    """Return one line of cells, the upper pixel as foreground and the lower as background."""
    pixels, columns = picture.pixels, picture.columns
    upper, lower = 6 * row * columns, (6 * row + 3) * columns
    pairs = (
        (pixels[upper + x : upper + x + 3], pixels[lower + x : lower + x + 3])
        for x in range(0, 3 * columns, 3)
    )
    return [Segment(HALF * sum(1 for _ in same), _make_style(*pair)) for pair, same in groupby(pairs)]


def measure_lights(picture: Picture) -> tuple[int, int]:
    """Return between which values most of the picture's light lies, outlines left out."""
    places = range(0, len(picture.marks), 1 + len(picture.marks) // LIGHT_SAMPLES)
    lights = sorted(
        _measure_light(picture.find_color(place % picture.columns, place // picture.columns))
        for place in places
        if not picture.marks[place]
    ) or [0]
    return lights[len(lights) // 20], lights[-1 - len(lights) // 20]


def draw_shades(picture: Picture, row: int, style: Style, lights: tuple[int, int]) -> list[Segment]:
    """Return one line of cells for a terminal of few colours or none: light as shades, outlines solid."""
    cells = (_draw_shade(picture, x, row, lights) for x in range(picture.columns))
    return [
        Segment("".join(text for text, _ in same), style + _make_ink(color))
        for color, same in groupby(cells, key=itemgetter(1))
    ]


def _draw_shade(picture: Picture, x: int, row: int, lights: tuple[int, int]) -> tuple[str, Rgb | None]:
    """Return the character of a cell, and its colour where an outline goes through it."""
    upper, lower = 2 * row, 2 * row + 1
    colors = picture.find_color(x, upper), picture.find_color(x, lower)
    is_upper, is_lower = (bool(picture.marks[y * picture.columns + x]) for y in (upper, lower))
    if is_upper or is_lower:
        return MARK_CELLS[is_upper, is_lower], colors[0] if is_upper else colors[1]
    light = (_measure_light(colors[0]) + _measure_light(colors[1])) // 2 - lights[0]
    shade = light * len(SHADES) // (lights[1] - lights[0] + 1)
    return SHADES[min(max(shade, 0), len(SHADES) - 1)], None


def _measure_light(color: Rgb) -> int:
    return sum(weight * part for weight, part in zip(LUMA, color, strict=True)) // 1000


@lru_cache(maxsize=64)
def _make_number_style(number: int) -> Style:
    return Style(color=_make_color(number.to_bytes(3)))


@lru_cache(maxsize=16_384)
def _make_style(upper: bytes, lower: bytes) -> Style:
    return Style(color=_make_color(upper), bgcolor=_make_color(lower))


@lru_cache(maxsize=4096)
def _make_color(rgb: bytes) -> Color:
    """Return the colour of three bytes; by hand, for `Color.from_rgb` takes four times as long."""
    return Color(f"#{rgb.hex()}", ColorType.TRUECOLOR, triplet=ColorTriplet(*rgb))


@lru_cache(maxsize=256)
def make_caption_style(color: Rgb | None) -> Style:
    """Return black or white on a colour, whichever is better read; without one, reversed."""
    if color is None:
        return Style(reverse=True, bold=True)
    text = bytes(3) if _measure_light(color) > BRIGHT else bytes((255, 255, 255))
    return Style(color=_make_color(text), bgcolor=_make_color(bytes(color)), bold=True)


@lru_cache(maxsize=256)
def _make_ink(color: Rgb | None) -> Style:
    return Style() if color is None else Style(color=_make_color(bytes(color)))
