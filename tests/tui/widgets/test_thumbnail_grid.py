"""A grid of thumbnails: what it asks for, where the cursor goes, and that only what is seen is drawn."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.picture import Picture
from mlwf_tui.tui.widgets.thumbnail_grid import TILE_ROWS, ThumbnailGrid

COUNT = 100_000


def make_item(number: int) -> Item:
    name = f"image-{number:06}.jpg"
    return Item(dataset="d", name=name, blob=Digest("ab"), size_bytes=1, width_px=8, height_px=8)


class GridApp(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.looked_at: set[int] = set()
        self.opened: list[int] = []
        self.grid = ThumbnailGrid(
            self._find_item, self._find_picture, lambda item: item.name.endswith("11.jpg")
        )

    def compose(self) -> ComposeResult:
        yield self.grid

    def _find_item(self, number: int) -> Item:
        self.looked_at.add(number)
        return make_item(number)

    def _find_picture(self, item: Item) -> Picture | None:
        if item.name.endswith("1.jpg"):
            return None  # not there yet
        return Picture(4, 2, bytes((200, 30, 30)) * 16, bytes(16))

    def on_thumbnail_grid_opened(self, event: ThumbnailGrid.Opened) -> None:
        self.opened.append(event.number)


def read(app: GridApp) -> list[str]:
    return [app.grid.render_line(y).text for y in range(app.grid.size.height)]


async def begin(pilot: Pilot[None]) -> GridApp:
    app = pilot.app
    assert isinstance(app, GridApp)
    app.grid.show(COUNT, ("No items", ""))
    app.grid.focus()
    await pilot.pause()
    return app


@pytest.mark.parametrize(("width", "per_row"), [(120, 5), (82, 4), (24, 1)])
async def test_as_many_stand_side_by_side_as_there_is_room(width: int, per_row: int) -> None:
    async with GridApp().run_test(size=(width, 30)) as pilot:
        app = await begin(pilot)
        captions = read(app)[TILE_ROWS - 2]
        assert captions.count("image-") == per_row
        assert captions.lstrip().startswith("▸image-000000.jpg")


async def test_the_cursor_goes_by_tile_and_row_and_the_view_follows() -> None:
    async with GridApp().run_test(size=(82, 30)) as pilot:
        app = await begin(pilot)
        await pilot.press("l", "j", "j", "j", "j")
        assert app.grid.cursor == 17
        assert "▸image-000017.jpg" in "\n".join(read(app))
        await pilot.press("h", "k", "enter")
        assert app.opened == [12]
        await pilot.press("G")
        assert app.grid.cursor == COUNT - 1
        assert f"▸image-{COUNT - 1:06}.jpg" in "\n".join(read(app))
        await pilot.press("j", "l", "g")
        assert app.grid.cursor == 0


async def test_of_a_hundred_thousand_items_only_those_on_the_screen_are_looked_at() -> None:
    async with GridApp().run_test(size=(82, 30)) as pilot:
        app = await begin(pilot)
        await pilot.press("G")
        await pilot.pause()
        assert len(app.looked_at) < 60
        assert set(app.grid.seen) <= app.looked_at


async def test_what_is_missing_waits_and_an_empty_grid_says_why() -> None:
    async with GridApp().run_test(size=(82, 30)) as pilot:
        app = await begin(pilot)
        assert "·" in read(app)[3]
        assert "no picture" in "\n".join(read(app))  # of the item 11; 1 and 21 are only waited for
        app.grid.show(0, ("No item matches", "esc shows all of them again."))
        await pilot.press("l", "j", "enter", "pagedown", "G")
        assert "No item matches" in "\n".join(read(app))
        assert app.opened == []


async def test_a_click_moves_the_cursor_and_a_second_one_opens() -> None:
    async with GridApp().run_test(size=(82, 30)) as pilot:
        app = await begin(pilot)
        await pilot.click(ThumbnailGrid, offset=(25, 2))
        assert (app.grid.cursor, app.opened) == (1, [])
        await pilot.click(ThumbnailGrid, offset=(25, 2))
        assert app.opened == [1]
