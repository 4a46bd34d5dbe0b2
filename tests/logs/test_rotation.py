"""Rotation under a process that writes all the while: nothing is lost, nothing twice, and no word to it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlwf_tui.logs import rotation
from mlwf_tui.logs.log_file import LogFile, open_whole
from mlwf_tui.logs.parts import LogBytes, list_parts, part_path
from mlwf_tui.logs.rotation import rotate

WRITER = "for n in range(200_000): print(f'line {n:>7} of a job that writes and writes')"


def write(path: Path, count: int, first: int = 0) -> None:
    with path.open("a") as file:
        file.writelines(f"line {number}\n" for number in range(first, first + count))


def read_all(log: LogFile) -> list[str]:
    return [line.text for _, line in log.iter_lines()]


@pytest.mark.timeout(60)
def test_a_log_that_is_cut_short_while_it_is_copied_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log"
    write(path, 10_000)
    find_cut = rotation._find_cut

    def cut_short(log: int, start: int, end: int) -> int:
        found = find_cut(log, start, end)
        os.truncate(path, 1000)
        return found

    monkeypatch.setattr(rotation, "_find_cut", cut_short)
    assert rotate(path, 50_000) == 0
    assert [entry.name for entry in tmp_path.iterdir()] == ["log"]


@pytest.mark.slow
def test_a_log_that_is_rotated_while_it_is_written_loses_no_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("ab") as file:
        writer = subprocess.Popen([sys.executable, "-u", "-c", WRITER], stdout=file, stderr=file)
    reader = LogFile(path)
    while writer.poll() is None:
        rotate(path, 500_000)
        reader.read_appended()
    rotate(path, 500_000)
    reader.read_appended()
    assert len(list_parts(path)) > 5
    assert path.stat().st_blocks * 512 < 1_500_000
    expected = [f"line {number:>7} of a job that writes and writes" for number in range(200_000)]
    assert read_all(reader) == expected
    assert read_all(open_whole(path)) == expected
    reader.close()


def test_parts_end_with_a_line_and_hold_the_log_in_order(tmp_path: Path) -> None:
    path = tmp_path / "log"
    write(path, 1000)
    whole = path.read_bytes()
    assert rotate(path, 3000) == 2
    parts = [part.path.read_bytes() for part in list_parts(path)]
    assert all(part.endswith(b"\n") for part in parts)
    rest = path.read_bytes()[sum(map(len, parts)) :]
    assert b"".join(parts) + rest == whole
    assert rotate(path, 3000) == (1 if len(rest) >= 3000 else 0)


def test_a_rotation_that_was_killed_before_it_cut_is_finished_by_the_next(tmp_path: Path) -> None:
    path = tmp_path / "log"
    write(path, 100_000)
    data = path.read_bytes()
    cut = data.rfind(b"\n", 0, 500_000) + 1
    part_path(path, 0).write_bytes(data[:cut])
    (tmp_path / f".{part_path(path, cut).name}.new").write_bytes(b"half a par")
    before = path.stat().st_blocks
    assert rotate(path, 500_000) == 1
    assert path.stat().st_blocks < before // 2
    assert read_all(open_whole(path)) == [f"line {number}" for number in range(100_000)]


def test_a_small_log_a_missing_log_and_zero_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "log"
    assert rotate(path, 10) == 0
    write(path, 10)
    assert rotate(path, 10_000) == 0
    assert rotate(path, 0) == 0
    assert list_parts(path) == []


def test_where_holes_are_not_known_the_log_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log"
    write(path, 1000)
    data = path.read_bytes()
    monkeypatch.setattr(rotation, "KEEP_SIZE_PUNCH_HOLE", 0x40 | 0x02)  # a mode that no kernel has
    assert rotate(path, 1000) == 0
    assert path.read_bytes() == data
    assert [entry.name for entry in tmp_path.iterdir()] == ["log"]


def test_a_log_that_was_begun_anew_is_not_taken_for_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "log"
    write(path, 1000)
    rotate(path, 3000)
    path.write_text("again\n")
    assert rotate(path, 3) == 0
    assert read_all(open_whole(path)) == ["again"]


def test_a_part_that_was_removed_reads_as_zeros(tmp_path: Path) -> None:
    path = tmp_path / "log"
    write(path, 1000)
    rotate(path, 3000)
    first, second = list_parts(path)
    first.path.unlink()
    log = LogBytes(path)
    assert log.read(0, 10) == b"\0" * 10
    assert log.read(second.start, 5) == b"line "
    log.close()
