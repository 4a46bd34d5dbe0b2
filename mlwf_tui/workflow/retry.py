"""retry: do a run once more from its beginning, as a second job of the same run."""

from __future__ import annotations

import shutil

from mlwf_tui.entities.run import Run
from mlwf_tui.errors import StorageFailed
from mlwf_tui.workflow.pause import check_is_queued
from mlwf_tui.workflow.running.jobs import start_queued, tend
from mlwf_tui.workflow.running.leases import hold_run
from mlwf_tui.workspace import Workspace

FIT_FOLDER = "fit"  # of a run's folder: what a trainer writes, checkpoints included


def retry_run(workspace: Workspace, ref: str) -> Run:
    """Let a run that failed, was stopped or lost begin anew; its checkpoints are put away.

    Raises:
        NotFound: there is no such run.
        Conflict: it goes, was done, or has left its result.
        StorageFailed: its checkpoints cannot be removed.
    """
    tend(workspace)
    run = workspace.catalog.runs.get(ref)
    check_is_queued(run)
    try:
        with hold_run(workspace, run.id):
            with workspace.catalog.transaction():
                workspace.catalog.queue.reopen(run.id)
            # Killed before this it goes on from its checkpoints; never is it without them and not queued.
            shutil.rmtree(workspace.run_folder(run.id) / FIT_FOLDER, ignore_errors=True)
    except OSError as error:
        raise StorageFailed(
            f"The run {run.id} cannot begin anew: {error.strerror or error}.", hint="Check its folder."
        ) from error
    return start_queued(workspace, run)
