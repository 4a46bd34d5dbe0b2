"""The table through its keys, its header and its messages."""

from __future__ import annotations

from typing import Any

import pytest
from rich.text import Text
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from mlwf_tui.tui.widgets.table import MARK, Column, EntityTable
from tests.tui.options import choose

COLUMNS = (Column("name"), Column("items", width=8, align="right"), Column("state", width=10))
ROWS: list[list[str | Text]] = [
    ["beta", "1,200", "done"],
    ["alpha", "90", Text("failed", "red")],
    ["gamma", "", "running"],
]
KEYS = ["b", "a", "g"]


class TableApp(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[str, str]] = []

    def compose(self) -> ComposeResult:
        yield EntityTable(*COLUMNS, empty=("No runs", "Press t to train"))

    def on_entity_table_row_highlighted(self, event: EntityTable.RowHighlighted) -> None:
        self.heard.append(("highlighted", event.key))

    def on_entity_table_row_selected(self, event: EntityTable.RowSelected) -> None:
        self.heard.append(("selected", event.key))

    def on_entity_table_menu_requested(self, event: EntityTable.MenuRequested) -> None:
        self.heard.append((f"menu {event.screen_offset.y}", event.key))


def fill(pilot: Pilot[None], count: int = 0) -> EntityTable:
    table = pilot.app.query_one(EntityTable)
    table.focus()
    if count:
        table.show_rows([[f"row {n}", f"{n}", "done"] for n in range(count)], [str(n) for n in range(count)])
    else:
        table.show_rows(ROWS, KEYS)
    return table


def read_screen(table: EntityTable) -> list[str]:
    return [table.render_line(y).text.rstrip() for y in range(table.size.height)]


async def test_header_and_rows_are_drawn_in_columns() -> None:
    async with TableApp().run_test(size=(60, 10)) as pilot:
        table = fill(pilot)
        await pilot.pause()
        screen = read_screen(table)
        assert screen[0].split() == ["name", "items", "state"]
        assert screen[1].split() == ["beta", "1,200", "done"]
        assert screen[0].index("items") + 5 == screen[1].index("1,200") + 5


async def test_an_empty_table_says_what_to_do() -> None:
    async with TableApp().run_test(size=(60, 10)) as pilot:
        table = pilot.app.query_one(EntityTable)
        assert any("Press t to train" in line for line in read_screen(table))


async def test_the_cursor_moves_and_tells_and_enter_selects() -> None:
    app = TableApp()
    async with app.run_test(size=(60, 10)) as pilot:
        table = fill(pilot)
        await pilot.press("j", "enter")
        await pilot.pause()
        assert table.cursor_key == "a"
        assert app.heard == [("highlighted", "b"), ("highlighted", "a"), ("selected", "a")]
        await pilot.press("G", "j", "j")
        assert table.cursor_key == "g"
        await pilot.press("g", "k")
        assert table.cursor_key == "b"


async def test_sorting_goes_by_number_and_keeps_the_cursor_on_its_row() -> None:
    async with TableApp().run_test(size=(60, 10)) as pilot:
        table = fill(pilot)
        table.sort_by(1)
        assert [line.split()[0] for line in read_screen(table)[1:4]] == ["alpha", "beta", "gamma"]
        assert table.cursor_key == "b"
        assert "▲" in read_screen(table)[0]
        table.sort_by(1, is_descending=True)
        assert [line.split()[0] for line in read_screen(table)[1:4]] == ["gamma", "beta", "alpha"]
        table.sort_by(None)
        assert read_screen(table)[1].split()[0] == "beta"


async def test_given_sort_values_win_over_the_text() -> None:
    async with TableApp().run_test(size=(60, 10)) as pilot:
        table = fill(pilot)
        table.show_rows(ROWS, KEYS, sort_values=[[3, 0, 0], [2, 0, 0], [1, 0, 0]])
        table.sort_by(0)
        assert [line.split()[0] for line in read_screen(table)[1:4]] == ["gamma", "alpha", "beta"]


async def test_the_option_s_asks_for_a_column_and_once_more_turns_it_round() -> None:
    async with TableApp().run_test(size=(60, 10)) as pilot:
        table = fill(pilot)
        await choose(pilot, "s")
        await pilot.press("enter")
        await pilot.pause()
        assert read_screen(table)[1].split()[0] == "alpha"
        await choose(pilot, "s", widget=table)
        await pilot.press("enter")
        await pilot.pause()
        assert read_screen(table)[1].split()[0] == "gamma"
        await choose(pilot, "r", widget=table)
        assert read_screen(table)[1].split()[0] == "alpha"
        await choose(pilot, "s", widget=table)
        await pilot.press("G", "enter")
        await pilot.pause()
        assert read_screen(table)[1].split()[0] == "beta"


async def test_marked_rows_are_drawn_with_a_mark_wherever_they_are_sorted_to() -> None:
    async with TableApp().run_test(size=(60, 10)) as pilot:
        table = fill(pilot)
        marked = KEYS[0]
        table.show_marks({marked}.__contains__)
        await pilot.pause()
        assert [line.startswith(MARK) for line in read_screen(table)[1:4]] == [True, False, False]
        table.sort_by(0)
        await pilot.pause()
        assert sum(line.startswith(MARK) for line in read_screen(table)) == 1
        assert not read_screen(table)[1].startswith(MARK)


async def test_a_click_on_the_header_sorts_and_one_on_a_row_highlights() -> None:
    app = TableApp()
    async with app.run_test(size=(60, 10)) as pilot:
        table = fill(pilot)
        await pilot.click(EntityTable, offset=(3, 0))
        assert read_screen(table)[1].split()[0] == "alpha"
        await pilot.click(EntityTable, offset=(3, 3))
        assert table.cursor_key == "g"
        await pilot.click(EntityTable, offset=(3, 3), times=2)
        await pilot.click(EntityTable, offset=(3, 1), button=3)
        await pilot.pause()
        assert ("selected", "g") in app.heard
        assert app.heard[-1] == ("menu 1", "a")


async def test_new_rows_leave_the_cursor_on_its_key() -> None:
    async with TableApp().run_test(size=(60, 10)) as pilot:
        table = fill(pilot)
        await pilot.press("j", "j")
        table.show_rows([["new", "1", "done"], *ROWS], ["n", *KEYS])
        assert table.cursor_key == "g"
        table.show_rows(ROWS[:1], KEYS[:1])
        assert table.cursor_key == "b"
        table.show_rows([], [])
        assert table.cursor_key is None


async def test_the_cursor_stays_on_the_screen_of_a_hundred_thousand_rows() -> None:
    async with TableApp().run_test(size=(60, 10)) as pilot:
        table = fill(pilot, 100_000)
        await pilot.press("G")
        assert table.cursor_key == "99999"
        assert "row 99999" in read_screen(table)[-1]
        await pilot.press("pageup")
        assert "row 99990" in read_screen(table)[1]
        await pilot.press("g")
        assert "row 0" in read_screen(table)[1]


async def test_a_narrow_table_scrolls_sideways() -> None:
    async with TableApp().run_test(size=(20, 8)) as pilot:
        table = fill(pilot)
        await pilot.pause()
        assert "state" not in read_screen(table)[0]
        await pilot.press("l", "l", "l")
        assert "state" in read_screen(table)[0]


async def test_names_stay_whole_up_to_the_most_cells_and_longer_ones_lose_their_middle() -> None:
    async with TableApp().run_test(size=(30, 8)) as pilot:
        table = pilot.app.query_one(EntityTable)
        table.set_columns(Column("name", least=8, most=24, cut="middle"), Column("items", 8))
        table.show_rows([["detector-of-cells-1", "1"]], ["a"])
        assert "detector-of-cells-1  1" in read_screen(table)[1]
        table.show_rows([["detector-of-cells-with-noise-1", "1"]], ["a"])
        assert "detector-of…with-noise-1" in read_screen(table)[1]


async def test_a_column_gives_what_it_has_to_spare_to_one_whose_texts_would_be_cut() -> None:
    async with TableApp().run_test(size=(36, 8)) as pilot:
        table = pilot.app.query_one(EntityTable)
        table.set_columns(Column("object"), Column("shape", most=26))
        table.show_rows([["cell", "2000×6 at 1000, 1200"]], ["a"])
        assert "cell" in read_screen(table)[1]
        assert "2000×6 at 1000, 1200" in read_screen(table)[1]


async def test_no_color_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with TableApp().run_test(size=(60, 10)) as pilot:
        table = fill(pilot)
        await pilot.pause()
        assert "failed" in read_screen(table)[2]


def test_every_binding_has_an_id_and_says_what_it_does() -> None:
    bindings: list[Any] = list(EntityTable.BINDINGS)
    assert all(binding.id and binding.description for binding in bindings)
