"""Trainings with two processes: one log, one stop, and nobody left when one of them is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.plugins.trainers.ultralytics.launcher import LAUNCHER_PID, RANK_MODULE
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.pause import pause_run
from mlwf_tui.workflow.resume import resume_run
from mlwf_tui.workflow.running.events import read_metrics
from mlwf_tui.workflow.stop import stop_run
from mlwf_tui.workflow.train import submit_train
from mlwf_tui.workflow.transform import transform
from mlwf_tui.workspace import Workspace
from tests import jobs
from tests.fakes.observers import KeepingObserver

PATIENCE_S = 280.0  # torch is imported four times
pytestmark = pytest.mark.timeout(900)
PARAMS = {"preset": "quick", "imgsz": "64", "batch": "8", "fliplr": "0", "device": "cpu,cpu"}
RANK = b"mlwf_tui.plugins.trainers.ultralytics.rank"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    with jobs.open_job_home(tmp_path, monkeypatch, "slots = 2\n") as workspace:
        sample = workspace.registry.get_sample("digits")
        sample.write(tmp_path / "digits", seed=0, image_count=32)
        import_folder(workspace, tmp_path / "digits", "digits", observer=KeepingObserver())
        shares = {"train": 0.75, "val": 0.25, "test": 0}
        transform(
            workspace, "split", ["digits"], to="digits", params=shares, seed=0, observer=KeepingObserver()
        )
        yield workspace


def train(home: Workspace, **params: Any) -> Run:
    return submit_train(home, "digits", model="yolov10p", params={**PARAMS, **params})


def list_processes(home: Workspace) -> list[int]:
    """Return the pids of the processes that train together below a home."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            is_ours = any(word.startswith(str(home.home).encode()) for word in words)
            if is_ours and RANK in words and b"-m" in words[:4] and b"torch.distributed.run" not in words:
                found.append(int(entry.name))
    return sorted(found)


def list_epochs(home: Workspace, run: Run) -> list[int]:
    points = read_metrics(home.run_folder(run.id))
    return [int(point.value) for point in points if point.key == "epoch"]


def wait_for_epoch(home: Workspace, run: Run, epoch: int) -> None:
    jobs.wait_until(
        lambda: epoch in list_epochs(home, run), lambda: jobs.describe(home, run), patience_s=PATIENCE_S
    )


def wait_for_state(home: Workspace, run: Run, *states: RunState) -> Run:
    def is_there() -> bool:
        return home.catalog.runs.get(run.id).state in states

    jobs.wait_until(is_there, lambda: jobs.describe(home, run), patience_s=PATIENCE_S)
    return home.catalog.runs.get(run.id)


@pytest.mark.slow
def test_two_processes_train_one_model_and_tell_of_it_once(home: Workspace) -> None:
    run = train(home, epochs="2")
    done = wait_for_state(home, run, RunState.DONE, RunState.FAILED)
    assert done.state is RunState.DONE, jobs.describe(home, run)
    assert list_epochs(home, run) == [1, 2]
    assert jobs.find_job(home, run).leases == ("slot 0", "slot 1")
    assert done.environment["processes"] == "2"
    assert done.result["model"]
    log = (home.run_folder(run.id) / "log").read_text("utf-8")
    assert log.count("Starting training for 2 epochs") == 1
    assert not list_processes(home)


@pytest.mark.slow
def test_two_processes_stop_together_and_keep_what_they_have(home: Workspace) -> None:
    run = train(home, epochs="90")
    wait_for_epoch(home, run, 1)
    assert len(list_processes(home)) == 2
    stopped = stop_run(home, run.id, grace_s=PATIENCE_S)
    assert stopped.state is RunState.STOPPED
    assert stopped.result["model"]
    assert not list_processes(home)


@pytest.mark.slow
def test_where_one_process_is_killed_the_run_fails_and_goes_on_from_its_checkpoint(home: Workspace) -> None:
    run = train(home, epochs="40")
    wait_for_epoch(home, run, 2)
    os.kill(list_processes(home)[1], signal.SIGKILL)
    failed = wait_for_state(home, run, RunState.FAILED, RunState.DONE)
    assert failed.state is RunState.FAILED
    assert "of 2 of the training was ended by SIGKILL, as when memory runs out" in failed.error
    jobs.wait_until(lambda: not list_processes(home), lambda: str(list_processes(home)))
    before = list_epochs(home, run)
    resume_run(home, run.id)
    wait_for_epoch(home, run, before[-1] + 2)
    epochs = list_epochs(home, run)
    assert epochs[: len(before)] == before
    assert epochs[len(before)] in (before[-1], before[-1] + 1)
    stop_run(home, run.id)
    assert not list_processes(home)


@pytest.mark.slow
def test_two_processes_pause_at_their_checkpoint_and_none_outlives_the_worker(home: Workspace) -> None:
    run = train(home, epochs="40")
    wait_for_epoch(home, run, 1)
    pause_run(home, run.id)
    assert wait_for_state(home, run, RunState.PAUSED, RunState.FAILED).state is RunState.PAUSED
    jobs.wait_until(lambda: not list_processes(home), lambda: str(list_processes(home)))
    paused_at = list_epochs(home, run)[-1]
    resume_run(home, run.id)
    wait_for_epoch(home, run, paused_at + 1)
    assert list_epochs(home, run)[: paused_at + 1] == list(range(1, paused_at + 2))
    jobs.kill(jobs.find_worker(home, run))
    jobs.wait_until(lambda: not list_processes(home), lambda: str(list_processes(home)))


def test_a_process_whose_launcher_was_killed_before_it_could_ask_does_not_wait(tmp_path: Path) -> None:
    command = [sys.executable, "-m", RANK_MODULE, str(tmp_path)]
    gone = {"RANK": "0", LAUNCHER_PID: "1"}  # not its parent
    assert subprocess.run(command, env={**os.environ, **gone}, timeout=120, check=False).returncode == 1
    assert not list(tmp_path.iterdir()), "it has not begun"


@pytest.mark.parametrize(("batch", "hint"), [("7", "batch=8"), ("1", "batch=2")])
def test_a_batch_that_cannot_be_dealt_out_is_refused(home: Workspace, batch: str, hint: str) -> None:
    with pytest.raises(InvalidParameter, match="dealt out to 2 devices") as caught:
        train(home, batch=batch)
    assert hint in caught.value.hint
