"""Forms and questions: they say why they come back, and keep what was written when they are given up."""

from __future__ import annotations

import pytest
from textual.app import App
from textual.containers import Vertical
from textual.screen import Screen
from textual.widgets import Input
from textual.widgets._toast import Toast

from mlwf_tui.tui.screens.verbs.host import find_culprit
from mlwf_tui.tui.widgets.form import Form, make_field
from mlwf_tui.tui.widgets.prompt import Prompt
from mlwf_tui.workspace import Workspace
from tests.tui.driving import Driver, drive


async def open_form(app: Driver, key: str) -> Form:
    await app.press(key)
    await app.until(lambda: isinstance(app.top, Form) and app.top.focused is not None, "the form")
    assert isinstance(app.top, Form)
    return app.top


async def give_up(app: Driver) -> None:
    await app.press("escape")
    await app.until(lambda: app.top is app.main, "the dialog to go")


def read_field(form: Form, name: str) -> str:
    return form.query_one(f"#field-{name}", Input).value


@pytest.mark.slow
async def test_a_form_that_failed_says_why_until_it_is_changed(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.select("yolov10n-cells-1")
        failed = await open_form(app, "b")
        await app.press("down")
        await app.write("no-such-data")
        await app.press("shift+tab", "enter")
        await app.until(lambda: isinstance(app.top, Form) and app.top is not failed, "the form again")
        await app.until_text("✗ There is no")
        form = app.top
        assert form.focused is not None and form.focused.id == "field-data", "it is what the sentence quotes"
        assert form.query_one("#row-data").has_class("-fault")
        assert not form.query(Toast), "what the form says need not be said twice"
        await app.press("shift+tab")
        assert "✗ There is no" in app.read_text(), "nothing was changed"
        await app.press("tab", "end", "x")
        assert "✗ There is no" not in app.read_text()
        assert not form.query_one("#row-data").has_class("-fault")


def test_the_culprit_is_what_a_message_names_or_quotes() -> None:
    values = {"data": "cells", "name": "a/b", "epochs": "20", "to": "x"}
    assert find_culprit(values, "'a/b' is no name.") == "name"
    assert find_culprit(values, "The folder a/b is not there.") == "name"
    assert find_culprit(values, "The parameter epochs is 20, out of its range.") == "epochs"
    assert find_culprit(values, "'x' is unknown among 20 cells.") == ""


@pytest.mark.slow
async def test_what_was_written_into_a_form_is_there_again_after_esc(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.select("cells")
        await open_form(app, "i")
        assert "As you left it" not in app.read_text()
        await app.write("/some/folder")
        await app.press("down", "down")
        await app.write("plates")
        await app.press("down", "right")
        await give_up(app)
        form = await open_form(app, "i")
        await app.until_text("As you left it. ^r puts back what it opens with.")
        assert (read_field(form, "path"), read_field(form, "dataset")) == ("/some/folder", "plates")
        assert "mlwf import /some/folder cells --dataset plates --format" in app.read_text()
        await give_up(app)
        await app.select("parts")
        assert read_field(await open_form(app, "i"), "path") == "", "it was written for another project"
        await give_up(app)
        await app.select("cells")
        form = await open_form(app, "i")
        await app.press("ctrl+r")
        assert "As you left it" not in app.read_text()
        assert (read_field(form, "path"), read_field(form, "dataset")) == ("", "")
        await give_up(app)
        assert read_field(await open_form(app, "i"), "path") == ""


@pytest.mark.slow
async def test_a_form_that_failed_and_was_given_up_is_there_again(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.select("yolov10n-cells-1")
        failed = await open_form(app, "b")
        await app.press("down")
        await app.write("no-such-data")
        await app.press("enter")
        await app.until(lambda: isinstance(app.top, Form) and app.top is not failed, "the form again")
        await app.until_text("✗ There is no")
        await give_up(app)
        assert read_field(await open_form(app, "b"), "data") == "no-such-data"
        await app.until_text("As you left it")


@pytest.mark.slow
async def test_what_was_written_into_a_question_is_there_again_after_esc(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.select("parts")
        for key in ("e", "c"):
            await app.press(key)
            await app.until(lambda: isinstance(app.top, Prompt))
            opened_with = app.top.query_one(Input).value
            await app.write("plates of May")
            await give_up(app)
            await app.press(key)
            await app.until_text("As you left it. ^r puts back what it opens with.")
            await app.press("end", "!")
            line = app.top.query_one(Input)
            assert line.value == "plates of May!"
            await app.press("ctrl+r")
            assert line.value == opened_with
            await give_up(app)
            await app.press(key)
            await app.until(lambda: isinstance(app.top, Prompt))
            assert "As you left it" not in app.read_text()
            await give_up(app)


class Painted(App[None]):
    """Notes how high the form was each time that it was painted."""

    def __init__(self) -> None:
        super().__init__()
        self.heights: list[int] = []

    def _display(self, screen: Screen[object], renderable: object) -> None:
        if isinstance(screen, Form):
            self.heights.append(screen.query_one(Vertical).region.height)
        super()._display(screen, renderable)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_long_form_has_its_height_from_the_first_paint_on(size: tuple[int, int]) -> None:
    fields = [make_field(f"field{number}", "means something") for number in range(60)]
    app = Painted()
    async with app.run_test(size=size) as pilot:
        await app.push_screen(Form("Asks", fields, command=lambda _: "mlwf ask", verb="go"))
        await pilot.pause()
        await pilot.pause()
        assert {height for height in app.heights if height} == {app.heights[-1]}
        assert app.heights[-1] < size[1]
