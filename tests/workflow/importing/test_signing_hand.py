"""A scan with a hand finds what one without finds, whatever the hand meets and whenever it dies."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from mlwf_tui.entities.folder import FolderListing
from mlwf_tui.workflow.importing import signing_hand
from mlwf_tui.workflow.importing.scan import scan_folder
from mlwf_tui.workflow.importing.signing import BATCH_FILES
from mlwf_tui.workflow.importing.signing_hand import Question, SigningHand
from mlwf_tui.workflow.importing.signing_process import SigningProcess, start_signing

FILES = 2 * BATCH_FILES + 88
ASK = SigningHand.ask


class HandedOver:
    """Counts what is asked of hands, and can end one before it answers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.kills_at = 0

        def ask(hand: SigningHand, folder: str, names: Sequence[str]) -> Question | None:
            question = ASK(hand, folder, names)
            self.count += question is not None
            if question is not None and self.count == self.kills_at and hand._process is not None:
                os.kill(hand._process.pid, signal.SIGKILL)
            return question

        monkeypatch.setattr(SigningHand, "ask", ask)
        monkeypatch.setattr(os, "cpu_count", lambda: 2)
        monkeypatch.setattr(signing_hand, "FEWEST_FILES", 0)


@pytest.fixture
def handed_over(monkeypatch: pytest.MonkeyPatch) -> HandedOver:
    return HandedOver(monkeypatch)


def go_ahead(root: Path) -> SigningHand:
    return SigningHand(root, start_signing(str(root), goes_ahead=True))


def start_with_small_pipes(root: str, *, goes_ahead: bool = False) -> SigningProcess | None:
    process = start_signing(root, goes_ahead=goes_ahead)
    assert process is not None
    for pipe in (process.questions, process.answers):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 4096)
    return process


def scan_alone(root: Path, monkeypatch: pytest.MonkeyPatch) -> FolderListing:
    with monkeypatch.context() as patched:
        patched.setattr(os, "cpu_count", lambda: 1)
        return scan_folder(root)


def fill(root: Path) -> Path:
    """Write folders of several batches with all that a scan looks at closely among plain files."""
    for folder in ("a", "b/c"):
        (root / folder).mkdir(parents=True)
        for number in range(FILES):
            (root / folder / f"{number:05}").write_text(str(number))
        for number in (100, 500):
            below = root / folder / f"{number:05}-below"
            (below / "deep").mkdir(parents=True)
            for place in range(BATCH_FILES // 8):
                (below / f"{place:05}").touch()
            (below / "deep" / "file").touch()
        (root / folder / "00300-link").symlink_to("00299")
        (root / folder / "00301-out").symlink_to(root.parent)
        (root / folder / "00302-none").symlink_to("missing")
        (root / folder / "00303-\u200b").touch()
        (root / folder / "00304\\").touch()
        (root / folder / ".hidden").touch()
        (root / folder / os.fsdecode(b"00305-\xff")).touch()
        (root / folder / "00306-ü").touch()
        os.mkfifo(root / folder / "00307-pipe")
    return root


def test_the_listing_is_the_same_with_a_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, handed_over: HandedOver
) -> None:
    root = fill(tmp_path / "root")
    listing, alone = scan_folder(root), scan_alone(root, monkeypatch)
    assert handed_over.count > 0
    assert (listing.pages, listing.faults) == (alone.pages, alone.faults)
    assert {fault.name[5:] for fault in alone.faults} == {"-out", "-none", "\\", "-\udcff", "-pipe"}


@pytest.mark.parametrize("kills_at", [1, 2, 5])
def test_what_a_killed_hand_owes_is_signed_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, handed_over: HandedOver, kills_at: int
) -> None:
    root = fill(tmp_path / "root")
    handed_over.kills_at = kills_at
    listing, alone = scan_folder(root), scan_alone(root, monkeypatch)
    assert handed_over.count >= kills_at
    assert (listing.pages, listing.faults) == (alone.pages, alone.faults)


def test_what_a_stopped_hand_owes_is_signed_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, handed_over: HandedOver
) -> None:
    root = fill(tmp_path / "root")
    monkeypatch.setattr(signing_hand, "_ANSWER_TIMEOUT_S", 0.1)

    def start(root: str, *, goes_ahead: bool = False) -> SigningProcess | None:
        process = start_signing(root, goes_ahead=goes_ahead)
        if process:
            os.kill(process.pid, signal.SIGSTOP)
        return process

    monkeypatch.setattr(signing_hand, "start_signing", start)
    listing, alone = scan_folder(root), scan_alone(root, monkeypatch)
    assert handed_over.count > 0
    assert (listing.pages, listing.faults) == (alone.pages, alone.faults)


def test_a_folder_that_goes_while_the_hand_has_it_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, handed_over: HandedOver
) -> None:
    root = tmp_path / "root"
    (root / "gone").mkdir(parents=True)
    for number in range(FILES):
        (root / "gone" / f"{number:05}").touch()
    (root / "kept").touch()
    counted = SigningHand.ask

    def ask(hand: SigningHand, folder: str, names: Sequence[str]) -> Question | None:
        question = counted(hand, folder, names)
        if question and folder == "gone" and (root / "gone").exists():
            hand.settle(question)
            question.answer = None
            question.is_lost = True
            (root / "gone").rename(tmp_path / "elsewhere")
        return question

    monkeypatch.setattr(SigningHand, "ask", ask)
    listing = scan_folder(root)
    assert handed_over.count > 0
    assert "kept" in [file.relative for file in listing.iter_files()]
    assert ("gone", f"cannot be read: {os.strerror(2)}") in [
        (one.relative, one.reason) for one in listing.faults
    ]


def test_a_machine_without_room_for_a_process_scans_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, handed_over: HandedOver
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    root = fill(tmp_path / "root")
    monkeypatch.setattr(os, "posix_spawn", refuse)
    listing, alone = scan_folder(root), scan_alone(root, monkeypatch)
    assert handed_over.count == 0
    assert listing.pages == alone.pages


def test_no_process_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, handed_over: HandedOver) -> None:
    started: list[int] = []
    spawn = os.posix_spawn

    def start(*args: object, **options: object) -> int:
        started.append(spawn(*args, **options))  # type: ignore[arg-type]
        return started[-1]

    monkeypatch.setattr(os, "posix_spawn", start)
    scan_folder(fill(tmp_path / "root"))
    assert handed_over.count > 0
    assert [psutil.pid_exists(pid) for pid in started] == [False]


def test_the_listing_is_the_same_with_a_hand_that_went_ahead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, handed_over: HandedOver
) -> None:
    root = fill(tmp_path / "root")
    before_ns = time.time_ns()
    hand = go_ahead(root)
    time.sleep(0.3)  # it is through
    listing, alone = scan_folder(root, hand), scan_alone(root, monkeypatch)
    assert handed_over.count == 0  # all was listed
    assert (listing.pages, listing.faults) == (alone.pages, alone.faults)
    assert before_ns <= listing.scanned_at_ns < time.time_ns() - 300_000_000  # what is younger is not trusted


@pytest.mark.parametrize("wait_s", [0.0, 0.002, 0.01, 0.02, 0.04])
def test_a_hand_that_has_gone_a_part_of_the_way_is_asked_for_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, handed_over: HandedOver, wait_s: float
) -> None:
    root = fill(tmp_path / "root")
    hand = go_ahead(root)
    time.sleep(wait_s)
    listing, alone = scan_folder(root, hand), scan_alone(root, monkeypatch)
    assert (listing.pages, listing.faults) == (alone.pages, alone.faults)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_hand_that_is_gone_before_it_hands_over_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, handed_over: HandedOver, number: signal.Signals
) -> None:
    root = fill(tmp_path / "root")
    monkeypatch.setattr(signing_hand, "_ANSWER_TIMEOUT_S", 0.1)
    process = start_signing(str(root), goes_ahead=True)
    assert process is not None
    os.kill(process.pid, number)
    listing, alone = scan_folder(root, SigningHand(root, process)), scan_alone(root, monkeypatch)
    assert (listing.pages, listing.faults) == (alone.pages, alone.faults)
    assert not psutil.pid_exists(process.pid)


@pytest.mark.skipif(sys.platform != "linux", reason="the room of a pipe is set on Linux alone")
@pytest.mark.timeout(60)
def test_a_hand_that_is_stopped_while_it_hands_over_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, handed_over: HandedOver
) -> None:
    root = fill(tmp_path / "root")
    monkeypatch.setattr(signing_hand, "_ANSWER_TIMEOUT_S", 0.2)
    process = start_with_small_pipes(str(root), goes_ahead=True)
    assert process is not None
    assert select.select([process.answers], [], [], 30)[0], "a part is in the pipe, the rest waits for room"
    os.kill(process.pid, signal.SIGSTOP)
    listing, alone = scan_folder(root, SigningHand(root, process)), scan_alone(root, monkeypatch)
    assert (listing.pages, listing.faults) == (alone.pages, alone.faults)
    assert not psutil.pid_exists(process.pid)


def test_what_comes_after_a_hand_went_ahead_is_found_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, handed_over: HandedOver
) -> None:
    root = fill(tmp_path / "root")
    before = scan_alone(root, monkeypatch)
    hand = go_ahead(root)
    time.sleep(0.3)
    (root / "a" / "00000-new").touch()
    (root / "a" / "00001").unlink()
    (root / "b" / "d").mkdir()
    (root / "b" / "d" / "new").touch()
    assert scan_folder(root, hand).pages == before.pages  # a scan is of when it begins
    found = {file.relative for file in scan_folder(root).iter_files()}
    assert {"a/00000-new", "b/d/new"} <= found
    assert "a/00001" not in found


def test_a_hand_that_went_elsewhere_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, handed_over: HandedOver
) -> None:
    root = fill(tmp_path / "root")
    (tmp_path / "other").mkdir()
    with go_ahead(tmp_path / "other") as hand:
        listing, alone = scan_folder(root, hand), scan_alone(root, monkeypatch)
    assert listing.pages == alone.pages


@pytest.mark.parametrize("name", ["missing", "file", "loop"])
def test_no_hand_goes_ahead_where_there_is_no_folder(
    tmp_path: Path, handed_over: HandedOver, name: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    with go_ahead(tmp_path / name) as hand:
        assert hand._process is None


@pytest.mark.skipif(sys.platform != "linux", reason="the room of a pipe is set on Linux alone")
@pytest.mark.timeout(60)
def test_neither_side_waits_for_the_other_where_pipes_are_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, handed_over: HandedOver
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    for number in range(FILES):
        (root / f"{number:05}{'x' * 60}").touch()
    monkeypatch.setattr(signing_hand, "start_signing", start_with_small_pipes)
    assert scan_folder(root).count == FILES
    assert handed_over.count > 0
    with SigningHand(root, start_with_small_pipes(str(root), goes_ahead=True)) as hand:
        assert scan_folder(root, hand).count == FILES


def test_the_deepest_folder_leaves_frames_to_whoever_scans(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, handed_over: HandedOver
) -> None:
    """A hand that answers at once makes the deepest stack."""
    counted = SigningHand.ask

    def ask(hand: SigningHand, folder: str, names: Sequence[str]) -> Question | None:
        question = counted(hand, folder, names)
        if question:
            hand.settle(question)
        return question

    monkeypatch.setattr(SigningHand, "ask", ask)
    (tmp_path / "/".join("d" * 210)).mkdir(parents=True)
    (fault,) = scan_folder(tmp_path).faults
    assert handed_over.count > 0
    assert "folders deep" in fault.reason
