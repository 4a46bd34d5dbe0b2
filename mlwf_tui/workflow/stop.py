"""stop: end a run, politely first."""

from __future__ import annotations

from mlwf_tui.entities.run import Run
from mlwf_tui.workflow import jobs
from mlwf_tui.workspace import Workspace

GRACE_S = 60.0  # a training ends its batch, validates and saves before it goes


def stop_run(workspace: Workspace, ref: str, *, grace_s: float = GRACE_S) -> Run:
    """Stop a run and return it as it then is. A stopped training keeps its best weights as a model.

    Raises:
        NotFound: there is no such run.
        Conflict: it has finished already.
    """
    return jobs.stop(workspace, workspace.catalog.runs.get(ref), grace_s=grace_s)
