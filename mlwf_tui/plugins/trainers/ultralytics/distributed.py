"""Trains on several devices at once: one process for each, by torchrun, watched from here as one training.

The library would start such processes by itself, by a script that it writes and pickled callbacks. They
would not know of the observer, and nobody could ask them to pause. So they are started here, run the same
`fit` as a training on one device, and speak with this process through two pipes: the first of them tells
how it goes, and asks after each batch whether it is to go on.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

import msgspec

from mlwf_tui.errors import Cancelled, InvalidInput, InvalidParameter, MlwfError, Paused, PluginError
from mlwf_tui.plugins.trainers.devices import check_batch, list_devices
from mlwf_tui.plugins.trainers.threads import count_threads
from mlwf_tui.plugins.trainers.ultralytics.messages import (
    ANSWERS,
    Ask,
    Failure,
    Finished,
    Killed,
    LetGo,
    Measured,
    Message,
    Went,
    decode,
    find_folder,
    read_failures,
    read_killed,
    write_request,
)
from mlwf_tui.plugins.trainers.ultralytics.params import build_settings
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.trainers import FitRequest, FitResult

LAUNCHER = "mlwf_tui.plugins.trainers.ultralytics.launcher"
POLL_S = 0.1
READ_BYTES = 1 << 16
END_S = 15.0  # torchrun ends its processes; after that they are killed


def fit_distributed(request: FitRequest, observer: Observer) -> FitResult:
    """Train as the request says, with one process for each of its devices; see `Trainer.fit`.

    Raises:
        InvalidParameter: the batch cannot be dealt out, or a device is not there.
        InvalidInput: there is nothing to train on.
        PluginError: one of the processes failed or was killed; none is left then.
        Paused: it was let go of, with its checkpoint.
    """
    devices = list_devices(request.params.device)
    has_gpu = devices[0].isdecimal()
    settings = build_settings(request.params, request.extra, has_gpu=has_gpu, task=request.task)
    check_batch(float(settings["batch"]), len(devices))
    request = _prepare(request)
    folder = find_folder(request.folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_request(folder, request, asdict(request.params))
    with _Pipes(folder) as pipes, _launching(folder, len(devices), has_gpu=has_gpu) as launcher:
        ended = _Following(pipes, observer, launcher).follow()
    return _conclude(ended, folder, launcher.returncode, len(devices))


def _prepare(request: FitRequest) -> FitRequest:
    """Return what each process is to do: they find the checkpoint to go on from, if any, in its place."""
    if not request.is_resumed and request.continues is None:
        return request
    from mlwf_tui.plugins.trainers.ultralytics.fit import prepare_checkpoint

    found = prepare_checkpoint(request)
    return msgspec.structs.replace(request, is_resumed=found is not None, continues=None)


class _Pipes:
    """Two named pipes: torchrun hands no open file on to what it starts."""

    def __init__(self, folder: Path) -> None:
        self._told, self._answers = folder / "told", folder / "answers"
        self._pending = b""

    def __enter__(self) -> _Pipes:
        for path in (self._told, self._answers):
            os.mkfifo(path, 0o600)
        # For both directions, so that neither opening waits and a reader never sees an end.
        self._reading = os.open(self._told, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._writing = os.open(self._answers, os.O_RDWR | os.O_CLOEXEC)
        return self

    def __exit__(self, *error: object) -> None:
        os.close(self._reading)
        os.close(self._writing)

    def read(self, timeout_s: float) -> Iterator[Message]:
        """Yield what has been told; wait for it a little."""
        if not select.select([self._reading], [], [], timeout_s)[0]:
            return
        lines = (self._pending + os.read(self._reading, READ_BYTES)).split(b"\n")
        self._pending = lines.pop()
        for line in lines:
            yield decode(line)

    def answer(self, word: bytes) -> None:
        os.write(self._writing, word)


class _Following:
    """Hands on what the first process tells, until all of them have ended."""

    def __init__(self, pipes: _Pipes, observer: Observer, launcher: subprocess.Popen[bytes]) -> None:
        self._pipes = pipes
        self._observer = observer
        self._launcher = launcher
        self._end: Finished | LetGo | None = None

    def follow(self) -> Finished | LetGo | None:
        """Return how it ended; None where it did not say.

        Raises:
            Paused: it was to be let go of at once, before it had begun.
        """
        is_asked = False
        while True:
            is_over = self._launcher.poll() is not None
            messages = list(self._pipes.read(0.0 if is_over else POLL_S))
            for message in messages:
                is_asked = is_asked or isinstance(message, Ask)
                self._take(message)
            if is_over and not messages:
                return self._end
            if not is_asked:
                self._check_early()

    def _take(self, message: Message) -> None:
        match message:
            case Went():
                self._observer.progress(message.step, message.total, message.message)
            case Measured():
                value = float("nan") if message.value is None else message.value
                self._observer.metric(message.key, value, message.step)
            case Ask():
                self._pipes.answer(self._find_answer())
            case Finished() | LetGo():
                self._end = message

    def _find_answer(self) -> bytes:
        """Have written what was told so far, and return what the person wants."""
        try:
            self._observer.check_cancelled()
        except Paused as pause:
            return ANSWERS["pause at once"] if pause.is_urgent else ANSWERS["pause"]
        except Cancelled:
            return ANSWERS["stop"]
        return ANSWERS["go on"]

    def _check_early(self) -> None:
        """Let an urgent pause through while the processes start; a stop is heard when they have begun."""
        try:
            self._observer.check_cancelled()
        except Paused as pause:
            if pause.is_urgent:
                raise
        except Cancelled:
            return


@contextmanager
def _launching(folder: Path, count: int, *, has_gpu: bool) -> Iterator[subprocess.Popen[bytes]]:
    """Start torchrun with a process for each device; none of them lives when the block is left."""
    threads = max(1, count_threads() // count)
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "GLOO_SOCKET_IFNAME": "lo",  # they are all on this machine, whatever its name leads to
        "NCCL_SOCKET_IFNAME": "lo",
        "MLWF_RANKS_ON": "gpu" if has_gpu else "cpu",
    }
    command = [sys.executable, "-m", LAUNCHER, str(folder), str(count), str(os.getpid())]
    with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL) as launcher:
        try:
            yield launcher
        finally:
            _end(launcher)


def _end(launcher: subprocess.Popen[bytes]) -> None:
    if launcher.poll() is None:
        launcher.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            launcher.wait(END_S)
    if launcher.poll() is None:
        launcher.kill()  # the kernel then kills the processes below, which have asked for it


def _conclude(ended: Finished | LetGo | None, folder: Path, exit_code: int | None, count: int) -> FitResult:
    """Return the result, or raise the first failure of a process: the others only followed it."""
    if isinstance(ended, LetGo):
        raise Paused(ended.message, is_urgent=True)
    killed = read_killed(folder)
    if killed:  # before what the others said: they lost it in the middle of a message
        raise PluginError(_tell_killed(killed, count), hint="mlwf resume goes on from its last checkpoint.")
    failures = read_failures(folder)
    if failures:
        raise _make_error(failures, count)
    if ended is None or exit_code != 0:
        raise PluginError(
            f"The {count} processes of the training ended without a word (exit code {exit_code}).",
            hint="The run's log has the details.",
        )
    return ended.result


def _make_error(failures: Sequence[Failure], count: int) -> MlwfError:
    first = failures[0]
    kinds: dict[str, type[MlwfError]] = {"InvalidInput": InvalidInput, "InvalidParameter": InvalidParameter}
    if first.kind in kinds:
        return kinds[first.kind](first.message, hint=first.hint)
    return PluginError(f"{first.message} (process {first.rank + 1} of {count})", hint=first.hint)


def _tell_killed(killed: Sequence[Killed], count: int) -> str:
    first = killed[0]
    how = f"by {first.signal}" if first.signal else f"with exit code {first.exit_code}"
    memory = ", as when memory runs out" if first.signal == "SIGKILL" else ""
    return f"Process {first.rank + 1} of {count} of the training was ended {how}{memory}; so were the others."
