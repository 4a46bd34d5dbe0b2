"""Starts, watches and stops the worker process of a run; what the worker does is not known here."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from mlwf_tui.entities.run import Job, Run, RunState
from mlwf_tui.errors import Conflict, MlwfError, StorageFailed
from mlwf_tui.workflow import processes
from mlwf_tui.workflow.recorder import Recorder
from mlwf_tui.workspace import Workspace

EXECUTOR = "local"
WORKER_VERBS = frozenset({"train", "benchmark", "apply"})  # done by processes of their own
UNFINISHED = (RunState.QUEUED, RunState.RUNNING, RunState.STOPPING)
START_GRACE = timedelta(seconds=60)  # between a run's row and its worker's
POLL_S = 0.1
KILL_WAIT_S = 5.0


def queue_run(workspace: Workspace, verb: str, params: Mapping[str, Any], seed: int) -> Recorder:
    """Enter a run that a worker will do, and return its recorder, to note the inputs at once."""
    run = workspace.catalog.runs.create(
        verb,
        params=params,
        seed=seed,
        author=workspace.settings.author,
        workspace=workspace.settings.workspace,
        environment={},
        state=RunState.QUEUED,
    )
    return Recorder(workspace, run)


def start_worker(workspace: Workspace, run: Run) -> Run:
    """Start the run's worker in a session of its own, so that no terminal's end reaches it.

    Raises:
        StorageFailed: the run's folder cannot be written.
    """
    folder = workspace.run_folder(run.id)
    command = [sys.executable, "-m", "mlwf_tui.worker", str(workspace.home), run.id]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        pid = workspace.registry.get_executor(EXECUTOR).start(command, folder / "log")
    except OSError as error:
        failure = StorageFailed(
            f"The worker could not be started: {error.strerror or error}.",
            hint="Free some space, or check the home's mode.",
        )
        _fail_start(workspace, run, failure)
        raise failure from error
    except MlwfError as error:
        _fail_start(workspace, run, error)
        raise
    identity = processes.identify(pid)
    if identity is not None:  # None where it ended at once; find_lost then sees a run without a process
        with suppress(Conflict):  # it may be done already
            workspace.catalog.jobs.ensure(run.id, identity)
    return workspace.catalog.runs.get(run.id)


def _fail_start(workspace: Workspace, run: Run, error: MlwfError) -> None:
    workspace.catalog.runs.finish(run.id, RunState.FAILED, result={}, error=error.message, hint=error.hint)


def find_lost(workspace: Workspace) -> None:
    """Mark unfinished runs whose process is gone as lost, and close the jobs of all such processes.

    A process of another machine or container sharing the home cannot be seen, and is not judged.
    """
    for run in workspace.catalog.runs.list(states=UNFINISHED, limit=None):
        job = workspace.catalog.jobs.latest(run.id)
        if job is None and datetime.now(UTC) - run.created_at < START_GRACE:
            continue
        if job is None or processes.is_gone(job.process):
            _mark_lost(workspace, run)
    for job in workspace.catalog.jobs.list_unfinished():
        if processes.is_gone(job.process):
            with suppress(Conflict):  # another reader was faster
                workspace.catalog.jobs.finish(job.id, None)


def _mark_lost(workspace: Workspace, run: Run) -> None:
    """Close a run without a process; a run that finished meanwhile is left as it is."""
    was_stopping = workspace.catalog.runs.get(run.id).state is RunState.STOPPING
    state = RunState.STOPPED if was_stopping else RunState.LOST
    error = "Stopped by force." if was_stopping else "The process ended without a word."
    with suppress(Conflict):  # the worker's own last word came first
        workspace.catalog.runs.finish(
            run.id, state, result={}, error=error, hint=f"mlwf logs {run.id} shows its last lines."
        )


def stop(workspace: Workspace, run: Run, *, grace_s: float) -> Run:
    """Ask the run's worker to stop; after `grace_s` seconds kill it and all of its session.

    Raises:
        Conflict: the run has finished already, or another program does it in its own process.
    """
    catalog = workspace.catalog
    if run.state.is_finished:
        raise Conflict(f"The run {run.id} is {run.state} already.", hint="Nothing was stopped.")
    job = catalog.jobs.latest(run.id)
    if run.verb not in WORKER_VERBS:
        pid = job.process.pid if job else "unknown"
        raise Conflict(
            f"The {run.verb} {run.id} is done by the process {pid} itself.",
            hint="Stop it there: Ctrl-C on a command line, Esc in the app.",
        )
    with suppress(Conflict):  # it may finish by itself at this moment
        catalog.runs.mark(run.id, RunState.STOPPING, expected=(RunState.QUEUED, RunState.RUNNING))
    if job is None:
        _mark_lost(workspace, run)  # no worker has begun, and none will: the run is finished
    else:
        processes.send_signal(job.process, signal.SIGTERM)
        _wait_until_gone(job, grace_s)
        processes.kill_session(job.process)
        _wait_until_gone(job, KILL_WAIT_S)
    find_lost(workspace)
    return catalog.runs.get(run.id)


def _wait_until_gone(job: Job, limit_s: float) -> None:
    deadline = time.monotonic() + limit_s
    while processes.is_alive(job.process) and time.monotonic() < deadline:
        time.sleep(POLL_S)
