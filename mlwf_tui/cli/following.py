"""Following a detached run from the command line, and what its end means there."""

from __future__ import annotations

from mlwf_tui.cli.face import DONE, INTERRUPTED
from mlwf_tui.cli.progress import ProgressLine
from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.errors import MlwfError
from mlwf_tui.workflow.follow import RunUpdate, wait_for
from mlwf_tui.workspace import Workspace


def follow_run(workspace: Workspace, run: Run) -> Run:
    """Show a detached run's progress and metrics until it has finished, and return it."""
    line = ProgressLine(run.verb)

    def on_update(update: RunUpdate) -> None:
        if update.progress is not None:
            said = update.progress
            line.progress(said.step, said.total, said.message, said.at)

    try:
        return wait_for(workspace, run.id, on_update)
    finally:
        line.close()


def raise_failure(run: Run) -> None:
    """Raise what a followed run failed with; a run that is done or stopped raises nothing."""
    if run.state in (RunState.FAILED, RunState.LOST):
        raise MlwfError(
            run.error or f"The run {run.id} failed.",
            hint=run.hint or f"mlwf logs {run.id} shows what happened.",
        )


def exit_code_of_run(run: Run) -> int:
    """Return the exit code that a followed run's end means."""
    return INTERRUPTED if run.state is RunState.STOPPED else DONE
