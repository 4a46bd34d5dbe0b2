"""Work that outlives the command line, its terminal, and a lost connection."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.runs import list_runs
from mlwf_tui.workspace import Workspace
from tests import jobs
from tests.fakes.observers import KeepingObserver
from tests.making import make_voc


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    with jobs.open_job_home(tmp_path, monkeypatch) as workspace:
        boxes = {"a.jpg": [("cell", 2, 3, 20, 21)], "b.jpg": [("cell", 2, 3, 20, 21)]}
        make_voc(tmp_path / "voc", boxes, splits={"train": ["a"], "val": ["b"]})
        import_folder(workspace, tmp_path / "voc", "seen", observer=KeepingObserver())
        yield workspace


def train(home: Workspace, gate: Path) -> list[str]:
    words = ["train", "seen", "--model", "counter", "-p", "epochs=1", "-p", f"gate={gate}"]
    return [sys.executable, "-m", "mlwf_tui", "--home", str(home.home), *words]


def wait_for_training(home: Workspace) -> Run:
    def find() -> list[Run]:
        return [run for run in list_runs(home) if run.verb == "train" and run.state is RunState.RUNNING]

    jobs.wait_until(lambda: bool(find()), lambda: "no training runs")
    return find()[0]


def test_a_training_goes_on_where_its_command_is_killed(home: Workspace, tmp_path: Path) -> None:
    with subprocess.Popen(train(home, tmp_path / "gate"), stderr=subprocess.DEVNULL) as command:
        run = wait_for_training(home)
        command.kill()
    (tmp_path / "gate-1").touch()
    assert jobs.wait_for_end(home, run).state is RunState.DONE


def test_a_training_goes_on_where_the_terminal_is_gone(home: Workspace, tmp_path: Path) -> None:
    """As when an SSH connection drops: the terminal's end hangs up on all of its session."""
    pid, terminal = pty.fork()
    if pid == 0:
        words = train(home, tmp_path / "gate")
        os.execv(words[0], words)
    run = wait_for_training(home)
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGHUP
    assert jobs.find_job(home, run).finished_at is None
    (tmp_path / "gate-1").touch()
    assert jobs.wait_for_end(home, run).state is RunState.DONE


def test_ctrl_c_stops_the_training_and_keeps_its_model(home: Workspace, tmp_path: Path) -> None:
    with subprocess.Popen(train(home, tmp_path / "gate"), stderr=subprocess.PIPE) as command:
        run = wait_for_training(home)
        events = home.run_folder(run.id) / "events.jsonl"
        jobs.wait_for_text(events, "epoch 1")
        command.send_signal(signal.SIGINT)
        assert command.wait(timeout=jobs.PATIENCE_S) == 130
    stopped = jobs.wait_for_end(home, run)
    assert (stopped.state, stopped.result["model"]) == (RunState.STOPPED, "counter-seen-1")


@pytest.mark.parametrize("looking", [["watch"], ["logs", "-f"]], ids=["watch", "logs"])
def test_ctrl_c_ends_the_looking_and_not_the_run(home: Workspace, tmp_path: Path, looking: list[str]) -> None:
    with subprocess.Popen(train(home, tmp_path / "gate"), stderr=subprocess.PIPE) as command:
        run = wait_for_training(home)
        command.send_signal(signal.SIGKILL)
    words = [sys.executable, "-m", "mlwf_tui", "--home", str(home.home), *looking, run.id]
    with subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stderr is not None
        if looking == ["watch"]:
            watching.stderr.readline()  # it follows now
        else:
            assert watching.stdout is not None
            watching.stdout.readline()
        watching.send_signal(signal.SIGINT)
        assert watching.wait(timeout=jobs.PATIENCE_S) == 130
        assert f"The train run {run.id} goes on without you." in watching.stderr.read()
    (tmp_path / "gate-1").touch()
    assert jobs.wait_for_end(home, run).state is RunState.DONE
