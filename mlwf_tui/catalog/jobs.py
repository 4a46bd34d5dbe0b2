"""The processes that do runs; whether one is still alive is for others to find out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from mlwf_tui.catalog.database import Database
from mlwf_tui.catalog.journal import Journal
from mlwf_tui.catalog.runs import find_state
from mlwf_tui.catalog.tables import JobRow
from mlwf_tui.entities.ids import JobId, RunId, new_id
from mlwf_tui.entities.run import Job, ProcessIdentity
from mlwf_tui.errors import Conflict, NotFound


class JobEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How a job ended, as far as anybody saw it; see the fields of `Job`."""

    exit_code: int | None = None
    signal: int | None = None
    outcome: str = ""
    ran_s: float | None = None
    cpu_s: float | None = None
    max_rss_bytes: int | None = None


class Jobs:
    """The jobs of all runs."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal

    def create(
        self,
        run_id: RunId,
        process: ProcessIdentity,
        *,
        job_id: JobId | None = None,
        leases: Sequence[str] = (),
    ) -> Job:
        """Say that a process works on a run from now on, and what of the machine it has for itself.

        Raises:
            NotFound: there is no such run.
            Conflict: the run is finished.
        """
        job_id = job_id or JobId(new_id())
        with self._database.transaction():
            self._check_unfinished(run_id)
            self._database.execute(
                JobRow.insert(
                    id=job_id,
                    run_id=run_id,
                    boot_id=process.boot_id,
                    pid=process.pid,
                    start_ticks=process.start_ticks,
                    started_at=self._database.now(),
                    leases=list(leases),
                    outcome="",
                )
            )
            self._journal.append("job.started", job_id, run=run_id)
            return self._get(job_id)

    def note_worker(self, job_id: JobId, worker: ProcessIdentity) -> None:
        """Say which process does the work of a job.

        Raises:
            NotFound: there is no such job.
        """
        with self._database.transaction():
            job = self._get(job_id)
            noted = JobRow.update(worker_pid=worker.pid, worker_start_ticks=worker.start_ticks)
            self._database.execute(noted.where(JobRow.id == job.id))

    def note_leases(self, job_id: JobId, leases: Sequence[str]) -> None:
        """Say what of the machine a job has for itself from now on.

        Raises:
            NotFound: there is no such job.
        """
        with self._database.transaction():
            job = self._get(job_id)
            self._database.execute(JobRow.update(leases=list(leases)).where(JobRow.id == job.id))

    def note_outcome(self, job_id: JobId, outcome: str) -> None:
        """Say what became of the run before the job's process has ended.

        Raises:
            NotFound: there is no such job.
        """
        with self._database.transaction():
            job = self._get(job_id)
            self._database.execute(JobRow.update(outcome=outcome).where(JobRow.id == job.id))

    def finish(
        self,
        job_id: JobId,
        exit_code: int | None = None,
        *,
        end: JobEnd | None = None,
        at: datetime | None = None,
    ) -> None:
        """Say that the process has ended, now or `at`; `exit_code` None where nobody was there to see it.

        Raises:
            NotFound: there is no such job.
            Conflict: it had ended before.
        """
        with self._database.transaction():
            job = self._get(job_id)
            if job.finished_at is not None:
                raise Conflict(f"The job {job_id} has ended before.", hint="See mlwf runs.")
            known = end or JobEnd(exit_code=exit_code)
            ended = JobRow.update(finished_at=at or self._database.now(), **msgspec.structs.asdict(known))
            self._database.execute(ended.where(JobRow.id == job_id))
            self._journal.append("job.finished", job_id, run=job.run_id)

    def latest(self, run_id: RunId) -> Job | None:
        """Return the newest job of a run, if it had one."""
        query = JobRow.select().where(JobRow.run_id == run_id).order_by(JobRow.sequence.desc())
        found = self._database.fetch_as(query.limit(1), _to_job)
        return found[0] if found else None

    def get(self, job_id: JobId) -> Job:
        """Return one job.

        Raises:
            NotFound: there is no such job.
        """
        return self._get(job_id)

    def list_of(self, run_id: RunId) -> tuple[Job, ...]:
        """Return all jobs of a run, oldest first."""
        query = JobRow.select().where(JobRow.run_id == run_id).order_by(JobRow.sequence)
        return self._database.fetch_as(query, _to_job)

    def list_unfinished(self) -> tuple[Job, ...]:
        """Return the jobs whose end nobody has noted, oldest first."""
        query = JobRow.select().where(JobRow.finished_at.is_null()).order_by(JobRow.sequence)
        return self._database.fetch_as(query, _to_job)

    def _get(self, job_id: JobId) -> Job:
        found = self._database.fetch_as(JobRow.select().where(JobRow.id == job_id), _to_job)
        if not found:
            raise NotFound(f"There is no job {job_id}.", hint="See mlwf runs.")
        return found[0]

    def _check_unfinished(self, run_id: RunId) -> None:
        state = find_state(self._database, run_id)
        if state is None:
            raise NotFound(f"There is no run {run_id}.", hint="See mlwf runs.")
        if state.is_finished:
            raise Conflict(f"The run {run_id} is finished ({state}).", hint="Start a new run.")


def _to_job(row: JobRow) -> Job:
    return Job(
        id=JobId(row.id),
        run_id=RunId(row.run_id),
        process=msgspec.convert(row, ProcessIdentity, from_attributes=True),
        started_at=row.started_at,
        worker=_to_worker(row),
        leases=tuple(row.leases),
        finished_at=row.finished_at,
        exit_code=row.exit_code,
        signal=row.signal,
        outcome=row.outcome,
        ran_s=row.ran_s,
        cpu_s=row.cpu_s,
        max_rss_bytes=row.max_rss_bytes,
    )


def _to_worker(row: JobRow) -> ProcessIdentity | None:
    if row.worker_pid is None or row.worker_start_ticks is None:
        return None
    return ProcessIdentity(row.boot_id, row.worker_pid, row.worker_start_ticks)
