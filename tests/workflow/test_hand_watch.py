"""The watch over hands: who works may take any time, who stands still may not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from mlwf_tui.host import read_process
from mlwf_tui.workflow.hand_watch import PATIENCE, HandWatch


class _Spinning:
    """A process that works and never answers."""

    owes_answer = True
    answer_count = 0

    def __init__(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
        self.pid = self.process.pid

    def give_up(self) -> None:
        self.process.kill()


@contextmanager
def _watch(hand: _Spinning) -> Iterator[HandWatch]:
    watch = HandWatch([hand])
    try:
        yield watch
    finally:
        watch.stop()
        hand.process.kill()
        hand.process.wait()


def _wait_for_more_work(pid: int, since_s: float) -> float:
    while (now_s := read_process(pid)[0]) == since_s:
        pass
    return now_s


def test_who_works_may_take_any_time_for_an_answer() -> None:
    hand, used_s = _Spinning(), 0.0
    with _watch(hand) as watch:
        for _ in range(PATIENCE + 2):
            used_s = _wait_for_more_work(hand.pid, used_s)
            watch.look()
        assert hand.process.poll() is None


def test_who_owes_nothing_may_stand_still() -> None:
    hand = _Spinning()
    hand.owes_answer = False
    os.kill(hand.pid, signal.SIGSTOP)
    with _watch(hand) as watch:
        for _ in range(PATIENCE + 2):
            watch.look()
        assert hand.process.poll() is None


def test_who_stands_still_is_given_up() -> None:
    hand = _Spinning()
    os.kill(hand.pid, signal.SIGSTOP)
    with _watch(hand) as watch:
        for _ in range(PATIENCE + 2):
            watch.look()
        assert hand.process.wait() == -signal.SIGKILL


def test_of_several_that_are_not_told_apart_yet_each_has_its_own_patience() -> None:
    hand = _Spinning()
    os.kill(hand.pid, signal.SIGSTOP)
    watch = HandWatch([hand] * 3)
    try:
        for _ in range(PATIENCE - 1):
            watch.look()
        assert hand.process.poll() is None
    finally:
        watch.stop()
        hand.process.kill()
        hand.process.wait()
