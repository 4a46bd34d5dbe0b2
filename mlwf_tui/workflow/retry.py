"""retry: do a run once more from its beginning, as a second job of the same run."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from mlwf_tui.entities.ids import new_id
from mlwf_tui.entities.run import Run
from mlwf_tui.errors import StorageFailed
from mlwf_tui.workflow.names import check_promised_name
from mlwf_tui.workflow.pause import check_is_queued
from mlwf_tui.workflow.running.jobs import start_queued, tend
from mlwf_tui.workflow.running.leases import hold_run
from mlwf_tui.workspace import Workspace

FIT_FOLDER = "fit"  # of a run's folder: what a trainer writes, checkpoints included


def retry_run(workspace: Workspace, ref: str) -> Run:
    """Let a run that failed, was stopped or lost begin anew; its checkpoints are put away.

    Raises:
        NotFound: there is no such run.
        Conflict: it goes, was done, or has left its result, or the name of its model is another's by now.
        StorageFailed: its checkpoints cannot be put away; it is as it was.
    """
    tend(workspace)
    run = workspace.catalog.runs.get(ref)
    check_is_queued(run)
    try:
        with hold_run(workspace, run.id):
            with workspace.catalog.transaction():
                workspace.catalog.queue.reopen(run.id)
                check_promised_name(workspace, run)
                old = _put_away(workspace.run_folder(run.id) / FIT_FOLDER)
            shutil.rmtree(old, ignore_errors=True)  # what is left of it costs room, and is never gone on from
    except OSError as error:
        raise StorageFailed(
            f"The run {run.id} cannot begin anew: {error.strerror or error}.", hint="Check its folder."
        ) from error
    return start_queued(workspace, run)


def _put_away(folder: Path) -> Path:
    """Give a folder another name, at once and whole, and return it: a removal may fail half-way.

    Raises:
        OSError: it cannot be renamed.
    """
    old = folder.with_name(f"{folder.name}-{new_id()}")
    with suppress(FileNotFoundError):  # no training, or one that had not begun
        folder.rename(old)
    return old
