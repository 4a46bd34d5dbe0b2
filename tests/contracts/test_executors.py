"""What every executor must do: begin only at its word, keep the locks, end all of a job, note the end."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlwf_tui import processes
from mlwf_tui.entities.ids import JobId
from mlwf_tui.entities.run import JobExit, ProcessIdentity, Wish, WishKind
from mlwf_tui.plugins.executors.local import LocalExecutor
from mlwf_tui.protocols.executors import Executor, JobSpec
from tests.jobs import kill, wait_for_file, wait_for_gone, wait_until

EXECUTORS: tuple[Executor, ...] = (LocalExecutor(),)
JOB = JobId("j1")
SETTLED = "print('{}')"


@pytest.fixture(params=EXECUTORS, ids=lambda executor: executor.name)
def executor(request: pytest.FixtureRequest) -> Executor:
    found: Executor = request.param
    return found


@pytest.fixture
def lock(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    yield descriptor
    os.close(descriptor)
    processes.kill_marked(JOB)


def make_spec(folder: Path, code: str, *, timeout_s: float | None = None) -> JobSpec:
    return JobSpec(
        job=JOB,
        command=(sys.executable, "-c", f"import os, signal, subprocess, sys, time\n{code}"),
        settle=(sys.executable, "-c", SETTLED),
        environment={"GREETING": "hello"},
        folder=folder,
        log=folder / "log",
        grace_s=0.2,
        timeout_s=timeout_s,
        hook=(),
        hook_timeout_s=1,
    )


def start(executor: Executor, folder: Path, lock: int, code: str, **options: float) -> ProcessIdentity:
    starting = executor.prepare(folder / "log", (lock,))
    process = processes.identify(starting.pid)
    assert process is not None
    starting.begin(make_spec(folder, code, **options))
    return process


def wait_for_exit(executor: Executor, folder: Path) -> JobExit:
    wait_until(lambda: executor.read_exit(folder, JOB) is not None, lambda: (folder / "log").read_text())
    found = executor.read_exit(folder, JOB)
    assert found is not None
    return found


def is_locked(folder: Path) -> bool:
    with (folder / "lock").open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def let_go(lock: int) -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), lock)


def test_a_job_is_done_and_its_end_is_noted(executor: Executor, tmp_path: Path, lock: int) -> None:
    start(executor, tmp_path, lock, "print(os.environ['GREETING'], flush=True)\nsys.exit(7)")
    ended = wait_for_exit(executor, tmp_path)
    assert (ended.exit_code, ended.signal, ended.strays, ended.wish) == (7, None, 0, "")
    assert ended.user_s > 0
    assert "hello" in (tmp_path / "log").read_text()


@pytest.mark.parametrize("is_abandoned", [True, False])
def test_nothing_is_done_without_the_word(
    executor: Executor, tmp_path: Path, lock: int, is_abandoned: bool
) -> None:
    """Abandoned by who started it, or left alone because that one was killed."""
    if is_abandoned:
        starting = executor.prepare(tmp_path / "log", (lock,))
        process = processes.identify(starting.pid)
        starting.abandon()
    else:
        code = (
            "import sys; from pathlib import Path\n"
            "from mlwf_tui.plugins.executors.local import LocalExecutor\n"
            "started = LocalExecutor().prepare(Path(sys.argv[1]), ()); print(started.pid, flush=True)\n"
            "sys.stdin.read()"
        )
        with subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "log")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as starter:
            assert starter.stdout is not None
            process = processes.identify(int(starter.stdout.readline()))
            starter.kill()
    if process is not None:
        wait_for_gone(process)
    assert executor.read_exit(tmp_path, JOB) is None


def test_the_lock_is_held_until_the_last_process_of_both_has_ended(
    executor: Executor, tmp_path: Path, lock: int
) -> None:
    code = f"open({str(tmp_path / 'pid')!r}, 'w').write(f'{{os.getpid()}}\\n'); time.sleep(600)"
    supervisor = start(executor, tmp_path, lock, code)
    let_go(lock)
    worker = processes.identify(int(wait_for_file(tmp_path / "pid")))
    assert worker is not None
    assert is_locked(tmp_path)
    kill(supervisor)
    assert is_locked(tmp_path)
    kill(worker)
    wait_until(lambda: not is_locked(tmp_path), lambda: "still locked")


def test_a_stop_is_polite_and_then_reaches_everybody(executor: Executor, tmp_path: Path, lock: int) -> None:
    code = f"""
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(["sleep", "600"], start_new_session=True)
open({str(tmp_path / "pid")!r}, "w").write(f"{{child.pid}}\\n")
time.sleep(600)
"""
    supervisor = start(executor, tmp_path, lock, code)
    child = processes.identify(int(wait_for_file(tmp_path / "pid")))
    assert child is not None
    assert executor.ask(supervisor, tmp_path, JOB, Wish(kind=WishKind.STOP, grace_s=0.2))
    ended = wait_for_exit(executor, tmp_path)
    assert (ended.signal, ended.wish) == (signal.SIGKILL, "stop")
    assert not processes.is_alive(child)
    wait_for_gone(supervisor)
    assert not executor.ask(supervisor, tmp_path, JOB, Wish(kind=WishKind.STOP))


def test_a_limit_of_time_is_kept(executor: Executor, tmp_path: Path, lock: int) -> None:
    start(executor, tmp_path, lock, "time.sleep(600)", timeout_s=0.3)
    ended = wait_for_exit(executor, tmp_path)
    assert ended.is_timed_out
    assert ended.ran_s >= 0.3


def test_an_end_that_was_torn_or_is_missing_is_none(executor: Executor, tmp_path: Path) -> None:
    assert executor.read_exit(tmp_path, JOB) is None
    (tmp_path / f"exit-{JOB}.json").write_bytes(b'{"job": "j1", "exit')
    assert executor.read_exit(tmp_path, JOB) is None
