"""Runs done by other processes: started, lost, stopped; with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mlwf_tui.entities.run import ProcessIdentity, Run, RunState
from mlwf_tui.errors import Conflict
from mlwf_tui.workflow import processes
from mlwf_tui.workflow.follow import log_path, wait_for
from mlwf_tui.workflow.jobs import queue_run, start_worker
from mlwf_tui.workflow.recorder import record
from mlwf_tui.workflow.runs import get_run
from mlwf_tui.workflow.show import show
from mlwf_tui.workflow.stop import stop_run
from mlwf_tui.workspace import Workspace

OBEY_TERM = "import time; print('up', flush=True); time.sleep(600)"
IGNORE_TERM = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {OBEY_TERM}"


@contextmanager
def running(workspace: Workspace, code: str) -> Iterator[tuple[Run, subprocess.Popen[bytes]]]:
    """A run whose job is a real process that runs `code`, in a session of its own, as a worker is."""
    command = [sys.executable, "-c", code]
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()  # it has set its signals
    identity = processes.identify(process.pid)
    assert identity is not None
    run = queue_run(workspace, "train", {}, 0).run
    workspace.catalog.runs.start(run.id)
    workspace.catalog.jobs.create(run.id, identity)
    try:
        yield run, process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_worker_outlives_its_starter_and_leaves_its_log_and_its_error(workspace: Workspace) -> None:
    run = start_worker(workspace, queue_run(workspace, "juggle", {}, 0).run)
    finished = wait_for(workspace, run.id)
    assert finished.state is RunState.FAILED
    assert "juggle" in finished.error
    assert b"juggle" in log_path(workspace, run.id).read_bytes()


def test_a_worker_leads_a_session_of_its_own(workspace: Workspace) -> None:
    run = start_worker(workspace, queue_run(workspace, "juggle", {}, 0).run)
    job = workspace.catalog.jobs.latest(run.id)
    assert job is not None
    assert job.process.pid != os.getsid(0)
    wait_for(workspace, run.id)
    jobs = workspace.catalog.jobs.latest(run.id)
    assert jobs is not None
    assert jobs.process == job.process


def test_a_second_worker_does_not_do_a_run_again(workspace: Workspace) -> None:
    run = start_worker(workspace, queue_run(workspace, "juggle", {}, 0).run)
    wait_for(workspace, run.id)
    command = [sys.executable, "-m", "mlwf_tui.worker", str(workspace.home), run.id]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 5


def test_a_run_whose_process_was_killed_is_lost(workspace: Workspace) -> None:
    with running(workspace, OBEY_TERM) as (run, process):
        assert get_run(workspace, run.id).state is RunState.RUNNING
        process.kill()
        process.wait()
        assert show(workspace, run.id).facts["state"] == "lost"
        assert get_run(workspace, run.id).state is RunState.LOST


def test_stop_asks_first(workspace: Workspace) -> None:
    with running(workspace, OBEY_TERM) as (run, process):
        assert stop_run(workspace, run.id, grace_s=20).state is RunState.STOPPED
        assert process.wait() == -signal.SIGTERM


def test_stop_kills_what_will_not_listen(workspace: Workspace) -> None:
    with running(workspace, IGNORE_TERM) as (run, process):
        assert stop_run(workspace, run.id, grace_s=0.3).state is RunState.STOPPED
        assert process.wait() == -signal.SIGKILL


def test_a_finished_run_cannot_be_stopped(workspace: Workspace) -> None:
    run = start_worker(workspace, queue_run(workspace, "juggle", {}, 0).run)
    wait_for(workspace, run.id)
    with pytest.raises(Conflict):
        stop_run(workspace, run.id)


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


def test_a_queued_run_without_a_worker_is_stopped_at_once(workspace: Workspace) -> None:
    run = queue_run(workspace, "train", {}, 0).run
    assert stop_run(workspace, run.id).state is RunState.STOPPED
    command = [sys.executable, "-m", "mlwf_tui.worker", str(workspace.home), run.id]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 5


def test_stop_does_not_kill_a_program_that_does_an_import_itself(workspace: Workspace) -> None:
    with record(workspace, "import", params={}) as run, pytest.raises(Conflict, match="itself"):
        stop_run(workspace, run.run_id)


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


def test_a_job_whose_process_died_after_its_run_was_closed_is_closed_too(workspace: Workspace) -> None:
    with running(workspace, OBEY_TERM) as (run, process):
        workspace.catalog.runs.finish(run.id, RunState.DONE, result={})
        process.kill()
        process.wait()
        get_run(workspace, run.id)
        assert workspace.catalog.jobs.list_unfinished() == ()
