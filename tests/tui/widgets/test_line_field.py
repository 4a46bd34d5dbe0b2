"""Keys that come faster than they are handled: each takes effect in its turn."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from textual import events
from textual.app import App
from textual.keys import _character_to_key
from textual.pilot import Pilot

from mlwf_tui.tui.widgets.form import Form, FormField, make_field
from mlwf_tui.tui.widgets.line_field import LineField
from mlwf_tui.tui.widgets.prompt import Prompt

NAME = make_field("name", "whose")
SIZE = make_field("size", "how large", type_name="int")


class Asking(App[None]):
    """Keeps what a dialog was answered."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[object] = []


def make_form(*fields: FormField) -> Form:
    return Form("Ask", fields, command=lambda _: "", verb="ask")


@asynccontextmanager
async def ask(dialog: Prompt | Form) -> AsyncIterator[Asking]:
    app = Asking()
    async with app.run_test() as pilot:
        await app.push_screen(dialog, app.answers.append)
        await pilot.pause()
        yield app


async def burst(app: App[None], *keys: str) -> None:
    """Send all keys before the first is handled."""
    for key in keys:
        is_character = len(key) == 1
        name = _character_to_key(key) if is_character else key
        app.post_message(events.Key(name, key if is_character else None))
    for _ in range(3):  # what the keys set off has messages of its own
        await Pilot(app).pause()


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        (("9", "8", "backspace", "7"), "97"),
        (("1", "2", "3", "left", "left", "9"), "1923"),
        (("7", "ctrl+u", "9", "8"), "98"),
        (("a", "b", "home", "x", "end", "y"), "xaby"),
        (("a", "b", "c", "home", "delete", "d"), "dbc"),
    ],
)
async def test_keys_that_edit_do_so_in_their_turn(keys: Sequence[str], text: str) -> None:
    async with ask(Prompt("Say")) as app:
        await burst(app, *keys)
        assert app.screen.query_one(LineField).value == text
        await burst(app, "enter")
        assert app.answers == [text]


async def test_what_is_typed_behind_enter_does_not_come_into_the_answer() -> None:
    async with ask(Prompt("Say")) as app:
        await burst(app, "a", "backspace", "Q", "enter", "j", "j", "enter")
        assert app.answers == ["Q"]
    async with ask(make_form(NAME, SIZE)) as app:
        await burst(app, "a", "b", "enter", "j", "j")
        assert app.answers == [{"name": "ab"}]
    async with ask(make_form(NAME)) as app:
        await burst(app, "a", "b", "ctrl+g", "j", "j", "escape")
        assert app.answers == [{"name": "ab"}]


async def test_a_form_that_refuses_goes_on_with_what_was_there() -> None:
    async with ask(make_form(SIZE)) as app:
        await burst(app, "4", "x", "enter", "j", "j")
        assert app.answers == []
        assert app.screen.query_one(LineField).value == "4x"
        await burst(app, "backspace", "2", "enter")
        assert app.answers == [{"size": "42"}]


async def test_escape_in_the_middle_answers_nothing() -> None:
    async with ask(Prompt("Say")) as app:
        await burst(app, "a", "escape", "b", "enter")
        assert app.answers == [None]
