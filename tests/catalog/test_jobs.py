from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from mlwf_tui.catalog.catalog import Catalog
from mlwf_tui.catalog.jobs import JobEnd
from mlwf_tui.entities.ids import JobId, RunId
from mlwf_tui.entities.queue import Terms
from mlwf_tui.entities.run import ProcessIdentity, Run, RunState
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
    catalog.jobs.finish(jobs[1].id, 0)
    finished = catalog.jobs.get(jobs[1].id)
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


def queue_run(catalog: Catalog) -> Run:
    return catalog.runs.create(
        "train", params={}, seed=0, author="", workspace="lab", environment={},
        state=RunState.QUEUED, terms=Terms(),
    )  # fmt: skip


def test_the_length_of_a_run_is_that_of_all_its_jobs(catalog: Catalog) -> None:
    run = queue_run(catalog)
    first = catalog.jobs.create(run.id, PROCESS)
    catalog.runs.start(run.id)
    catalog.runs.mark(run.id, RunState.PAUSED, expected=(RunState.RUNNING,))
    catalog.jobs.finish(first.id, end=JobEnd(ran_s=1000.0, outcome="paused"))
    catalog.queue.put_back(run.id)
    second = catalog.jobs.create(run.id, PROCESS)
    going = catalog.runs.start(run.id)

    assert going.started_at == first.started_at
    assert going.find_length_s() is None
    assert going.find_length_s(second.started_at + timedelta(seconds=5)) == 1005.0

    catalog.runs.finish(run.id, RunState.DONE, result={})
    ended = catalog.runs.get(run.id)
    assert 1000.0 < (ended.find_length_s() or 0.0) < 1010.0
    catalog.jobs.finish(second.id, end=JobEnd(ran_s=7.5, outcome="done"))
    assert catalog.runs.get(run.id).find_length_s() == 1007.5


def test_the_length_of_a_run_with_one_job_is_from_its_start_to_its_end(catalog: Catalog, make: Any) -> None:
    run = make.run()
    catalog.jobs.create(run.id, PROCESS)
    catalog.runs.finish(run.id, RunState.DONE, result={})
    ended = catalog.runs.get(run.id)
    assert ended.started_at is not None and ended.finished_at is not None
    assert ended.find_length_s() == (ended.finished_at - ended.started_at).total_seconds()


def test_a_job_is_as_long_whether_it_was_the_only_one_or_not(catalog: Catalog) -> None:
    run = queue_run(catalog)
    first = catalog.jobs.create(run.id, PROCESS)
    catalog.runs.start(run.id)
    catalog.jobs.finish(first.id, end=JobEnd(ran_s=1000.0, outcome="lost"))
    catalog.runs.finish(run.id, RunState.LOST, result={})
    assert catalog.runs.get(run.id).find_length_s() == 1000.0
    catalog.queue.reopen(run.id)
    second = catalog.jobs.create(run.id, PROCESS)
    catalog.runs.start(run.id)
    catalog.jobs.finish(second.id, end=JobEnd(ran_s=5.0, outcome="lost"))
    catalog.runs.finish(run.id, RunState.LOST, result={})
    assert catalog.runs.get(run.id).find_length_s() == 1005.0


def test_a_job_that_nobody_saw_end_counts_until_it_was_missed(catalog: Catalog) -> None:
    run = queue_run(catalog)
    lost = catalog.jobs.create(run.id, PROCESS)
    catalog.runs.start(run.id)
    catalog.jobs.finish(lost.id)
    lost = catalog.jobs.get(lost.id)
    catalog.runs.mark(run.id, RunState.PAUSED, expected=(RunState.RUNNING,))
    catalog.queue.put_back(run.id)
    second = catalog.jobs.create(run.id, PROCESS)
    catalog.runs.finish(run.id, RunState.DONE, result={})
    catalog.jobs.finish(second.id, end=JobEnd(ran_s=5.0, outcome="done"))
    assert lost.finished_at is not None
    missed_s = (lost.finished_at - lost.started_at).total_seconds()
    assert missed_s > 0
    assert catalog.runs.get(run.id).find_length_s() == pytest.approx(5.0 + missed_s)
