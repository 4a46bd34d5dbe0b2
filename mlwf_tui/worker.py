"""The worker: one process that does one claimed run; `python -m mlwf_tui.worker HOME RUN_ID`.

Its supervisor has started it; SIGTERM asks it to stop, SIGUSR1 to pause at the next checkpoint, SIGUSR2
to pause at once, SIGTSTP to stand still until SIGCONT.
"""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
import traceback
from pathlib import Path
from types import FrameType
from typing import IO

from mlwf_tui import processes
from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.errors import Cancelled, Conflict, InvalidInput, MlwfError, Paused, StorageFailed
from mlwf_tui.workflow.perform import (
    begin_claimed,
    end_orphan,
    is_asked_to_stop,
    note_pause,
    perform,
    stand_still,
)
from mlwf_tui.workflow.running.events import FILE_NAME, EventWriter
from mlwf_tui.workflow.running.follow import rotating_log
from mlwf_tui.workflow.running.metering import metering
from mlwf_tui.workflow.running.progress_log import ProgressLog
from mlwf_tui.workflow.running.settle import DISK_REFUSED
from mlwf_tui.workspace import Workspace, has_catalog, open_workspace

logger = logging.getLogger(__name__)
_OF_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)
DONE, FAILED, UNFIT, NOT_OURS, INTERRUPTED = 0, 1, 2, 5, 130


class Wishes:
    """What signals have asked for; the work looks at it between two steps and ends cleanly."""

    def __init__(self) -> None:
        self.number = 0
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTSTP):
            signal.signal(number, self._set)

    def _set(self, number: int, frame: FrameType | None) -> None:
        if self.number not in (signal.SIGTERM, signal.SIGINT):
            self.number = number

    def check(self, workspace: Workspace, run: Run) -> None:
        """Raise what was asked for: Cancelled, or Paused.

        A SIGTERM that no person's stop has sent comes from a machine that is shut down, or from a limit:
        the run is let go of as it is, to be resumed.
        """
        match self.number:
            case signal.SIGTSTP:
                self.number = 0
                stand_still(workspace, run)
            case signal.SIGUSR1:
                raise Paused("The run was asked to pause.")
            case signal.SIGUSR2:
                raise Paused("The run was asked to pause at once.", is_urgent=True)
            case signal.SIGTERM | signal.SIGINT:
                if is_asked_to_stop(workspace, run):
                    raise Cancelled("The run was asked to stop.")
                raise Paused("The process was ended from outside.", is_urgent=True)


class Tolerant:
    """A text stream that loses what cannot be written: work of hours must not fail for its log."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError:
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            return

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


def main(arguments: list[str]) -> int:
    """Do one claimed run, and return how it went.

    0 done, 1 failed, 2 cannot be done so, 5 not ours to do, 74 the disk refused, 130 interrupted.
    """
    sys.stdout, sys.stderr = Tolerant(sys.stdout), Tolerant(sys.stderr)
    home, run_id = Path(arguments[0]), arguments[1]
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    supervisor = os.getppid()
    wishes = Wishes()
    if not has_catalog(home):
        logger.error("There is no home at %s any more, and none is made here.", home)
        return FAILED
    with open_workspace(home) as workspace:
        try:
            run = begin_claimed(workspace, run_id, processes.identify_self())
        except Conflict as error:
            logger.error("%s It is not started again.", error.message)
            return NOT_OURS
        exit_code = _do_run(workspace, run, wishes)
        if os.getppid() != supervisor:  # nobody else would say so, and start what waits
            end_orphan(workspace, run, exit_code)
        return exit_code


def _do_run(workspace: Workspace, run: Run, wishes: Wishes) -> int:
    logger.info("%s %s begins", run.verb, run.id)
    try:
        with (
            metering(workspace, run, os.environ),
            rotating_log(workspace, run.id),
            (workspace.run_folder(run.id) / FILE_NAME).open("ab") as file,
            EventWriter(file, check=lambda: wishes.check(workspace, run)) as writer,
        ):
            perform(workspace, run, ProgressLog(run.verb, writer))
        state = workspace.catalog.runs.get(run.id).state
        logger.info("%s %s is %s", run.verb, run.id, state)
        return INTERRUPTED if state is RunState.STOPPED else DONE
    except Paused as pause:
        note_pause(workspace, run)
        logger.info("%s %s is let go of: %s", run.verb, run.id, pause.message)
        return INTERRUPTED
    except Cancelled:
        logger.info("%s %s was stopped", run.verb, run.id)
        return INTERRUPTED
    except MlwfError as error:
        logger.error("%s %s", error.message, error.hint)
        return UNFIT if isinstance(error, InvalidInput) else DISK_REFUSED if _is_of_disk(error) else FAILED
    except Exception as error:  # the worker is one of the three places where everything is caught
        traceback.print_exc()
        return DISK_REFUSED if _is_of_disk(error) else FAILED


def _is_of_disk(error: BaseException | None) -> bool:
    """Whether the disk is the cause of an error, at first or at last."""
    while error is not None:
        if isinstance(error, StorageFailed) or (isinstance(error, OSError) and error.errno in _OF_DISK):
            return True
        error = error.__cause__ or error.__context__
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
