"""The contract of executors: they start jobs and reach them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from mlwf_tui.entities.ids import JobId
from mlwf_tui.entities.run import JobExit, ProcessIdentity, Wish


class JobSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What an executor needs to know to do one job."""

    job: JobId
    command: tuple[str, ...]  # of the worker
    settle: tuple[str, ...]  # called at the end, with the exit as JSON behind; prints what became of the run
    environment: Mapping[str, str]  # of the worker, beside what is there
    folder: Path  # the run's
    log: Path
    grace_s: float  # after a polite stop that says no other
    timeout_s: float | None
    hook: tuple[str, ...]  # called when the run has ended for good
    hook_timeout_s: float
    slots: Mapping[
        str, int
    ] = {}  # descriptors of CPU slots, by the slot's file; let go while it stands still


class StartingJob(Protocol):
    """A job's process that waits for the word to begin."""

    pid: int

    def begin(self, spec: JobSpec) -> None:
        """Give the word. Where it is never given, also because the caller has died, nothing is done.

        Raises:
            OSError: the process is gone.
        """

    def abandon(self) -> None:
        """Let it end without having done anything."""


class Executor(Protocol):
    """Does jobs somewhere: as local processes today, on a cluster later."""

    name: str

    def prepare(self, log_path: Path, descriptors: Sequence[int]) -> StartingJob:
        """Start a process, detached from this one, that outlives it and keeps `descriptors` open.

        Raises:
            OSError: it cannot be started, or the log cannot be written.
        """

    def watch(self, command: Sequence[str], lock: int, folder: Path) -> None:
        """Let a process that keeps the descriptor `lock` call `command` until that says that nothing waits.

        Raises:
            OSError: it cannot be started.
        """

    def notify(
        self, hook: Sequence[str], timeout_s: float, environment: Mapping[str, str], log_path: Path
    ) -> None:
        """Call a person's command for a run whose job did not live to do it; do not wait for it.

        Raises:
            OSError: it cannot be started.
        """

    def ask(self, process: ProcessIdentity, folder: Path, job: JobId, wish: Wish) -> bool:
        """Ask a job for something; False where its process is gone.

        Raises:
            OSError: it cannot be written.
        """

    def is_frozen(self, folder: Path, job: JobId) -> bool:
        """Whether all of a job stands still after a freeze, and has let its slots go."""

    def read_exit(self, folder: Path, job: JobId) -> JobExit | None:
        """Return how a job ended, once that is noted."""
