"""The log on the screen: follows, pauses, wraps, searches."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from mlwf_tui.logs import log_file
from mlwf_tui.logs.levels import Level
from mlwf_tui.logs.line_set import PAGE_BYTES, PAGE_LINES
from mlwf_tui.logs.query import Query
from mlwf_tui.logs.seeker import Found
from mlwf_tui.tui.widgets import log_reader
from mlwf_tui.tui.widgets.log_searches import Hunted
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
    """Return the rows of lines; the one below them is `read_status`'s."""
    view.refresh()
    return [view.render_line(y).text.rstrip() for y in range(view.size.height - 1)]


def read_status(view: LogView) -> str:
    return view.render_line(view.size.height - 1).text.rstrip()


async def wait_until(pilot: Pilot[None], is_true: Callable[[], bool]) -> None:
    """Let the app go on until it is so; the test's own timeout ends a wait in vain."""
    while not is_true():
        await pilot.pause(0.01)


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
        assert read_screen(view)[0] == "line 90"
        assert "paused · 2 new" in read_status(view)
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


async def test_a_filter_by_level_shows_tracebacks_whole_and_follows(tmp_path: Path) -> None:
    async with LogApp().run_test(size=(80, 12)) as pilot:
        path = write_lines(tmp_path / "log", 3000)
        append(
            path, 'Traceback (most recent call last):\n  File "a.py", line 1, in f\n    f()\nValueError: 7\n'
        )
        append(path, "WARNING low disk\nall well\n")
        view = await open_log(pilot, path)
        assert await view.filter(Query(level=Level.ERROR)) == 4
        assert read_screen(view)[:4] == [
            "Traceback (most recent call last):", '  File "a.py", line 1, in f', "    f()", "ValueError: 7",
        ]  # fmt: skip
        assert "errors 4" in read_status(view)
        append(path, "ERROR again\nfine\n")
        await wait_until(pilot, lambda: view.shown_count == 5)
        assert "ERROR again" in read_screen(view)
        await pilot.press("escape")
        await wait_until(pilot, lambda: view.shown_count == 3008)
        assert read_screen(view)[-1] == "fine"


async def test_f_goes_through_the_levels(tmp_path: Path) -> None:
    async with LogApp().run_test(size=(80, 12)) as pilot:
        path = tmp_path / "log"
        path.write_text("DEBUG a\nINFO b\nWARNING c\nERROR d\n 50%|#####     | 5/10")
        view = await open_log(pilot, path)
        counts = []
        for _ in range(4):
            await pilot.press("f")
            await wait_until(pilot, lambda: not view.is_searching)
            counts.append(view.shown_count)
        assert counts == [3, 2, 1, 5]


async def test_a_filter_by_text_can_be_inverted_and_keeps_the_place(tmp_path: Path) -> None:
    async with LogApp().run_test(size=(80, 6)) as pilot:
        view = await open_log(pilot, write_lines(tmp_path / "log", 1000))
        assert await view.filter(Query("line .00$", is_inverted=True)) == 991
        assert await view.filter(Query("line .00$")) == 9
        await pilot.press("up")
        assert await view.filter(Query()) == 1000
        assert read_screen(view)[0] == "line 400"


async def test_a_filter_keeps_the_top_of_a_log_that_is_looked_through_from_its_end(tmp_path: Path) -> None:
    async with LogApp().run_test(size=(80, 12)) as pilot:
        view = await open_log(pilot, write_lines(tmp_path / "log", 400_000))
        await wait_until(pilot, lambda: view.is_complete)
        await pilot.press("g")
        assert read_screen(view)[0] == "line 0"
        hunt = view._finder.filter(Query("line .*00$"))
        assert hunt is not None
        for page in range(400_000 // PAGE_LINES, -1, -1):  # from the end, as a slow disk would tell it
            start = page * PAGE_LINES
            rows = [row for row in range(start, start + PAGE_LINES) if row % 100 == 0 and 0 < row < 400_000]
            bits = sum(1 << row % PAGE_LINES for row in rows).to_bytes(PAGE_BYTES, "little")
            view._finder.take(Hunted(hunt, Found(done=0, total=9, hard_lines=0, first_page=page, pages=bits)))
        assert read_screen(view)[0] == "line 100"


async def test_e_goes_to_errors_and_goes_round(tmp_path: Path) -> None:
    async with LogApp().run_test(size=(80, 11)) as pilot:
        path = write_lines(tmp_path / "log", 500)
        append(path, "ERROR one\n" + "fine\n" * 500 + "ERROR two\n" + "fine\n" * 500)
        view = await open_log(pilot, path)
        await pilot.press("left_curly_bracket")
        await settle(pilot)
        await wait_until(pilot, lambda: "ERROR two" in read_screen(view))
        await pilot.press("left_curly_bracket")
        assert "ERROR one" in read_screen(view)
        await pilot.press("left_curly_bracket")
        assert "ERROR two" in read_screen(view)
        await pilot.press("right_curly_bracket")
        assert "ERROR one" in read_screen(view)
        assert not view.is_following


async def test_a_line_is_gone_to_by_number_and_by_share(tmp_path: Path) -> None:
    async with LogApp().run_test(size=(80, 11)) as pilot:
        view = await open_log(pilot, write_lines(tmp_path / "log", 1000))
        await pilot.press("ctrl+g", *"701", "enter")
        await pilot.pause()
        assert read_screen(view)[5] == "line 700"
        await pilot.press("ctrl+g", *"50%", "enter")
        await pilot.pause()
        assert read_screen(view)[5] == "line 500"


async def test_selected_lines_are_copied_without_codes(tmp_path: Path) -> None:
    copied: list[str] = []

    class Listening(LogApp):
        def on_log_view_copy_requested(self, event: LogView.CopyRequested) -> None:
            copied.append(event.text)

    async with Listening().run_test(size=(80, 11)) as pilot:
        path = write_lines(tmp_path / "log", 100)
        append(path, "\x1b[31mred\x1b[0m\n")
        view = await open_log(pilot, path)
        await pilot.press("space", "k", "k")
        assert "3 selected" in read_status(view)
        await pilot.press("y")
        await pilot.pause()
        assert copied == ["line 98\nline 99\nred"]
        await pilot.press("y")
        await pilot.pause()
        assert copied[1].splitlines() == [*(f"line {number}" for number in range(91, 100)), "red"]


async def test_lines_are_selected_with_the_mouse(tmp_path: Path) -> None:
    async with LogApp().run_test(size=(80, 11)) as pilot:
        view = await open_log(pilot, write_lines(tmp_path / "log", 100))
        await pilot.mouse_down(offset=(2, 2))
        await pilot.hover(offset=(2, 4))
        await pilot.mouse_up(offset=(2, 4))
        assert view._page.list_selected() in ([92, 93, 94], [92])  # hovering tells no button in a test
        await pilot.press("escape")
        assert not view._page.list_selected()


@pytest.mark.slow
async def test_a_hopeless_expression_ends_with_a_word_and_holds_nothing_up(tmp_path: Path) -> None:
    async with LogApp().run_test(size=(80, 11)) as pilot:
        path = tmp_path / "log"
        path.write_text(("a" * 60 + "b\n") * 40)
        view = await open_log(pilot, path)
        assert await view.search("(a+)+$") == 0
        await pilot.pause()
        assert "takes too long" in read_status(view)
        assert read_screen(view)[0].startswith("aaa")


async def test_a_search_can_be_left_while_it_goes_on(tmp_path: Path) -> None:
    async with LogApp().run_test(size=(80, 11)) as pilot:
        path = tmp_path / "log"
        path.write_text(("a" * 60 + "b\n") * 40)
        view = await open_log(pilot, path)
        view.run_worker(view.search("(a+)+$"))
        await wait_until(pilot, lambda: "so far" in read_status(view))
        await pilot.press("escape")
        await settle(pilot)
        assert "following" in read_status(view)
        assert "so far" not in read_status(view)


async def test_control_codes_never_reach_the_screen(tmp_path: Path) -> None:
    async with LogApp().run_test(size=(80, 11)) as pilot:
        path = tmp_path / "log"
        path.write_bytes(
            b"\x1b]0;owned\x07\x1b]52;c;ZXZpbA==\x07a\x1b[?1049hb\x9b2J\x00c\x1bPq\x1b\\d\n\x1b[31mred\n"
        )
        view = await open_log(pilot, path)
        assert read_screen(view)[0] == "ab2Jcd" or read_screen(view)[0] == "ab\ufffd2Jcd"
        assert "primary" not in str(view.render_line(1))
        red = next(iter(view.render_line(1))).style
        assert red == view.get_component_rich_style("ink--error")


async def test_a_log_that_cannot_be_read_says_why_and_is_read_as_soon_as_it_can_be(tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    path.mkdir()  # which no one can read as a file, whoever runs the tests
    async with LogApp().run_test(size=(80, 20)) as pilot:
        view = pilot.app.query_one(LogView)
        view.open_log(path)
        await pilot.pause()
        assert any("The log cannot be read" in line for line in read_screen(view))
        assert any("Is a directory" in line for line in read_screen(view))
        path.rmdir()
        write_lines(path, 3)
        view.poll()
        assert any("line 2" in line for line in read_screen(view))


@pytest.fixture
def failing_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Let reads of files fail as those of a broken disk do, until the disk is well again."""
    read = os.pread
    is_broken = False

    def pread(file: int, size: int, offset: int) -> bytes:
        if is_broken:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return read(file, size, offset)

    def fail(is_failing: bool) -> None:
        nonlocal is_broken
        is_broken = is_failing

    monkeypatch.setattr(os, "pread", pread)
    return fail


async def test_an_open_log_that_cannot_be_read_any_more_says_why_and_goes_on_once_it_can_be(
    tmp_path: Path, failing_disk: Callable[[bool], None]
) -> None:
    async with LogApp().run_test(size=(80, 20)) as pilot:
        view = await open_log(pilot, write_lines(tmp_path / "run.log", 100))
        failing_disk(True)
        append(tmp_path / "run.log", "one more\n")
        assert view.poll() == 0
        assert any("The log cannot be read" in line for line in read_screen(view))
        assert any("run.log: Input/output error" in line for line in read_screen(view))
        failing_disk(False)
        assert view.poll() == 1
        assert read_screen(view)[-1] == "one more"


@pytest.mark.parametrize("keys", ["g", "gw", "gy"])
async def test_lines_that_cannot_be_read_when_they_are_wanted_are_told_in_their_place(
    tmp_path: Path, failing_disk: Callable[[bool], None], keys: str
) -> None:
    async with LogApp().run_test(size=(80, 20)) as pilot:
        view = await open_log(pilot, write_lines(tmp_path / "run.log", 20_000))
        failing_disk(True)
        await pilot.press(*keys)
        assert any("The log cannot be read" in line for line in read_screen(view))
        failing_disk(False)
        view.poll()
        assert read_screen(view)[0] == "line 0"


async def test_a_log_whose_folder_is_a_file_now_says_so_and_keeps_its_search(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    async with LogApp().run_test(size=(80, 20)) as pilot:
        view = await open_log(pilot, write_lines(folder / "log", 30))
        await view.search("line 7")
        folder.rename(tmp_path / "moved")
        folder.write_text("")
        view.poll()
        assert any("Not a directory" in line for line in read_screen(view))
        folder.unlink()
        (tmp_path / "moved").rename(folder)
        view.poll()
        assert read_screen(view)[7] == "line 7"
        assert "line 7" in read_status(view)


async def test_a_log_that_cannot_be_read_in_its_middle_says_so_without_a_break_until_it_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_reader, "REST_S", 0.0)
    read, is_broken = os.pread, True

    def pread(file: int, size: int, offset: int) -> bytes:
        if is_broken and offset == 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return read(file, size, offset)

    monkeypatch.setattr(os, "pread", pread)
    async with LogApp().run_test(size=(80, 20)) as pilot:
        view = pilot.app.query_one(LogView)
        view.open_log(write_lines(tmp_path / "run.log", 50_000))

        def is_told() -> bool:
            return any("run.log: Input/output error" in line for line in read_screen(view))

        await wait_until(pilot, is_told)
        for _ in range(20):  # it is tried again meanwhile
            await pilot.pause(0.02)
            assert is_told()
        is_broken = False
        await wait_until(pilot, lambda: view.is_complete)
        assert view.line_count == 50_000
        assert read_screen(view)[-1] == "line 49999"
