"""The person's own command that is called when a queued run has ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlwf_tui import processes
from mlwf_tui.entities.queue import Terms, Wants
from mlwf_tui.entities.run import RunState
from mlwf_tui.workflow.running.follow import log_path
from mlwf_tui.workspace import Workspace
from tests import jobs

SCRIPT = """#!/bin/sh
echo "$MLWF_RUN $MLWF_VERB $MLWF_STATE $1 $MLWF_ERROR" >> {trace}
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    script = tmp_path / "told it"
    script.write_text(SCRIPT.format(trace=tmp_path / "trace"))
    script.chmod(0o755)
    setting = f'on_finish = ["{script}", "$(touch {tmp_path}/shell)"]\n'
    with jobs.open_job_home(tmp_path, monkeypatch, setting) as workspace:
        yield workspace


def test_the_command_gets_the_run_and_its_state_and_no_shell_sees_it(home: Workspace, tmp_path: Path) -> None:
    run = jobs.act(home, "raise RuntimeError('`touch shell` \\x1b; rm -rf /')")
    told = jobs.wait_for_file(tmp_path / "trace")
    assert told.startswith(f"{run.id} transform failed $(touch")
    assert "RuntimeError" in told
    assert not (tmp_path / "shell").exists()


@pytest.mark.parametrize("error", ["'x' * 200_000", "'x' + chr(0)"])
def test_it_is_called_whatever_the_error_says(home: Workspace, tmp_path: Path, error: str) -> None:
    run = jobs.act(home, f"raise RuntimeError({error})")
    assert jobs.wait_for_file(tmp_path / "trace").startswith(f"{run.id} transform failed")


def test_it_is_called_once_at_the_end_of_all_tries(home: Workspace, tmp_path: Path) -> None:
    terms = Terms(wants=Wants(), retries=1, backoff_s=0.05)
    run = jobs.wait_for_end(home, jobs.act(home, "os.kill(os.getpid(), signal.SIGKILL)", terms=terms))
    assert jobs.wait_for_file(tmp_path / "trace").startswith(f"{run.id} transform lost")
    assert len((tmp_path / "trace").read_text().splitlines()) == 1


def test_it_is_called_where_the_supervisor_was_killed(home: Workspace, tmp_path: Path) -> None:
    run = jobs.wait_for_state(home, jobs.act(home, jobs.FOREVER), RunState.RUNNING)
    jobs.kill(jobs.find_job(home, run).process)
    jobs.kill(jobs.find_worker(home, run))
    assert jobs.wait_for_end(home, run).state is RunState.LOST
    assert jobs.wait_for_file(tmp_path / "trace").startswith(f"{run.id} transform lost")
    gate = tmp_path / "gate"
    code = f"while not Path({str(gate)!r}).exists():\n    time.sleep(0.02)\n    yield"
    orphan = jobs.wait_for_state(home, jobs.act(home, code, seed=1), RunState.RUNNING)
    jobs.kill(jobs.find_job(home, orphan).process)
    gate.touch()
    assert jobs.wait_for_end(home, orphan).state is RunState.DONE
    jobs.wait_until(
        lambda: f"{orphan.id} transform done" in (tmp_path / "trace").read_text(),
        (tmp_path / "trace").read_text,
    )
    assert len((tmp_path / "trace").read_text().splitlines()) == 2


def test_a_command_that_hangs_is_ended_and_one_that_is_missing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = 'on_finish = "sleep 600"\non_finish_timeout_s = 0.2\n'
    with jobs.open_job_home(tmp_path, monkeypatch, settings) as home:
        run = jobs.wait_for_end(home, jobs.act(home, ""))
        jobs.wait_for_gone(jobs.find_job(home, run).process)
        assert run.state is RunState.DONE
        assert b"on_finish was ended" in log_path(home, run.id).read_bytes()
    with jobs.open_job_home(tmp_path, monkeypatch, 'on_finish = "/no/such/command"\n') as home:
        run = jobs.wait_for_end(home, jobs.act(home, "", seed=1))
        jobs.wait_for_gone(jobs.find_job(home, run).process)
        assert b"on_finish cannot be started" in log_path(home, run.id).read_bytes()
        assert not processes.is_alive(jobs.find_job(home, run).process)
