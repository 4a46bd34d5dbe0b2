from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from mlwf_tui.catalog.catalog import Catalog
from mlwf_tui.entities.ids import JobId, RunId, new_id
from mlwf_tui.entities.queue import Terms, Wants
from mlwf_tui.entities.run import ArtifactKind, ArtifactRef, ProcessIdentity, Run, RunState
from mlwf_tui.errors import Conflict

PROCESS = ProcessIdentity("boot", 4242, 123456789)


def enter(catalog: Catalog, *, workspace: str = "default", **terms: Any) -> Run:
    return catalog.runs.create(
        "train",
        params={},
        seed=0,
        author="ada",
        workspace=workspace,
        environment={},
        state=RunState.QUEUED,
        terms=Terms(wants=Wants(), **terms),
        call={"a": 1},
    )


def claim(catalog: Catalog, run: Run, *, max_running: int | None = None) -> JobId:
    job_id = JobId(new_id())
    catalog.queue.claim(run.id, PROCESS, job_id=job_id, leases=("slot 0",), max_running=max_running)
    return job_id


def test_terms_come_back_as_they_were(catalog: Catalog) -> None:
    terms = Terms(wants=Wants(gpu_indices=(1, 2)), after=(RunId("x"),), retries=2, timeout_s=1.5, priority=3)
    run = catalog.runs.create(
        "train",
        params={},
        seed=0,
        author="",
        workspace="default",
        environment={},
        terms=terms,
        call={"b": [1]},
    )
    found = catalog.runs.get(run.id)
    assert (found.terms, found.priority, found.call, found.is_detached) == (terms, 3, {"b": [1]}, True)


def test_the_queue_is_in_the_order_of_priority_then_submission(catalog: Catalog, make: Any) -> None:
    low, high, second = enter(catalog), enter(catalog, priority=5), enter(catalog)
    make.run()
    assert [run.id for run in catalog.queue.list_waiting()] == [high.id, low.id, second.id]
    catalog.queue.set_priority(second.id, 6)
    assert catalog.queue.list_waiting()[0].id == second.id


def test_a_run_is_claimed_once(catalog: Catalog) -> None:
    run = enter(catalog)
    job_id = claim(catalog, run)
    assert catalog.runs.get(run.id).state is RunState.CLAIMED
    assert catalog.jobs.get(job_id).leases == ("slot 0",)
    with pytest.raises(Conflict, match="claimed"):
        claim(catalog, run)
    assert len(catalog.jobs.list_of(run.id)) == 1
    assert [going.id for going in catalog.queue.list_going()] == [run.id]


def test_a_paused_queue_gives_no_run_away(catalog: Catalog) -> None:
    run = enter(catalog)
    catalog.queue.set_up("/home")
    catalog.queue.set_up("/elsewhere")
    catalog.queue.set_paused("/home", is_paused=True, author="ada")
    state = catalog.queue.read_state()
    assert state is not None
    assert (state.home, state.is_paused) == ("/home", True)
    with pytest.raises(Conflict, match="paused"):
        claim(catalog, run)
    catalog.queue.set_paused("/home", is_paused=False, author="ada")
    claim(catalog, run)


def test_a_workspace_has_no_more_claims_than_its_limit(catalog: Catalog) -> None:
    claim(catalog, enter(catalog), max_running=1)
    with pytest.raises(Conflict, match="1 runs are going"):
        claim(catalog, enter(catalog), max_running=1)
    claim(catalog, enter(catalog, workspace="lab"), max_running=1)


def test_a_retry_waits_twice_as_long_each_time_and_ends(catalog: Catalog) -> None:
    run = enter(catalog, retries=2, backoff_s=10)
    waits = []
    for _ in range(2):
        claim(catalog, run)
        catalog.runs.start(run.id)
        assert catalog.queue.try_again(run.id, error="lost")
        now = catalog._database.now()
        found = catalog.runs.get(run.id)
        assert found.not_before is not None
        waits.append(round((found.not_before - now) / timedelta(seconds=1)))
        assert (found.state, found.error) == (RunState.QUEUED, "lost")
    claim(catalog, run)
    assert not catalog.queue.try_again(run.id, error="lost")
    assert waits[1] - waits[0] == 10


def test_what_fails_while_it_is_stopped_is_not_tried_again(catalog: Catalog) -> None:
    run = enter(catalog, retries=2)
    claim(catalog, run)
    catalog.runs.start(run.id)
    catalog.runs.mark(run.id, RunState.STOPPING, expected=(RunState.RUNNING,))

    assert not catalog.queue.try_again(run.id, error="broken")
    assert catalog.runs.get(run.id).state is RunState.STOPPING


@pytest.mark.parametrize("state", [RunState.PAUSING, RunState.PAUSED])
def test_what_fails_while_a_person_pauses_it_stays_paused_with_its_retry(
    catalog: Catalog, state: RunState
) -> None:
    run = enter(catalog, retries=2)
    job_id = claim(catalog, run)
    catalog.runs.start(run.id)
    catalog.runs.mark(run.id, state, expected=(RunState.RUNNING,))

    assert catalog.queue.try_again(run.id, error="broken")

    found = catalog.runs.get(run.id)
    assert (found.state, found.retry_count, found.error) == (RunState.PAUSED, 1, "broken")
    assert catalog.jobs.get(job_id).outcome == RunState.PAUSED
    catalog.queue.put_back(run.id)
    assert catalog.runs.get(run.id).state is RunState.QUEUED


def test_a_run_without_terms_is_not_of_the_queue(catalog: Catalog, make: Any) -> None:
    run = make.run()
    assert not catalog.queue.try_again(run.id, error="lost")
    catalog.runs.finish(run.id, RunState.LOST, result={})
    with pytest.raises(Conflict, match="not of the queue"):
        catalog.queue.reopen(run.id)


def test_what_came_to_nothing_is_opened_again_and_what_left_something_is_not(
    catalog: Catalog, make: Any
) -> None:
    run = enter(catalog)
    catalog.runs.finish(run.id, RunState.FAILED, result={"x": 1}, error="broken", hint="mend it")
    again = catalog.queue.reopen(run.id)
    assert (again.state, again.error, again.hint, again.result) == (RunState.QUEUED, "", "", {})
    assert again.finished_at is None
    with pytest.raises(Conflict):
        catalog.queue.reopen(run.id)
    model = make.model("m", run)
    catalog.runs.add_output(run.id, ArtifactRef(ArtifactKind.MODEL, model.id, "m"))
    catalog.runs.finish(run.id, RunState.STOPPED, result={})
    with pytest.raises(Conflict, match="has left m"):
        catalog.queue.reopen(run.id)
    done = enter(catalog)
    catalog.runs.finish(done.id, RunState.DONE, result={})
    with pytest.raises(Conflict, match="is done"):
        catalog.queue.reopen(done.id)


def test_reasons_are_noted_while_a_run_waits_and_go_when_it_starts(catalog: Catalog) -> None:
    run, other = enter(catalog), enter(catalog)
    claim(catalog, other)
    before = catalog.journal.latest()
    catalog.queue.note_waits({run.id: "GPU 0", other.id: "GPU 1"})
    assert (catalog.runs.get(run.id).waits_for, catalog.runs.get(other.id).waits_for) == ("GPU 0", "")
    assert catalog.journal.latest() == before + 1
    catalog.queue.note_waits({})
    assert catalog.journal.latest() == before + 1
    claim(catalog, run)
    assert catalog.runs.get(run.id).waits_for == ""


def test_unfinished_runs_and_jobs_are_seen(catalog: Catalog, make: Any) -> None:
    assert not catalog.queue.has_unfinished()
    run = make.run()
    assert catalog.queue.has_unfinished()
    job = catalog.jobs.create(run.id, PROCESS)
    catalog.runs.finish(run.id, RunState.DONE, result={})
    assert catalog.queue.has_unfinished()
    catalog.jobs.finish(job.id, 0)
    assert not catalog.queue.has_unfinished()
