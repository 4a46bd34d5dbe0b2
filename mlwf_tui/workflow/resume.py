"""resume: go on with a run after a pause, a stop or a crash."""

from __future__ import annotations

from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.workflow.names import check_promised_name
from mlwf_tui.workflow.pause import check_is_queued
from mlwf_tui.workflow.running.control import wait_for_freeze
from mlwf_tui.workflow.running.freezing import find_frozen_job
from mlwf_tui.workflow.running.jobs import start_queued, tend
from mlwf_tui.workflow.running.places import check_is_here
from mlwf_tui.workspace import Workspace


def resume_run(workspace: Workspace, ref: str) -> Run:
    """Go on with a run that was paused, stopped, lost or failed: a training from its last checkpoint.

    It waits for its turn in the queue like others, also where its process has only stood still.

    Raises:
        NotFound: there is no such run.
        Conflict: there is nothing to resume: it goes, here or in another home, was done, or has left its
            result, or the name of the model that it is to make is another's by now.
    """
    tend(workspace)
    catalog = workspace.catalog
    run = catalog.runs.get(ref)
    check_is_queued(run)
    check_is_here(workspace, run)
    if run.state is RunState.PAUSED:
        frozen = find_frozen_job(workspace, run)
        if frozen is not None:
            wait_for_freeze(workspace, frozen)
        catalog.queue.put_back(run.id)
    else:
        with catalog.transaction():
            catalog.queue.reopen(run.id)
            check_promised_name(workspace, run)
    return start_queued(workspace, run)
