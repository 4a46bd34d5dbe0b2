"""Hands: answers in the order of their messages, and what a hand says last is what is told."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import psutil
import pytest

from mlwf_tui.entities.item import Split
from mlwf_tui.errors import StorageFailed
from mlwf_tui.workflow.hand_processes import HandProcesses
from mlwf_tui.workflow.hand_watch import PATIENCE, HandWatch
from mlwf_tui.workflow.hands import open_hands
from mlwf_tui.workflow.importing.reading import Reading, Task
from mlwf_tui.workflow.importing.reading_hand import ReadingSetup
from mlwf_tui.workspace import open_workspace
from tests.jobs import wait_until


def _set_up(importer: str, root: Path) -> bytes:
    return msgspec.msgpack.encode(ReadingSetup(importer, bytes(root), None))


def _ask_for(*names: str) -> bytes:
    return msgspec.msgpack.encode([Task("main", name, Split.NONE, name, bytes(40)) for name in names])


def test_answers_come_in_the_order_of_their_messages(tmp_path: Path) -> None:
    with open_workspace(tmp_path / "home"):
        pass
    # Batches of very different sizes, so that they do not end in the order in which they began.
    asked = [[f"{batch}-{number}.png" for number in range(1 + 300 * (batch % 3))] for batch in range(12)]
    with open_hands(tmp_path / "home", "read", _set_up("images", tmp_path), count=2) as hands:
        answers = [
            msgspec.msgpack.decode(answer, type=list[Reading])
            for answer in hands.map(_ask_for(*names) for names in asked)
        ]
    assert [[reading.problems[0][0] for reading in readings] for readings in answers] == asked


def test_a_hand_that_gives_up_says_why_though_more_was_asked_of_it(tmp_path: Path) -> None:
    with open_workspace(tmp_path / "home"):
        pass
    with (
        pytest.raises(StorageFailed, match="no-such-format"),
        open_hands(tmp_path / "home", "read", _set_up("no-such-format", tmp_path), count=2) as hands,
    ):
        list(hands.map(_ask_for(f"{number}.png") for number in range(20)))


def list_processes(home: Path) -> list[psutil.Process]:
    """Return the hands of this process that work for a home, the first one first."""
    below = psutil.Process().children(recursive=True)
    return sorted(
        (one for one in below if str(home) in one.cmdline()), key=lambda one: one.ppid() != os.getpid()
    )


def wait_for_copies(home: Path, count: int) -> list[psutil.Process]:
    """Return the hands once there are as many as that."""
    wait_until(lambda: len(list_processes(home)) == count, lambda: str(list_processes(home)))
    return list_processes(home)


def is_going(process: psutil.Process) -> bool:
    """Say whether a process has not ended; nobody may have waited for one that has."""
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


@pytest.fixture
def home(tmp_path: Path) -> Path:
    with open_workspace(tmp_path / "home"):
        return tmp_path / "home"


def test_hands_are_copies_of_the_first_and_all_end(home: Path, tmp_path: Path) -> None:
    with open_hands(home, "read", _set_up("images", tmp_path), count=3) as hands:
        first, *copies = wait_for_copies(home, 3)
        assert [one.ppid() for one in copies] == [first.pid] * 2
        asked = [[f"{number}.png"] for number in range(12)]
        answers = [
            msgspec.msgpack.decode(answer, type=list[Reading])
            for answer in hands.map(_ask_for(*names) for names in asked)
        ]
    assert [[reading.problems[0][0] for reading in readings] for readings in answers] == asked
    assert list_processes(home) == []


@pytest.mark.parametrize("number", [0, 1, 2])
def test_where_one_is_killed_that_is_told_and_the_others_end(home: Path, tmp_path: Path, number: int) -> None:
    with (
        pytest.raises(StorageFailed, match="ended early"),
        open_hands(home, "read", _set_up("images", tmp_path), count=3) as hands,
    ):
        processes = wait_for_copies(home, 3)
        processes[number].kill()
        list(hands.map(_ask_for("one.png") for _ in range(12)))
    wait_until(lambda: not any(map(is_going, processes)), lambda: str(processes))


@pytest.mark.parametrize("number", [0, 1])
def test_one_that_stands_still_is_given_up_whichever_it_is(home: Path, tmp_path: Path, number: int) -> None:
    with (
        pytest.raises(StorageFailed, match="stood still"),
        open_hands(home, "read", _set_up("images", tmp_path), count=2, look_every_s=0.001) as hands,
    ):
        processes = wait_for_copies(home, 2)
        list(hands.map(_ask_for("one.png") for _ in range(2)))  # all have said who they are
        processes[number].suspend()
        list(hands.map(_ask_for("one.png") for _ in range(4)))
    wait_until(lambda: not any(map(is_going, processes)), lambda: str(processes))


@pytest.mark.parametrize("number", [0, 1])
def test_a_long_message_to_one_that_gave_up_is_not_waited_for(
    home: Path, tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[HandWatch] = []
    look = HandWatch.look

    def look_once_more(watch: HandWatch) -> None:
        look(watch)
        looks.append(watch)

    monkeypatch.setattr(HandWatch, "look", look_once_more)
    setup = msgspec.msgpack.encode([os.fsencode(tmp_path), True])
    there, missing, long = (
        msgspec.msgpack.encode(blobs) for blobs in ([], ["ab" * 32], ["cd" * 32] * 10_000)
    )
    first = [missing if place == number else there for place in range(2)]
    with (
        pytest.raises(StorageFailed, match="lacks the blob"),
        open_hands(home, "write", setup, count=2, look_every_s=0.2) as hands,
    ):
        list(hands.map([*first, long, long, long, long]))
    assert list_processes(home) == []
    assert len(looks) < PATIENCE  # none was ended for standing still


USING_HANDS = """
import signal, sys
from pathlib import Path
from mlwf_tui.workflow.hands import open_hands
home, setup, told = Path(sys.argv[1]), bytes.fromhex(sys.argv[2]), Path(sys.argv[3])
signal.signal(signal.SIGCHLD, getattr(signal, sys.argv[4]))
try:
    with open_hands(home, "read", setup, count=3, look_every_s=0.2) as hands:
        told.write_text(str(len(list(hands.map([b"\\x90"] * 9)))))
except Exception as error:
    told.write_text(repr(error))
"""


@pytest.mark.parametrize("closed", ["", "<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"])
def test_hands_work_whichever_streams_their_caller_has_not(home: Path, tmp_path: Path, closed: str) -> None:
    told = tmp_path / "told"
    words = [sys.executable, "-c", USING_HANDS, home, _set_up("images", tmp_path).hex(), told, "SIG_DFL"]
    line = shlex.join(map(str, words))
    subprocess.run(["sh", "-c", f"exec {line} {closed}"], check=True, timeout=60)
    assert told.read_text() == "9"


def test_where_ended_processes_are_not_waited_for_hands_are_as_quiet(home: Path, tmp_path: Path) -> None:
    told = tmp_path / "told"
    words = [sys.executable, "-c", USING_HANDS, home, _set_up("images", tmp_path).hex(), told, "SIG_IGN"]
    done = subprocess.run(list(map(str, words)), check=True, timeout=60, capture_output=True)
    assert (told.read_text(), done.stderr) == ("9", b"")


def test_processes_that_were_started_before_are_used(home: Path, tmp_path: Path) -> None:
    with HandProcesses(home, "read", count=2) as processes:
        before = [one.pid for one in wait_for_copies(home, 2)]
        with open_hands(home, "read", _set_up("images", tmp_path), processes=processes) as hands:
            assert len(list(hands.map([_ask_for("one.png")] * 4))) == 4
            assert [one.pid for one in list_processes(home)] == before
    assert list_processes(home) == []


def test_processes_that_nobody_needs_end(home: Path) -> None:
    with HandProcesses(home, "write", count=2):
        wait_for_copies(home, 2)
    assert list_processes(home) == []


def test_a_hand_that_stands_still_is_given_up(tmp_path: Path) -> None:
    with open_workspace(tmp_path / "home"):
        pass
    setup = _set_up("images", tmp_path)
    with (
        pytest.raises(StorageFailed, match="stood still"),
        open_hands(tmp_path / "home", "read", setup, count=1, look_every_s=0.001) as hands,
    ):
        (hand,) = [p for p in psutil.Process().children() if str(tmp_path / "home") in p.cmdline()]
        os.kill(hand.pid, signal.SIGSTOP)
        list(hands.map([_ask_for("one.png")]))
