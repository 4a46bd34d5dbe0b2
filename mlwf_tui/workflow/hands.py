"""Spreads work over processes of our own: Python's lock lets one process use one core only.

A hand is `python -m mlwf_tui.hand HOME`. It takes messages on its standard input and answers each on
its standard output. Where the input ends without a farewell it drops what it has not made durable and
ends, so none outlives the process that it works for.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import IO

import msgspec

from mlwf_tui.errors import MlwfError, StorageFailed

_MOST_HANDS = 8
_TIMEOUT_S = 10.0  # to end after a farewell
_LENGTH = struct.Struct("<I")
_KEEP_MEMORY = {
    # glibc gives each batch of images back to the system and gets it again page by page, which takes
    # twice as long as reading them; ignored by other C libraries.
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
}

Work = Callable[[bytes], bytes]
"""Does one message's work and returns the answer."""
Role = Callable[[Path, bytes], AbstractContextManager[Work]]
"""What a hand can be: opened with the home and the setup; left normally, it makes its work durable."""


class _Setup(msgspec.Struct, array_like=True, frozen=True):
    role: str
    setup: bytes


class _Answer(msgspec.Struct, array_like=True, frozen=True):
    """What a hand says to each message: its work's answer, or what went wrong."""

    body: bytes = b""
    error: str = ""
    hint: str = ""


_encoder = msgspec.msgpack.Encoder()
_setup_decoder = msgspec.msgpack.Decoder(_Setup)
_answer_decoder = msgspec.msgpack.Decoder(_Answer)


def count_hands() -> int:
    """Return how many hands are worth having on this machine."""
    return min(os.cpu_count() or 1, _MOST_HANDS)


@contextmanager
def open_hands(home: Path, role: str, setup: bytes) -> Iterator[Hands]:
    """Give a hand for each core; leaving normally makes durable what they did.

    Raises:
        StorageFailed: a hand's disk refused, or it died.
    """
    hands = [_Hand(home, _Setup(role, setup)) for _ in range(count_hands())]
    try:
        yield Hands(hands)
        for hand in hands:  # all at once: each has a disk to wait for
            hand.say_farewell()
        for hand in hands:
            hand.wait_until_durable()
    finally:
        for hand in hands:
            hand.end()


class Hands:
    """Some processes that do the same kind of work; used by one thread at a time."""

    def __init__(self, hands: Sequence[_Hand]) -> None:
        self._hands = hands

    def map(self, messages: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the answer to each message, in order; messages are drawn a little ahead.

        Raises:
            StorageFailed: a hand's disk refused, or it died.
        """
        idle: SimpleQueue[_Hand] = SimpleQueue()
        for hand in self._hands:
            idle.put(hand)

        def ask(message: bytes) -> bytes:
            hand = idle.get()
            try:
                return hand.ask(message)
            finally:
                idle.put(hand)

        ahead = 2 * len(self._hands)
        pending: deque[Future[bytes]] = deque()
        with ThreadPoolExecutor(len(self._hands), thread_name_prefix="hand") as threads:
            for message in messages:
                pending.append(threads.submit(ask, message))
                if len(pending) > ahead:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()


class _Hand:
    """One process and the two pipes to it."""

    def __init__(self, home: Path, setup: _Setup) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mlwf_tui.hand", str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **_KEEP_MEMORY},
        )
        assert self._process.stdin is not None  # Popen was asked for the pipes
        assert self._process.stdout is not None
        self._source, self._sink = self._process.stdout, self._process.stdin
        self._send(_encoder.encode(setup))

    def ask(self, message: bytes) -> bytes:
        self._send(message)
        return self._receive()

    def say_farewell(self) -> None:
        """Let the hand make durable what it did, and end."""
        self._send(b"")

    def wait_until_durable(self) -> None:
        """Wait for what follows a farewell."""
        self._receive()

    def end(self) -> None:
        """End the process, whatever it does."""
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
            _send(self._sink, message)
        except OSError as error:
            raise _describe_death() from error

    def _receive(self) -> bytes:
        message = _receive(self._source)
        if message is None:
            raise _describe_death()
        answer = _answer_decoder.decode(message)
        if answer.error:
            raise StorageFailed(answer.error, hint=answer.hint)
        return answer.body


def serve(home: Path, roles: Mapping[str, Role], source: IO[bytes], sink: IO[bytes]) -> None:
    """Be a hand: answer messages until the farewell, an empty one.

    Where the messages end without one, nothing more becomes durable.
    """
    first = _receive(source)
    if first is None:
        return
    setup = _setup_decoder.decode(first)
    try:
        with roles[setup.role](home, setup.setup) as work:
            _answer_all(work, source, sink)
        answer = _Answer()
    except MlwfError as error:
        answer = _Answer(error=error.message, hint=error.hint)
    except _Deserted:
        return
    _send(sink, _encoder.encode(answer))


class _Deserted(Exception):
    """The process that the hand works for is gone."""


def _answer_all(work: Work, source: IO[bytes], sink: IO[bytes]) -> None:
    while True:
        message = _receive(source)
        if message is None:
            raise _Deserted
        if not message:
            return
        _send(sink, _encoder.encode(_Answer(work(message))))


def _send(pipe: IO[bytes], message: bytes) -> None:
    pipe.write(_LENGTH.pack(len(message)) + message)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> bytes | None:
    """Return the next message, None where the pipe has ended."""
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    size = _LENGTH.unpack(head)[0]
    message = pipe.read(size)
    return message if len(message) == size else None


def _describe_death() -> StorageFailed:
    return StorageFailed(
        "A process that did a part of the work ended early.",
        hint="Nothing was changed. Run it again; if it was killed for memory, close other programs.",
    )
