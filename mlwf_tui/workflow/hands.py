"""Spreads work over processes of our own: Python's lock lets one process use one core only.

A hand is `python -m mlwf_tui.hand HOME`, told what to do by messages (see messages.py).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from queue import SimpleQueue

from mlwf_tui.errors import StorageFailed
from mlwf_tui.workflow.hand_watch import INTERVAL_S, PATIENCE, HandWatch
from mlwf_tui.workflow.messages import Answer, Setup, receive, send

FEWEST_FOR_HANDS = 600
"""Starting processes takes as long as reading so many items."""
_MOST_HANDS = 8
_MOST_ASKED = 2
"""Messages that a hand has at once: it goes on with the next while this process is busy with other things."""
_TIMEOUT_S = 10.0  # to end after a farewell
_HUNG_MIN = INTERVAL_S * PATIENCE / 60
_ENVIRONMENT = {
    # glibc gives each batch of images back to the system and gets it again page by page, which takes
    # twice as long as reading them; ignored by other C libraries.
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    # A hand is there for one core: threads of its libraries would only get in each other's way.
    "OPENCV_FOR_THREADS_NUM": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # Intel's library in OpenCV chooses its arithmetic by the processor: a cubic resize would make other
    # pixels elsewhere. That it is off is nothing to be warned of.
    "OPENCV_IPP": "disabled",
    "OPENCV_LOG_LEVEL": "ERROR",
}


def count_hands() -> int:
    """Return how many hands are worth having on this machine."""
    return min(os.cpu_count() or 1, _MOST_HANDS)


@contextmanager
def open_hands(
    home: Path, role: str, setup: bytes, *, count: int | None = None, look_every_s: float = INTERVAL_S
) -> Iterator[Hands]:
    """Give `count` hands, or one for each core; leaving normally makes durable what they did.

    Raises:
        StorageFailed: a hand's disk refused, or it died or hung.
    """
    hands = [_Hand(home, Setup(role, setup)) for _ in range(count or count_hands())]
    watch = HandWatch(hands, interval_s=look_every_s)
    try:
        yield Hands(hands)
        for hand in hands:  # all at once: each has a disk to wait for
            hand.say_farewell()  # where that is not said yet
        for hand in hands:
            hand.wait_until_durable()
    finally:
        for hand in hands:
            hand.end()
        watch.stop()  # last: until then each of them is waited for


class Hands:
    """Some processes that do the same kind of work; used by one thread at a time."""

    def __init__(self, hands: Sequence[_Hand]) -> None:
        self._hands = hands

    def dismiss(self) -> None:
        """Let all make durable what they did while the caller does something else; nothing is asked again.

        Raises:
            StorageFailed: a hand died.
        """
        for hand in self._hands:
            hand.say_farewell()

    def map(self, messages: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the answer to each message, in order; messages are drawn a little ahead.

        Raises:
            StorageFailed: a hand's disk refused, or it died.
        """
        free: SimpleQueue[_Hand] = SimpleQueue()
        for hand in [*self._hands] * _MOST_ASKED:
            free.put(hand)
        ahead = _MOST_ASKED * len(self._hands)
        pending: deque[Future[bytes]] = deque()
        try:
            for message in messages:
                hand = free.get()
                answer = hand.ask(message)
                answer.add_done_callback(partial(_release, free, hand))
                pending.append(answer)
                if len(pending) > ahead:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            wait(pending)  # nobody reads from a pipe that is closed


def _release(free: SimpleQueue[_Hand], hand: _Hand, _: Future[bytes]) -> None:
    free.put(hand)


class _Hand:
    """One process and the two pipes to it."""

    def __init__(self, home: Path, setup: Setup) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mlwf_tui.hand", str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **_ENVIRONMENT},
        )
        assert self._process.stdin is not None  # Popen was asked for the pipes
        assert self._process.stdout is not None
        self._source, self._sink = self._process.stdout, self._process.stdin
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="hand")  # so answers come in their order
        self._is_dismissed = False
        self._is_hung = False
        self._asked_count = 0
        self.answer_count = 0
        self.pid = self._process.pid
        self._send(setup.encode())

    @property
    def owes_answer(self) -> bool:
        """Whether it was sent more than it has answered."""
        return self._asked_count > self.answer_count

    def give_up(self) -> None:
        """Kill it; whoever waits for it is told that it hung."""
        self._is_hung = True
        self._process.kill()

    def ask(self, message: bytes) -> Future[bytes]:
        """Send a message behind those that are not answered yet."""
        self._asked_count += 1
        with suppress(StorageFailed):  # it ended; what it last said is why
            self._send(message)
        return self._reader.submit(self._receive)

    def say_farewell(self) -> None:
        """Let the hand make durable what it did, and end; once is enough."""
        if not self._is_dismissed:
            self._asked_count += 1
            self._send(b"")
            self._is_dismissed = True

    def wait_until_durable(self) -> None:
        """Wait for what follows a farewell."""
        self._receive()

    def end(self) -> None:
        """End the process, whatever it does."""
        self._reader.shutdown()
        for pipe in (self._sink, self._source):
            try:
                pipe.close()
            except OSError:  # what was left to send has nobody to read it
                continue
        try:
            self._process.wait(_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _send(self, message: bytes) -> None:
        try:
            send(self._sink, message)
        except OSError as error:
            raise self._describe_death() from error

    def _receive(self) -> bytes:
        message = receive(self._source)
        if message is None:
            raise self._describe_death()
        self.answer_count += 1
        answer = Answer.decode(message)
        if answer.error:
            raise StorageFailed(answer.error, hint=answer.hint)
        return answer.body

    def _describe_death(self) -> StorageFailed:
        if self._is_hung:
            return StorageFailed(
                f"A process that did a part of the work stood still for {_HUNG_MIN:.0f} minutes.",
                hint="Nothing was changed. See whether the disks answer: mlwf doctor. Then run it again.",
            )
        return StorageFailed(
            "A process that did a part of the work ended early.",
            hint="Nothing was changed. Run it again; if it was killed for memory, close other programs.",
        )
