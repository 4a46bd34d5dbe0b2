"""The processes of hands: one loads what its role needs, the others are copies of it; not a verb."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from mlwf_tui.entities.run import ProcessIdentity
from mlwf_tui.processes import send_signal
from mlwf_tui.workflow.pipes import open_pipe

_TIMEOUT_S = 10.0  # to end after a farewell
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


class HandProcesses:
    """Processes that get ready to be hands of one role, and the two pipes to each. Used in a `with`.

    To load a role takes 75 ms of a core, to copy a process that has little. Until it is sent a first message
    none does anything, so they may be started before it is known what for.
    """

    def __init__(self, home: Path, role: str, *, count: int) -> None:
        self.pipes: list[tuple[IO[bytes], IO[bytes]]] = []  # to read from, to write to
        theirs: list[int] = []  # the ends that copies have
        try:
            for _ in range(count - 1):
                messages, sink = open_pipe()
                theirs.append(messages)
                mine = os.fdopen(sink, "wb")
                source, answers = open_pipe()
                theirs.append(answers)
                self.pipes.append((os.fdopen(source, "rb"), mine))
            self._first = subprocess.Popen(
                [sys.executable, "-m", "mlwf_tui.hand", str(home), role, *map(str, theirs)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=theirs,
                env={**os.environ, **_ENVIRONMENT},
            )
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        assert self._first.stdin is not None  # Popen was asked for the pipes
        assert self._first.stdout is not None
        self.pipes.insert(0, (self._first.stdout, self._first.stdin))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    @property
    def pid(self) -> int:
        """Of the first."""
        return self._first.pid

    def end(self, copies: Iterable[ProcessIdentity] = ()) -> None:
        """End them all: they do when their pipes are closed, or are killed where that takes long.

        The first waits for its copies as it ends.
        """
        for pipe in (pipe for pair in self.pipes for pipe in reversed(pair)):
            with suppress(OSError):  # what was left to send has nobody to read it
                pipe.close()
        try:
            self._first.wait(_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            for copy in copies:
                send_signal(copy, signal.SIGKILL)
            self._first.kill()
            self._first.wait()
