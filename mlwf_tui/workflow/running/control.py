"""Asks jobs of the queue to stop, to pause or to stand still, and waits for what comes of it; not a verb."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

from mlwf_tui import processes
from mlwf_tui.entities.run import Job, RunState, Wish, WishKind
from mlwf_tui.errors import StorageFailed
from mlwf_tui.workflow.running.dispatch import EXECUTOR
from mlwf_tui.workflow.running.freezing import has_let_go
from mlwf_tui.workflow.running.jobs import tend
from mlwf_tui.workspace import Workspace

POLL_S = 0.05
KILL_WAIT_S = 15.0  # the supervisor ends strays, notes the end, and has the run settled
FREEZE_WAIT_S = 5.0
TEND_S = 0.5
GOING_STATES = frozenset({RunState.CLAIMED, RunState.RUNNING, RunState.PAUSING, RunState.STOPPING})


def ask(workspace: Workspace, job: Job, wish: Wish) -> bool:
    """Ask a job for something; False where its supervisor is gone.

    Raises:
        StorageFailed: the run's folder cannot be written.
    """
    executor = workspace.registry.get_executor(EXECUTOR)
    try:
        return executor.ask(job.process, workspace.run_folder(job.run_id), job.id, wish)
    except OSError as error:
        raise StorageFailed(
            f"The run {job.run_id} could not be asked: {error.strerror or error}.", hint="Free some space."
        ) from error


def end_job(workspace: Workspace, job: Job, grace_s: float) -> None:
    """End a job politely, after `grace_s` seconds by force; return when it is over.

    The supervisor does it, so that it is done also where this process does not live to see it. Where
    that one is gone, or does not answer, it is done from here.
    """
    if ask(workspace, job, Wish(kind=WishKind.STOP, grace_s=grace_s)):
        if wait_until(lambda: is_over(workspace, job), grace_s + KILL_WAIT_S):
            return
    else:
        _ask_orphan(job, signal.SIGTERM)
        wait_until(lambda: is_over(workspace, job), grace_s)
    _kill(job)
    wait_until(lambda: is_over(workspace, job), KILL_WAIT_S)


def _ask_orphan(job: Job, number: signal.Signals) -> None:
    worker = job.worker or job.process
    processes.send_signal(worker, number)
    processes.send_signal(worker, signal.SIGCONT)


def _kill(job: Job) -> None:
    """Kill all of a job, wherever its processes have gone."""
    if job.worker is not None:
        processes.send_signal(job.worker, signal.SIGKILL)
    processes.kill_session(job.process)
    processes.kill_marked(job.id)


def wake_frozen(job: Job) -> None:
    """Let a job go on that somebody has stopped from outside, perhaps in the middle of a transaction."""
    for process in (job.process, job.worker):
        if process is not None and processes.is_frozen(process):
            processes.send_signal(process, signal.SIGCONT)


def wait_for_freeze(workspace: Workspace, job: Job) -> None:
    """Wait until a job that was paused stands still and has let its slots go."""
    executor = workspace.registry.get_executor(EXECUTOR)
    wait_until(lambda: has_let_go(workspace, executor, job), FREEZE_WAIT_S)


def wait_until(is_so: Callable[[], bool], limit_s: float) -> bool:
    """Wait until something is so, at most `limit_s` seconds; return whether it came to be."""
    deadline = time.monotonic() + limit_s
    while not is_so():
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_S)
    return True


def is_over(workspace: Workspace, job: Job) -> bool:
    """Say whether a job's run has ended, or waits, and its worker, which says so last, is gone as well."""
    if workspace.pulse.is_due(TEND_S):  # where a supervisor lives, it has the run settled by itself
        tend(workspace)
    is_gone = job.worker is None or not processes.is_alive(job.worker)
    return is_gone and workspace.catalog.runs.get(job.run_id).state not in GOING_STATES
