"""Where copied text goes, and that the sentence about it is true."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from mlwf_tui.tui.clipboard import MAX_OSC52_BYTES, copy_text


def test_text_goes_into_the_buffer_of_a_tmux_as_it_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmux = shutil.which("tmux")
    if tmux is None:
        pytest.skip("there is no tmux")
    call = [tmux, "-S", str(tmp_path / "s"), "-f", "/dev/null"]
    subprocess.run([*call, "new", "-d", "cat"], check=True)
    monkeypatch.setenv("TMUX", f"{tmp_path / 's'},1,0")
    sent: list[str] = []
    said = copy_text("grüße", {"TMUX": "yes"}, sent.append, tmp_path / "file")
    kept = subprocess.run([*call, "show-buffer"], capture_output=True, check=True).stdout
    subprocess.run([*call, "kill-server"], check=True)
    assert kept.decode() == "grüße"
    assert "tmux buffer" in said
    assert not sent


def test_without_tmux_the_terminal_gets_it_and_nothing_more_is_claimed(tmp_path: Path) -> None:
    sent: list[str] = []
    said = copy_text("cells@2", {}, sent.append, tmp_path / "file")
    assert sent == ["cells@2"]
    assert said.startswith("Sent")


def test_what_is_too_long_for_the_terminal_lies_in_a_file(tmp_path: Path) -> None:
    sent: list[str] = []
    text = "line\n" * MAX_OSC52_BYTES
    said = copy_text(text, {}, sent.append, tmp_path / "new" / "file")
    assert not sent
    assert str(tmp_path / "new" / "file") in said
    assert (tmp_path / "new" / "file").read_text("utf-8") == text
    (tmp_path / "taken").write_text("")
    assert copy_text(text, {}, sent.append, tmp_path / "taken" / "file").startswith("Not copied")
