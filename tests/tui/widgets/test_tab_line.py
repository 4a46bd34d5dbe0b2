"""Tabs that have no room: the active one is always seen, and what is left out is said."""

from __future__ import annotations

from textual.app import App, ComposeResult

from mlwf_tui.tui.widgets.tab_line import TabLine

TABS = tuple((name.lower(), name) for name in ("Lineage", "Items", "Report", "History"))


class TabApp(App[None]):
    CSS = "TabLine { width: 24; }"

    def __init__(self) -> None:
        super().__init__()
        self.chosen: list[str] = []

    def compose(self) -> ComposeResult:
        yield TabLine(TABS)

    def on_tab_line_chosen(self, event: TabLine.Chosen) -> None:
        self.chosen.append(event.tab)


async def test_a_tab_without_room_is_left_out_whole() -> None:
    app = TabApp()
    async with app.run_test(size=(40, 3)) as pilot:
        line = app.query_one(TabLine)
        line.show("lineage")
        await pilot.pause()
        assert line.render().plain == " Lineage   Items  …"
        line.show("report")
        await pilot.pause()
        assert line.render().plain == "… Items   Report  …"


async def test_tabs_that_are_left_out_before_the_active_one_are_said_and_clicks_meet() -> None:
    app = TabApp()
    async with app.run_test(size=(40, 3)) as pilot:
        line = app.query_one(TabLine)
        assert not line.render().plain.startswith("…")
        line.show("history")
        await pilot.pause()
        text = line.render().plain
        assert text == "… Report   History "
        for name in ("report", "history"):
            await pilot.click(line, offset=(1 + text.casefold().index(name), 0))
        assert app.chosen == ["report", "history"]
