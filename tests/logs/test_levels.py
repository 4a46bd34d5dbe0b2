"""Levels as common programs write them."""

from __future__ import annotations

import pytest

from mlwf_tui.logs.levels import Level, LevelReader, find_level, may_hold

LINES = {
    "2026-11-28 12:00:00,120 ERROR saver: no room": Level.ERROR,
    "ERROR:root:no room": Level.ERROR,
    "[rank0]: E1128 12:00:00.1 file.cc:33] broke": Level.ERROR,
    "[E ProcessGroupNCCL.cpp:828] watchdog": Level.ERROR,
    "torch.OutOfMemoryError: CUDA out of memory.": Level.ERROR,
    "KeyboardInterrupt": Level.ERROR,
    "main.c:3:1: error: expected ;": Level.ERROR,
    '{"level": "error", "msg": "x"}': Level.ERROR,
    "Segmentation fault (core dumped)": Level.ERROR,
    "WARNING ⚠ no model scale passed": Level.WARNING,
    "UserWarning: lr is low": Level.WARNING,
    "a.py:3: DeprecationWarning: old": Level.WARNING,
    "W1128 12:00:00.1 file.cc:33] slow": Level.WARNING,
    "2026-11-28 12:00:00 INFO trainer: 0 errors, error rate 0.1": Level.INFO,
    "Ultralytics 8.4.101 Python-3.11": Level.INFO,
    "plain words": Level.INFO,
    "DEBUG:loader:4 workers": Level.DEBUG,
    " 50%|█████     | 5/10 [00:01<00:01,  4.1it/s]": Level.PROGRESS,
    "100%|██████████| 10/10 [00:02<00:00,  4.1it/s]": Level.INFO,
    "  1/3   0G   1.9   640: 75% ━━━━━━━━━─── 3/4 2.1it/s": Level.PROGRESS,
    "  1/3   0G   1.9   640: 100% ━━━━━━━━━━━━ 4/4 2.1it/s": Level.INFO,
}


@pytest.mark.parametrize(("text", "level"), LINES.items())
def test_a_line_has_the_level_that_it_states(text: str, level: Level) -> None:
    assert find_level(text) is level


@pytest.mark.parametrize(("text", "level"), LINES.items())
def test_a_grave_line_is_never_skipped(text: str, level: Level) -> None:
    if level >= Level.WARNING:
        assert may_hold(f"x\n{text}\ny\n".encode(), level)
        assert may_hold(f"{text}\n".encode(), level)


def test_calm_lines_are_skipped() -> None:
    assert not may_hold(b"2026-11-28 12:00:00 INFO trainer: epoch 3\n" * 100, Level.WARNING)


def test_a_traceback_is_an_error_from_its_head_to_its_last_line() -> None:
    head = "Traceback (most recent call last):"
    lines = ["fine", head, '  File "a.py", line 1, in f', "    f()", "KeyError: 1", "fine"]
    reader = LevelReader()
    levels = [reader.read(line) for line in lines]
    assert levels == [Level.INFO, *[Level.ERROR] * 4, Level.INFO]
    assert LevelReader(lines[:3]).read("    f()") is Level.ERROR
