"""Lines by their offsets: reading, cleaning, following and searching."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlwf_tui.logs import log_file
from mlwf_tui.logs.log_file import LogFile, open_tail, open_whole
from mlwf_tui.logs.terminal import show_line


def write(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def read_all(log: LogFile) -> list[str]:
    return [log.read_line(number).text for number in range(len(log))]


def test_every_line_is_read_and_an_unfinished_one_too(tmp_path: Path) -> None:
    log = open_whole(write(tmp_path / "log", "one\ntwo\nthr"))
    assert read_all(log) == ["one", "two", "thr"]
    log.close()


def test_an_unfinished_line_grows(tmp_path: Path) -> None:
    path = write(tmp_path / "log", "one\ntw")
    log = open_whole(path)
    with path.open("a") as file:
        file.write("o\nthree\n")
    assert log.measure_appended() == 8
    assert log.read_appended() == 8
    assert read_all(log) == ["one", "two", "three"]
    log.close()


def test_a_shorter_file_is_noticed(tmp_path: Path) -> None:
    path = write(tmp_path / "log", "one\ntwo\n")
    log = open_whole(path)
    assert not log.was_replaced()
    write(path, "new\n")
    assert log.was_replaced()
    path.unlink()
    assert log.was_replaced()
    log.close()


def test_another_file_of_the_same_name_is_noticed(tmp_path: Path) -> None:
    path = write(tmp_path / "log", "one\n")
    log = open_whole(path)
    write(tmp_path / "new", "another, longer one\n").rename(path)
    assert log.was_replaced()
    log.close()


def test_the_tail_begins_with_a_whole_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_file, "TAIL_BYTES", 20)
    log = open_tail(write(tmp_path / "log", "".join(f"line {number}\n" for number in range(100))))
    assert read_all(log) == ["line 98", "line 99"]
    assert log.start > 0
    log.close()


def test_of_an_endless_progress_bar_only_the_end_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_file, "MAX_LINE_BYTES", 64)
    bar = "\r".join(f"{percent}%" for percent in range(101))
    log = open_whole(write(tmp_path / "log", f"{bar}\nx" + "y" * 200 + "\n"))
    assert log.read_line(0).text == "100%"
    assert log.read_line(1).text.startswith("xyy")
    log.close()


def test_memory_does_not_grow_with_the_lines(tmp_path: Path) -> None:
    log = open_whole(write(tmp_path / "log", "x" * 90 + "\n" + "a line\n" * 100_000))
    assert len(log) == 100_001
    assert log.block_count < 12
    log.close()


def nested_bars(outer: int, inner: int) -> str:
    """What tqdm writes for two bars, one in the other, to a file: a newline and a move up at each step."""
    text = ""
    for step in range(outer + 1):
        text += f"\router: {step}/{outer}"
        for part in range(inner + 1) if step < outer else ():
            text += f"\n\rinner: {part}/{inner}\x1b[A"
        text += "\n\r" + " " * 20 + "\r\x1b[A" if step < outer else ""
    return text


@pytest.mark.parametrize("block_bytes", [64, 1000, 1 << 16])
def test_nested_bars_take_two_lines_however_long_they_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block_bytes: int
) -> None:
    monkeypatch.setattr(log_file, "BLOCK_BYTES", block_bytes)
    path = write(tmp_path / "log", "begin\n" + nested_bars(4, 100))
    log = open_whole(path)
    assert read_all(log)[:2] == ["begin", "outer: 4/4"]
    with path.open("a") as file:
        file.write("\nend\nlast\n")
    log.read_appended()
    assert read_all(log) == ["begin", "outer: 4/4", "end", "last"]
    log.close()


def test_a_bar_within_a_bar_is_seen_while_it_goes(tmp_path: Path) -> None:
    text = "begin\n" + nested_bars(4, 100)
    log = open_whole(write(tmp_path / "log", text[: text.index("inner: 51/100")] + "inner: 51/100"))
    assert read_all(log) == ["begin", "outer: 0/4", "inner: 51/100"]
    log.close()


def test_a_log_read_in_pieces_is_the_log_read_at_once(tmp_path: Path) -> None:
    data = ("one\n" + nested_bars(3, 20) + "\nred \x1b[31mx\x1b[0m\n").encode()
    path = tmp_path / "log"
    path.touch()
    log = LogFile(path)
    for position in range(0, len(data), 7):
        with path.open("ab") as file:
            file.write(data[position : position + 7])
        log.read_appended()
    assert read_all(log) == read_all(open_whole(path))
    log.close()


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=30), max_size=30))
def test_any_text_is_cut_into_its_lines(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    path = write(tmp_path_factory.mktemp("logs") / "log", "".join(line + "\n" for line in lines))
    log = open_whole(path)
    assert len(log) == len(lines)
    assert read_all(log) == [show_line(line.encode()).text for line in lines]
    log.close()


def test_a_line_of_ten_megabytes_and_bytes_that_are_no_text_are_lines_like_others(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"first\n" + b"x" * 10_000_000 + b"\n" + bytes(range(256)) * 1000 + b"\nlast\n")
    log = open_whole(path)
    count = len(log)
    assert log.read_line(0).text == "first"
    assert log.read_line(1).text == "x" * log_file.MAX_LINE_BYTES
    assert log.read_line(count - 1).text == "last"
    assert all(line.text.isprintable() for _, line in log.iter_lines())
    log.close()


def count_open_files() -> int:
    with os.scandir("/proc/self/fd") as entries:
        return sum(1 for _ in entries)


@pytest.mark.parametrize("open_log", [open_tail, open_whole, LogFile])
def test_a_log_that_cannot_be_read_leaves_no_file_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_log: Callable[[Path], LogFile]
) -> None:
    (tmp_path / "log").write_text("line\n")

    def fail(*arguments: object) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "pread", fail)
    monkeypatch.setattr(Path, "iterdir", fail if open_log is LogFile else Path.iterdir)
    opened = count_open_files()
    for _ in range(3):
        with pytest.raises(OSError, match="Input/output error"):
            open_log(tmp_path / "log")
    assert count_open_files() == opened
