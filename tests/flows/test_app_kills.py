"""The app is killed, frozen, or killed together with a job: nothing is lost, and the next app shows it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlwf_tui import processes
from mlwf_tui.entities.run import RunState
from mlwf_tui.workflow.resume import resume_run
from mlwf_tui.workflow.running.follow import log_path
from mlwf_tui.workspace import Workspace
from tests import jobs
from tests.tui.pty_terminal import Terminal

pytestmark = pytest.mark.slow


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    with jobs.open_job_home(tmp_path, monkeypatch) as workspace:
        yield workspace


def say_and_wait(gate: Path) -> str:
    """Return code that says a line, and another when it may end."""
    wait = f"while not Path({str(gate)!r}).exists():\n    time.sleep(0.02)\n    yield"
    return f"print('it has begun', flush=True)\n{wait}\nprint('it has ended')"


def open_app(home: Workspace, seen: str) -> Terminal:
    terminal = Terminal(home.home)
    terminal.see(seen)
    return terminal


def kill(terminal: Terminal) -> None:
    os.kill(terminal.pid, signal.SIGKILL)
    assert terminal.wait() == -signal.SIGKILL


def test_a_killed_app_takes_no_job_with_it_and_the_next_one_shows_it(home: Workspace, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    run = jobs.wait_for_state(home, jobs.act(home, say_and_wait(gate)), RunState.RUNNING)
    kill(open_app(home, "1 running"))
    assert processes.is_alive(jobs.find_worker(home, run))

    again = open_app(home, "1 running")
    gate.touch()
    assert jobs.wait_for_end(home, run).state is RunState.DONE
    again.see("▸ out-0")
    assert "it has begun\nit has ended\n" in log_path(home, run.id).read_text()
    kill(again)


def test_a_job_that_is_killed_with_the_app_is_lost_and_can_be_resumed(
    home: Workspace, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    run = jobs.wait_for_state(home, jobs.act(home, say_and_wait(gate)), RunState.RUNNING)
    terminal = open_app(home, "1 running")
    worker, supervisor = jobs.find_worker(home, run), jobs.find_job(home, run).process
    for process in (supervisor, worker):
        processes.send_signal(process, signal.SIGKILL)
    kill(terminal)
    jobs.wait_for_gone(worker)

    again = open_app(home, "1 run was lost")
    assert home.catalog.runs.get(run.id).state is RunState.LOST
    gate.touch()
    resume_run(home, run.id)
    assert jobs.wait_for_end(home, run).state is RunState.DONE
    again.see("▸ out-0")
    kill(again)


def test_a_job_goes_on_while_the_app_is_frozen_which_then_shows_its_end(
    home: Workspace, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    run = jobs.wait_for_state(home, jobs.act(home, say_and_wait(gate)), RunState.RUNNING)
    terminal = open_app(home, "1 running")
    os.kill(terminal.pid, signal.SIGSTOP)
    gate.touch()
    assert jobs.wait_for_end(home, run).state is RunState.DONE
    os.kill(terminal.pid, signal.SIGCONT)
    terminal.see("is done")
    kill(terminal)
