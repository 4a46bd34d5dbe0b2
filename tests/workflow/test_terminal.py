"""What doctor says of terminals and of a real tmux with settings of its own."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlwf_tui.entities.health import Health
from mlwf_tui.workflow.terminal import (
    check_clipboard,
    check_keys,
    check_link,
    check_terminal,
    check_tmux,
    find_taken_keys,
    read_tmux_options,
)

SETTINGS = """
set -sg escape-time 500
set -g set-clipboard off
set -g default-terminal screen
set -g prefix C-a
bind-key -n C-p next-window
bind-key -n F5 new-window
"""


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The environment of a program in a tmux of its own."""
    tmux = shutil.which("tmux")
    if tmux is None:
        pytest.skip("there is no tmux")
    (tmp_path / "conf").write_text(SETTINGS)
    socket = str(tmp_path / "s")
    subprocess.run([tmux, "-S", socket, "-f", str(tmp_path / "conf"), "new", "-d", "cat"], check=True)
    monkeypatch.setenv("TMUX", f"{socket},1,0")
    yield {"TMUX": f"{socket},1,0", "TERM": "screen"}
    subprocess.run([tmux, "-S", socket, "kill-server"], check=True)


def test_what_of_tmux_is_felt_is_told_with_what_to_write_into_its_settings(inside: dict[str, str]) -> None:
    options = read_tmux_options(inside)
    told, *hurts = check_tmux(options)
    assert "escape-time 500" in told.found
    assert ["500 ms" in hurts[0].found, "screen" in hurts[1].found] == [True, True]
    assert all("tmux.conf" in check.hint for check in hurts)
    assert check_clipboard(options).health is Health.WARN


def test_keys_that_tmux_takes_are_named_where_the_app_uses_them(inside: dict[str, str]) -> None:
    options = read_tmux_options(inside)
    found = check_keys(options, {"ctrl+p", "f5", "x"})
    assert found.health is Health.WARN
    assert "ctrl+p, f5" in found.found
    free = check_keys(options, {"x"})
    assert free.health is Health.OK
    assert "ctrl+a" in free.found


def test_outside_tmux_nothing_is_said_of_it() -> None:
    outside = read_tmux_options({})
    assert check_tmux(outside) == ()
    assert check_keys(outside, {"x"}).health is Health.OK
    assert "OSC 52" in check_clipboard(outside).found


def test_a_tmux_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TMUX", f"{tmp_path / 'gone'},1,0")
    (check,) = check_tmux(read_tmux_options({"TMUX": "gone"}))
    assert check.health is Health.WARN


@pytest.mark.parametrize(
    ("of_tmux", "of_textual"),
    [
        ("C-M-x", "ctrl+alt+x"),
        ("M--", "alt+minus"),
        (r"C-\\", "ctrl+backslash"),
        (r"\#", "number_sign"),
        ("G", "G"),
        ("PPage", "pageup"),
        ("S-NPage", "shift+pagedown"),
        ("BTab", "shift+tab"),
        ("C-Space", "ctrl+space"),
        ("C-_", "ctrl+underscore"),
    ],
)
def test_keys_are_called_as_textual_calls_them(of_tmux: str, of_textual: str) -> None:
    table = f"bind-key    -T root {of_tmux} send\nbind-key -r -T root MouseDown1Pane select\n"
    assert find_taken_keys({"prefix": "None"}, table) == {of_textual}


def test_tmux_itself_names_its_keys_so(inside: dict[str, str]) -> None:
    for key in ("C-\\", "#", "PageUp", "C-M-x", "/"):
        subprocess.run(["tmux", "bind-key", "-n", key, "next-window"], check=True)
    found = check_keys(read_tmux_options(inside), {"ctrl+backslash", "number_sign", "pageup", "slash"})
    assert "ctrl+backslash, number_sign, pageup, slash" in found.found


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"TERM": "xterm", "COLORTERM": "24bit"}, "16 million"),
        ({"TERM": "tmux-256color"}, "256"),
        ({"TERM": "linux"}, "16 colours"),
        ({"TERM": "xterm", "NO_COLOR": "1"}, "without colours"),
        ({"TERM": "dumb"}, "dumb"),
    ],
)
def test_colours_are_told_as_they_will_be(environment: dict[str, str], words: str) -> None:
    assert words in check_terminal(environment).found


def test_a_link_is_told_where_there_is_one() -> None:
    assert "tmux" in check_link({"SSH_TTY": "/dev/pts/1"}).hint
    assert check_link({}).found.startswith("this machine")
