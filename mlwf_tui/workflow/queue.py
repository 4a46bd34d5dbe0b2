"""queue: what waits and for what, what is going, and whether anything is started at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlwf_tui.entities.ids import JobId, RunId
from mlwf_tui.entities.run import Job, JobExit, Run
from mlwf_tui.workflow.running.jobs import tend
from mlwf_tui.workflow.running.pins import list_unread
from mlwf_tui.workflow.running.places import find_other_place, give_up_elsewhere, is_elsewhere
from mlwf_tui.workflow.running.settle import describe_end, settle_job
from mlwf_tui.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueListing:
    """The queue at one moment; `waiting` in the order in which runs may start."""

    is_paused: bool
    slots: int
    waiting: tuple[Run, ...]
    going: tuple[tuple[Run, Job | None], ...]
    unread: Mapping[RunId, tuple[str, ...]] = field(default_factory=dict)  # data read when the turn has come


def list_queue(workspace: Workspace) -> QueueListing:
    """Let the queue go on, and return what then waits and goes."""
    tend(workspace)
    queue, jobs = workspace.catalog.queue, workspace.catalog.jobs
    state, other = queue.read_state(), find_other_place(workspace)
    going = ((run, jobs.latest(run.id)) for run in queue.list_going())
    waiting = queue.list_waiting()
    return QueueListing(
        is_paused=state is not None and (state.is_paused or bool(other)),
        slots=workspace.settings.slots,
        waiting=waiting,
        going=tuple((run, job) for run, job in going if not is_elsewhere(job, other)),
        unread={run.id: list_unread(workspace, run) for run in waiting},
    )


def pause_queue(workspace: Workspace) -> QueueListing:
    """Start no queued run until the queue is resumed; what is going goes on."""
    return _set_paused(workspace, is_paused=True)


def resume_queue(workspace: Workspace) -> QueueListing:
    """Let the queue go on, in a home that was copied from another one too."""
    return _set_paused(workspace, is_paused=False)


def _set_paused(workspace: Workspace, *, is_paused: bool) -> QueueListing:
    give_up_elsewhere(workspace)
    author = workspace.settings.author
    workspace.catalog.queue.set_paused(workspace.place, is_paused=is_paused, author=author)
    return list_queue(workspace)


def set_priority(workspace: Workspace, ref: str, priority: int) -> Run:
    """Let a waiting run come earlier, or later with a negative priority.

    Raises:
        NotFound: there is no such run.
        Conflict: it does not wait.
    """
    run = workspace.catalog.queue.set_priority(workspace.catalog.runs.get(ref).id, priority)
    tend(workspace)
    return workspace.catalog.runs.get(run.id)


def settle_ended(workspace: Workspace, job_id: JobId, known: JobExit) -> dict[str, Any]:
    """Say what became of a run whose job has ended, and what a person's own command is told of it."""
    job = workspace.catalog.jobs.get(job_id)
    run = settle_job(workspace, workspace.catalog.runs.get(job.run_id), job, known)
    return {
        "is_finished": run.state.is_finished,
        "state": run.state.value,
        "environment": describe_end(workspace, run),
    }
