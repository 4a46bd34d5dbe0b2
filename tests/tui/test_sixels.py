"""Pictures as sixels: strips that hold the picture's pixels, written wherever its cells stand."""

from __future__ import annotations

import os
import re
import signal
from io import BytesIO, StringIO

import numpy as np
import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from rich.color import Color
from rich.color_triplet import ColorTriplet
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from mlwf_tui.tui import graphics
from mlwf_tui.tui.sixels import write_strips
from mlwf_tui.tui.terminal import CellDiff
from mlwf_tui.workspace import Workspace
from tests.tui.pty_terminal import Terminal

COLUMNS, ROWS = 20, 6
WIDTH, HEIGHT = 6, 4  # of a picture, in cells
CONSOLE = Console(file=StringIO(), force_terminal=True, color_system="truecolor", width=COLUMNS)
NUMBERS = (graphics.FIRST_NUMBER + 7, graphics.LAST_NUMBER - 9)
STRIP = re.compile(r"(\x1bP[^\x1b]*\x1b\\)")
Frame = list[list[tuple[str, Style]]]


def _decode(sequence: str) -> NDArray[np.int_]:
    """Return the pixels (H, W, 3) of a sixel sequence in percent, -1 where it says nothing."""
    found = re.fullmatch(r'\x1bP0;1;0q"1;1;(\d+);(\d+)(.*)\x1b\\', sequence)
    assert found is not None
    width, height = int(found[1]), int(found[2])
    pixels = np.full((height + 6, width, 3), -1)
    colors: dict[int, tuple[int, ...]] = {}
    color, x, y = 0, 0, 0
    for define, select, count, character in re.findall(r"#(\d+;2;[\d;]+)|#(\d+)|!(\d+)(?=.)|(.)", found[3]):
        if define:
            number, _, *rgb = map(int, define.split(";"))
            colors[number] = tuple(rgb)
        elif select:
            color, repeat = int(select), 1
        elif count:
            repeat = int(count)
        elif character == "$":
            x = 0
        elif character == "-":
            x, y = 0, y + 6
        else:
            for bit in range(6):
                if (ord(character) - 63) >> bit & 1:
                    assert (pixels[y + bit, x : x + repeat] == -1).all(), "a pixel is told twice"
                    pixels[y + bit, x : x + repeat] = colors[color]
            x, repeat = x + repeat, 1
    assert (pixels[height:] == -1).all(), "nothing reaches below the row"
    return pixels[:height]


@pytest.mark.parametrize("cell_px", [(7, 14), (10, 20), (9, 18)])
def test_the_strips_hold_the_picture(cell_px: tuple[int, int]) -> None:
    image = Image.effect_noise((WIDTH * cell_px[0], HEIGHT * cell_px[1]), 60).convert("RGB")
    image.paste((250, 10, 20), (5, 5, 30, 30))
    file = BytesIO()
    image.save(file, "PNG")

    strips = write_strips(file.getvalue(), WIDTH, HEIGHT, cell_px)

    assert len(strips) == HEIGHT
    pixels = np.concatenate([_decode(strip) for strip in strips])
    wanted = np.asarray(image, int) * 100 / 255
    assert pixels.shape == wanted.shape
    assert np.abs(pixels - wanted).max() <= 12, "the colours are fewer, and near"
    assert (pixels[6:29, 6:29] == pixels[6, 6]).all()


def _make_frame(text: list[str], picture: tuple[int, int, int] | None, box: Region | None) -> Frame:
    frame: Frame = [[(character, Style()) for character in line] for line in text]
    if picture is not None:
        number, left, top = picture
        style = Style(color=Color.from_triplet(ColorTriplet(*number.to_bytes(3))))
        marks = graphics.list_marks()
        for row in range(HEIGHT):
            for column in range(WIDTH):
                cell = f"{graphics.PLACEHOLDER}{marks[row]}{marks[column]}"
                frame[top + row][left + column] = cell, style
    if box is not None:
        for y in range(box.y, box.bottom):
            for x in range(box.x, box.right):
                frame[y][x] = "#", Style(bold=True)
    return frame


def _make_update(frame: Frame) -> LayoutUpdate:
    strips = [[Strip([Segment(text, style) for text, style in line])] for line in frame]
    return LayoutUpdate(strips, Region(0, 0, COLUMNS, ROWS))  # type: ignore[arg-type]


def _show(writes: list[str]) -> list[list[tuple[str, str]]]:
    """Return what each cell of a terminal with sixels shows; a strip stands for the cells that it covers."""
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.Stream(screen)
    stream.feed("\x1b[?7l")
    for part in STRIP.split("".join(writes)):
        if not part.startswith("\x1bP"):
            stream.feed(part)
            continue
        number, row = map(int, part[2:-2].split(","))
        x, y = screen.cursor.x, screen.cursor.y
        for column in range(WIDTH):
            marks = graphics.list_marks()
            cell = f"{graphics.PLACEHOLDER}{marks[row]}{marks[column]}"
            screen.buffer[y][x + column] = screen.default_char._replace(data=cell, fg=f"{number:06x}")
        screen.cursor.x = screen.cursor.y = 0  # wherever: terminals differ
    return [[(screen.buffer[y][x].data, screen.buffer[y][x].fg) for x in range(COLUMNS)] for y in range(ROWS)]


PICTURES = st.none() | st.tuples(
    st.sampled_from(NUMBERS), st.integers(0, COLUMNS - WIDTH), st.integers(0, ROWS - HEIGHT - 1)
)
BOXES = st.none() | st.builds(
    Region, st.integers(0, 12), st.integers(0, 3), st.integers(1, 8), st.integers(1, 3)
)
TEXTS = st.lists(st.text("ab ─", min_size=COLUMNS, max_size=COLUMNS), min_size=ROWS, max_size=ROWS)
FRAMES = st.lists(st.builds(_make_frame, TEXTS, PICTURES, BOXES), min_size=1, max_size=6)


@settings(max_examples=200, deadline=None)
@given(FRAMES)
def test_whatever_lies_over_pictures_and_moves_them_they_end_as_they_should(frames: list[Frame]) -> None:
    diff = CellDiff()
    for number in NUMBERS:
        diff.keep_picture(number, tuple(f"\x1bP{number},{row}\x1b\\" for row in range(HEIGHT)))
    written = [diff.render(_make_update(frame), (COLUMNS, ROWS), CONSOLE) for frame in frames]
    placed_by_the_terminal = CellDiff().render(_make_update(frames[-1]), (COLUMNS, ROWS), CONSOLE)
    assert _show(written) == _show([placed_by_the_terminal])


def test_a_picture_is_written_once_and_only_the_rows_that_a_dialog_has_covered_again() -> None:
    diff = CellDiff()
    diff.keep_picture(NUMBERS[0], tuple(f"\x1bP{NUMBERS[0]},{row}\x1b\\" for row in range(HEIGHT)))
    text = [" " * COLUMNS] * ROWS
    plain = _make_frame(text, (NUMBERS[0], 2, 1), None)
    covered = _make_frame(text, (NUMBERS[0], 2, 1), Region(4, 2, 9, 2))

    def write(frame: Frame) -> list[str]:
        written = diff.render(_make_update(frame), (COLUMNS, ROWS), CONSOLE)
        return [part[2:-2].split(",")[1] for part in STRIP.findall(written)]

    assert [write(frame) for frame in (plain, plain, covered, plain)] == [
        ["0", "1", "2", "3"],
        [],
        [],
        ["1", "2"],
    ]


def test_cells_of_a_picture_that_is_gone_are_never_written_as_text() -> None:
    diff = CellDiff()
    diff.keep_picture(NUMBERS[0], ("\x1bP0,0\x1b\\",) * HEIGHT)
    diff.drop_picture(NUMBERS[0])
    frame = _make_frame([" " * COLUMNS] * ROWS, (NUMBERS[0], 2, 1), None)
    assert graphics.PLACEHOLDER not in diff.render(_make_update(frame), (COLUMNS, ROWS), CONSOLE)


@pytest.mark.slow
def test_the_app_writes_an_items_picture_in_strips(projects_home: Workspace) -> None:
    """On a real terminal whose driver tells the size of a cell."""
    environment = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "MLWF_PICTURES": "sixel"}
    terminal = Terminal(projects_home.home, environment=environment, cell_px=(9, 18))
    terminal.see("@2")
    os.write(terminal.fd, b"\x1b[B")
    terminal.see("changed since @2")
    os.write(terminal.fd, b"v")
    terminal.read_until(b"\x1bP0;1;0q")
    os.kill(terminal.pid, signal.SIGTERM)
    assert terminal.wait() == 128 + signal.SIGTERM
    strips = STRIP.findall(terminal.written.decode("utf-8", "replace"))
    assert {_decode(strip).shape[0] for strip in strips} == {18}
