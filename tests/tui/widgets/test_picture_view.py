"""Pictures as cells: two pixels each, or shades where colours are few; drawn in pieces that fit a frame."""

from __future__ import annotations

import pytest
from rich.style import Style
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from mlwf_tui.entities.picture import Picture
from mlwf_tui.tui.widgets.picture_view import (
    CELLS_PER_FRAME,
    PictureView,
    draw_half_blocks,
    draw_shades,
    measure_lights,
)

BLACK, WHITE, RED = (0, 0, 0), (255, 255, 255), (255, 0, 0)


def make_picture(*rows: list[tuple[int, int, int]]) -> Picture:
    """Make a picture of rows of pixels; red ones are marks."""
    pixels = [pixel for row in rows for pixel in row]
    marks = bytes(pixel == RED for pixel in pixels)
    return Picture(len(rows[0]), len(rows) // 2, bytes(part for pixel in pixels for part in pixel), marks)


class PictureApp(App[None]):
    def compose(self) -> ComposeResult:
        yield PictureView()


async def settle(pilot: Pilot[None], view: PictureView) -> None:
    await pilot.pause()
    while view.is_drawing:
        await pilot.pause()


def read_line(view: PictureView, y: int) -> str:
    return "".join(segment.text for segment in view.render_line(y))


def test_a_cell_holds_two_pixels() -> None:
    segments = draw_half_blocks(make_picture([RED, RED, WHITE], [BLACK, BLACK, BLACK]), 0)
    assert [segment.text for segment in segments] == ["▀▀", "▀"]
    assert all(segment.style is not None for segment in segments)
    style = segments[0].style
    assert style is not None and style.color is not None and style.bgcolor is not None
    assert style.color.get_truecolor() == RED
    assert style.bgcolor.get_truecolor() == BLACK


def test_shades_stretch_what_light_there_is_and_keep_outlines_solid() -> None:
    dim = [(40 + 10 * n,) * 3 for n in range(7)]
    picture = make_picture([*dim, RED, RED, BLACK], [*dim, RED, BLACK, RED])
    segments = draw_shades(picture, 0, Style(), (40, 100))
    assert "".join(segment.text for segment in segments) == "  ░░▒▓▓█▀▄"
    assert segments[-1].style is not None and segments[-1].style.color is not None
    assert segments[-1].style.color.get_truecolor() == RED


def test_the_range_of_light_leaves_outlines_out() -> None:
    assert measure_lights(make_picture([BLACK, RED], [BLACK, RED])) == (0, 0)
    assert measure_lights(make_picture([RED], [RED])) == (0, 0)


async def test_a_picture_stands_in_the_middle_of_its_room() -> None:
    app = PictureApp()
    async with app.run_test(size=(11, 5)) as pilot:
        view = app.query_one(PictureView)
        view.show(make_picture(*[[WHITE] * 5] * 2))
        await settle(pilot, view)
        assert [read_line(view, y).strip() for y in range(5)] == ["", "", "▀▀▀▀▀", "", ""]
        assert read_line(view, 2) == "   ▀▀▀▀▀   "
        await pilot.resize_terminal(7, 1)
        await settle(pilot, view)
        assert read_line(view, 0) == " ▀▀▀▀▀ "


async def test_a_large_picture_is_drawn_in_several_frames() -> None:
    app = PictureApp()
    async with app.run_test(size=(100, 40)) as pilot:
        view = app.query_one(PictureView)
        view.show(make_picture(*[[WHITE] * 100] * 80))
        assert view.is_drawing
        assert read_line(view, 0) == "▀" * 100
        assert read_line(view, 39).strip() == ""
        await settle(pilot, view)
        assert read_line(view, 39) == "▀" * 100
        assert CELLS_PER_FRAME < 100 * 40


async def test_a_message_takes_the_place_of_a_picture() -> None:
    app = PictureApp()
    async with app.run_test(size=(40, 9)) as pilot:
        view = app.query_one(PictureView)
        view.show(make_picture(*[[WHITE] * 30] * 18))
        view.say("a.jpg is damaged", "mlwf verify says more")
        await settle(pilot, view)
        lines = [read_line(view, y).strip() for y in range(9)]
        assert "a.jpg is damaged" in lines
        assert not any("▀" in line for line in lines)


async def test_without_colours_shades_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = PictureApp()
    async with app.run_test(size=(10, 2)) as pilot:
        view = app.query_one(PictureView)
        view.show(make_picture(*[[BLACK] * 5 + [WHITE] * 5] * 4))
        await settle(pilot, view)
        assert read_line(view, 0) == "     ▓▓▓▓▓"
