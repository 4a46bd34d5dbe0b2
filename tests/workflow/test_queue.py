"""The queue: order, dependencies, limits, pauses, reasons; several dispatchers at once, some killed."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mlwf_tui.entities.ids import RunId
from mlwf_tui.entities.queue import Terms, Wants
from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.errors import InvalidParameter, NotFound, StorageFailed
from mlwf_tui.workflow.benchmark import submit_benchmark
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.pause import pause_run
from mlwf_tui.workflow.queue import list_queue, pause_queue, resume_queue, set_priority
from mlwf_tui.workflow.resume import resume_run
from mlwf_tui.workflow.running.jobs import check_terms, queue_run, tend
from mlwf_tui.workflow.stop import stop_run
from mlwf_tui.workflow.train import submit_train
from mlwf_tui.workspace import Workspace, open_workspace
from tests import jobs
from tests.fakes.observers import KeepingObserver
from tests.making import make_voc


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    with jobs.open_job_home(tmp_path, monkeypatch, "slots = 1\n") as workspace:
        yield workspace


def write(path: Path) -> str:
    """Code that adds a line to a file."""
    return f"with Path({str(path)!r}).open('a') as file:\n    file.write(f'{{seed}}\\n')"


def wait_for_gate(path: Path) -> str:
    """Code that goes on until a file is there."""
    return f"while not Path({str(path)!r}).exists():\n    time.sleep(0.02)\n    yield"


def read_waits(home: Workspace, run: Run) -> str:
    tend(home)
    return home.catalog.runs.get(run.id).waits_for


@pytest.mark.slow
def test_runs_start_by_priority_then_submission(home: Workspace, tmp_path: Path) -> None:
    trace, gate = tmp_path / "trace", tmp_path / "gate"
    runs = [jobs.act(home, wait_for_gate(gate), seed=9)]
    for seed, priority in enumerate((0, 0, 5, -1, 5)):
        runs.append(jobs.act(home, write(trace), seed=seed, terms=Terms(wants=Wants(), priority=priority)))
    set_priority(home, runs[4].id, 7)
    gate.touch()
    for run in runs:
        assert jobs.wait_for_end(home, run).state is RunState.DONE
    assert trace.read_text().split() == ["3", "2", "4", "0", "1"]


def test_a_waiting_run_says_for_what(home: Workspace) -> None:
    jobs.act(home, jobs.FOREVER)
    waiting = jobs.act(home, "", seed=1)
    assert waiting.waits_for == "a CPU slot: 1 of 1 is taken"
    behind = jobs.act(home, "", seed=2)
    assert behind.waits_for == f"its turn after run {waiting.id}"


def test_what_can_never_start_holds_nobody_up(home: Workspace) -> None:
    for seed, wants in enumerate((Wants(slots=2), Wants(gpu_indices=(7,)), Wants(gpus=1))):
        hopeless = queue_run(home, "transform", {}, 0, terms=Terms(wants=wants, priority=9)).run
        behind = jobs.wait_for_end(home, jobs.act(home, "", seed=seed))
        assert behind.state is RunState.DONE
        told = "of which there are only 1" if wants.slots == 2 else "which is not seen on this machine"
        assert told in read_waits(home, hopeless)


def test_a_run_that_is_held_back_waits_for_nothing(home: Workspace) -> None:
    jobs.act(home, jobs.FOREVER)
    waiting = jobs.act(home, "", seed=1)
    assert waiting.waits_for
    assert pause_run(home, waiting.id).waits_for == ""


def test_a_paused_queue_starts_nothing_until_it_is_resumed(home: Workspace) -> None:
    assert pause_queue(home).is_paused
    run = jobs.act(home, "")
    assert (run.state, run.waits_for) == (RunState.QUEUED, "the queue, which is paused")
    assert not resume_queue(home).is_paused
    assert jobs.wait_for_end(home, run).state is RunState.DONE


def test_a_run_starts_after_the_one_it_depends_on(home: Workspace, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    first = jobs.act(home, wait_for_gate(gate))
    second = jobs.act(home, "", seed=1, terms=Terms(wants=Wants(), after=(RunId(first.id[:6]),), priority=9))
    other = jobs.act(home, "", seed=2)
    assert second.waits_for == f"run {first.id} to finish"
    assert other.waits_for == "a CPU slot: 1 of 1 is taken"  # it does not wait for the second's dependency
    gate.touch()
    assert jobs.wait_for_end(home, second).state is RunState.DONE
    assert jobs.wait_for_end(home, other).state is RunState.DONE


def test_a_run_whose_dependency_came_to_nothing_does_not_start_and_says_so(home: Workspace) -> None:
    first = jobs.act(home, "raise RuntimeError('broken')")
    second = jobs.act(home, "", seed=1, terms=Terms(wants=Wants(), after=(first.id,)))
    third = jobs.act(home, "", seed=2, terms=Terms(wants=Wants(), after=(second.id,)))
    assert jobs.wait_for_end(home, first).state is RunState.FAILED
    for run, earlier in ((second, first), (third, second)):
        ended = jobs.wait_for_end(home, run)
        assert ended.state is RunState.FAILED
        assert ended.error == f"It was not started: the transform {earlier.id} before it failed."
        assert home.catalog.jobs.latest(run.id) is None


def test_a_run_waits_for_a_lost_one_to_be_resumed(home: Workspace, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    first = jobs.wait_for_state(home, jobs.act(home, wait_for_gate(gate)), RunState.RUNNING)
    second = jobs.act(home, "", seed=1, terms=Terms(wants=Wants(), after=(first.id,)))
    jobs.kill(jobs.find_worker(home, first))
    assert jobs.wait_for_end(home, first).state is RunState.LOST
    assert read_waits(home, second) == f"run {first.id}, which was lost, to be resumed"
    gate.touch()
    resume_run(home, first.id)
    assert jobs.wait_for_end(home, second).state is RunState.DONE


def test_a_dependency_must_be_there(home: Workspace) -> None:
    with pytest.raises(NotFound):
        jobs.act(home, "", terms=Terms(wants=Wants(), after=(RunId("nosuch"),)))


@pytest.mark.slow
def test_a_benchmark_may_come_after_the_training_of_its_model(home: Workspace, tmp_path: Path) -> None:
    boxes = {"a.jpg": [("cell", 2, 3, 20, 21)], "b.jpg": [("cell", 2, 3, 20, 21)]}
    make_voc(tmp_path / "voc", boxes, splits={"train": ["a"], "val": ["b"]})
    import_folder(home, tmp_path / "voc", "seen", observer=KeepingObserver())
    gate = tmp_path / "gate"
    training = submit_train(
        home, "seen", model="counter", params={"epochs": "1", "gate": str(gate)}, name="m"
    )
    with pytest.raises(NotFound):
        submit_benchmark(home, "m", "seen")
    measured = submit_benchmark(home, "m", "seen", terms=Terms(after=(training.id,)))
    by_run = submit_benchmark(home, training.id, "seen", terms=Terms(after=(training.id,)))
    (tmp_path / "gate-1").touch()
    for run in (measured, by_run):
        done = jobs.wait_for_end(home, run)
        assert done.state is RunState.DONE, done.error
        assert done.result["model"] == "m"
        assert "m" in [artifact.title for artifact in done.inputs]


def test_a_workspace_has_no_more_going_than_its_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with jobs.open_job_home(tmp_path, monkeypatch, "slots = 4\n[limits]\ndefault = 2\n") as home:
        runs = [jobs.act(home, jobs.FOREVER, seed=seed) for seed in range(3)]
        assert runs[2].waits_for == "the workspace default: 2 of 2 runs are going"
        stop_run(home, runs[0].id)
        jobs.wait_for_state(home, runs[2], RunState.RUNNING)


def test_a_retry_that_waits_is_not_held_up_by_a_clock_that_was_set_back(home: Workspace) -> None:
    run = queue_run(home, "transform", {}, 0, terms=Terms(wants=Wants(slots=9), retries=1, backoff_s=60)).run
    home.catalog.runs.mark(run.id, RunState.RUNNING, expected=(RunState.QUEUED,))
    assert home.catalog.queue.try_again(run.id, error="lost")
    assert "its retry at" in read_waits(home, run)
    home.catalog.queue._update(run.id, not_before=datetime.now(UTC) + timedelta(days=365))
    assert "CPU slots" in read_waits(home, run)


def test_terms_that_do_not_fit_are_refused(home: Workspace) -> None:
    for terms in (
        Terms(wants=Wants(gpus=1)),
        Terms(wants=Wants(gpu_indices=(3,))),
        Terms(wants=Wants(slots=2)),
        Terms(wants=Wants(), retries=-1),
        Terms(wants=Wants(), timeout_s=0),
    ):
        with pytest.raises(InvalidParameter):
            check_terms(home, terms)


def test_the_next_run_starts_where_nobody_looks(home: Workspace, tmp_path: Path) -> None:
    """Both were queued by a command that has ended; the first one's supervisor starts the second."""
    trace = tmp_path / "trace"
    code = (
        f"import json, sys; from tests import jobs; from mlwf_tui.workspace import open_workspace\n"
        f"from pathlib import Path\n"
        f"with open_workspace(Path({str(home.home)!r})) as home:\n"
        f"    for seed in range(3): jobs.act(home, {write(trace)!r}, seed=seed)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    jobs.wait_until(lambda: trace.exists() and len(trace.read_text().split()) == 3, lambda: "not all ran")
    assert trace.read_text().split() == ["0", "1", "2"]


def test_the_waiter_starts_a_run_after_both_before_it_were_killed(home: Workspace, tmp_path: Path) -> None:
    """Nobody is left to say that the first job is over, and nobody looks but the waiter."""
    first = jobs.wait_for_state(home, jobs.act(home, jobs.FOREVER), RunState.RUNNING)
    jobs.act(home, write(tmp_path / "trace"), seed=1)
    job, worker = jobs.find_job(home, first), jobs.find_worker(home, first)
    jobs.kill(job.process)
    jobs.kill(worker)
    assert jobs.wait_for_file(tmp_path / "trace") == "1\n"


@pytest.mark.slow
def test_a_dispatcher_that_was_frozen_in_its_turn_holds_nobody_up(home: Workspace) -> None:
    code = (
        "import fcntl, os, signal, sys\n"
        "lock = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)\n"
        "fcntl.flock(lock, fcntl.LOCK_EX)\n"
        "print('held', flush=True)\n"
        "os.kill(os.getpid(), signal.SIGSTOP)\n"
    )
    command = [sys.executable, "-c", code, str(home.home / "queue.lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as frozen:
        assert frozen.stdout is not None
        assert frozen.stdout.readline() == b"held\n"
        assert jobs.wait_for_end(home, jobs.act(home, "")).state is RunState.DONE
        frozen.kill()


def test_a_home_that_was_deleted_is_not_made_anew_by_who_looks_after_its_queue(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mlwf_tui.dispatcher", str(tmp_path / "gone")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["waiting"] == 0, "or the waiter would never end"
    assert not (tmp_path / "gone").exists()


def test_a_worker_never_makes_a_home(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mlwf_tui.worker", str(tmp_path / "gone"), "0" * 12]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert f"There is no home at {tmp_path / 'gone'} any more" in done.stderr
    assert not (tmp_path / "gone").exists()


def test_who_has_a_home_open_that_was_moved_starts_nothing(home: Workspace, tmp_path: Path) -> None:
    pause_queue(home)
    run = jobs.act(home, "")
    home.home.rename(tmp_path / "moved")
    with pytest.raises(StorageFailed, match="not there any more"):
        resume_queue(home)
    with pytest.raises(StorageFailed, match="not there any more"):
        queue_run(home, "transform", {}, None)
    assert not home.home.exists()
    with open_workspace(home.home), pytest.raises(StorageFailed, match="is another one"):
        tend(home)
    shutil.rmtree(home.home)
    with open_workspace(tmp_path / "moved") as moved:
        assert [one.id for one in moved.catalog.runs.list() if one.verb == "transform"] == [run.id]
        assert moved.catalog.runs.get(run.id).state is RunState.QUEUED
    (tmp_path / "moved").rename(home.home)


def test_a_copied_home_does_not_do_the_runs_of_the_original(home: Workspace, tmp_path: Path) -> None:
    going = jobs.wait_for_state(home, jobs.act(home, jobs.FOREVER), RunState.RUNNING)
    waiting = jobs.act(home, "", seed=1)
    shutil.copytree(home.home, tmp_path / "copy")
    with open_workspace(tmp_path / "copy") as copy:
        listing = list_queue(copy)
        assert listing.is_paused
        assert listing.going == ()
        (copied,) = listing.waiting
        assert "a copy of" in copied.waits_for
    assert home.catalog.runs.get(going.id).state is RunState.RUNNING
    assert home.catalog.runs.get(waiting.id).state is RunState.QUEUED


@pytest.mark.parametrize("count", [6, pytest.param(40, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])])
def test_many_runs_on_one_slot_are_each_done_once_and_never_two_at_a_time(
    home: Workspace, tmp_path: Path, count: int
) -> None:
    trace, inside = tmp_path / "trace", tmp_path / "inside"
    code = f"os.mkdir({str(inside)!r})\n{write(trace)}\nos.rmdir({str(inside)!r})"
    pause_queue(home)
    runs = [jobs.act(home, code, seed=seed) for seed in range(count)]
    resume_queue(home)
    jobs.wait_until(
        lambda: trace.exists() and len(trace.read_text().split()) == count,
        lambda: f"{trace.read_text() if trace.exists() else ''} {jobs.describe(home, runs[0])}",
        patience_s=count * 10,
    )
    assert trace.read_text().split() == [str(seed) for seed in range(count)]
    for run in runs:
        assert jobs.wait_for_end(home, run).state is RunState.DONE


@pytest.mark.parametrize(
    ("count", "kills"), [(6, 3), pytest.param(80, 17, marks=[pytest.mark.slow, pytest.mark.timeout(3000)])]
)
def test_dispatchers_that_are_killed_lose_no_run_and_do_none_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, kills: int
) -> None:
    draw = random.Random(3)
    with jobs.open_job_home(tmp_path, monkeypatch, "slots = 3\n") as home:
        trace, inside = tmp_path / "trace", tmp_path / "inside"
        inside.mkdir()
        code = (
            f"Path({str(inside)!r}, str(seed)).touch()\n"
            f"assert len(os.listdir({str(inside)!r})) <= 3, 'more at once than there are slots'\n"
            f"{write(trace)}\n"
            f"Path({str(inside)!r}, str(seed)).unlink()"
        )
        pause_queue(home)
        runs = [jobs.act(home, code, seed=seed) for seed in range(count)]
        home.catalog.queue.set_paused(str(home.home), is_paused=False, author="")
        command = [sys.executable, "-m", "mlwf_tui.dispatcher", str(home.home)]
        for _ in range(kills):
            processes = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(4)]
            for process in processes:
                try:
                    process.wait(timeout=draw.uniform(0.2, 0.6))
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGKILL)
                    process.wait()
        for run in runs:
            assert jobs.wait_for_end(home, run).state is RunState.DONE
        assert sorted(map(int, trace.read_text().split())) == list(range(count))


@pytest.mark.slow
def test_the_command_line_queues_lists_and_pauses(home: Workspace, tmp_path: Path) -> None:
    def call(*words: str, code: int = 0) -> dict[str, object]:
        command = [sys.executable, "-m", "mlwf_tui", "--home", str(home.home), *words, "--json"]
        done = subprocess.run(command, capture_output=True, check=False, env=os.environ.copy())
        assert done.returncode == code, done.stderr
        document = json.loads(done.stdout)
        assert isinstance(document, dict)
        return document

    assert call("queue", "pause")["is_paused"] is True
    first = str(call("transform", "act", "cells", "--to", "out", "-p", "code=", "--detach")["run"])
    second = call("verify", "--detach", "--after", first, "--priority", "3")
    assert second["state"] == "queued"
    listing = call("queue")
    waiting = listing["waiting"]
    assert isinstance(waiting, list)
    assert [run["id"] for run in waiting] == [second["run"], first]
    assert {run["waits_for"] for run in waiting} == {"the queue, which is paused"}
    call("queue", "priority", first, "5")
    assert call("pause", first)["state"] == "paused"
    assert call("queue", "resume")["is_paused"] is False
    call("resume", first)
    watched = call("watch", str(second["run"]), code=3)  # the made-up items have no images
    assert watched["state"] == "done"
    shown = call("show", first)
    assert shown["state"] == "done"
    assert call("resume", first, code=5)["error"]
    assert call("transform", "act", "cells", "--to", "out", "--after", first, code=2)["error"]


def test_a_home_that_is_opened_through_a_link_is_the_same(home: Workspace, tmp_path: Path) -> None:
    pause_queue(home)
    (tmp_path / "link").symlink_to(home.home)
    with open_workspace(tmp_path / "link") as linked:
        assert not resume_queue(linked).is_paused
    assert not list_queue(home).is_paused
