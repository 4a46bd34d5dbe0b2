"""Hands that a checkout finds ready: only for one that will want them, and the files are the same."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mlwf_tui.cli.main import main
from mlwf_tui.workflow import hands
from mlwf_tui.workflow.checkout import checkout
from mlwf_tui.workflow.hand_processes import HandProcesses
from mlwf_tui.workflow.trees import ahead
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[HandProcesses]:
    """What was started: any project is large enough, and there are two processors."""
    kept: list[HandProcesses] = []

    class KeptProcesses(HandProcesses):
        def __init__(self, home: Path, role: str, *, count: int) -> None:
            super().__init__(home, role, count=count)
            kept.append(self)

    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(hands, "FEWEST_FOR_HANDS", 1)
    monkeypatch.setattr(hands, "HandProcesses", KeptProcesses)
    monkeypatch.setattr(ahead, "FEWEST_FOR_HANDS", 1)
    monkeypatch.setattr(ahead, "HandProcesses", KeptProcesses)
    return kept


def read_files(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file() and ".mlwf" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_a_checkout_uses_the_hands_that_were_started_for_it(
    imported: Workspace, tmp_path: Path, started: list[HandProcesses]
) -> None:
    assert main(["--home", str(imported.home), "checkout", "cells", str(tmp_path / "ahead")]) == 0
    assert len(started) == 1
    checkout(imported, "cells", tmp_path / "out", observer=KeepingObserver())
    assert len(started) == 2
    files = read_files(tmp_path / "out")
    assert read_files(tmp_path / "ahead") == files
    assert len(files) > 2


def test_nothing_is_started_for_a_folder_that_holds_something(
    imported: Workspace, tmp_path: Path, started: list[HandProcesses]
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    for folder in (tmp_path, tmp_path / "notes.txt"):
        with ahead.start_ahead(imported.home, "cells", folder) as processes:
            assert processes is None
    assert main(["--home", str(imported.home), "checkout", "cells", str(tmp_path)]) == 5
    assert started == []


@pytest.mark.parametrize("ref", ["no-such-project", "cells' OR 1", ""])
def test_nothing_is_started_for_what_is_not_there(
    imported: Workspace, tmp_path: Path, started: list[HandProcesses], ref: str
) -> None:
    with ahead.start_ahead(imported.home, ref, tmp_path / "new") as processes:
        assert processes is None
    with ahead.start_ahead(tmp_path / "no-home", "cells", tmp_path / "new") as processes:
        assert processes is None
    assert started == []
    assert not (tmp_path / "no-home").exists()


def test_a_word_that_is_no_text_is_told_as_what_it_is(
    imported: Workspace, tmp_path: Path, started: list[HandProcesses]
) -> None:
    assert main(["--home", str(imported.home), "checkout", "ce\udcff", str(tmp_path / "out")]) == 4
    assert started == []


def test_nothing_is_started_for_a_small_project(imported: Workspace, tmp_path: Path) -> None:
    with ahead.start_ahead(imported.home, "cells@1", tmp_path / "new") as processes:
        assert processes is None


def test_what_was_started_ends_where_the_checkout_is_refused(
    imported: Workspace, tmp_path: Path, started: list[HandProcesses]
) -> None:
    assert main(["--home", str(imported.home), "checkout", "cells@99", str(tmp_path / "out")]) == 4
    [processes] = started
    assert not Path(f"/proc/{processes.pid}").exists()
