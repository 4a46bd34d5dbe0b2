"""Follows one run while it goes: its row, its progress, its new metrics, its log."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from mlwf_tui.entities.ids import RunId
from mlwf_tui.entities.mark import Standing
from mlwf_tui.entities.pace import TimeLeft
from mlwf_tui.entities.run import MetricPoint, Progress, Run, RunState
from mlwf_tui.entities.usage import Usage
from mlwf_tui.logs.rotation import rotate
from mlwf_tui.workflow.running import events, jobs, usage
from mlwf_tui.workspace import Workspace

POLL_S = 0.25
USAGE_POLLS = 8  # what the run takes of the machine is read every two seconds
ROTATE_S = 3.0  # at 100,000 lines a second, a part of 64 MB takes ten
JOIN_TIMEOUT_S = 10.0  # a rotation may be killed at any point, so the run does not wait longer for one
TEND_S = 2.0  # so often the queue is looked after, however many runs are followed


class RunUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """What is new since the last poll; `progress` is None where nothing was said.

    `new_metrics` is empty where nobody has asked for points. `standing` is None where it was not looked at
    since it was told last; `time_left` is None where it cannot be known.
    """

    run: Run
    progress: Progress | None
    new_metrics: tuple[MetricPoint, ...]
    standing: Standing | None = None
    time_left: TimeLeft | None = None
    usage: Usage | None = None  # of the machine; None also where nothing new is known


class RunFollower:
    """Polls one run; cheap at 4 Hz. Not for use by two threads at once."""

    def __init__(self, workspace: Workspace, run_id: str) -> None:
        self._workspace = workspace
        self._run = workspace.catalog.runs.get(run_id)
        self._reader = events.EventReader(workspace.run_folder(self._run.id) / events.FILE_NAME)
        self._usage = usage.UsageReader(workspace.run_folder(self._run.id) / usage.FILE_NAME)
        self._polls = 0

    def poll(self) -> RunUpdate:
        """Return what is new. The run's row is read first, so that a finished run's end is not missed."""
        if not self._run.state.is_finished:
            if self._workspace.pulse.is_due(TEND_S):
                check_processes(self._workspace)
            self._run = self._workspace.catalog.runs.get(self._run.id)
        is_due = self._polls % USAGE_POLLS == 0 or self._run.state.is_finished
        self._polls += 1
        progress, metrics = self._reader.read_new()
        found = self._usage.read() if is_due else None
        return RunUpdate(run=self._run, progress=progress, new_metrics=metrics, usage=found)


def read_rows(workspace: Workspace, run_ids: Iterable[str]) -> dict[str, Run]:
    """Return the rows of these runs, those that go on in one query, whatever their number."""
    active = [state for state in RunState if not state.is_finished]
    known: dict[str, Run] = {run.id: run for run in workspace.catalog.runs.list(states=active, limit=None)}
    wanted = set(run_ids)
    return {run_id: known.get(run_id) or workspace.catalog.runs.get(RunId(run_id)) for run_id in wanted}


def check_processes(workspace: Workspace) -> None:
    """Mark runs whose process is gone, rotate logs that are long; a look every few seconds is enough."""
    jobs.tend(workspace)
    if workspace.is_read_only:
        return
    for run in workspace.catalog.runs.list(states=[RunState.RUNNING, RunState.STOPPING], limit=None):
        rotate_log(workspace, run.id)


def log_path(workspace: Workspace, run_id: str) -> Path:
    """Where the run's log is; the file may not exist for a run that needed no worker."""
    return workspace.run_folder(run_id) / "log"


def rotate_log(workspace: Workspace, run_id: str) -> int:
    """Move a log's older bytes into parts where it has outgrown the setting; return how many were made.

    Cheap where there is nothing to do (one system call), safe for several programs at once; whoever watches
    a run calls it every few seconds. Nothing is lost, and the writer knows nothing of it.
    """
    return rotate(log_path(workspace, run_id), workspace.settings.log_part_mb * 1_000_000)


@contextmanager
def rotating_log(workspace: Workspace, run_id: str) -> Iterator[None]:
    """Keep a run's log in parts until the block ends, also where nobody watches it."""
    is_over = threading.Event()

    def rotate_often() -> None:
        while not is_over.wait(ROTATE_S):
            rotate_log(workspace, run_id)

    thread = threading.Thread(target=rotate_often, name="rotate-log", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join(JOIN_TIMEOUT_S)


def wait_for(
    workspace: Workspace, run_id: str, on_update: Callable[[RunUpdate], None] = lambda update: None
) -> Run:
    """Follow a run until it has finished and return it."""
    follower = RunFollower(workspace, run_id)
    while True:
        update = follower.poll()
        on_update(update)
        if update.run.state.is_finished:
            time.sleep(2 * events.BATCH_S)  # a run is closed a moment before its last points are written
            on_update(follower.poll())
            return update.run
        time.sleep(POLL_S)
