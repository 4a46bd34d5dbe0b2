"""Spreads work over processes of our own: Python's lock lets one process use one core only.

A hand is `python -m mlwf_tui.hand HOME ROLE`, or a copy of it, told what to do by messages (see messages.py).
"""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import IO, TYPE_CHECKING

from mlwf_tui.entities.run import ProcessIdentity
from mlwf_tui.errors import StorageFailed
from mlwf_tui.processes import identify, send_signal
from mlwf_tui.workflow.hand_watch import INTERVAL_S, PATIENCE, HandWatch
from mlwf_tui.workflow.messages import Answer, receive, send

if TYPE_CHECKING:
    from mlwf_tui.workflow.hand_processes import HandProcesses

FEWEST_FOR_HANDS = 600
"""Starting processes takes as long as reading so many items."""
_MOST_HANDS = 8
_MOST_ASKED = 2
"""Messages that a hand has at once: it goes on with the next while this process is busy with other things."""
_HUNG_MIN = INTERVAL_S * PATIENCE / 60


def count_hands() -> int:
    """Return how many hands are worth having on this machine."""
    return min(os.cpu_count() or 1, _MOST_HANDS)


@contextmanager
def open_hands(
    home: Path,
    role: str,
    setup: bytes,
    *,
    count: int | None = None,
    processes: HandProcesses | None = None,
    look_every_s: float = INTERVAL_S,
) -> Iterator[Hands]:
    """Give `count` hands, or one for each core; leaving normally makes durable what they did.

    `processes` of this home and role may have been started before.

    Raises:
        StorageFailed: a hand's disk refused, or it died or hung.
    """
    from mlwf_tui.workflow.hand_processes import HandProcesses  # what turns out to be small does without

    with processes or HandProcesses(home, role, count=count or count_hands()) as own:
        hands = [_Hand(own, *pipes) for pipes in own.pipes]
        watch = HandWatch(hands, interval_s=look_every_s)
        try:
            for hand in hands:
                hand.begin(setup)
            yield Hands(hands)
            for hand in hands:  # all at once: each has a disk to wait for
                hand.say_farewell()  # where that is not said yet
            for hand in hands:
                hand.wait_until_durable()
        finally:
            for hand in hands:
                hand.close()
            own.end([hand.process for hand in hands if hand.process])
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
    """One of some processes and the two pipes to it."""

    def __init__(self, processes: HandProcesses, source: IO[bytes], sink: IO[bytes]) -> None:
        self._processes = processes
        self._source, self._sink = source, sink
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="hand")  # so answers come in their order
        self._is_dismissed = False
        self._is_hung = False
        self._asked_count = 1  # who it is
        self.answer_count = 0
        self.process: ProcessIdentity | None = None  # once it has said who it is
        self._greeting = self._reader.submit(self._meet)

    @property
    def pid(self) -> int:
        """Its own, or that of the first, which it is a copy of, as long as it is not known."""
        return self.process.pid if self.process else self._processes.pid

    @property
    def owes_answer(self) -> bool:
        """Whether it was sent more than it has answered."""
        return self._asked_count > self.answer_count

    def give_up(self) -> None:
        """Kill it; whoever waits for it is told that it hung."""
        self._is_hung = True
        if process := self.process or identify(self._processes.pid):
            send_signal(process, signal.SIGKILL)

    def begin(self, setup: bytes) -> None:
        """Tell it what its role has to know.

        Raises:
            StorageFailed: it died.
        """
        self._send(setup)

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
        self._greeting.result()
        self._receive()

    def close(self) -> None:
        """Wait until nobody reads what it says."""
        self._reader.shutdown()

    def _meet(self) -> None:
        self.process = identify(int(self._receive()))

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
