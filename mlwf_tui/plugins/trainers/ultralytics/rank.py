"""One of the processes of a training on several devices; torchrun starts it with its number in RANK."""

from __future__ import annotations

import logging
import math
import os
import signal
import sys
import time
from functools import partial
from pathlib import Path
from types import TracebackType

from mlwf_tui.errors import Cancelled, MlwfError, Paused
from mlwf_tui.plugins.trainers.ultralytics.launcher import LAUNCHER_PID, die_with_parent
from mlwf_tui.plugins.trainers.ultralytics.library import prepare_library
from mlwf_tui.plugins.trainers.ultralytics.messages import (
    ANSWERS,
    Ask,
    Failure,
    Finished,
    LetGo,
    Measured,
    Message,
    Went,
    encode,
    read_request,
    write_failure,
)

PROGRESS_S = 0.1


class RankObserver:
    """The observer of one process: the first one speaks to who watches, the others are silent.

    What a person wants is raised by all of them after the same batch, since one that ended alone would
    leave the others waiting for it. `agree` finds it; `check_cancelled` raises what was agreed on.
    """

    def __init__(self, folder: Path, rank: int) -> None:
        self._agreed = 0
        self._told_at_s = -math.inf
        self._rank = rank
        if rank == 0:
            self._telling = os.open(folder / "told", os.O_WRONLY)
            self._hearing = os.open(folder / "answers", os.O_RDONLY)

    def progress(self, step: int, total: int | None, message: str) -> None:
        """Say how far it has come, at most ten times a second."""
        now_s = time.monotonic()
        if self._rank == 0 and (now_s - self._told_at_s >= PROGRESS_S or step == total):
            self._told_at_s = now_s
            self.tell(Went(step, total, message))

    def metric(self, key: str, value: float, step: int) -> None:
        """Report one measured value."""
        if self._rank == 0:
            self.tell(Measured(key, value if math.isfinite(value) else None, step))

    def check_cancelled(self) -> None:
        """Raise what all processes have agreed on; the first one also has written what it has told."""
        if self._rank == 0:
            self.ask()
        if self._agreed == int(ANSWERS["stop"]):
            raise Cancelled("The training was asked to stop.")
        if self._agreed:
            is_urgent = self._agreed == int(ANSWERS["pause at once"])
            raise Paused("The training was asked to pause.", is_urgent=is_urgent)

    def agree(self, wanted: int) -> None:
        """Note what all processes will do."""
        self._agreed = max(self._agreed, wanted)

    def ask(self) -> int:
        """Return what a person wants now; the first process alone can ask."""
        self.tell(Ask())
        answer = os.read(self._hearing, 1)
        if not answer:
            raise BrokenPipeError("nobody watches the training any more")
        return int(answer)

    def tell(self, message: Message) -> None:
        """Say something to who watches; what does not fit into the pipe waits for its reader."""
        data = encode(message)
        while data:
            data = data[os.write(self._telling, data) :]


def main(arguments: list[str]) -> int:
    """Do this process's part of the training."""
    die_with_parent(signal.SIGKILL)
    if os.getppid() != int(os.environ[LAUNCHER_PID]):  # it was killed while this process began
        return 1
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    folder, rank = Path(arguments[0]), int(os.environ["RANK"])
    sys.excepthook = partial(_note_failure, folder, rank)
    _fit(folder, rank)
    return 0


def _fit(folder: Path, rank: int) -> None:
    request = read_request(folder)
    observer = RankObserver(folder, rank)
    prepare_library(folder / f"library-{rank}")  # its settings are a file that processes must not share
    from mlwf_tui.plugins.trainers.ultralytics.fit import fit
    from mlwf_tui.plugins.trainers.ultralytics.ranks import join_ranks

    join_ranks(observer)
    try:
        result = fit(request, observer)
    except Paused as pause:
        if rank == 0:
            observer.tell(LetGo(pause.message))
        return
    if rank == 0:
        observer.tell(Finished(result))


def _note_failure(
    folder: Path, rank: int, kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Leave what the process has failed with to who watches, and its traceback to the log."""
    message, hint = f"{kind.__name__}: {error}", "The run's log has the details."
    if isinstance(error, MlwfError):
        message, hint = error.message, error.hint
    write_failure(folder, Failure(rank=rank, at=time.time(), kind=kind.__name__, message=message, hint=hint))
    sys.__excepthook__(kind, error, trace)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
