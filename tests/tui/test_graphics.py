"""Pictures in real pixels: told by the environment, sent once, shown by cells like any others."""

from __future__ import annotations

import re
from base64 import b64decode
from io import BytesIO

import pytest
from PIL import Image
from rich.cells import get_character_cell_size
from textual.app import App, ComposeResult

from mlwf_tui.entities.picture import Picture
from mlwf_tui.tui import graphics
from mlwf_tui.tui.graphics import Graphics
from mlwf_tui.tui.widgets.picture_view import HALF, PictureView

SENT = re.compile(r"\x1b_G([^;\x1b]*);?([^\x1b]*)\x1b\\")


def _make_png() -> bytes:
    file = BytesIO()
    noise = Image.effect_noise((120, 80), 90)
    noise.save(file, "PNG")
    return file.getvalue()


def _make_picture(sharp: bytes) -> Picture:
    return Picture(6, 2, bytes(6 * 4 * 3), bytes(6 * 4), sharp)


class _App(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.view = PictureView()
        self.sent: list[str] = []

    def compose(self) -> ComposeResult:
        yield self.view

    def on_picture_view_sent(self, message: PictureView.Sent) -> None:
        self.sent.append(message.sequence)

    def read_line(self, y: int) -> str:
        return "".join(segment.text for segment in self.view.render_line(y))


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"TERM": "xterm-kitty"}, Graphics.KITTY),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, Graphics.KITTY),
        ({"TERM": "xterm-ghostty"}, Graphics.KITTY),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "ghostty"}, Graphics.KITTY),
        ({"TERM": "foot"}, Graphics.SIXEL),
        ({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, Graphics.SIXEL),
        ({"TERM": "xterm-256color", "KONSOLE_VERSION": "230805"}, Graphics.SIXEL),
        ({"TERM": "xterm-256color", "KONSOLE_VERSION": "211203"}, Graphics.BLOCKS),
        ({"TERM": "xterm-256color"}, Graphics.BLOCKS),
        ({"TERM": "tmux-256color", "TMUX": "/nowhere,1,0", "KITTY_WINDOW_ID": "1"}, Graphics.BLOCKS),
        ({"TERM": "screen", "STY": "1.pts", "TERM_PROGRAM": "WezTerm"}, Graphics.BLOCKS),
        ({"TERM": "xterm-kitty", "MLWF_PICTURES": "blocks"}, Graphics.BLOCKS),
        ({"TERM": "xterm-256color", "MLWF_PICTURES": "kitty"}, Graphics.KITTY),
        ({"TERM": "xterm-256color", "MLWF_PICTURES": "sixel"}, Graphics.SIXEL),
        ({}, Graphics.BLOCKS),
    ],
)
def test_the_environment_tells_whether_a_terminal_shows_pictures(
    environment: dict[str, str], expected: Graphics
) -> None:
    assert graphics.choose_graphics(environment) is expected


def test_every_mark_joins_the_placeholder_before_it() -> None:
    marks = graphics.list_marks()
    assert len(marks) == len(set(marks)) == 200
    assert {get_character_cell_size(mark) for mark in marks} == {0}
    assert get_character_cell_size(graphics.PLACEHOLDER) == 1


def test_a_picture_is_sent_in_pieces_that_join_to_its_file() -> None:
    png = _make_png()
    found = SENT.findall(graphics.write_picture(70_000, png, 30, 10))
    assert b64decode("".join(payload for _, payload in found)) == png
    assert len(found) > 1
    assert all(len(payload) <= graphics.CHUNK for _, payload in found)
    heads = [dict(part.split("=") for part in head.split(",")) for head, _ in found]
    assert (heads[0]["i"], heads[0]["c"], heads[0]["r"], heads[0]["U"]) == ("70000", "30", "10", "1")
    assert [head["m"] for head in heads] == ["1"] * (len(heads) - 1) + ["0"]
    assert {head["q"] for head in heads} == {"2"}, "the terminal must not answer: that would be typed"


async def test_a_sharp_picture_is_drawn_in_cells_that_stand_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLWF_PICTURES", "kitty")
    async with _App().run_test(size=(20, 6)) as pilot:
        app = pilot.app
        assert isinstance(app, _App)
        app.view.show(_make_picture(_make_png()))
        await pilot.pause()
        marks = graphics.list_marks()
        assert f"{graphics.PLACEHOLDER}{marks[1]}{marks[5]}" in app.read_line(3)
        assert [len(SENT.findall(sequence)) > 1 for sequence in app.sent] == [True]
        number = dict(part.split("=") for part in SENT.findall(app.sent[0])[0][0].split(","))["i"]
        app.view.show(_make_picture(b""))
        await pilot.pause()
        assert f"a=d,d=I,i={number}" in app.sent[1], "what is not shown any more is forgotten"
        assert HALF in app.read_line(3)


async def test_without_such_a_terminal_half_blocks_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLWF_PICTURES", "blocks")
    async with _App().run_test(size=(20, 6)) as pilot:
        app = pilot.app
        assert isinstance(app, _App)
        app.view.show(_make_picture(_make_png()))
        await pilot.pause()
        assert HALF in app.read_line(3)
        assert app.sent == []


async def test_pixels_that_could_not_be_sent_are_drawn_as_half_blocks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLWF_PICTURES", "kitty")
    async with _App().run_test(size=(20, 6)) as pilot:
        app = pilot.app
        assert isinstance(app, _App)
        app.view.show(_make_picture(_make_png()))
        app.view.use_cells()
        await pilot.pause()
        assert HALF in app.read_line(3)
