"""The worker: one process that does one run, started detached; `python -m mlwf_tui.worker HOME RUN_ID`."""

from __future__ import annotations

import logging
import signal
import sys
import traceback
from pathlib import Path
from types import FrameType

from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.errors import Cancelled, Conflict, MlwfError
from mlwf_tui.workflow import processes
from mlwf_tui.workflow.events import FILE_NAME, EventWriter
from mlwf_tui.workflow.perform import perform
from mlwf_tui.workspace import Workspace, open_workspace

logger = logging.getLogger(__name__)


class StopFlag:
    """Set by SIGTERM and SIGINT; the work looks at it between two steps and ends cleanly."""

    def __init__(self) -> None:
        self.is_set = False
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._set)
        signal.signal(signal.SIGINT, self._set)

    def check(self) -> None:
        """Raise Cancelled once the signal has come."""
        if self.is_set:
            raise Cancelled("The run was asked to stop.")

    def _set(self, number: int, frame: FrameType | None) -> None:
        self.is_set = True


def main(arguments: list[str]) -> int:
    """Do one queued run and return the exit code: 0 done, 1 failed, 5 not ours to do, 130 stopped."""
    home, run_id = Path(arguments[0]), arguments[1]
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    flag = StopFlag()
    with open_workspace(home) as workspace:
        try:
            run = workspace.catalog.runs.start(workspace.catalog.runs.get(run_id).id)
        except Conflict as error:
            logger.error("%s It is not started again.", error.message)
            return 5
        return _do_run(workspace, run, flag)


def _do_run(workspace: Workspace, run: Run, flag: StopFlag) -> int:
    job = workspace.catalog.jobs.ensure(run.id, processes.identify_self())
    exit_code = 1
    logger.info("%s %s begins", run.verb, run.id)
    try:
        path = workspace.run_folder(run.id) / FILE_NAME
        with path.open("ab") as file, EventWriter(file, check=flag.check) as writer:
            perform(workspace, run, writer)
        state = workspace.catalog.runs.get(run.id).state
        exit_code = 130 if state is RunState.STOPPED else 0
        logger.info("%s %s is %s", run.verb, run.id, state)
    except Cancelled:
        exit_code = 130
        logger.info("%s %s was stopped", run.verb, run.id)
    except MlwfError as error:
        logger.error("%s %s", error.message, error.hint)
    except Exception:  # the worker is one of the three places where everything is caught
        traceback.print_exc()
    finally:
        workspace.catalog.jobs.finish(job.id, exit_code)
    return exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
