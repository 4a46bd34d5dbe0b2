"""runs: what was done, and what is being done now."""

from __future__ import annotations

from mlwf_tui.entities.run import Run
from mlwf_tui.workflow.running import jobs
from mlwf_tui.workspace import Workspace


def list_runs(workspace: Workspace, limit: int = 100) -> tuple[Run, ...]:
    """Return the newest runs first; the queue is looked after before."""
    jobs.tend(workspace)
    return workspace.catalog.runs.list(limit=limit)


def get_run(workspace: Workspace, ref: str) -> Run:
    """Return one run by id or unique prefix.

    Raises:
        NotFound: there is no such run.
    """
    jobs.tend(workspace)
    return workspace.catalog.runs.get(ref)
