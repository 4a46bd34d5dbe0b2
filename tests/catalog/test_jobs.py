from __future__ import annotations

from typing import Any

import pytest

from mlwf_tui.catalog.catalog import Catalog
from mlwf_tui.entities.ids import JobId, RunId
from mlwf_tui.entities.run import ProcessIdentity, RunState
from mlwf_tui.errors import Conflict, NotFound

PROCESS = ProcessIdentity("boot", 4242, 123456789)


def test_a_job_comes_back_as_it_was(catalog: Catalog, make: Any) -> None:
    run = make.run()
    assert catalog.jobs.latest(run.id) is None
    job = catalog.jobs.create(run.id, PROCESS)
    assert catalog.jobs.latest(run.id) == job
    assert (job.run_id, job.process, job.finished_at, job.exit_code) == (run.id, PROCESS, None, None)


def test_a_retry_is_a_second_job_of_the_same_run(catalog: Catalog, make: Any) -> None:
    run = make.run()
    first = catalog.jobs.create(run.id, PROCESS)
    catalog.jobs.finish(first.id, 1)
    second = catalog.jobs.create(run.id, PROCESS)
    assert catalog.jobs.latest(run.id) == second


def test_unfinished_jobs_are_listed_until_they_end(catalog: Catalog, make: Any) -> None:
    jobs = [catalog.jobs.create(make.run().id, PROCESS) for _ in range(3)]
    finished = catalog.jobs.finish(jobs[1].id, 0)
    assert finished.exit_code == 0
    assert finished.finished_at is not None
    assert catalog.jobs.list_unfinished() == (jobs[0], jobs[2])
    with pytest.raises(Conflict):
        catalog.jobs.finish(jobs[1].id, 0)


def test_a_job_needs_a_run_that_is_not_finished(catalog: Catalog, make: Any) -> None:
    run = make.run()
    catalog.runs.finish(run.id, RunState.DONE, result={})
    with pytest.raises(Conflict):
        catalog.jobs.create(run.id, PROCESS)
    with pytest.raises(NotFound):
        catalog.jobs.create(RunId("x"), PROCESS)
    with pytest.raises(NotFound):
        catalog.jobs.finish(JobId("x"), 0)
