"""A dialog opens in several steps, between which others have their turn; nothing in it is styled twice."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from textual import events, on
from textual.app import App, ComposeResult
from textual.widgets import Input, Static

from mlwf_tui.tui.widgets.dialog import Dialog
from mlwf_tui.tui.widgets.form import Form, make_field
from tests.tui.styled_nodes import StyledNodes


class Watched(Dialog[None]):
    """A dialog that notes what `Opening` counts as each of its messages is handled, and once it was."""

    def __init__(self) -> None:
        super().__init__()
        self.turns: list[int] = []

    def compose(self) -> ComposeResult:
        yield Static("field")

    @on(events.ScreenResume)
    @on(events.Resize)
    def _note(self) -> None:
        assert isinstance(self.app, Opening)
        self.turns.append(self.app.turn)


class Opening(App[None]):
    """Counts the turns of a task beside the dialog."""

    turn = 0

    async def count(self) -> None:
        while True:
            self.turn += 1
            await asyncio.sleep(0)


async def test_others_have_a_turn_while_a_dialog_opens_and_it_is_not_styled_twice() -> None:
    app = Opening()
    async with app.run_test() as pilot:
        styled = StyledNodes.begin(app)
        counting = asyncio.create_task(app.count())
        dialog = Watched()
        await app.push_screen(dialog)
        await pilot.pause()
        counting.cancel()
        with suppress(asyncio.CancelledError):
            await counting
        assert len(set(dialog.turns)) == len(dialog.turns) >= 2
        assert dialog.query_one(Static) not in styled


async def test_fields_are_not_styled_while_a_form_is_put_together() -> None:
    form = Form("Asks", [make_field(name, "", "3") for name in ("first", "second")], command=str, verb="go")
    app = App[None]()
    async with app.run_test() as pilot:
        styled = StyledNodes.begin(app)
        await app.push_screen(form)
        await pilot.pause()
        assert form.query_one("#field-second", Input) not in styled
        await pilot.press("down")
        assert form.query_one("#field-second", Input) in styled, "it has the focus"
