"""The lines of a menu: what stands behind their names."""

from __future__ import annotations

import pytest
from textual.app import App
from textual.widgets.option_list import Option

from mlwf_tui.tui.widgets.context_menu import MenuList, _hang


@pytest.mark.parametrize(
    ("used", "drawn"),
    [
        (0, "project, deleted a\n  moment ago"),
        (6, "project,\n  deleted a moment\n  ago"),
        (15, "\n  project, deleted a\n  moment ago"),
        (40, "\n  project, deleted a\n  moment ago"),
    ],
)
def test_no_word_of_a_note_is_broken_however_long_the_name_before_it_is(used: int, drawn: str) -> None:
    assert _hang("project, deleted a moment ago", 20, 2, used) == drawn


class EagerApp(App[None]):
    """Has a key of its menu before that is laid out, as what is typed behind the key of a menu may come."""

    async def on_mount(self) -> None:
        menu = MenuList(Option("open"), Option("rename"))
        self.mount(menu)
        menu.highlighted = 0
        await self.run_action("page_down", menu)
        await self.run_action("page_up", menu)


async def test_a_page_key_before_the_lines_are_laid_out_does_nothing() -> None:
    async with EagerApp().run_test() as pilot:
        menu = pilot.app.query_one(MenuList)
        assert menu.highlighted == 0
        await pilot.app.run_action("page_down", menu)
        assert menu.highlighted == 1
