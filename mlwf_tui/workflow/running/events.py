"""The event file of a run: progress and metrics as JSON lines, written by its worker, read by all."""

from __future__ import annotations

import errno
import fcntl
import math
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal, Protocol

import msgspec

from mlwf_tui.entities.run import MetricPoint, Progress
from mlwf_tui.errors import StorageFailed
from mlwf_tui.store.locks import try_lock

FILE_NAME = "events.jsonl"
BATCH_S = 0.05  # what comes within it is one write: at 10,000 points a second, twenty writes of 45 KB
PROGRESS_INTERVAL_S = 0.1  # a training writes thousands of steps a minute; a person sees ten a second
TURN_S = 10.0  # others hold the file for as long as a write takes, unless they were stopped in it
TURN_POLL_S = 0.002
READ_LIMIT_BYTES = 4 << 20  # a follower takes at most this much a poll, and the rest next time


class BeginEvent(msgspec.Struct, tag_field="type", tag="begin"):
    """A process begins to write: for the first time, or to go on from a checkpoint."""

    at: float


class ProgressEvent(msgspec.Struct, tag_field="type", tag="progress"):
    """How far the run has come."""

    step: int
    total: int | None
    message: str
    at: float


class MetricEvent(msgspec.Struct, tag_field="type", tag="metric"):
    """One point; JSON has no numbers for what is not finite: `value` is None for NaN, else a word."""

    key: str
    value: float | Literal["inf", "-inf"] | None
    step: int
    at: float


Event = BeginEvent | ProgressEvent | MetricEvent
_decoder = msgspec.json.Decoder(Event)


class Numbering(Protocol):
    """What gives points their steps where several processes write one file."""

    def admit(self, point: MetricEvent, step: int | None) -> None:
        """Give a point that waits its step. Raises InvalidParameter."""

    def settle(self, size_bytes: int) -> bytes:
        """Return the lines of all that waits, after what others have written; the file is locked."""

    def note_end(self, size_bytes: int) -> None:
        """Hear where the file ends now; it is still locked."""


class EventWriter:
    """An Observer that appends to a run's event file, from any thread.

    One process writes, or with `numbering` several, each by a writer of its own.

    What comes within a twentieth of a second is one write. The first of a batch is written at once, the
    rest by a thread that lives for that moment; a process that ends by itself waits for it, and one that
    is killed loses at most the last batch. Close it, or use it with `with`,
    before the run is closed. Without `begins` it adds to what another process began.
    """

    def __init__(
        self,
        file: IO[bytes],
        *,
        check: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
        begins: bool = True,
        numbering: Numbering | None = None,
    ) -> None:
        self._numbering = numbering
        self._descriptor = os.dup(file.fileno())  # its own: the thread may outlive the file object
        self._check = check
        self._clock = clock
        self._encoder = msgspec.json.Encoder()
        self._lock = threading.Lock()
        self._pending = bytearray()
        self._thread: threading.Thread | None = None
        self._is_closing = threading.Event()
        self._written_at = -math.inf  # by the monotonic clock
        self._progress_at = -math.inf
        self._failure: OSError | None = None
        self._has_points = False  # that may not be written yet
        if os.fstat(self._descriptor).st_size:
            self._pending += b"\n"  # ends a line that a killed process may have left torn
        if begins:
            self._pending += self._encoder.encode(BeginEvent(at=clock())) + b"\n"  # goes with the first event

    def progress(self, step: int, total: int | None, message: str) -> None:
        """Say how far the run is; at most ten a second are kept, and the last.

        Raises:
            StorageFailed: what was said before could not be written.
        """
        now = self._clock()
        if 0 <= now - self._progress_at < PROGRESS_INTERVAL_S and step != total:
            return
        self._progress_at = now
        self._append(ProgressEvent(step=step, total=total, message=message, at=now))

    def metric(self, key: str, value: float, step: int) -> None:
        """Keep one point, for some three microseconds.

        Raises:
            StorageFailed: what was said before could not be written.
        """
        self._append(self._make_point(key, value, step))

    def number(self, key: str, value: float, step: int | None) -> int:
        """Keep one point, and return the step it has so far: others may have gone on meanwhile.

        Raises:
            InvalidParameter: `numbering` refuses it.
            StorageFailed: what was said before could not be written.
        """
        assert self._numbering is not None, "only one of several writers numbers"
        point = self._make_point(key, value, 0)
        self._raise_failure()
        with self._lock:
            self._numbering.admit(point, step)
            self._write_soon()
        return point.step

    def check_cancelled(self) -> None:
        """Let `check` raise what was asked for; what was measured before is written, whatever comes now.

        Raises:
            StorageFailed: it cannot be written.
        """
        if self._has_points:
            self.flush()
        self._check()

    def flush(self) -> None:
        """Write all that was said so far.

        Raises:
            StorageFailed: it cannot be written.
        """
        with self._lock:
            self._write()
            self._has_points = False
        self._raise_failure()

    def close(self) -> None:
        """Write what is left, and let go of the file."""
        thread = self._thread
        if thread is not None:
            self._is_closing.set()
            thread.join()
        if self._descriptor >= 0:
            self.flush()
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> EventWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _make_point(self, key: str, value: float, step: int) -> MetricEvent:
        self._has_points = True
        told = value if math.isfinite(value) else _name_number(value)
        return MetricEvent(key=key, value=told, step=step, at=self._clock())

    def _append(self, event: Event) -> None:
        line = self._encoder.encode(event)
        self._raise_failure()
        with self._lock:
            self._pending += line
            self._pending += b"\n"
            self._write_soon()

    def _write_soon(self) -> None:
        """Write the batch at once, or see that it is written in a moment; the lock is held."""
        if self._thread is not None:
            return
        if time.monotonic() - self._written_at >= BATCH_S:
            self._write()
            return
        self._thread = threading.Thread(target=self._write_later, name="metrics")
        self._thread.start()

    def _write_later(self) -> None:
        self._is_closing.wait(BATCH_S)
        with self._lock:
            self._thread = None
            self._write()

    def _write(self) -> None:
        """Write the batch, the lock held; what does not fit on the disk stays for the next try."""
        self._written_at = time.monotonic()
        try:
            if self._numbering is None:
                self._write_pending()
                return
            with _hold_turn(self._descriptor):
                self._pending += self._numbering.settle(os.fstat(self._descriptor).st_size)
                try:
                    self._write_pending()
                finally:
                    self._numbering.note_end(os.fstat(self._descriptor).st_size)
        except OSError as error:
            self._failure = error

    def _write_pending(self) -> None:
        while self._pending:
            del self._pending[: os.write(self._descriptor, self._pending)]

    def _raise_failure(self) -> None:
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise StorageFailed(
                f"The run's metrics cannot be written: {failure.strerror or failure}.",
                hint="Free some space on the home's disk, then resume the run.",
            ) from failure


def _name_number(value: float) -> Literal["inf", "-inf"] | None:
    """Return the word for an infinite number, None for what is none."""
    if math.isnan(value):
        return None
    return "inf" if value > 0 else "-inf"


@contextmanager
def _hold_turn(descriptor: int) -> Iterator[None]:
    """Hold the lock of an event file that several processes write. Raises OSError where it cannot be had."""
    deadline = time.monotonic() + TURN_S
    while not try_lock(descriptor):
        if time.monotonic() > deadline:
            raise TimeoutError(errno.ETIMEDOUT, f"another process holds them for {TURN_S:.0f} s")
        time.sleep(TURN_POLL_S)  # flock has no timeout of its own
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


@dataclass(slots=True)
class EventReader:
    """Reads what was appended to a run's event file since the last call."""

    path: Path
    offset: int = 0
    limit_bytes: int = READ_LIMIT_BYTES
    is_behind: bool = False  # there is more than the last call could take
    attempt: int = 0  # how many processes have begun to write so far
    on_progress: Callable[[Progress], None] = field(default=lambda progress: None)  # each, not the last only

    def read_new(self) -> tuple[Progress | None, tuple[MetricPoint, ...]]:
        """Return the latest progress and all new metrics; a half-written last line waits."""
        try:
            size = os.stat(self.path).st_size  # noqa: PTH116 - these take a third of pathlib's time, for 50 files four times a second
            if size < self.offset:
                self.offset = self.attempt = 0  # cut short by somebody: what is there now is told anew
            if size == self.offset:
                return None, ()
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                # No more than there is: a buffer of the whole limit is mapped and unmapped, 30 µs a file.
                lines = os.pread(descriptor, min(self.limit_bytes, size - self.offset), self.offset)
            finally:
                os.close(descriptor)
        except FileNotFoundError:
            return None, ()
        complete = lines[: lines.rfind(b"\n") + 1]
        if not complete and len(lines) == self.limit_bytes:
            complete = lines  # a line longer than any of ours: it is passed over piece by piece
        self.offset += len(complete)
        self.is_behind = self.offset < size and len(lines) == self.limit_bytes
        return self._sort(complete)

    def _sort(self, lines: bytes) -> tuple[Progress | None, tuple[MetricPoint, ...]]:
        progress: Progress | None = None
        points: list[MetricPoint] = []
        for event in _iter_events(lines):
            if isinstance(event, MetricEvent):
                value = math.nan if event.value is None else float(event.value)
                point = MetricPoint(
                    key=event.key, value=value, step=event.step, at=event.at, attempt=self.attempt
                )
                points.append(point)
            elif isinstance(event, ProgressEvent):
                progress = Progress(step=event.step, total=event.total, message=event.message, at=event.at)
                self.on_progress(progress)
            else:
                self.attempt += 1
        return progress, tuple(points)


def iter_points(folder: Path) -> Iterator[MetricPoint]:
    """Yield all metrics of the run whose folder this is, in the order they were written."""
    reader = EventReader(folder / FILE_NAME)
    before = -1
    while reader.offset != before:
        before = reader.offset
        yield from reader.read_new()[1]


def read_metrics(folder: Path) -> tuple[MetricPoint, ...]:
    """Return all metrics of the run whose folder this is, in the order they were written."""
    return tuple(iter_points(folder))


def _iter_events(lines: bytes) -> Iterator[Event]:
    decode = _decoder.decode
    for line in lines.splitlines():
        try:
            event = decode(line)
        except msgspec.DecodeError:
            continue  # a line torn by a kill or a full disk, or of a kind that this program does not know
        yield event
