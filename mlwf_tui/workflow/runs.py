"""runs: what was done, and what is being done now."""

from __future__ import annotations

from collections.abc import Collection

from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.workflow.running import jobs
from mlwf_tui.workspace import Workspace

UNFINISHED = tuple(state for state in RunState if not state.is_finished)


def list_runs(
    workspace: Workspace,
    limit: int | None = 100,
    *,
    states: Collection[RunState] | None = None,
    verbs: Collection[str] | None = None,
) -> tuple[Run, ...]:
    """Return the newest runs first, of some states and verbs or of all; the queue is looked after before.

    `limit` None gives all.
    """
    jobs.tend(workspace)
    return workspace.catalog.runs.list(limit=limit, states=states, verbs=verbs)


def list_present_runs(workspace: Workspace, newest: int = 100) -> tuple[Run, ...]:
    """Return the newest runs first, then older ones that are not over; the queue is looked after before."""
    runs = list_runs(workspace, newest)
    known = {run.id for run in runs}
    unfinished = workspace.catalog.runs.list(limit=None, states=UNFINISHED)
    return (*runs, *(run for run in unfinished if run.id not in known))


def is_queue_paused(workspace: Workspace) -> bool:
    """Whether nothing that waits is started, until somebody lets the queue go on."""
    state = workspace.catalog.queue.read_state()
    return state is not None and state.is_paused


def count_runs(
    workspace: Workspace,
    *,
    states: Collection[RunState] | None = None,
    verbs: Collection[str] | None = None,
) -> int:
    """Return how many runs `list_runs` would give without a limit."""
    return workspace.catalog.runs.count(states=states, verbs=verbs)


def get_run(workspace: Workspace, ref: str) -> Run:
    """Return one run by id or unique prefix.

    Raises:
        NotFound: there is no such run.
    """
    jobs.tend(workspace)
    return workspace.catalog.runs.get(ref)
