"""Many jobs at once under bad luck: a lost connection, a power cut, a full disk. Real processes."""

from __future__ import annotations

import os
import pty
import random
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.workflow.queue import list_queue
from mlwf_tui.workflow.resume import resume_run
from mlwf_tui.workflow.running.jobs import tend
from mlwf_tui.workflow.runs import get_run, list_runs
from mlwf_tui.workspace import Workspace, open_workspace
from tests import jobs

QUEUE_AND_FOLLOW = """
import sys
from pathlib import Path
from mlwf_tui.workflow.running.follow import wait_for
from mlwf_tui.workspace import open_workspace
from tests import jobs
with open_workspace(Path(sys.argv[1])) as home:
    runs = [jobs.act(home, sys.argv[2], seed=seed) for seed in range(int(sys.argv[3]))]
    for run in runs:
        wait_for(home, run.id)
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    with jobs.open_job_home(tmp_path, monkeypatch, "slots = 10\n") as workspace:
        yield workspace


def list_running(home: Workspace) -> list[Run]:
    return [run for run in list_runs(home) if run.state is RunState.RUNNING]


@pytest.mark.parametrize("count", [3, pytest.param(10, marks=[pytest.mark.slow, pytest.mark.timeout(600)])])
def test_no_job_is_lost_with_the_connection(home: Workspace, tmp_path: Path, count: int) -> None:
    code = f"while not Path({str(tmp_path / 'gate')!r}).exists():\n    time.sleep(0.05)\n    yield"
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", QUEUE_AND_FOLLOW, str(home.home), code, str(count)])
    jobs.wait_until(lambda: len(list_running(home)) == count, lambda: f"{len(list_running(home))} run")
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGHUP
    with open_workspace(home.home) as again:  # as an app does that is opened anew
        going = [run for run, _ in list_queue(again).going]
    assert {run.state for run in going} == {RunState.RUNNING}
    assert len(going) == count
    (tmp_path / "gate").touch()
    assert {jobs.wait_for_end(home, run).state for run in going} == {RunState.DONE}


@pytest.mark.parametrize("count", [6, pytest.param(60, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])])
def test_a_power_cut_leaves_every_run_in_a_state_that_it_can_go_on_from(
    home: Workspace, tmp_path: Path, count: int
) -> None:
    """All processes die at once, and of the catalog's log only a part has come to the disk."""
    runs = [jobs.act(home, jobs.FOREVER, seed=seed) for seed in range(3)]
    for run in runs:
        jobs.wait_for_state(home, run, RunState.RUNNING)
    jobs.end_all(home)
    log = home.home / "catalog.sqlite-wal"
    assert log.stat().st_size
    draw = random.Random(7)
    for number in range(count):
        cut = tmp_path / f"cut-{number}"
        cut.mkdir(mode=0o700)
        shutil.copy(home.home / "catalog.sqlite", cut)
        shutil.copy(log, cut)
        os.truncate(cut / log.name, draw.randrange(log.stat().st_size + 1))
        check_states(cut)


def check_states(home: Path) -> None:
    """Look at a home after the cut: whole, nothing runs, and what ran can be resumed."""
    with open_workspace(home) as workspace:
        assert workspace.catalog._database.execute_sql("PRAGMA integrity_check")[0][0] == "ok"
        workspace.catalog.queue.set_paused(workspace.place, is_paused=True, author="")
        tend(workspace)
        for run in list_runs(workspace):
            assert run.state in (RunState.DONE, RunState.LOST, RunState.QUEUED), run
            if run.state is RunState.LOST and run.is_detached:
                assert resume_run(workspace, run.id).state is RunState.QUEUED
        assert not workspace.catalog.jobs.list_unfinished()


@pytest.mark.slow
def test_a_run_whose_disk_was_full_says_so_and_goes_on_once_there_is_room(
    home: Workspace, tmp_path: Path
) -> None:
    """Neither log nor events nor catalog can be written beyond a size; the limit is the worker's alone."""
    full = tmp_path / "full"
    full.touch()
    code = f"""
    import resource
    if Path({str(full)!r}).exists():
        print("x" * 5000, flush=True)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    for _ in range(200):
        time.sleep(0.005)
        yield
    """
    run = jobs.wait_for_end(home, jobs.act(home, code))
    assert run.state is RunState.LOST
    assert run.error == "The disk refused what it had to write, as when it is full."
    assert home.catalog._database.execute_sql("PRAGMA integrity_check")[0][0] == "ok"
    full.unlink()
    resume_run(home, run.id)
    assert jobs.wait_for_end(home, run).state is RunState.DONE
    jobs.wait_for_gone(jobs.find_job(home, run).process)
    assert get_run(home, run.id).error == ""
