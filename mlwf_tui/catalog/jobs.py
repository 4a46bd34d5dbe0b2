"""The processes that do runs; whether one is still alive is for others to find out."""

from __future__ import annotations

import msgspec

from mlwf_tui.catalog.database import Database
from mlwf_tui.catalog.journal import Journal
from mlwf_tui.catalog.runs import find_state
from mlwf_tui.catalog.tables import JobRow
from mlwf_tui.entities.ids import JobId, RunId, new_id
from mlwf_tui.entities.run import Job, ProcessIdentity
from mlwf_tui.errors import Conflict, NotFound


class Jobs:
    """The jobs of all runs."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal

    def create(self, run_id: RunId, process: ProcessIdentity) -> Job:
        """Say that a process works on a run from now on.

        Raises:
            NotFound: there is no such run.
            Conflict: the run is finished.
        """
        job_id = JobId(new_id())
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
                )
            )
            self._journal.append("job.started", job_id, run=run_id)
            return self._get(job_id)

    def ensure(self, run_id: RunId, process: ProcessIdentity) -> Job:
        """Return the run's job of this very process, made where it is missing.

        Whoever starts a worker and the worker itself both say so; whichever is first makes the row.

        Raises:
            NotFound: there is no such run.
            Conflict: the run is finished, and this process was not its job.
        """
        with self._database.transaction():
            latest = self.latest(run_id)
            if latest is not None and latest.process == process:
                return latest
            return self.create(run_id, process)

    def finish(self, job_id: JobId, exit_code: int | None) -> Job:
        """Say that the process has ended; `exit_code` None where nobody was there to see it.

        Raises:
            NotFound: there is no such job.
            Conflict: it had ended before.
        """
        with self._database.transaction():
            job = self._get(job_id)
            if job.finished_at is not None:
                raise Conflict(f"The job {job_id} has ended before.", hint="See mlwf runs.")
            ended = JobRow.update(finished_at=self._database.now(), exit_code=exit_code)
            self._database.execute(ended.where(JobRow.id == job_id))
            self._journal.append("job.finished", job_id, run=job.run_id)
            return self._get(job_id)

    def latest(self, run_id: RunId) -> Job | None:
        """Return the newest job of a run, if it had one."""
        query = JobRow.select().where(JobRow.run_id == run_id).order_by(JobRow.sequence.desc())
        found = self._database.fetch_as(query.limit(1), _to_job)
        return found[0] if found else None

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
        finished_at=row.finished_at,
        exit_code=row.exit_code,
    )
