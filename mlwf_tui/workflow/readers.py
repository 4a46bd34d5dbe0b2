"""Spreads the reading of items over processes: Python's lock lets one process use one core only.

A reader process is `python -m mlwf_tui.reader HOME`. It takes messages on its standard input and
answers on its standard output. Where the input ends without a farewell it drops what it has not made
durable and ends, so none outlives the importing process.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any

import msgspec

from mlwf_tui.errors import MlwfError, StorageFailed
from mlwf_tui.protocols import Importer
from mlwf_tui.registry import Registry
from mlwf_tui.store.store import Store
from mlwf_tui.store.writer import StoreWriter
from mlwf_tui.workflow.reading import ItemReader, Reading, Task
from mlwf_tui.workspace import Workspace

FEWEST_FOR_PROCESSES = 600
"""Starting the processes takes as long as reading so many items."""
_MOST_PROCESSES = 8
_BATCH = 32
_TIMEOUT_S = 10.0  # to end after a farewell or a kill
_LENGTH = struct.Struct("<I")


class Hello(msgspec.Struct, frozen=True):
    """What a reader process is told first; see `Importer.read_key` for the key."""

    importer: str
    root: bytes  # a path may hold any byte
    key: Any


class Answer(msgspec.Struct, frozen=True):
    """What a reader process says to each message: readings, or what went wrong."""

    readings: tuple[Reading, ...] = ()
    error: str = ""
    hint: str = ""


_encoder = msgspec.msgpack.Encoder()
_answer_decoder = msgspec.msgpack.Decoder(Answer)
_hello_decoder = msgspec.msgpack.Decoder(Hello)
_tasks_decoder = msgspec.msgpack.Decoder(list[Task])


@contextmanager
def open_readers(
    workspace: Workspace, writer: StoreWriter, importer: Importer, root: Path, key: Any, *, expected: int
) -> Iterator[Readers]:
    """Give what reads about `expected` items of a folder: in this process, or in one for each core.

    Leaving it normally makes durable what other processes have stored.
    """
    count = min(os.cpu_count() or 1, _MOST_PROCESSES)
    if expected < FEWEST_FOR_PROCESSES or count == 1:
        yield Readers(ItemReader(writer, importer, str(root), key), ())
        return
    hello = Hello(importer.name, os.fsencode(root), key)
    processes = [_ReaderProcess(workspace.home, hello) for _ in range(count)]
    try:
        yield Readers(None, processes)
        for process in processes:
            process.finish()
    finally:
        for process in processes:
            process.end()


class Readers:
    """Reads tasks and yields their readings in order; used by one thread at a time."""

    def __init__(self, own: ItemReader | None, processes: Sequence[_ReaderProcess]) -> None:
        self._own = own
        self._processes = processes

    def read(self, tasks: Iterable[Task]) -> Iterator[Reading]:
        """Yield one reading a task, in order; tasks are drawn a little ahead.

        Raises:
            StorageFailed: the disk refused, or a reader process died.
        """
        if self._own is not None:
            yield from map(self._own.read, tasks)
            return
        idle: SimpleQueue[_ReaderProcess] = SimpleQueue()
        for process in self._processes:
            idle.put(process)

        def ask(batch: list[Task]) -> tuple[Reading, ...]:
            process = idle.get()
            try:
                return process.read(batch)
            finally:
                idle.put(process)

        ahead = 2 * len(self._processes)
        pending: deque[Future[tuple[Reading, ...]]] = deque()
        with ThreadPoolExecutor(len(self._processes), thread_name_prefix="reader") as threads:
            for batch in _iter_batches(tasks):
                pending.append(threads.submit(ask, batch))
                if len(pending) > ahead:
                    yield from pending.popleft().result()
            while pending:
                yield from pending.popleft().result()


class _ReaderProcess:
    """One reader process and the two pipes to it."""

    def __init__(self, home: Path, hello: Hello) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mlwf_tui.reader", str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._send(_encoder.encode(hello))

    def read(self, tasks: list[Task]) -> tuple[Reading, ...]:
        self._send(_encoder.encode(tasks))
        return self._receive().readings

    def finish(self) -> None:
        """Make durable what the process has stored."""
        self._send(_encoder.encode([]))
        self._receive()

    def end(self) -> None:
        """End the process, whatever it does."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _send(self, message: bytes) -> None:
        assert self._process.stdin is not None  # Popen was asked for the pipe
        try:
            send(self._process.stdin, message)
        except OSError as error:
            raise _describe_death() from error

    def _receive(self) -> Answer:
        assert self._process.stdout is not None
        message = receive(self._process.stdout)
        if message is None:
            raise _describe_death()
        answer = _answer_decoder.decode(message)
        if answer.error:
            raise StorageFailed(answer.error, hint=answer.hint)
        return answer


def serve(home: Path, source: IO[bytes], sink: IO[bytes]) -> None:
    """Be a reader process: answer messages until the farewell, an empty list of tasks.

    Where the messages end without one, nothing more becomes durable.
    """
    first = receive(source)
    if first is None:
        return
    hello = _hello_decoder.decode(first)
    try:
        with Store(home / "store") as store:
            _serve_tasks(store, hello, source, sink)
        answer = Answer()
    except MlwfError as error:
        answer = Answer(error=error.message, hint=error.hint)
    except _Deserted:
        return
    send(sink, _encoder.encode(answer))


class _Deserted(Exception):
    """The importing process is gone."""


def _serve_tasks(store: Store, hello: Hello, source: IO[bytes], sink: IO[bytes]) -> None:
    importer = Registry().get_importer(hello.importer)
    with store.writer() as writer:
        reader = ItemReader(writer, importer, os.fsdecode(hello.root), hello.key)
        while True:
            message = receive(source)
            if message is None:
                raise _Deserted
            tasks = _tasks_decoder.decode(message)
            if not tasks:
                return
            send(sink, _encoder.encode(Answer(readings=tuple(map(reader.read, tasks)))))


def send(pipe: IO[bytes], message: bytes) -> None:
    """Write one message and its length."""
    pipe.write(_LENGTH.pack(len(message)) + message)
    pipe.flush()


def receive(pipe: IO[bytes]) -> bytes | None:
    """Return the next message, None where the pipe has ended."""
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    size = _LENGTH.unpack(head)[0]
    message = pipe.read(size)
    return message if len(message) == size else None


def _describe_death() -> StorageFailed:
    return StorageFailed(
        "A process that was reading files ended early.",
        hint="Nothing was changed. Run it again; if it was killed for memory, close other programs.",
    )


def _iter_batches(tasks: Iterable[Task]) -> Iterator[list[Task]]:
    remaining = iter(tasks)
    while batch := list(islice(remaining, _BATCH)):
        yield batch
