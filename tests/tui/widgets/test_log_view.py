"""The log on the screen: follows, pauses, wraps, searches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from mlwf_tui.tui.widgets import log_file
from mlwf_tui.tui.widgets.log_view import LogView


class LogApp(App[None]):
    def compose(self) -> ComposeResult:
        yield LogView()


def write_lines(path: Path, count: int) -> Path:
    path.write_text("".join(f"line {number}\n" for number in range(count)))
    return path


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


async def open_log(pilot: Pilot[None], path: Path) -> LogView:
    view = pilot.app.query_one(LogView)
    view.focus()
    view.open_log(path)
    await settle(pilot)
    return view


async def settle(pilot: Pilot[None]) -> None:
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()
    await pilot.pause()


def read_screen(view: LogView) -> list[str]:
    view.refresh()
    return [view.render_line(y).text.rstrip() for y in range(view.size.height)]


async def test_a_log_opens_at_its_end_and_follows_it(tmp_path: Path) -> None:
    async with LogApp().run_test(size=(80, 10)) as pilot:
        path = write_lines(tmp_path / "log", 100)
        view = await open_log(pilot, path)
        assert read_screen(view)[-1] == "line 99"
        append(path, "one more\n")
        assert view.poll() == 1
        await pilot.pause()
        assert read_screen(view)[-1] == "one more"
        assert view.is_following


async def test_scrolling_up_pauses_with_a_badge_and_end_follows_again(tmp_path: Path) -> None:
    async with LogApp().run_test(size=(80, 10)) as pilot:
        path = write_lines(tmp_path / "log", 100)
        view = await open_log(pilot, path)
        await pilot.press("up")
        assert not view.is_following
        append(path, "new\nnewer\n")
        view.poll()
        await pilot.pause()
        screen = read_screen(view)
        assert screen[0] == "line 89"
        assert "paused, 2 new" in screen[-1]
        await pilot.press("end")
        assert view.is_following
        assert read_screen(view)[-1] == "newer"


async def test_scrolling_back_down_to_the_end_follows_again(tmp_path: Path) -> None:
    async with LogApp().run_test(size=(80, 10)) as pilot:
        view = await open_log(pilot, write_lines(tmp_path / "log", 100))
        await pilot.press("pageup", "pagedown")
        assert view.is_following


async def test_a_missing_log_is_waited_for(tmp_path: Path) -> None:
    async with LogApp().run_test(size=(80, 10)) as pilot:
        path = tmp_path / "log"
        view = await open_log(pilot, path)
        assert any("No log yet" in line for line in read_screen(view))
        path.write_text("first\n")
        view.poll()
        await pilot.pause()
        assert read_screen(view)[0] == "first"


async def test_a_truncated_log_is_read_anew(tmp_path: Path) -> None:
    async with LogApp().run_test(size=(80, 10)) as pilot:
        path = write_lines(tmp_path / "log", 100)
        view = await open_log(pilot, path)
        path.write_text("again\n")
        view.poll()
        await pilot.pause()
        assert view.line_count == 1
        assert read_screen(view)[0] == "again"


async def test_a_large_log_shows_its_end_before_it_is_looked_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_file, "TAIL_BYTES", 200)
    async with LogApp().run_test(size=(80, 10)) as pilot:
        view = pilot.app.query_one(LogView)
        view.open_log(write_lines(tmp_path / "log", 5000))
        assert not view.is_complete
        assert view.line_count < 50
        await settle(pilot)
        assert view.is_complete
        assert view.line_count == 5000
        assert read_screen(view)[-1] == "line 4999"
        view.focus()
        await pilot.press("g")
        assert read_screen(view)[0] == "line 0"


async def test_long_lines_are_cut_and_w_wraps_them(tmp_path: Path) -> None:
    async with LogApp().run_test(size=(40, 10)) as pilot:
        path = tmp_path / "log"
        path.write_text("short\n" + "word " * 20 + "end\nlast\n")
        view = await open_log(pilot, path)
        assert read_screen(view)[1].endswith("…")
        await pilot.press("w")
        screen = read_screen(view)
        assert screen[3].endswith("end")
        assert screen[4] == "last"


async def test_the_end_is_followed_while_wrapping(tmp_path: Path) -> None:
    async with LogApp().run_test(size=(40, 10)) as pilot:
        path = tmp_path / "log"
        path.write_text("".join(f"{number} " + "word " * 20 + "\n" for number in range(50)) + "last\n")
        view = await open_log(pilot, path)
        await pilot.press("w")
        assert "last" in read_screen(view)
        append(path, "really the last\n")
        view.poll()
        await pilot.pause()
        assert "really the last" in read_screen(view)
        assert view.is_following


async def test_h_and_l_move_sideways(tmp_path: Path) -> None:
    async with LogApp().run_test(size=(40, 10)) as pilot:
        path = tmp_path / "log"
        path.write_text("0123456789" * 8 + "\n")
        view = await open_log(pilot, path)
        await pilot.press("l")
        assert read_screen(view)[0].startswith("89012")
        await pilot.press("h", "h")
        assert read_screen(view)[0].startswith("01234")


async def test_search_counts_goes_to_the_last_match_and_n_goes_round(tmp_path: Path) -> None:
    async with LogApp().run_test(size=(80, 11)) as pilot:
        view = await open_log(pilot, write_lines(tmp_path / "log", 1000))
        assert await view.search("line 5$") == 1
        assert await view.search("line .00$") == 9
        await pilot.pause()
        assert read_screen(view)[5] == "line 900"
        assert not view.is_following
        await pilot.press("N")
        assert read_screen(view)[5] == "line 800"
        await pilot.press("n", "n")
        assert read_screen(view)[5] == "line 100"
        assert await view.search("") == 0
        assert await view.search("nowhere") == 0


async def test_search_waits_for_the_whole_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_file, "TAIL_BYTES", 200)
    async with LogApp().run_test(size=(80, 10)) as pilot:
        view = pilot.app.query_one(LogView)
        view.open_log(write_lines(tmp_path / "log", 5000))
        assert await view.search("line 7$") == 1


async def test_warnings_and_errors_have_their_colours(tmp_path: Path) -> None:
    async with LogApp().run_test(size=(80, 10)) as pilot:
        path = tmp_path / "log"
        path.write_text("all well\nWARNING low disk\nRuntimeError: no\n")
        view = await open_log(pilot, path)
        styles = [next(iter(view.render_line(y))).style for y in range(3)]
        assert len({str(style) for style in styles}) == 3


async def test_follow_changes_are_told(tmp_path: Path) -> None:
    heard: list[bool] = []

    class Listening(LogApp):
        def on_log_view_follow_changed(self, event: LogView.FollowChanged) -> None:
            heard.append(event.is_following)

    async with Listening().run_test(size=(80, 10)) as pilot:
        await open_log(pilot, write_lines(tmp_path / "log", 100))
        heard.clear()
        await pilot.press("up", "G")
        await pilot.pause()
        assert heard == [False, True]


async def test_no_color_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with LogApp().run_test(size=(80, 10)) as pilot:
        view = await open_log(pilot, write_lines(tmp_path / "log", 3))
        await pilot.press("w")
        assert read_screen(view)[:3] == ["line 0", "line 1", "line 2"]


def test_every_binding_has_an_id_and_says_what_it_does() -> None:
    bindings: list[Any] = list(LogView.BINDINGS)
    assert all(binding.id and binding.description for binding in bindings)
