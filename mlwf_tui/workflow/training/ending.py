"""Ends trainings that have let go of their process: they begin once more, and are stopped as they do."""

from __future__ import annotations

from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.errors import Cancelled
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.workflow.retry import FIT_FOLDER
from mlwf_tui.workspace import Workspace

ENDING = "ending"  # in the result of such a run until it has ended


class Ending:
    """An Observer that hands everything on, and wants the work to stop."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def progress(self, step: int, total: int | None, message: str) -> None:
        self._observer.progress(step, total, message)

    def metric(self, key: str, value: float, step: int) -> None:
        self._observer.metric(key, value, step)

    def check_cancelled(self) -> None:
        self._observer.check_cancelled()
        raise Cancelled("The run was asked to stop while it waited.")


def can_end(workspace: Workspace, run: Run) -> bool:
    """Whether a run waits, was not asked to end before, and has begun to train."""
    is_waiting = run.state in (RunState.QUEUED, RunState.PAUSED) and not is_ending(run)
    return run.verb == "train" and is_waiting and (workspace.run_folder(run.id) / FIT_FOLDER).is_dir()


def let_end(workspace: Workspace, run: Run) -> None:
    """Put a waiting training into the queue, to begin once more and end."""
    with workspace.catalog.transaction():
        if workspace.catalog.runs.get(run.id).state is RunState.PAUSED:
            workspace.catalog.queue.put_back(run.id)
        workspace.catalog.runs.extend_result(run.id, {ENDING: True})


def is_ending(run: Run) -> bool:
    """Whether a training begins only to keep what it has learned."""
    return bool(run.result.get(ENDING))
