"""Hands that a checkout finds ready: only for one that will want them, and the files are the same."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mlwf_tui.cli.main import main
from mlwf_tui.workflow import hand_processes, hands
from mlwf_tui.workflow.checkout import checkout
from mlwf_tui.workflow.hand_processes import HandProcesses
from mlwf_tui.workflow.importing.signing import Listed
from mlwf_tui.workflow.importing.signing_hand import SigningHand
from mlwf_tui.workflow.status import read_status
from mlwf_tui.workflow.trees import ahead
from mlwf_tui.workflow.trees.places import find_state_path
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
    monkeypatch.setattr(hand_processes, "HandProcesses", KeptProcesses)
    return kept


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> list[SigningHand]:
    """The hands that went ahead, and were asked for what they had listed; there are two processors."""
    kept: list[SigningHand] = []
    take = SigningHand.take_listed

    def take_and_keep(hand: SigningHand, folder: str) -> Listed | None:
        if hand._listed is None:
            kept.append(hand)
        return take(hand, folder)

    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(SigningHand, "take_listed", take_and_keep)
    return kept


def age(folder: Path) -> None:
    """Let the state of a checkout be an hour old."""
    path = find_state_path(folder)
    os.utime(path, ns=(0, path.stat().st_mtime_ns - 3_600_000_000_000))


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
        with ahead.start_ahead(imported.home, "cells", folder) as found:
            assert found.processes is None
    assert main(["--home", str(imported.home), "checkout", "cells", str(tmp_path)]) == 5
    assert started == []


@pytest.mark.parametrize("ref", ["no-such-project", "cells' OR 1", ""])
def test_nothing_is_started_for_what_is_not_there(
    imported: Workspace, tmp_path: Path, started: list[HandProcesses], ref: str
) -> None:
    with ahead.start_ahead(imported.home, ref, tmp_path / "new") as found:
        assert found.processes is None
    with ahead.start_ahead(tmp_path / "no-home", "cells", tmp_path / "new") as found:
        assert found.processes is None
    assert started == []
    assert not (tmp_path / "no-home").exists()


def test_a_word_that_is_no_text_is_told_as_what_it_is(
    imported: Workspace, tmp_path: Path, started: list[HandProcesses]
) -> None:
    assert main(["--home", str(imported.home), "checkout", "ce\udcff", str(tmp_path / "out")]) == 4
    assert started == []


def test_nothing_is_started_for_a_small_project(imported: Workspace, tmp_path: Path) -> None:
    with ahead.start_ahead(imported.home, "cells@1", tmp_path / "new") as found:
        assert found.processes is None


def test_what_was_started_ends_where_the_checkout_is_refused(
    imported: Workspace, tmp_path: Path, started: list[HandProcesses]
) -> None:
    assert main(["--home", str(imported.home), "checkout", "cells@99", str(tmp_path / "out")]) == 4
    [processes] = started
    assert not Path(f"/proc/{processes.pid}").exists()


def test_a_hand_looks_through_a_checkout_while_the_verb_is_loaded(
    imported: Workspace, tmp_path: Path, used: list[SigningHand], observer: KeepingObserver
) -> None:
    folder = tmp_path / "out"
    checkout(imported, "cells", folder, observer=observer)
    age(folder)
    next((folder / "main" / "ann").iterdir()).unlink()
    with ahead.go_ahead(folder) as hand:
        status = read_status(imported, folder, hand=hand, observer=observer)
    assert used and set(used) == {hand}
    assert len(status.changes) == 1
    used.clear()
    assert main(["--home", str(imported.home), "sync", str(folder)]) == 0
    assert used
    used.clear()
    age(folder)
    assert main(["--home", str(imported.home), "checkout", "cells@1", str(folder)]) == 0
    assert used
    assert not read_status(imported, folder, observer=observer).changes


def test_what_a_hand_saw_before_the_files_were_written_is_not_used(
    imported: Workspace, tmp_path: Path, used: list[SigningHand], observer: KeepingObserver
) -> None:
    folder = tmp_path / "out"
    checkout(imported, "cells", folder, observer=observer)
    with ahead.go_ahead(folder) as hand:
        for path in (folder / "main" / "ann").iterdir():  # as another verb does while this one waits for it
            os.utime(path)
        find_state_path(folder).touch()
        status = read_status(imported, folder, hand=hand, observer=observer)
    assert not used
    assert not status.changes


def test_no_hand_looks_through_what_is_no_checkout(tmp_path: Path, used: list[SigningHand]) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with ahead.go_ahead(tmp_path) as hand:
        assert hand.take_listed("") is None
    assert not used
