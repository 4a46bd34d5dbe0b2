"""Jobs that stand still: which they are, and how they go on once there is room for them again; not a verb.

A job that stands still has let its CPU slots go. To go on it waits in the queue like others; its processes
still hold the run's lock, so that nobody starts a second job of the run.
"""

from __future__ import annotations

import signal
import time

from mlwf_tui import processes
from mlwf_tui.entities.queue import Wants
from mlwf_tui.entities.run import Job, Run, RunState, Wish, WishKind
from mlwf_tui.protocols.executors import Executor
from mlwf_tui.workflow.running import leases
from mlwf_tui.workspace import Workspace

WAKE_TIMEOUT_S = 2.0  # of one that was told to go on; on a busy machine it says later that it does
WAKE_POLL_S = 0.02


def find_frozen_job(workspace: Workspace, run: Run) -> Job | None:
    """Return the living job of a run that is paused, or waits to go on; None where no process is left."""
    job = workspace.catalog.jobs.latest(run.id)
    if job is None or job.finished_at is not None or job.outcome == RunState.PAUSED:
        return None
    if run.state is RunState.QUEUED:  # of one that waits for a retry the last process may be about to end
        return job if job.worker is not None and processes.is_alive(job.worker) else None
    return job if run.state is RunState.PAUSED else None


def has_let_go(workspace: Workspace, executor: Executor, job: Job) -> bool:
    """Whether a job that was paused stands still for certain, or is gone."""
    if job.worker is None or not processes.is_alive(job.worker):
        return True
    if processes.is_gone(job.process):
        return processes.is_frozen(job.worker)
    return executor.is_frozen(workspace.run_folder(job.run_id), job.id)


def wake(workspace: Workspace, executor: Executor, run: Run, job: Job, wants: Wants) -> leases.Refusal | None:
    """Let a job go on that stands still, if its slots can be had; return for what it waits instead.

    Its supervisor takes them itself, since a lock cannot be handed to a process by one that is no parent
    of it. The caller has the turn, so that the slots that are free here still are when it does; where
    they are not, nothing happens.

    Raises:
        OSError: a lease's file cannot be opened, or the run's folder not be written.
    """
    if job.worker is not None and processes.is_gone(job.process):
        processes.send_signal(job.worker, signal.SIGCONT)  # without a slot: nobody is left to take one for it
        return _wait(workspace, run)
    held = leases.take(workspace, run.id, -1, wants, ())
    if isinstance(held, leases.Refusal):
        return held
    leases.drop(held)
    if workspace.catalog.runs.get(run.id).state is not RunState.QUEUED:
        return None  # paused again, or stopped
    workspace.catalog.jobs.note_leases(job.id, tuple(held.leases))
    slots = tuple(str(leases.find_slot(workspace, name)) for name in held.leases)
    executor.ask(job.process, workspace.run_folder(run.id), job.id, Wish(kind=WishKind.CONTINUE, slots=slots))
    return _wait(workspace, run)


def _wait(workspace: Workspace, run: Run) -> leases.Refusal | None:
    deadline = time.monotonic() + WAKE_TIMEOUT_S
    while workspace.catalog.runs.get(run.id).state is RunState.QUEUED:
        if time.monotonic() >= deadline:
            return leases.Refusal("its process to go on")
        time.sleep(WAKE_POLL_S)
    return None
