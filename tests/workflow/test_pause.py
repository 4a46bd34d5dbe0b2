"""Pausing, resuming and retrying runs, with real processes."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlwf_tui import processes
from mlwf_tui.entities.queue import Terms, Wants
from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.errors import Conflict
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.pause import pause_run
from mlwf_tui.workflow.queue import list_queue, pause_queue
from mlwf_tui.workflow.rename import rename
from mlwf_tui.workflow.resume import resume_run
from mlwf_tui.workflow.retry import retry_run
from mlwf_tui.workflow.running.events import read_metrics
from mlwf_tui.workflow.running.jobs import queue_run
from mlwf_tui.workflow.running.recorder import record
from mlwf_tui.workflow.runs import get_run
from mlwf_tui.workflow.stop import stop_run
from mlwf_tui.workflow.train import submit_train
from mlwf_tui.workspace import Workspace
from tests import jobs
from tests.fakes.models import add_model
from tests.fakes.observers import KeepingObserver
from tests.making import make_voc

pytestmark = pytest.mark.slow  # each goes through the app, or through processes, for seconds

WAIT_S = jobs.PATIENCE_S


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    with jobs.open_job_home(tmp_path, monkeypatch) as workspace:
        yield workspace


@pytest.fixture
def gate(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Data to train on, and the file that epochs of the counting trainer wait for."""
    home = request.getfixturevalue("narrow" if "narrow" in request.fixturenames else "home")
    make_voc(
        tmp_path / "voc",
        {"a.jpg": [("cell", 2, 3, 20, 21)], "b.jpg": [("cell", 2, 3, 20, 21)]},
        splits={"train": ["a"], "val": ["b"]},
    )
    import_folder(home, tmp_path / "voc", "seen", observer=KeepingObserver())
    return tmp_path / "gate"


def train(home: Workspace, gate: Path, *, retries: int = 0) -> Run:
    params = {"epochs": "4", "gate": str(gate)}
    agreed = Terms(wants=Wants(), backoff_s=0.05, retries=retries)
    return submit_train(home, "seen", model="counter", params=params, terms=agreed)


def open_gate(gate: Path, *epochs: int) -> None:
    for epoch in epochs:
        gate.with_name(f"{gate.name}-{epoch}").touch()


def wait_for_epoch(home: Workspace, run: Run, epoch: int) -> None:
    """Wait until an epoch's checkpoint is there, and what was measured of it, which follows."""
    jobs.wait_until(lambda: list_epochs(home, run)[-1:] == [epoch], lambda: jobs.describe(home, run))


def list_epochs(home: Workspace, run: Run) -> list[int]:
    return [point.step for point in read_metrics(home.run_folder(run.id)) if point.key == "epoch"]


def test_other_work_stands_still_and_goes_on(home: Workspace, tmp_path: Path) -> None:
    beat = tmp_path / "beat"
    code = f"""
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    while not Path({str(tmp_path / "end")!r}).exists():
        Path({str(beat)!r}).write_text(f"{{time.monotonic()}}\\n")
        time.sleep(0.02)
        yield
    """
    run = jobs.wait_for_state(home, jobs.act(home, code), RunState.RUNNING)
    jobs.wait_for_file(beat)
    assert pause_run(home, run.id, wait_s=WAIT_S).state is RunState.PAUSED
    worker = jobs.find_worker(home, run)
    jobs.wait_until(lambda: processes.is_frozen(worker), lambda: "not frozen")
    before = beat.read_text()
    assert list_queue(home).going[0][0].state is RunState.PAUSED
    assert beat.read_text() == before
    resume_run(home, run.id)
    jobs.wait_for_state(home, run, RunState.RUNNING)
    jobs.wait_until(lambda: beat.read_text() != before, lambda: "it does not go on")
    (tmp_path / "end").touch()
    assert jobs.wait_for_end(home, run).state is RunState.DONE


@pytest.mark.slow
def test_a_pause_never_happens_within_a_transaction(home: Workspace) -> None:
    run = jobs.wait_for_state(home, jobs.act(home, jobs.FOREVER), RunState.RUNNING)
    assert pause_run(home, run.id, wait_s=WAIT_S).state is RunState.PAUSED
    with record(home, "commit", params={}):
        pass  # it writes


def test_what_fails_while_it_is_being_paused_stays_paused_and_is_tried_again_when_resumed(
    home: Workspace, tmp_path: Path
) -> None:
    begun, end = tmp_path / "begun", tmp_path / "end"
    code = f"""
    Path({str(begun)!r}).write_text("it has begun\\n")
    while not Path({str(end)!r}).exists():
        time.sleep(0.02)
    if not Path({str(tmp_path / "again")!r}).exists():
        raise OSError("the disk is full")
    yield
    """
    terms = Terms(wants=Wants(), backoff_s=0.05, retries=1)
    run = jobs.act(home, code, terms=terms)
    jobs.wait_for_file(begun)
    assert pause_run(home, run.id).state is RunState.PAUSING
    end.touch()
    jobs.wait_until(lambda: jobs.find_job(home, run).finished_at is not None, lambda: "its job goes on")
    held = get_run(home, run.id)
    assert (held.state, held.retry_count) == (RunState.PAUSED, 1)
    assert "the disk is full" in held.error
    (tmp_path / "again").touch()
    resume_run(home, run.id)
    assert jobs.wait_for_end(home, run).state is RunState.DONE
    assert [job.outcome for job in home.catalog.jobs.list_of(run.id)] == ["paused", "done"]


def test_what_stands_still_can_be_stopped(home: Workspace) -> None:
    run = jobs.wait_for_state(home, jobs.act(home, jobs.FOREVER), RunState.RUNNING)
    pause_run(home, run.id, wait_s=WAIT_S)
    assert stop_run(home, run.id).state is RunState.STOPPED
    assert not processes.is_alive(jobs.find_worker(home, run))


def test_what_was_killed_while_it_stood_still_is_lost(home: Workspace) -> None:
    run = jobs.wait_for_state(home, jobs.act(home, jobs.FOREVER), RunState.RUNNING)
    pause_run(home, run.id, wait_s=WAIT_S)
    jobs.kill(jobs.find_job(home, run).process)
    jobs.kill(jobs.find_worker(home, run))
    assert jobs.wait_for_end(home, run).state is RunState.LOST


@pytest.fixture
def narrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A home with one slot."""
    with jobs.open_job_home(tmp_path, monkeypatch, "slots = 1\n") as workspace:
        yield workspace


def test_a_run_that_is_held_back_waits_for_nobody(narrow: Workspace) -> None:
    first = jobs.act(narrow, jobs.FOREVER)
    second = jobs.act(narrow, "", seed=1)
    assert second.waits_for
    assert pause_run(narrow, second.id).waits_for == ""
    assert resume_run(narrow, second.id).waits_for == "a CPU slot: 1 of 1 is taken"
    stop_run(narrow, first.id)


def freeze(home: Workspace, run: Run) -> Run:
    jobs.wait_for_state(home, run, RunState.RUNNING)
    assert pause_run(home, run.id, wait_s=WAIT_S).state is RunState.PAUSED
    return run


def test_what_stands_still_lets_its_slot_go_and_waits_for_one_to_go_on(narrow: Workspace) -> None:
    first = freeze(narrow, jobs.act(narrow, jobs.FOREVER))
    assert jobs.find_job(narrow, first).leases == ()
    second = jobs.wait_for_state(narrow, jobs.act(narrow, jobs.FOREVER, seed=1), RunState.RUNNING)
    waiting = resume_run(narrow, first.id)
    assert (waiting.state, waiting.waits_for) == (RunState.QUEUED, "a CPU slot: 1 of 1 is taken")
    assert processes.is_frozen(jobs.find_worker(narrow, first))
    stop_run(narrow, second.id)
    jobs.wait_for_state(narrow, first, RunState.RUNNING)
    assert jobs.find_job(narrow, first).leases == ("slot 0",)
    third = jobs.act(narrow, "", seed=2)
    assert third.waits_for == "a CPU slot: 1 of 1 is taken"
    assert len(narrow.catalog.jobs.list_of(first.id)) == 1


@pytest.mark.slow
def test_a_run_that_waits_starts_as_soon_as_another_stands_still(narrow: Workspace) -> None:
    first = jobs.wait_for_state(narrow, jobs.act(narrow, jobs.FOREVER), RunState.RUNNING)
    second = jobs.act(narrow, "", seed=1)
    assert second.state is RunState.QUEUED
    freeze(narrow, first)
    assert jobs.wait_for_end(narrow, second).state is RunState.DONE


@pytest.mark.slow
def test_another_slot_than_before_is_held_also_where_the_supervisor_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with jobs.open_job_home(tmp_path, monkeypatch, "slots = 2\n") as home:
        first = jobs.wait_for_state(home, jobs.act(home, jobs.FOREVER), RunState.RUNNING)
        second = jobs.wait_for_state(home, jobs.act(home, jobs.FOREVER, seed=1), RunState.RUNNING)
        freeze(home, first)
        third = jobs.wait_for_state(home, jobs.act(home, jobs.FOREVER, seed=2), RunState.RUNNING)
        assert jobs.find_job(home, third).leases == ("slot 0",)
        freeze(home, second)
        resume_run(home, first.id)
        jobs.wait_for_state(home, first, RunState.RUNNING)
        assert jobs.find_job(home, first).leases == ("slot 1",)
        jobs.kill(jobs.find_job(home, first).process)
        refused = resume_run(home, second.id)
        assert refused.waits_for == "a CPU slot: 2 of 2 are taken"
        jobs.kill(jobs.find_worker(home, first))
        jobs.wait_for_state(home, second, RunState.RUNNING)
        for _ in range(2):  # and once more, from a slot that it was sent
            freeze(home, second)
            resume_run(home, second.id)
            jobs.wait_for_state(home, second, RunState.RUNNING)


@pytest.mark.slow
def test_what_waits_to_go_on_can_be_paused_again_and_stopped(narrow: Workspace) -> None:
    first = freeze(narrow, jobs.act(narrow, jobs.FOREVER))
    jobs.wait_for_state(narrow, jobs.act(narrow, jobs.FOREVER, seed=1), RunState.RUNNING)
    assert resume_run(narrow, first.id).state is RunState.QUEUED
    assert pause_run(narrow, first.id).state is RunState.PAUSED
    assert resume_run(narrow, first.id).state is RunState.QUEUED
    assert stop_run(narrow, first.id).state is RunState.STOPPED
    assert not processes.is_alive(jobs.find_worker(narrow, first))


@pytest.mark.slow
def test_what_was_killed_while_it_waited_to_go_on_is_begun_anew(narrow: Workspace, tmp_path: Path) -> None:
    sign = tmp_path / "may end"
    waiting = f"while not Path({str(sign)!r}).exists():\n    time.sleep(0.02)\n    yield"
    first = freeze(narrow, jobs.act(narrow, waiting))
    second = jobs.wait_for_state(narrow, jobs.act(narrow, jobs.FOREVER, seed=1), RunState.RUNNING)
    resume_run(narrow, first.id)
    jobs.kill(jobs.find_worker(narrow, first))
    sign.touch()
    stop_run(narrow, second.id)
    assert jobs.wait_for_end(narrow, first).state is RunState.DONE
    assert len(narrow.catalog.jobs.list_of(first.id)) == 2


@pytest.mark.slow
def test_what_stands_still_goes_on_where_its_supervisor_is_killed(home: Workspace) -> None:
    """The kernel wakes a group of stopped processes that nobody is left to wake."""
    run = freeze(home, jobs.act(home, jobs.FOREVER))
    jobs.kill(jobs.find_job(home, run).process)
    jobs.wait_for_state(home, run, RunState.RUNNING)
    assert stop_run(home, run.id).state is RunState.STOPPED


@pytest.mark.slow
def test_a_waiting_run_is_held_back_until_it_is_resumed(home: Workspace, tmp_path: Path) -> None:
    both = Terms(wants=Wants(slots=2))
    first = jobs.wait_for_state(home, jobs.act(home, jobs.FOREVER, terms=both), RunState.RUNNING)
    second = jobs.act(home, "", seed=1)
    assert pause_run(home, second.id).state is RunState.PAUSED
    stop_run(home, first.id)
    assert home.catalog.runs.get(second.id).state is RunState.PAUSED
    resume_run(home, second.id)
    assert jobs.wait_for_end(home, second).state is RunState.DONE


def test_a_training_pauses_at_its_checkpoint_and_goes_on_from_there(home: Workspace, gate: Path) -> None:
    run = train(home, gate)
    open_gate(gate, 1)
    wait_for_epoch(home, run, 1)
    pausing = pause_run(home, run.id)
    assert pausing.state is RunState.PAUSING
    open_gate(gate, 2)

    def is_paused_or_past() -> bool:
        return get_run(home, run.id).state is RunState.PAUSED or list_epochs(home, run)[-1] == 2

    jobs.wait_until(is_paused_or_past, lambda: jobs.describe(home, run))
    open_gate(gate, 3)  # the signal may have come too late for the checkpoint of the second epoch
    assert jobs.wait_for_state(home, run, RunState.PAUSED).state is RunState.PAUSED
    job = jobs.find_job(home, run)
    jobs.wait_for_gone(job.process)
    assert home.catalog.jobs.get(job.id).outcome == "paused"
    open_gate(gate, 4)
    resume_run(home, run.id)
    done = jobs.wait_for_end(home, run)
    assert (done.state, done.error) == (RunState.DONE, "")
    assert list_epochs(home, run) == [1, 2, 3, 4]
    assert [job.outcome for job in home.catalog.jobs.list_of(run.id)] == ["paused", "done"]


def test_a_training_that_pauses_at_once_goes_back_to_its_last_checkpoint(home: Workspace, gate: Path) -> None:
    run = train(home, gate)
    open_gate(gate, 1)
    wait_for_epoch(home, run, 1)
    assert pause_run(home, run.id, is_urgent=True, wait_s=WAIT_S).state is RunState.PAUSED
    open_gate(gate, 2, 3, 4)
    resume_run(home, run.id)
    assert jobs.wait_for_end(home, run).state is RunState.DONE
    assert list_epochs(home, run) == [1, 2, 3, 4]


def pause_after_an_epoch(home: Workspace, gate: Path) -> Run:
    run = train(home, gate)
    open_gate(gate, 1)
    wait_for_epoch(home, run, 1)
    paused = pause_run(home, run.id, is_urgent=True, wait_s=WAIT_S)
    assert paused.state is RunState.PAUSED
    return paused


def test_a_paused_training_that_is_stopped_keeps_its_weights(home: Workspace, gate: Path) -> None:
    run = pause_after_an_epoch(home, gate)
    stopped = stop_run(home, run.id, grace_s=WAIT_S)
    assert (stopped.state, stopped.error) == (RunState.STOPPED, "")
    assert home.catalog.models.get(stopped.result["model"]).run_id == run.id
    assert "ending" not in stopped.result
    assert list_epochs(home, run)[0] == 1


def test_a_paused_training_that_is_stopped_waits_for_room_to_keep_its_weights(
    narrow: Workspace, gate: Path
) -> None:
    kept, dropped = (pause_after_an_epoch(narrow, gate) for _ in range(2))
    other = jobs.wait_for_state(narrow, jobs.act(narrow, jobs.FOREVER), RunState.RUNNING)
    for run in (kept, dropped):
        waiting = stop_run(narrow, run.id)
        assert (waiting.state, bool(waiting.waits_for)) == (RunState.QUEUED, True)
    again = stop_run(narrow, dropped.id)
    assert (again.state, again.outputs) == (RunState.STOPPED, ())
    stop_run(narrow, other.id)
    ended = jobs.wait_for_end(narrow, kept)
    assert (ended.state, bool(ended.result["model"])) == (RunState.STOPPED, True)


def test_a_paused_training_is_stopped_at_once_without_patience(home: Workspace, gate: Path) -> None:
    run = pause_after_an_epoch(home, gate)
    stopped = stop_run(home, run.id, grace_s=0)
    assert (stopped.state, stopped.outputs) == (RunState.STOPPED, ())
    assert len(home.catalog.jobs.list_of(run.id)) == 1


def test_a_training_that_was_killed_is_resumed_from_its_last_checkpoint(home: Workspace, gate: Path) -> None:
    run = train(home, gate)
    open_gate(gate, 1, 2)
    wait_for_epoch(home, run, 2)
    job = jobs.find_job(home, run)
    jobs.kill(job.process)
    jobs.kill(jobs.find_worker(home, run))
    assert jobs.wait_for_end(home, run).state is RunState.LOST
    open_gate(gate, 3, 4)
    resume_run(home, run.id)
    done = jobs.wait_for_end(home, run)
    assert done.state is RunState.DONE
    assert list_epochs(home, run) == [1, 2, 3, 4]


def test_a_training_goes_on_by_itself_where_that_was_agreed(home: Workspace, gate: Path) -> None:
    run = train(home, gate, retries=1)
    open_gate(gate, 1, 2)
    wait_for_epoch(home, run, 2)
    jobs.kill(jobs.find_worker(home, run))
    open_gate(gate, 3, 4)
    assert jobs.wait_for_end(home, run).state is RunState.DONE
    assert list_epochs(home, run) == [1, 2, 3, 4]


def lose_training(home: Workspace, gate: Path) -> Run:
    """Kill a training in its second of four epochs, and let the next one through all."""
    run = train(home, gate)
    open_gate(gate, 1, 2)
    wait_for_epoch(home, run, 2)
    jobs.kill(jobs.find_worker(home, run))
    assert jobs.wait_for_end(home, run).state is RunState.LOST
    open_gate(gate, 3, 4)
    return run


def test_a_retry_begins_anew_as_a_second_job_of_the_run(home: Workspace, gate: Path) -> None:
    run = lose_training(home, gate)
    retry_run(home, run.id)
    assert jobs.wait_for_end(home, run).state is RunState.DONE
    assert list_epochs(home, run) == [1, 2, 1, 2, 3, 4]
    assert [job.outcome for job in home.catalog.jobs.list_of(run.id)] == ["lost", "done"]


def test_a_retry_begins_anew_where_the_checkpoints_cannot_be_removed(
    home: Workspace, gate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = lose_training(home, gate)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "unlink", refuse)
    retry_run(home, run.id)
    monkeypatch.undo()
    assert jobs.wait_for_end(home, run).state is RunState.DONE
    assert list_epochs(home, run) == [1, 2, 1, 2, 3, 4]


def test_a_stopped_training_keeps_its_model_and_is_not_reopened(home: Workspace, gate: Path) -> None:
    run = train(home, gate)
    open_gate(gate, 1)
    wait_for_epoch(home, run, 1)
    assert stop_run(home, run.id).state is RunState.STOPPED
    assert home.catalog.runs.get(run.id).outputs
    for again in (resume_run, retry_run):
        with pytest.raises(Conflict, match="has left"):
            again(home, run.id)


def test_what_is_stopped_is_not_paused_but_can_be_resumed(home: Workspace) -> None:
    pause_queue(home)
    run = stop_run(home, jobs.act(home, "").id)
    with pytest.raises(Conflict, match="is stopped already") as caught:
        pause_run(home, run.id)
    assert caught.value.hint == f"mlwf resume {run.id} goes on with it."
    assert resume_run(home, run.id).state is RunState.QUEUED


def test_a_run_that_is_done_or_goes_cannot_be_resumed(home: Workspace) -> None:
    done = jobs.wait_for_end(home, jobs.act(home, ""))
    with pytest.raises(Conflict):
        resume_run(home, done.id)
    with pytest.raises(Conflict, match="is done already"):
        pause_run(home, done.id)
    going = jobs.wait_for_state(home, jobs.act(home, jobs.FOREVER, seed=1), RunState.RUNNING)
    with pytest.raises(Conflict):
        resume_run(home, going.id)


@pytest.mark.parametrize("again", [resume_run, retry_run])
def test_a_run_whose_models_name_is_anothers_by_now_stays_as_it_is(
    home: Workspace, again: Callable[[Workspace, str], Run]
) -> None:
    pause_queue(home)
    first, second = (queue_run(home, "train", {"name": "dup"}, None).run for _ in range(2))
    home.catalog.runs.finish(first.id, RunState.STOPPED, result={})

    with pytest.raises(Conflict, match=f"train run {second.id}, which is queued, will name its model 'dup'"):
        again(home, first.id)
    home.catalog.runs.finish(second.id, RunState.STOPPED, result={})
    model = add_model(home, "dup")
    with pytest.raises(Conflict, match="there is one of that name by now") as caught:
        again(home, first.id)
    assert caught.value.hint.endswith("mlwf rename dup NAME")
    assert get_run(home, first.id).state is RunState.STOPPED
    rename(home, model.id, "other")
    assert again(home, first.id).state is RunState.QUEUED


def test_a_training_whose_name_is_taken_as_it_goes_tells_which_its_model_got(
    home: Workspace, gate: Path
) -> None:
    run = train(home, gate)
    add_model(home, run.output_name)
    open_gate(gate, 1, 2, 3, 4)

    done = jobs.wait_for_end(home, run)

    got = f"{run.output_name}-1"
    assert done.result["model"] == got
    assert f"Another model is named {run.output_name} by now: this one is {got}." in done.result["notes"]


def test_of_two_resumes_at_once_one_starts_the_run(home: Workspace, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    code = f"""
    with Path({str(trace)!r}).open("a") as file:
        file.write(f"{{os.getpid()}}\\n")
    while not Path({str(tmp_path / "end")!r}).exists():
        time.sleep(0.02)
        yield
    """
    run = jobs.wait_for_state(home, jobs.act(home, code), RunState.RUNNING)
    jobs.wait_for_file(trace)
    jobs.kill(jobs.find_worker(home, run))
    jobs.wait_for_end(home, run)
    refused: list[Conflict] = []
    start = threading.Barrier(4)

    def resume() -> None:
        start.wait()
        try:
            resume_run(home, run.id)
        except Conflict as error:
            refused.append(error)

    threads = [threading.Thread(target=resume) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 3
    jobs.wait_until(lambda: len(trace.read_text().split()) == 2, trace.read_text)
    (tmp_path / "end").touch()
    assert jobs.wait_for_end(home, run).state is RunState.DONE
    assert len(trace.read_text().split()) == 2
    assert os.getpid() not in map(int, trace.read_text().split())


def test_what_a_command_does_itself_cannot_be_paused(home: Workspace) -> None:
    with record(home, "import", params={}) as run:
        for verb in (pause_run, resume_run, retry_run):
            with pytest.raises(Conflict, match="process that was asked"):
                verb(home, run.run_id)
