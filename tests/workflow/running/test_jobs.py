"""Jobs under their supervisors, with real processes: started, stopped, lost, and nothing left behind."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlwf_tui import processes
from mlwf_tui.entities.ids import JobId, new_id
from mlwf_tui.entities.queue import Terms, Wants
from mlwf_tui.entities.run import ProcessIdentity, Run, RunState
from mlwf_tui.errors import Conflict, InvalidParameter
from mlwf_tui.logs.parts import list_parts
from mlwf_tui.workflow.calls import submit_call
from mlwf_tui.workflow.running.follow import log_path
from mlwf_tui.workflow.running.jobs import queue_run, tend
from mlwf_tui.workflow.running.recorder import record
from mlwf_tui.workflow.runs import get_run
from mlwf_tui.workflow.show import show
from mlwf_tui.workflow.stop import stop_run
from mlwf_tui.workspace import Workspace
from tests import jobs

FORK = """
code = "import os, signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
Path({path!r}).write_text(f"{{child.pid}}\\n")
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    with jobs.open_job_home(tmp_path, monkeypatch) as workspace:
        yield workspace


def identify(pid: int) -> ProcessIdentity:
    found = processes.identify(pid)
    assert found is not None
    return found


def test_a_job_outlives_its_starter_and_leaves_its_log_and_its_result(home: Workspace) -> None:
    run = jobs.wait_for_end(home, jobs.act(home, "print('from below', flush=True)"))
    assert (run.state, run.result["items_out"]) == (RunState.DONE, 1)
    assert b"from below" in log_path(home, run.id).read_bytes()
    job = jobs.find_job(home, run)
    assert (job.exit_code, job.signal, job.outcome, job.leases) == (0, None, "done", ("slot 0",))
    assert job.cpu_s is not None
    assert job.cpu_s > 0
    assert job.max_rss_bytes is not None
    assert job.max_rss_bytes > 1 << 20


def test_a_job_leads_a_session_of_its_own_and_its_worker_a_group(home: Workspace) -> None:
    run = jobs.wait_for_state(home, jobs.act(home, jobs.FOREVER), RunState.RUNNING)
    job, worker = jobs.find_job(home, run), jobs.find_worker(home, run)
    assert os.getsid(worker.pid) == job.process.pid == os.getsid(job.process.pid)
    assert os.getpgid(worker.pid) == worker.pid


def test_a_second_worker_does_not_do_a_run_again(home: Workspace) -> None:
    run = jobs.wait_for_end(home, jobs.act(home, ""))
    command = [sys.executable, "-m", "mlwf_tui.worker", str(home.home), run.id]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 5


def test_a_verb_that_is_not_known_fails_with_its_name(home: Workspace) -> None:
    run = queue_run(home, "juggle", {}, 0).run
    tend(home)
    finished = jobs.wait_for_end(home, run)
    assert finished.state is RunState.FAILED
    assert "juggle" in finished.error


def test_a_run_whose_worker_was_killed_is_lost_and_says_by_what(home: Workspace) -> None:
    run = jobs.wait_for_state(home, jobs.act(home, jobs.FOREVER), RunState.RUNNING)
    jobs.kill(jobs.find_worker(home, run))
    lost = jobs.wait_for_end(home, run)
    assert lost.state is RunState.LOST
    assert "SIGKILL" in lost.error
    assert "mlwf resume" in lost.hint
    assert show(home, run.id).facts["state"] == "lost"
    assert jobs.find_job(home, run).signal == signal.SIGKILL


def test_a_run_whose_supervisor_was_killed_goes_on_and_ends(home: Workspace, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    code = f"while not Path({str(gate)!r}).exists():\n    time.sleep(0.02)\n    yield"
    run = jobs.wait_for_state(home, jobs.act(home, code), RunState.RUNNING)
    job = jobs.find_job(home, run)
    jobs.kill(job.process)
    assert get_run(home, run.id).state is RunState.RUNNING
    gate.touch()
    assert jobs.wait_for_end(home, run).state is RunState.DONE
    assert jobs.find_job(home, run).exit_code == 0


@pytest.mark.slow
def test_an_orphan_that_ends_starts_the_next_run(home: Workspace, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    code = f"while not Path({str(gate)!r}).exists():\n    time.sleep(0.02)\n    yield"
    both = Terms(wants=Wants(slots=2))
    first = jobs.wait_for_state(home, jobs.act(home, code, terms=both), RunState.RUNNING)
    second = jobs.act(home, f"Path({str(tmp_path / 'second')!r}).write_text('here\\n')", seed=1, terms=both)
    jobs.kill(jobs.find_job(home, first).process)
    gate.touch()
    assert jobs.wait_for_file(tmp_path / "second") == "here\n"
    assert jobs.wait_for_end(home, second).state is RunState.DONE


def test_a_run_whose_supervisor_and_worker_were_killed_is_lost(home: Workspace) -> None:
    run = jobs.wait_for_state(home, jobs.act(home, jobs.FOREVER), RunState.RUNNING)
    job = jobs.find_job(home, run)
    jobs.kill(job.process)
    jobs.kill(jobs.find_worker(home, run))
    assert jobs.wait_for_end(home, run).state is RunState.LOST


def test_a_run_whose_end_could_not_be_written_is_lost_by_the_disk_that_its_log_names(home: Workspace) -> None:
    code = f'print("OSError: [Errno 28] No space left on device", flush=True)\n{jobs.FOREVER}'
    run = jobs.wait_for_state(home, jobs.act(home, code), RunState.RUNNING)
    jobs.wait_for_text(log_path(home, run.id), "No space left")
    supervisor, worker = jobs.find_job(home, run).process, jobs.find_worker(home, run)
    jobs.kill(supervisor)
    jobs.kill(worker)
    lost = get_run(home, run.id)
    assert (lost.state, lost.error) == (
        RunState.LOST, "The disk refused what it had to write, as when it is full."
    )  # fmt: skip


def test_a_stray_that_survives_both_is_ended(home: Workspace, tmp_path: Path) -> None:
    """A forked child keeps the run's lock, so that nobody would ever see that the run is lost."""
    code = f"""
    if os.fork() == 0:
        Path({str(tmp_path / "pid")!r}).write_text(f"{{os.getpid()}}\\n")
        time.sleep(600)
    while True:
        time.sleep(0.02)
        yield
    """
    run = jobs.wait_for_state(home, jobs.act(home, code), RunState.RUNNING)
    stray = identify(int(jobs.wait_for_file(tmp_path / "pid")))
    job = jobs.find_job(home, run)
    jobs.kill(job.process)
    jobs.kill(jobs.find_worker(home, run))
    assert jobs.wait_for_end(home, run).state is RunState.LOST
    assert not processes.is_alive(stray)


def test_stop_asks_first(home: Workspace) -> None:
    run = jobs.wait_for_state(home, jobs.act(home, jobs.FOREVER), RunState.RUNNING)
    stopped = stop_run(home, run.id)
    assert (stopped.state, stopped.error) == (RunState.STOPPED, "Stopped on request.")
    assert jobs.wait_for_end(home, run).state is RunState.STOPPED
    assert jobs.find_job(home, run).exit_code == 130


def test_stop_ends_a_deaf_worker_and_the_grandchild_that_left_its_session(
    home: Workspace, tmp_path: Path
) -> None:
    code = FORK.format(path=str(tmp_path / "pid")) + jobs.DEAF
    run = jobs.wait_for_state(home, jobs.act(home, code), RunState.RUNNING)
    grandchild = identify(int(jobs.wait_for_file(tmp_path / "pid")))
    assert os.getsid(grandchild.pid) == grandchild.pid
    stopped = stop_run(home, run.id, grace_s=0.2)
    assert (stopped.state, stopped.error) == (RunState.STOPPED, "Stopped by force.")
    assert not processes.is_alive(grandchild)
    assert jobs.find_job(home, run).signal == signal.SIGKILL


@pytest.mark.slow
def test_a_stop_is_done_where_the_one_who_asked_is_killed(home: Workspace, tmp_path: Path) -> None:
    code = FORK.format(path=str(tmp_path / "pid")) + jobs.DEAF
    run = jobs.wait_for_state(home, jobs.act(home, code), RunState.RUNNING)
    grandchild = identify(int(jobs.wait_for_file(tmp_path / "pid")))
    command = [sys.executable, "-m", "mlwf_tui", "--home", str(home.home), "stop", run.id, "--grace", "1"]
    with subprocess.Popen(command) as asking:
        jobs.wait_for_state(home, run, RunState.STOPPING)
        control = home.run_folder(run.id) / f"control-{jobs.find_job(home, run).id}.json"
        jobs.wait_until(control.exists, lambda: "nothing was asked")
        asking.kill()
    assert jobs.wait_for_end(home, run).state is RunState.STOPPED
    assert not processes.is_alive(grandchild)


@pytest.mark.slow
def test_a_job_that_ends_leaves_no_process_behind(home: Workspace, tmp_path: Path) -> None:
    run = jobs.wait_for_end(home, jobs.act(home, FORK.format(path=str(tmp_path / "pid"))))
    assert run.state is RunState.DONE
    pid = int((tmp_path / "pid").read_text())
    assert processes.identify(pid) is None


def test_a_worker_and_a_supervisor_that_somebody_froze_can_be_stopped(home: Workspace) -> None:
    run = jobs.wait_for_state(home, jobs.act(home, jobs.FOREVER), RunState.RUNNING)
    worker = jobs.find_worker(home, run)
    for process in (worker, jobs.find_job(home, run).process):
        processes.send_signal(process, signal.SIGSTOP)
    jobs.wait_until(lambda: processes.is_frozen(worker), lambda: "not frozen")
    assert stop_run(home, run.id).state is RunState.STOPPED


@pytest.mark.slow
def test_a_long_log_is_kept_in_parts_though_nobody_watches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with jobs.open_job_home(tmp_path, monkeypatch, "log_part_mb = 1\n") as home:
        run = jobs.act(home, f"print('a line of a hundred letters' * 100_000, flush=True)\n{jobs.FOREVER}")
        path = log_path(home, run.id)
        jobs.wait_until(lambda: len(list_parts(path)) == 2, lambda: "no parts")
        stop_run(home, run.id)
        assert not processes.is_alive(jobs.find_worker(home, run))


def test_an_orphan_can_be_stopped(home: Workspace) -> None:
    run = jobs.wait_for_state(home, jobs.act(home, jobs.FOREVER), RunState.RUNNING)
    jobs.kill(jobs.find_job(home, run).process)
    assert stop_run(home, run.id).state is RunState.STOPPED
    assert not processes.is_alive(jobs.find_worker(home, run))


@pytest.mark.parametrize("grace_s", [math.inf, math.nan, -1.0])
def test_what_is_no_time_to_wait_ends_no_supervisor(home: Workspace, grace_s: float) -> None:
    run = jobs.wait_for_state(home, jobs.act(home, jobs.FOREVER), RunState.RUNNING)
    with pytest.raises(InvalidParameter, match="no time to wait"):
        stop_run(home, run.id, grace_s=grace_s)
    assert processes.is_alive(jobs.find_job(home, run).process)
    assert stop_run(home, run.id).state is RunState.STOPPED


def test_a_finished_run_cannot_be_stopped(home: Workspace) -> None:
    run = jobs.wait_for_end(home, jobs.act(home, ""))
    with pytest.raises(Conflict):
        stop_run(home, run.id)


def test_a_waiting_run_is_stopped_at_once(home: Workspace) -> None:
    run = queue_run(home, "transform", {}, 0, terms=Terms(wants=Wants(slots=99))).run
    assert stop_run(home, run.id).state is RunState.STOPPED
    assert home.catalog.jobs.latest(run.id) is None


def test_stop_does_not_kill_a_program_that_does_an_import_itself(home: Workspace) -> None:
    with record(home, "import", params={}) as run, pytest.raises(Conflict, match="itself"):
        stop_run(home, run.run_id)


def test_a_sigterm_that_nobody_asked_for_leaves_a_run_to_be_resumed(home: Workspace) -> None:
    """It is what a machine that is shut down sends to all processes."""
    run = jobs.wait_for_state(home, jobs.act(home, jobs.FOREVER), RunState.RUNNING)
    processes.send_signal(jobs.find_job(home, run).process, signal.SIGTERM)
    lost = jobs.wait_for_end(home, run)
    assert lost.state is RunState.LOST
    assert "shut down" in lost.error


def test_a_run_of_before_the_restart_is_lost_though_its_pids_are_taken(home: Workspace) -> None:
    """The job's row has the pid and the start of this very process, but another boot's id."""
    mine = processes.identify_self()
    run = queue_run(home, "transform", {}, 0).run
    home.catalog.runs.start(run.id)
    home.catalog.jobs.create(run.id, ProcessIdentity("another-boot:1", mine.pid, mine.start_ticks))
    lost = get_run(home, run.id)
    assert (lost.state, lost.error) == (RunState.LOST, "The machine was restarted.")
    assert processes.is_alive(mine)


def test_a_run_whose_pid_was_given_anew_is_lost_and_the_newcomer_lives(home: Workspace) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as newcomer:
        there = identify(newcomer.pid)
        run = queue_run(home, "transform", {}, 0).run
        home.catalog.runs.start(run.id)
        before = ProcessIdentity(there.boot_id, there.pid, there.start_ticks - 1)
        job = home.catalog.jobs.create(run.id, before)
        home.catalog.jobs.note_worker(job.id, before)
        assert get_run(home, run.id).state is RunState.LOST
        assert processes.is_alive(there)
        newcomer.kill()


def test_a_claim_whose_supervisor_died_before_it_began_goes_back_to_the_queue(home: Workspace) -> None:
    run = queue_run(home, "transform", {}, 0, terms=Terms(wants=Wants(slots=99))).run
    gone = ProcessIdentity("another-boot:1", 1, 1)
    for _ in range(3):
        job_id = claim(home, run, gone)
        assert get_run(home, run.id).state is RunState.QUEUED
        assert home.catalog.jobs.get(job_id).outcome == "unbegun"
    claim(home, run, gone)
    assert get_run(home, run.id).state is RunState.LOST


def claim(home: Workspace, run: Run, process: ProcessIdentity) -> JobId:
    job_id = JobId(new_id())
    home.catalog.queue.claim(run.id, process, job_id=job_id, leases=(), max_running=None)
    return job_id


def test_a_full_disk_under_the_log_costs_the_log_alone(home: Workspace) -> None:
    code = """
    import resource
    size = os.fstat(1).st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 4096, resource.RLIM_INFINITY))
    for _ in range(100):
        print("x" * 1000, flush=True)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print("and on", flush=True)
    """
    run = jobs.wait_for_end(home, jobs.act(home, code))
    assert run.state is RunState.DONE, run.error
    text = log_path(home, run.id).read_bytes()
    assert len(text) < 50_000
    assert b"and on" in text


@pytest.mark.slow
def test_a_run_that_takes_too_long_fails_and_says_so(home: Workspace) -> None:
    run = jobs.act(home, jobs.FOREVER, terms=Terms(wants=Wants(), timeout_s=1.5))
    failed = jobs.wait_for_end(home, run)
    assert failed.state is RunState.FAILED
    assert "1.5 s" in failed.error


def test_a_job_is_timed_by_a_clock_that_nobody_can_set(home: Workspace) -> None:
    """A wall clock may be set back while it runs; what a row says of start and end is that one's."""
    run = jobs.wait_for_end(home, jobs.act(home, "time.sleep(0.3)\nyield"))
    ran_s = jobs.find_job(home, run).ran_s
    assert ran_s is not None
    assert ran_s >= 0.3


def test_a_run_is_tried_again_as_often_as_was_agreed(home: Workspace, tmp_path: Path) -> None:
    path = str(tmp_path / "tries")
    code = f"""
    tries = Path({path!r})
    tries.write_text((tries.read_text() if tries.exists() else "") + "x")
    if len(tries.read_text()) < 3:
        os.kill(os.getpid(), signal.SIGKILL)
    """
    terms = Terms(wants=Wants(), retries=2, backoff_s=0.05)
    run = jobs.wait_for_end(home, jobs.act(home, code, terms=terms))
    assert run.state is RunState.DONE
    assert [job.outcome for job in home.catalog.jobs.list_of(run.id)] == ["retry", "retry", "done"]
    assert (run.retry_count, run.error) == (2, "")


def test_a_run_that_cannot_do_better_is_not_tried_again(home: Workspace) -> None:
    call = {"operation": "act", "refs": ["nothing"], "to": "out", "params": {"code": ""}, "seed": 0}
    run = submit_call(home, "transform", call, terms=Terms(wants=Wants(), retries=3))
    failed = jobs.wait_for_end(home, run)
    assert failed.state is RunState.FAILED
    assert len(home.catalog.jobs.list_of(run.id)) == 1


def test_a_reused_pid_is_neither_alive_nor_signalled() -> None:
    mine = processes.identify_self()
    stranger = ProcessIdentity(mine.boot_id, mine.pid, mine.start_ticks - 1)
    assert processes.is_alive(mine)
    assert not processes.is_alive(stranger)
    assert not processes.send_signal(stranger, signal.SIGTERM)


def test_a_zombie_counts_as_dead() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.read()  # its end closes when it exits; it is not waited for yet
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert processes.identify(process.pid) is None
    process.wait()
    process.stdout.close()


def test_children_of_a_killed_worker_are_found_by_their_session(workspace: Workspace) -> None:
    code = (
        "import subprocess, sys, time;"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
        "print(child.pid, flush=True); time.sleep(600)"
    )
    leader = subprocess.Popen([sys.executable, "-c", code], start_new_session=True, stdout=subprocess.PIPE)
    assert leader.stdout is not None
    child = processes.identify(int(leader.stdout.readline()))
    identity = processes.identify(leader.pid)
    assert child is not None
    assert identity is not None
    leader.kill()
    leader.wait()
    leader.stdout.close()
    processes.kill_session(identity)
    deadline = time.monotonic() + 10
    while processes.is_alive(child):
        assert time.monotonic() < deadline


def test_a_process_of_another_namespace_is_not_judged(workspace: Workspace) -> None:
    mine = processes.identify_self()
    boot_id = mine.boot_id.partition(":")[0]
    elsewhere = ProcessIdentity(f"{boot_id}:1", 999_999, 1)
    before_boot = ProcessIdentity("another-boot:1", mine.pid, mine.start_ticks)
    assert not processes.is_gone(elsewhere)
    assert processes.is_gone(before_boot)


def test_a_job_that_a_job_has_queued_outlives_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its supervisor may stand below the other's, which ends what its own job leaves behind."""
    gate, inner = tmp_path / "gate", tmp_path / "inner"
    waiting = f"while not Path({str(gate)!r}).exists():\n    time.sleep(0.02)\n    yield"
    with jobs.open_job_home(tmp_path, monkeypatch, "slots = 2\n") as home:
        code = f"""
        from mlwf_tui.entities.run import RunState
        from mlwf_tui.workspace import open_workspace
        from tests import jobs
        with open_workspace(Path({str(home.home)!r})) as workspace:
            run = jobs.wait_for_state(workspace, jobs.act(workspace, {waiting!r}, seed=7), RunState.RUNNING)
        Path({str(inner)!r}).write_text(run.id + "\\n")
        """
        outer = jobs.act(home, code)
        queued = home.catalog.runs.get(jobs.wait_for_file(inner).strip())  # nobody but the job has started it
        catalog = home.catalog
        jobs.wait_until(
            lambda: catalog.runs.get(outer.id).state.is_finished, lambda: jobs.describe(home, outer)
        )
        assert jobs.wait_for_end(home, outer).state is RunState.DONE
        gate.touch()
        assert jobs.wait_for_end(home, queued).state is RunState.DONE
