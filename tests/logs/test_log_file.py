"""Lines by their offsets: reading, cleaning, following and searching."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlwf_tui.logs import log_file
from mlwf_tui.logs.log_file import LogFile, open_tail, open_whole
from mlwf_tui.logs.patience import compile_pattern
from mlwf_tui.logs.terminal import show_line


def never() -> bool:
    return False


def write(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def read_all(log: LogFile) -> list[str]:
    return [log.read_line(number) for number in range(len(log))]


def test_every_line_is_read_and_an_unfinished_one_too(tmp_path: Path) -> None:
    log = open_whole(write(tmp_path / "log", "one\ntwo\nthr"), never)
    assert read_all(log) == ["one", "two", "thr"]
    log.close()


def test_an_unfinished_line_grows(tmp_path: Path) -> None:
    path = write(tmp_path / "log", "one\ntw")
    log = open_whole(path, never)
    with path.open("a") as file:
        file.write("o\nthree\n")
    assert log.measure_appended() == 8
    assert log.read_appended() == 8
    assert read_all(log) == ["one", "two", "three"]
    log.close()


def test_a_shorter_file_is_noticed(tmp_path: Path) -> None:
    path = write(tmp_path / "log", "one\ntwo\n")
    log = open_whole(path, never)
    assert not log.was_replaced()
    write(path, "new\n")
    assert log.was_replaced()
    path.unlink()
    assert log.was_replaced()
    log.close()


def test_another_file_of_the_same_name_is_noticed(tmp_path: Path) -> None:
    path = write(tmp_path / "log", "one\n")
    log = open_whole(path, never)
    write(tmp_path / "new", "another, longer one\n").rename(path)
    assert log.was_replaced()
    log.close()


def test_the_tail_begins_with_a_whole_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_file, "TAIL_BYTES", 20)
    log = open_tail(write(tmp_path / "log", "".join(f"line {number}\n" for number in range(100))))
    assert read_all(log) == ["line 98", "line 99"]
    assert log.start > 0
    log.close()


def test_a_progress_bar_shows_its_last_state(tmp_path: Path) -> None:
    assert clean(b"  0%|   |\r 50%|=  |\r100%|===|\n") == "100%|===|"
    assert clean(b" 50%|=  |\r100%|===|\r\n") == "100%|===|"


def test_control_codes_are_taken_out_and_tabs_made_blanks() -> None:
    assert clean(b"\x1b[31mred\x1b[0m \x1b[2K\x1b]0;title\x07text\n") == "red text"
    assert clean(b"a\tb\x07\n") == "a       b"
    assert clean(b"\xff broken \xc3\xa9\n") == "\ufffd broken é"
    assert clean("⚠\ufe0f stop\n".encode()) == "⚠ stop"


def test_of_an_endless_progress_bar_only_the_end_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_file, "MAX_LINE_BYTES", 64)
    bar = "\r".join(f"{percent}%" for percent in range(101))
    log = open_whole(write(tmp_path / "log", f"{bar}\nx" + "y" * 200 + "\n"), never)
    assert log.read_line(0) == "100%"
    assert log.read_line(1).startswith("xyy")
    log.close()


def test_search_finds_all_lines_over_chunk_borders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_file, "SEARCH_BYTES", 16)
    lines = [f"row {number} {'HIT' if number % 7 == 0 else 'miss'}" for number in range(60)]
    log = open_whole(write(tmp_path / "log", "\n".join(lines)), never)
    assert list(log.search("hit", never)) == [number for number in range(60) if number % 7 == 0]
    assert list(log.search("HIT", never)) == list(log.search("hit", never))
    assert list(log.search("Hit", never)) == []
    assert list(log.search(r"row 5\d", never)) == list(range(50, 60))
    assert list(log.search("nothing", never)) == []
    log.close()


def test_search_sees_what_is_shown(tmp_path: Path) -> None:
    log = open_whole(write(tmp_path / "log", "  loading\rdone\nloading\n"), never)
    assert list(log.search("loading", never)) == [1]
    log.close()


def test_a_pattern_that_is_no_expression_is_plain_text(tmp_path: Path) -> None:
    assert compile_pattern("a(b").search("xA(By")
    log = open_whole(write(tmp_path / "log", "mAP@[0.5\nother\n"), never)
    assert list(log.search("@[0.5", never)) == [0]
    log.close()


def test_a_cancelled_search_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_file, "SEARCH_BYTES", 16)
    log = open_whole(write(tmp_path / "log", "hit\n" * 1000), never)
    assert list(log.search("hit", lambda: True)) == []
    log.close()


def test_memory_is_eight_bytes_a_line(tmp_path: Path) -> None:
    log = open_whole(write(tmp_path / "log", "x" * 90 + "\n" + "a line\n" * 100_000), never)
    assert sys.getsizeof(log._offsets) < 1_000_000
    log.close()


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=30), max_size=30))
def test_any_text_is_cut_into_its_lines(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    path = write(tmp_path_factory.mktemp("logs") / "log", "".join(line + "\n" for line in lines))
    log = open_whole(path, never)
    assert len(log) == len(lines)
    assert read_all(log) == [clean(line.encode()) for line in lines]
    log.close()
