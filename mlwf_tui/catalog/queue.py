"""The queue: which runs wait, and the transitions between waiting, claimed and tried again.

Whether a process is still there, and whether a lease is free, is for others to find out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import peewee as pw

from mlwf_tui.catalog.database import Database
from mlwf_tui.catalog.jobs import Jobs
from mlwf_tui.catalog.journal import Journal
from mlwf_tui.catalog.runs import Runs
from mlwf_tui.catalog.tables import JobRow, QueueRow, RunRow
from mlwf_tui.entities.ids import JobId, RunId
from mlwf_tui.entities.queue import QueueState
from mlwf_tui.entities.run import REOPENED, Job, ProcessIdentity, Run, RunState
from mlwf_tui.entities.search import SEARCH
from mlwf_tui.errors import Conflict

GOING = (RunState.CLAIMED, RunState.RUNNING, RunState.PAUSING, RunState.STOPPING)


class Queue:
    """The queued runs of a home. Each transition is one immediate transaction that expects a state."""

    def __init__(self, database: Database, journal: Journal, runs: Runs, jobs: Jobs) -> None:
        self._database = database
        self._journal = journal
        self._runs = runs
        self._jobs = jobs

    def read_state(self) -> QueueState | None:
        """Return where the queue was set up and whether it is paused; None where it never was."""
        row = self._database.find(QueueRow.select())
        return None if row is None else QueueState(home=row.home, is_paused=bool(row.is_paused))

    def set_up(self, home: str) -> None:
        """Say that the queue runs in this folder, unless that was said before."""
        if self.read_state() is None:
            insert = QueueRow.insert(id=1, home=home, is_paused=0).on_conflict_ignore()
            with self._database.transaction():
                self._database.execute(insert)

    def set_paused(self, home: str, *, is_paused: bool, author: str) -> None:
        """Pause the queue, or let it run, from now on in this folder."""
        entered = QueueRow.insert(id=1, home=home, is_paused=int(is_paused)).on_conflict_replace()
        with self._database.transaction():
            self._database.execute(entered)
            self._journal.append("queue.paused" if is_paused else "queue.resumed", home, author=author)

    def list_waiting(self) -> tuple[Run, ...]:
        """Return the queued runs in the order in which they may start: by priority, then submission."""
        found = self._runs.list(states=(RunState.QUEUED,), limit=None, is_detached=True)
        oldest_first = found[::-1]
        return tuple(sorted(oldest_first, key=lambda run: -run.priority))

    def list_going(self) -> tuple[Run, ...]:
        """Return the runs that jobs of the queue are at, or were when last looked, oldest first."""
        found = self._runs.list(states=(*GOING, RunState.PAUSED), limit=None, is_detached=True)
        return tuple(reversed(found))

    def has_unfinished(self) -> bool:
        """Whether any run or job, of the queue or not, has not ended; cheap, for those who ask often."""
        states = [state for state in RunState if not state.is_finished]
        run = RunRow.select(RunRow.id).where(RunRow.state.in_(states)).limit(1)
        job = JobRow.select(JobRow.id).where(JobRow.finished_at.is_null()).limit(1)
        return self._database.find(run) is not None or self._database.find(job) is not None

    def claim(
        self,
        run_id: RunId,
        process: ProcessIdentity,
        *,
        job_id: JobId,
        leases: Sequence[str],
        max_running: int | None,
    ) -> Job:
        """Give a queued run to a process, which then alone may start it.

        Raises:
            Conflict: it is not queued any more, the queue was paused, or its workspace has
                `max_running` going.
        """
        with self._database.transaction():
            run = self._expect(run_id, RunState.QUEUED)
            state = self.read_state()
            if state is not None and state.is_paused:
                raise Conflict("The queue is paused.", hint="mlwf queue resume lets it run.")
            if max_running is not None and self.count_going(run.workspace) >= max_running:
                raise Conflict(f"{max_running} runs are going in {run.workspace}.", hint="See mlwf queue.")
            self._update(run_id, state=RunState.CLAIMED, waits_for="", not_before=None)
            self._journal.append("run.marked", run_id, state=RunState.CLAIMED)
            return self._jobs.create(run_id, process, job_id=job_id, leases=leases)

    def count_going(self, workspace: str) -> int:
        """Return how many queued runs of a workspace have been started and have not ended.

        A search only watches its trials, which could not start where it counted.
        """
        query = RunRow.select(pw.fn.COUNT(RunRow.id)).where(
            RunRow.workspace == workspace,
            RunRow.state.in_(GOING),
            RunRow.terms.is_null(False),
            RunRow.verb != SEARCH,
        )
        return int(self._database.read_value(query) or 0)

    def put_back(self, run_id: RunId) -> None:
        """Let a run wait again whose process never began, or that was paused.

        Raises:
            Conflict: it is neither claimed nor paused.
        """
        with self._database.transaction():
            self._expect(run_id, RunState.CLAIMED, RunState.PAUSED)
            self._update(run_id, state=RunState.QUEUED, waits_for="")
            self._journal.append("run.marked", run_id, state=RunState.QUEUED)

    def go_on(self, run_id: RunId) -> bool:
        """Say that a run goes on whose process has stood still; False where it is to be neither."""
        with self._database.transaction():
            if self._runs.get(run_id).state not in (RunState.PAUSED, RunState.QUEUED):
                return False
            self._update(run_id, state=RunState.RUNNING, waits_for="")
            self._journal.append("run.marked", run_id, state=RunState.RUNNING)
            return True

    def try_again(self, run_id: RunId, *, error: str) -> bool:
        """Let a run that has come to nothing wait for a retry, if its terms have one left.

        One that a person is stopping has none; one that a person has paused stays so until it is resumed.

        Raises:
            Conflict: it is finished.
        """
        with self._database.transaction():
            run = self._runs.get(run_id)
            if run.state.is_finished:
                raise Conflict(f"The run {run_id} is {run.state}.", hint="See mlwf runs.")
            if run.terms is None or run.retry_count >= run.terms.retries or run.results:
                return False
            if run.state is RunState.STOPPING:
                return False
            is_held = run.state in (RunState.PAUSING, RunState.PAUSED)
            state = RunState.PAUSED if is_held else RunState.QUEUED
            backoff = timedelta(seconds=run.terms.find_backoff_s(run.retry_count))
            self._update(
                run_id,
                state=state,
                not_before=self._database.now() + backoff,
                retry_count=run.retry_count + 1,
                error=error,
            )
            job = self._jobs.latest(run_id)
            if is_held and job is not None and job.finished_at is None:
                self._jobs.note_outcome(job.id, RunState.PAUSED)  # its process is not one that stands still
            self._journal.append("run.retried", run_id, error=error, state=state)
            return True

    def reopen(self, run_id: RunId) -> Run:
        """Let a run wait once more that ended without a result; a session is no result.

        Raises:
            Conflict: it is not finished, was done, or has left a result.
        """
        with self._database.transaction():
            run = self._expect(run_id, *REOPENED)
            if run.results:
                made = ", ".join(artifact.title for artifact in run.results)
                raise Conflict(f"The run {run_id} has left {made}.", hint="Start a new run.")
            self._update(
                run_id,
                state=RunState.QUEUED,
                error="",
                hint="",
                summary="",
                result={},
                started_at=None,
                finished_at=None,
                not_before=None,
                retry_count=0,
            )
            self._journal.append("run.reopened", run_id)
            return self._runs.get(run_id)

    def set_priority(self, run_id: RunId, priority: int) -> Run:
        """Let a waiting run come earlier or later.

        Raises:
            Conflict: it does not wait.
        """
        with self._database.transaction():
            self._expect(run_id, RunState.QUEUED, RunState.PAUSED)
            self._update(run_id, priority=priority)
            self._journal.append("run.marked", run_id, priority=str(priority))
            return self._runs.get(run_id)

    def note_waits(self, reasons: Mapping[RunId, str]) -> None:
        """Note for what these runs wait, in words, where they still do."""
        if not reasons:
            return
        with self._database.transaction():
            for run_id, reason in reasons.items():
                update = RunRow.update(waits_for=reason)
                is_waiting = (RunRow.id == run_id) & (RunRow.state == RunState.QUEUED)
                self._database.execute(update.where(is_waiting))
            self._journal.append("queue.noted", "queue")

    def _expect(self, run_id: RunId, *states: RunState) -> Run:
        run = self._runs.get(run_id)
        if run.state not in states:
            wanted = " or ".join(states)
            raise Conflict(f"The run {run_id} is {run.state}, not {wanted}.", hint="See mlwf runs.")
        if run.terms is None:
            raise Conflict(
                f"The {run.verb} run {run_id} is not of the queue: the process that was asked did it.",
                hint="Give the command again.",
            )
        return run

    def _update(self, run_id: RunId, **values: Any) -> None:
        self._database.execute(RunRow.update(**values).where(RunRow.id == run_id))
