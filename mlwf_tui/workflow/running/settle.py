"""Finds jobs whose processes are gone and says what became of their runs; not a verb.

Of a queued run its lock decides: while any of its processes lives it is held. Of a run that a command or
the app did itself, the identity of that process decides.
"""

from __future__ import annotations

import errno
import logging
import os
import signal
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mlwf_tui import processes
from mlwf_tui.catalog.jobs import JobEnd
from mlwf_tui.entities.run import Job, JobExit, Run, RunState
from mlwf_tui.errors import Conflict
from mlwf_tui.workflow.running import events, heartbeat
from mlwf_tui.workflow.running.dispatch import EXECUTOR
from mlwf_tui.workflow.running.leases import hold_run
from mlwf_tui.workflow.running.places import find_other_place
from mlwf_tui.workspace import Workspace

logger = logging.getLogger(__name__)
UNFINISHED = (RunState.QUEUED, RunState.RUNNING, RunState.STOPPING)
START_GRACE = timedelta(seconds=60)  # between a run's row and its process's
MAX_UNBEGUN = 3  # jobs that died before they began; something kills them, and would again
RETRY, UNBEGUN = "retry", "unbegun"
MOST_TOLD = 2_000  # characters: all of it must fit into a pipe of 64 KB that is read at last
LOG_END_BYTES = 4096
_OF_DISK = "The disk refused what it had to write, as when it is full."
DISK_REFUSED = 74  # EX_IOERR: of a worker that could not even say so in the catalog


def settle_all(workspace: Workspace) -> None:
    """Close whatever has lost its process."""
    if not find_other_place(workspace):
        _settle_queued(workspace)
    _settle_own(workspace)


def _settle_queued(workspace: Workspace) -> None:
    jobs = workspace.catalog.jobs
    going = {run.id: run for run in workspace.catalog.queue.list_going() if run.state is not RunState.PAUSED}
    for job in jobs.list_unfinished():
        run = going.pop(job.run_id, None) or workspace.catalog.runs.get(job.run_id)
        if run.is_detached:
            settle_job(workspace, run, job)
    for run in going.values():  # without a job that could tell
        settle_job(workspace, run, jobs.latest(run.id))


def settle_job(workspace: Workspace, run: Run, job: Job | None, known: JobExit | None = None) -> Run:
    """Say what became of a run whose job is over, and return it; one whose job goes on is left alone.

    `known` is what the supervisor saw, where its note may be missing.
    """
    try:
        with hold_run(workspace, run.id) as lock:
            if lock is None:
                _end_strays(job)
                return run
            return _settle(workspace, run, job, known)
    except OSError as error:
        logger.warning("The run %s cannot be looked after: %s", run.id, error)
        return run


def _settle(workspace: Workspace, run: Run, job: Job | None, known: JobExit | None) -> Run:
    catalog = workspace.catalog
    found = known
    if job is not None and found is None:
        executor = workspace.registry.get_executor(EXECUTOR)
        found = executor.read_exit(workspace.run_folder(run.id), job.id)
    if job is not None and job.finished_at is None and found is None and not processes.is_gone(job.process):
        return run  # its process is about to begin, or to note how it ended
    was_finished = run.state.is_finished
    with catalog.transaction(), suppress(Conflict):  # another one was faster
        if job is not None:
            job = catalog.jobs.get(job.id)  # as it is now
        if job is None or job == catalog.jobs.latest(run.id):
            outcome = _close_run(workspace, catalog.runs.get(run.id), job, found)
        else:
            outcome = job.outcome or RETRY  # another job is at the run by now
        if job is not None and job.finished_at is None:
            catalog.jobs.finish(job.id, end=_describe_end(outcome, found))
    now = catalog.runs.get(run.id)
    if found is None and now.state.is_finished and not was_finished:
        notify(workspace, now)
    return now


def notify(workspace: Workspace, run: Run) -> None:
    """Call the person's command for a run that has ended and whose supervisor was killed."""
    settings = workspace.settings
    if not settings.on_finish:
        return
    executor = workspace.registry.get_executor(EXECUTOR)
    log_path = workspace.run_folder(run.id) / "log"
    environment = describe_end(workspace, run)
    try:
        executor.notify(settings.on_finish, settings.on_finish_timeout_s, environment, log_path)
    except OSError as error:
        logger.warning("on_finish of the run %s cannot be called: %s", run.id, error)


def describe_end(workspace: Workspace, run: Run) -> dict[str, str]:
    """Return what a person's command is told of a run, as variables of its environment."""
    return {
        "MLWF_HOME": str(workspace.home),
        "MLWF_RUN": run.id,
        "MLWF_VERB": run.verb,
        "MLWF_STATE": run.state.value,
        "MLWF_ERROR": _fit_variable(run.error),
        "MLWF_SUMMARY": _fit_variable(str(run.result.get("summary", ""))),
    }


def _fit_variable(text: str) -> str:
    """Return the beginning of a text as a variable can hold it: a library's error may say anything."""
    return text[:MOST_TOLD].replace("\0", "")


def _close_run(workspace: Workspace, run: Run, job: Job | None, found: JobExit | None) -> str:
    """Give a run the state that its job's end means; return the outcome of the job."""
    match run.state:
        case RunState.QUEUED:
            return job.outcome if job is not None and job.outcome else RETRY
        case RunState.CLAIMED:
            return _close_claimed(workspace, run, found)
        case RunState.RUNNING:
            return _close_broken(workspace, run, *_explain(workspace, job, found, run))
        case RunState.STOPPING:
            workspace.catalog.runs.finish(
                run.id, RunState.STOPPED, result={}, error="Stopped by force.", hint=_hint(workspace, run)
            )
            return RunState.STOPPED
        case RunState.PAUSING:
            workspace.catalog.runs.mark(run.id, RunState.PAUSED, expected=(RunState.PAUSING,))
            return RunState.PAUSED
        case RunState.PAUSED:
            if job is None or job.outcome == RunState.PAUSED:
                return RunState.PAUSED
            return _close_broken(workspace, run, *_explain(workspace, job, found, run))
        case _:
            return run.state


def _close_claimed(workspace: Workspace, run: Run, found: JobExit | None) -> str:
    """Let a run wait again whose job died before it began, unless that is how its jobs end."""
    if found is not None and found.wish == "":
        error = f"The worker could not begin: {_describe_exit(found)}."
        return _close_broken(workspace, run, RunState.FAILED, error)
    before = [job.outcome for job in workspace.catalog.jobs.list_of(run.id)]
    if before.count(UNBEGUN) < MAX_UNBEGUN:
        workspace.catalog.queue.put_back(run.id)
        return UNBEGUN
    return _close_broken(workspace, run, RunState.LOST, "Its process was ended each time before it began.")


def _close_broken(workspace: Workspace, run: Run, state: RunState, error: str) -> str:
    if workspace.catalog.queue.try_again(run.id, error=error):
        return RETRY
    workspace.catalog.runs.finish(run.id, state, result={}, error=error, hint=_hint(workspace, run))
    return state


def _explain(workspace: Workspace, job: Job | None, found: JobExit | None, run: Run) -> tuple[RunState, str]:
    """Return what a run is whose worker has not had the last word, and why."""
    if found is not None and found.is_timed_out:
        limit_s = run.terms.timeout_s if run.terms is not None else None
        return RunState.FAILED, f"It took longer than its limit of {limit_s or found.ran_s:g} s."
    if found is not None and found.wish == "stop":
        return RunState.LOST, "It was ended from outside, as when the machine is shut down."
    if found is not None and found.exit_code == DISK_REFUSED:
        return RunState.LOST, _OF_DISK
    if found is not None:
        return RunState.LOST, f"The process ended without a word: {_describe_exit(found)}."
    if job is not None and job.process.boot_id.partition(":")[0] != processes.read_boot_id():
        return RunState.LOST, "The machine was restarted."
    if _names_full_disk(workspace.run_folder(run.id) / "log"):  # which held no word of how it ended either
        return RunState.LOST, _OF_DISK
    return RunState.LOST, "The process ended without a word."


def _names_full_disk(log: Path) -> bool:
    """Whether the last that a job has written into its log names a full disk."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - LOG_END_BYTES))
            return os.strerror(errno.ENOSPC).encode() in file.read()
    except OSError:
        return False


def _describe_exit(found: JobExit) -> str:
    if found.signal is None:
        return f"exit code {found.exit_code}"
    name = signal.Signals(found.signal).name if found.signal in set(signal.Signals) else str(found.signal)
    is_memory = found.signal == signal.SIGKILL
    return name + (", as when memory runs out" if is_memory else "")


def _describe_end(outcome: str, found: JobExit | None) -> JobEnd:
    if found is None:
        return JobEnd(outcome=outcome)
    return JobEnd(
        exit_code=found.exit_code,
        signal=found.signal,
        outcome=outcome,
        ran_s=found.ran_s,
        cpu_s=found.user_s + found.system_s,
        max_rss_bytes=found.max_rss_bytes,
    )


def _end_strays(job: Job | None) -> None:
    """End what is left of a job whose supervisor and worker are both gone; it still holds the lock."""
    if job is None or job.worker is None or job.finished_at is not None:
        return
    if processes.is_gone(job.process) and processes.is_gone(job.worker):
        processes.kill_marked(job.id)


def _settle_own(workspace: Workspace) -> None:
    """Close the runs that a command or an app did itself and whose process is gone.

    A process of another machine or container sharing the home cannot be seen, and is not judged.
    """
    catalog = workspace.catalog
    for run in catalog.runs.list(states=UNFINISHED, limit=None, is_detached=False):
        job = catalog.jobs.latest(run.id)
        if heartbeat.is_dead(workspace.run_folder(run.id), run, job, start_grace=START_GRACE):
            mark_lost(workspace, run, heartbeat.tell_death(workspace.run_folder(run.id), job))
    for job in catalog.jobs.list_unfinished():
        if not processes.is_gone(job.process):
            continue
        run = catalog.runs.get(job.run_id)
        if not run.is_detached and run.state.is_finished:
            with suppress(Conflict):  # another reader was faster
                catalog.jobs.finish(job.id, None, at=run.finished_at)


def mark_lost(workspace: Workspace, run: Run, reason: str) -> None:
    """Close a run without a process, for a reason; a run that finished meanwhile is left as it is."""
    was_stopping = workspace.catalog.runs.get(run.id).state is RunState.STOPPING
    state = RunState.STOPPED if was_stopping else RunState.LOST
    error = "Stopped by force." if was_stopping else reason
    at, hint = _find_last_sign(workspace, run), _hint(workspace, run)
    with suppress(Conflict):  # the process's own last word came first
        workspace.catalog.runs.finish(run.id, state, result={}, error=error, hint=hint, at=at)


def _find_last_sign(workspace: Workspace, run: Run) -> datetime | None:
    """Return when a run was last heard of, by its heartbeat or what it measured; None where by neither."""
    folder, times = workspace.run_folder(run.id), []
    for name in (heartbeat.FILE_NAME, events.FILE_NAME):
        with suppress(OSError):
            times.append(datetime.fromtimestamp((folder / name).stat().st_mtime, UTC))
    if not times:
        return None
    return max(run.started_at or run.created_at, min(max(times), datetime.now(UTC)))


def _hint(workspace: Workspace, run: Run) -> str:
    is_resumable = run.is_detached and not run.results
    with suppress(OSError):
        if (workspace.run_folder(run.id) / "log").stat().st_size:
            resume = f", mlwf resume {run.id} goes on with it" if is_resumable else ""
            return f"mlwf logs {run.id} shows its last lines{resume}."
    if is_resumable:
        return f"mlwf resume {run.id} goes on with it."
    return (
        f"It has no log; mlwf show {run.id} shows what it said before. Start it again where it was started."
    )
