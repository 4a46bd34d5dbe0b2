"""What is started before the command line is loaded, and that nothing of it is left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from mlwf_tui.cli.ahead import start_ahead
from tests.making import write_image


@pytest.fixture(autouse=True)
def two_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


@pytest.mark.parametrize(
    "before", [["import"], ["--json", "import", "-m", "first"], ["--home", "elsewhere", "import"]]
)
def test_a_hand_starts_in_the_folder_that_is_imported(tmp_path: Path, before: list[str]) -> None:
    process = start_ahead([*before, str(tmp_path), "cells"])
    assert process is not None
    assert process.root == str(tmp_path.resolve())
    process.end()
    assert not psutil.pid_exists(process.pid)


@pytest.mark.parametrize("words", [[], ["status", "."], ["import"], ["import", "missing", "cells"]])
def test_nothing_starts_where_nothing_is_imported(words: list[str]) -> None:
    assert start_ahead(words) is None


def test_a_link_to_itself_and_a_word_that_is_no_path_start_nothing(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    assert start_ahead(["import", str(tmp_path / "loop"), "a\0b", "~nobody-of-that-name", "cells"]) is None


def test_an_import_finds_all_that_is_there_and_leaves_no_process(tmp_path: Path) -> None:
    images = tmp_path / "tree" / "images"
    for number in range(5):
        write_image(images / f"{number}.jpg", number)
    command = [sys.executable, "-m", "mlwf_tui", "--home", str(tmp_path / "home"), "import"]
    done = subprocess.run(
        [*command, str(tmp_path / "tree"), "cells"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "5 added" in done.stdout
    running = [" ".join(one.info["cmdline"] or ()) for one in psutil.process_iter(["cmdline"])]
    assert not [line for line in running if str(tmp_path / "tree") in line]
