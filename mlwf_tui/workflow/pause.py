"""pause: let go of a run for a while; resume goes on with it."""

from __future__ import annotations

from mlwf_tui.entities.run import Run, RunState, Wish, WishKind
from mlwf_tui.errors import Conflict
from mlwf_tui.workflow.running.control import (
    GOING_STATES,
    ask,
    wait_for_freeze,
    wait_until,
)
from mlwf_tui.workflow.running.jobs import tend
from mlwf_tui.workflow.running.places import check_is_here
from mlwf_tui.workspace import Workspace

CHECKPOINTING_VERBS = frozenset({"train", "search"})  # they let go of what they hold
_ONLY = "Only what waits or runs can be paused."


def pause_run(workspace: Workspace, ref: str, *, is_urgent: bool = False, wait_s: float = 0.0) -> Run:
    """Pause a run and return it as it then is.

    A training goes on to the end of its epoch, writes its checkpoint and lets its GPU go. Urgently, it
    ends at once, to go back to its last checkpoint. Other work stands still after its present step,
    keeps its memory and lets its CPU slot go. It is `pausing` until then, for which at most `wait_s`
    seconds are waited. A waiting run is held back.

    Raises:
        NotFound: there is no such run.
        Conflict: it has finished, goes on in another home, or holds a GPU whose memory it would keep.
    """
    tend(workspace)
    catalog = workspace.catalog
    run = catalog.runs.get(ref)
    check_is_queued(run)
    check_is_here(workspace, run)
    if run.state.is_finished:
        hint = f"mlwf resume {run.id} goes on with it." if run.can_begin_again else _ONLY
        raise Conflict(f"The run {run.id} is {run.state} already.", hint=hint)
    if catalog.runs.mark(run.id, RunState.PAUSED, expected=(RunState.QUEUED,)):
        return catalog.runs.get(run.id)
    job = catalog.jobs.latest(run.id)
    if run.state not in (RunState.RUNNING, RunState.PAUSING) or job is None:
        raise Conflict(f"The run {run.id} is {run.state}.", hint=_ONLY)
    is_freezing = run.verb not in CHECKPOINTING_VERBS
    if is_freezing and any(lease.startswith("GPU") for lease in job.leases):
        raise Conflict(
            f"The {run.verb} run {run.id} cannot write a checkpoint, and would keep its memory of the GPU.",
            hint=f"Stop it, and do it again later: mlwf stop {run.id}, mlwf retry {run.id}",
        )
    if not catalog.runs.mark(run.id, RunState.PAUSING, expected=(RunState.RUNNING, RunState.PAUSING)):
        raise Conflict(f"The run {run.id} is not running any more.", hint="See mlwf runs.")
    kind = WishKind.FREEZE if is_freezing else WishKind.PAUSE
    if not ask(workspace, job, Wish(kind=kind, is_urgent=is_urgent)):
        catalog.runs.mark(run.id, RunState.RUNNING, expected=(RunState.PAUSING,))
        raise Conflict(f"The run {run.id} has lost its supervisor.", hint="Stop it, and resume it then.")
    if wait_until(lambda: catalog.runs.get(run.id).state not in GOING_STATES, wait_s) and is_freezing:
        wait_for_freeze(workspace, job)  # what it lets go is there for others then
    tend(workspace)
    return catalog.runs.get(run.id)


def check_is_queued(run: Run) -> None:
    """Raise Conflict for a run that no job of the queue does."""
    if not run.is_detached:
        raise Conflict(
            f"The {run.verb} run {run.id} is not of the queue: the process that was asked did it.",
            hint="Give the command again; with --detach it can be paused and resumed.",
        )
