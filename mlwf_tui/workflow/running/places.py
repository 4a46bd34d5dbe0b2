"""Tells whose the jobs of a catalog are: a copy of a home holds the rows of another one's; not a verb."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from mlwf_tui import processes
from mlwf_tui.catalog.jobs import JobEnd
from mlwf_tui.entities.run import Job, Run, RunState
from mlwf_tui.errors import Conflict
from mlwf_tui.workflow.running.leases import hold_run
from mlwf_tui.workspace import Workspace, has_catalog


def find_other_place(workspace: Workspace) -> str:
    """Return where the home of the queue's jobs lies, if not here: it was copied or moved; else ""."""
    state = workspace.catalog.queue.read_state()
    return "" if state is None or state.home == workspace.place else state.home


def is_elsewhere(job: Job | None, other: str) -> bool:
    """Whether a job is one of the home at `other`, as far as this home knows."""
    return bool(other) and job is not None and job.finished_at is None


def check_is_here(workspace: Workspace, run: Run) -> None:
    """See that a run's processes are this home's, before anything is asked of them.

    Raises:
        Conflict: the home is a copy, or was moved, and its queue has not been resumed since.
    """
    other = find_other_place(workspace)
    if run.state.is_finished or not is_elsewhere(workspace.catalog.jobs.latest(run.id), other):
        return
    if has_catalog(Path(other)):
        raise Conflict(
            f"The {run.verb} run {run.id} goes on in the home {other}, of which this one is a copy.",
            hint=f"Give the command there: mlwf --home {other}",
        )
    raise Conflict(
        f"The {run.verb} run {run.id} was started when this home was at {other}.",
        hint="mlwf queue resume lets the queue run here; give the command again then.",
    )


def give_up_elsewhere(workspace: Workspace) -> None:
    """Close the jobs that go on in the home from which this one was copied, and what they do here.

    In a home that was moved its processes still hold the locks of their runs. Those of another home do not.
    """
    other = find_other_place(workspace)
    if not other:
        return
    for job in workspace.catalog.jobs.list_unfinished():
        run = workspace.catalog.runs.get(job.run_id)
        if not run.is_detached or all(map(processes.is_gone, filter(None, (job.process, job.worker)))):
            continue  # who looks after runs sees to these
        with hold_run(workspace, run.id) as lock:
            if lock is not None:
                _close(workspace, run, job, other)


def _close(workspace: Workspace, run: Run, job: Job, other: str) -> None:
    catalog = workspace.catalog
    with suppress(Conflict), catalog.transaction():  # another one was faster
        catalog.jobs.finish(job.id, end=JobEnd(outcome=RunState.LOST))
        if catalog.runs.get(run.id).state not in (RunState.QUEUED, RunState.PAUSED):
            catalog.runs.finish(
                run.id,
                RunState.LOST,
                result={},
                error=f"It went on in the home {other}, of which this one is a copy.",
                hint=f"mlwf resume {run.id} does it here as well.",
            )
