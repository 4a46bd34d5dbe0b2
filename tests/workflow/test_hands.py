"""Hands: answers in the order of their messages, and what a hand says last is what is told."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import msgspec
import psutil
import pytest

from mlwf_tui.entities.item import Split
from mlwf_tui.errors import StorageFailed
from mlwf_tui.workflow.hands import open_hands
from mlwf_tui.workflow.importing.reading import Reading, Task
from mlwf_tui.workflow.importing.reading_hand import ReadingSetup
from mlwf_tui.workspace import open_workspace


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
