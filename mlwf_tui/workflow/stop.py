"""stop: end a run, politely first; what a training has learned is kept, also where it has let go."""

from __future__ import annotations

from contextlib import suppress

from mlwf_tui.entities.ids import RunId
from mlwf_tui.entities.queue import LONGEST_S
from mlwf_tui.entities.run import Job, Run, RunState, Wish, WishKind
from mlwf_tui.errors import Conflict, InvalidParameter, NotFound
from mlwf_tui.workflow.running.control import (
    KILL_WAIT_S,
    ask,
    end_job,
    is_over,
    wait_until,
    wake_frozen,
)
from mlwf_tui.workflow.running.dispatch import STOP_GRACE_S
from mlwf_tui.workflow.running.freezing import find_frozen_job
from mlwf_tui.workflow.running.jobs import tend
from mlwf_tui.workflow.running.leases import hold_run
from mlwf_tui.workflow.running.places import check_is_here
from mlwf_tui.workflow.training.ending import can_end, let_end
from mlwf_tui.workspace import Workspace

GRACE_S = STOP_GRACE_S
STOPPED_WITH = "stopped_with"  # in the result of a part that was stopped with its whole: the id of that
STOPPABLE = (RunState.QUEUED, RunState.CLAIMED, RunState.RUNNING, RunState.PAUSING, RunState.PAUSED)


def stop_run(workspace: Workspace, ref: str, *, grace_s: float = GRACE_S) -> Run:
    """Stop a run and return it as it then is. A stopped training keeps its best weights as a model.

    One that is paused, or was and waits to go on, begins for that once more, as soon as there is room for it;
    until then it is queued, and a second stop, or one without patience, ends it without.

    Raises:
        NotFound: there is no such run.
        Conflict: it has finished already, another program does it in its own process, or it goes on in
            the home of which this one is a copy.
        InvalidParameter: `grace_s` is no length of time.
    """
    if not 0 <= grace_s <= LONGEST_S:  # nor is what is no number
        raise InvalidParameter(f"{grace_s} seconds are no time to wait.", hint="Give 0 or more.")
    catalog = workspace.catalog
    run = _find(workspace, ref)
    check_is_here(workspace, run)
    job = catalog.jobs.latest(run.id)
    if job is not None and job.finished_at is None:
        wake_frozen(job)
    tend(workspace)
    run = catalog.runs.get(run.id)
    if run.state.is_finished:
        raise Conflict(f"The run {run.id} is {run.state} already.", hint="Nothing was stopped.")
    if not run.is_detached:
        pid = job.process.pid if job else "unknown"
        raise Conflict(
            f"The {run.verb} run {run.id} is done by the process {pid} itself.",
            hint="Stop it there: Ctrl-C on a command line, Esc in the app.",
        )
    if grace_s and can_end(workspace, run) and find_frozen_job(workspace, run) is None:
        return _end_with_model(workspace, run, grace_s)
    if not _stop_waiting(workspace, run):
        _stop_going(workspace, run, grace_s)
    stop_parts(workspace, run.id, grace_s=grace_s)
    tend(workspace)
    return catalog.runs.get(run.id)


def _find(workspace: Workspace, ref: str) -> Run:
    try:
        return workspace.catalog.runs.get(ref)
    except NotFound as missing:
        try:
            model = workspace.catalog.models.get(ref)
        except NotFound:
            raise missing from None
        raise NotFound(
            missing.message, hint=f"{model.name} is a model, made by the run {model.run_id}."
        ) from None


def _end_with_model(workspace: Workspace, run: Run, grace_s: float) -> Run:
    """Let a training begin once more to keep its weights; return when it has, or waits for its turn."""
    catalog = workspace.catalog

    def has_let_go() -> bool:
        with hold_run(workspace, run.id) as lock:
            return lock is not None

    wait_until(has_let_go, min(grace_s, KILL_WAIT_S))  # of its last job, which ends as it is paused
    let_end(workspace, run)
    tend(workspace)

    def has_ended_or_waits() -> bool:
        now = catalog.runs.get(run.id)
        job = catalog.jobs.latest(run.id)
        return now.state is RunState.QUEUED or job is None or is_over(workspace, job)

    if not wait_until(has_ended_or_waits, grace_s):
        _stop_going(workspace, run, 0.0)
    tend(workspace)
    return catalog.runs.get(run.id)


def stop_parts(workspace: Workspace, run_id: RunId, *, grace_s: float) -> None:
    """Stop all that a run has queued as its parts, side by side; each notes with what it was stopped."""
    parts = workspace.catalog.runs.list_parts(run_id)
    going = [part for part in parts if part.is_detached and not part.state.is_finished]
    asked = []
    for part in going:
        with suppress(Conflict):  # it has ended by itself meanwhile
            workspace.catalog.runs.extend_result(part.id, {STOPPED_WITH: run_id})
            job = begin_to_stop(workspace, part, grace_s)
            if job is not None:
                asked.append(job)
    wait_until(lambda: all(is_over(workspace, job) for job in asked), grace_s)
    for job in asked:
        if not is_over(workspace, job):
            end_job(workspace, job, 0.0)


def begin_to_stop(workspace: Workspace, run: Run, grace_s: float) -> Job | None:
    """Ask a run to stop, and return the job that will; None where it has none, and is stopped already.

    Raises:
        Conflict: it has finished, or goes on in another home.
    """
    check_is_here(workspace, run)
    if _stop_waiting(workspace, run):
        return None
    workspace.catalog.runs.mark(run.id, RunState.STOPPING, expected=STOPPABLE)
    job = workspace.catalog.jobs.latest(run.id)
    if job is not None:
        ask(workspace, job, Wish(kind=WishKind.STOP, grace_s=grace_s))
    return job


def _stop_waiting(workspace: Workspace, run: Run) -> bool:
    """Take a run out of the queue that has no process; False where it has one."""
    with workspace.catalog.transaction():
        now = workspace.catalog.runs.get(run.id)
        is_waiting = now.state in (RunState.QUEUED, RunState.PAUSED)
        if not is_waiting or find_frozen_job(workspace, now) is not None:
            return False
        workspace.catalog.runs.finish(run.id, RunState.STOPPED, result={}, error="Stopped on request.")
    return True


def _stop_going(workspace: Workspace, run: Run, grace_s: float) -> None:
    catalog = workspace.catalog
    if catalog.runs.get(run.id).state.is_finished:
        return
    catalog.runs.mark(run.id, RunState.STOPPING, expected=STOPPABLE)
    job = catalog.jobs.latest(run.id)
    if job is not None:
        end_job(workspace, job, grace_s)
