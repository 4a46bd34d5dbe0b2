"""Follows one run while it goes: its row, its progress, its new metrics, its log."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from mlwf_tui.entities.run import MetricPoint, Progress, Run
from mlwf_tui.logs.rotation import rotate
from mlwf_tui.workflow import events, jobs
from mlwf_tui.workspace import Workspace

POLL_S = 0.25
LOST_CHECK_POLLS = 8  # whether the process still lives is asked every two seconds


class RunUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """What is new since the last poll; `progress` is None where nothing was said."""

    run: Run
    progress: Progress | None
    new_metrics: tuple[MetricPoint, ...]


class RunFollower:
    """Polls one run; cheap at 4 Hz. Not for use by two threads at once."""

    def __init__(self, workspace: Workspace, run_id: str) -> None:
        self._workspace = workspace
        self._run = workspace.catalog.runs.get(run_id)
        self._reader = events.EventReader(workspace.run_folder(self._run.id) / events.FILE_NAME)
        self._polls = 0

    def poll(self) -> RunUpdate:
        """Return what is new. The run's row is read first, so that a finished run's end is not missed."""
        if not self._run.state.is_finished:
            if self._polls % LOST_CHECK_POLLS == LOST_CHECK_POLLS - 1:
                jobs.find_lost(self._workspace)
                rotate_log(self._workspace, self._run.id)
            self._run = self._workspace.catalog.runs.get(self._run.id)
        self._polls += 1
        progress, metrics = self._reader.read_new()
        return RunUpdate(run=self._run, progress=progress, new_metrics=metrics)


def log_path(workspace: Workspace, run_id: str) -> Path:
    """Where the run's log is; the file may not exist for a run that needed no worker."""
    return workspace.run_folder(run_id) / "log"


def rotate_log(workspace: Workspace, run_id: str) -> int:
    """Move a log's older bytes into parts where it has outgrown the setting; return how many were made.

    Cheap where there is nothing to do (one system call), safe for several programs at once; whoever watches
    a run calls it every few seconds. Nothing is lost, and the writer knows nothing of it.
    """
    return rotate(log_path(workspace, run_id), workspace.settings.log_part_mb * 1_000_000)


def wait_for(
    workspace: Workspace, run_id: str, on_update: Callable[[RunUpdate], None] = lambda update: None
) -> Run:
    """Follow a run until it has finished and return it."""
    follower = RunFollower(workspace, run_id)
    while True:
        update = follower.poll()
        on_update(update)
        if update.run.state.is_finished:
            return update.run
        time.sleep(POLL_S)
