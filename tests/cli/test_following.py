"""Who waits for a run at a terminal is told of its end, as settings.toml says; nobody else gets a code."""

from __future__ import annotations

import io
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from mlwf_tui.cli.following import follow_to_end, stop_followed
from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.errors import Cancelled
from mlwf_tui.workflow.queue import pause_queue
from mlwf_tui.workflow.running.jobs import queue_run
from mlwf_tui.workspace import Workspace
from tests import jobs
from tests.fakes.models import add_model


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    for name in ("TMUX", "TERM_PROGRAM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    with jobs.open_job_home(tmp_path, monkeypatch, 'notify = ["bell", "osc9"]\n') as workspace:
        yield workspace


def begin(home: Workspace, gate: Path, then: str = "") -> Run:
    """Start a run that waits for its gate, says so, and does something then."""
    code = f"""
    print("begun", flush=True)
    while not Path({str(gate)!r}).exists():
        time.sleep(0.02)
        yield
    {then}
    """
    return jobs.wait_for_state(home, jobs.act(home, code), RunState.RUNNING)


def follow(home: Workspace, run: Run, gate: Path, *words: str, is_terminal: bool) -> bytes:
    """Follow a run by a command, let the run end, and return what the command wrote to stderr."""
    ours, theirs = pty.openpty() if is_terminal else os.pipe()
    command = [sys.executable, "-m", "mlwf_tui", "--home", str(home.home), *words, run.id]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        assert process.stdout is not None
        written = b""
        while words[0] == "logs" and b"begun" not in process.stdout.readline():
            pass
        while words[0] == "watch" and not gate.exists() and b"transform" not in written:
            written += read(ours)
        gate.touch()
        process.stdout.read()
        written += b"".join(iter(lambda: read(ours), b""))
    os.close(ours)
    return written


def read(descriptor: int) -> bytes:
    with suppress(OSError):  # how the end of a terminal reads
        return os.read(descriptor, 1 << 16)
    return b""


@pytest.mark.parametrize("words", [("watch",), ("logs", "-f")])
def test_a_terminal_is_told_of_the_end(home: Workspace, tmp_path: Path, words: tuple[str, ...]) -> None:
    run = begin(home, tmp_path / "gate")
    written = follow(home, run, tmp_path / "gate", *words, is_terminal=True)
    assert f"\x1b]9;mlwf: ✓ transform {run.id} is done after ".encode() in written
    assert written.endswith(b"\x1b\\\a")
    assert b"]777;" not in written


def test_a_failure_says_why(home: Workspace, tmp_path: Path) -> None:
    run = begin(home, tmp_path / "gate", "raise ValueError('no room')")
    written = follow(home, run, tmp_path / "gate", "logs", "-f", is_terminal=True)
    assert f"✗ transform {run.id} is failed".encode() in written
    assert b"no room" in written


def test_a_pipe_gets_no_code(home: Workspace, tmp_path: Path) -> None:
    run = begin(home, tmp_path / "gate")
    written = follow(home, run, tmp_path / "gate", "logs", "-f", is_terminal=False)
    assert b"\a" not in written
    assert b"\x1b" not in written


def test_a_run_that_was_over_before_is_no_news(home: Workspace, tmp_path: Path) -> None:
    (tmp_path / "gate").touch()
    run = jobs.wait_for_end(home, jobs.act(home, ""))
    assert b"\a" not in follow(home, run, tmp_path / "gate", "watch", is_terminal=True)


class Pressing(io.StringIO):
    """A terminal: Ctrl-C is pressed as a run is said to wait, and the run ends as that is answered."""

    def __init__(self, end: Callable[[], object]) -> None:
        super().__init__()
        self._end = end

    def write(self, text: str) -> int:
        if "waits for" in text:
            signal.raise_signal(signal.SIGINT)
        elif "stopping" in text:
            self._end()
        return super().write(text)


def test_a_run_that_ends_as_it_is_to_be_stopped_is_told_as_it_ended(
    home: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    pause_queue(home)
    run = jobs.act(home, "")
    terminal = Pressing(lambda: home.catalog.runs.finish(run.id, RunState.DONE, result={"summary": "whole"}))
    monkeypatch.setattr(sys, "stderr", terminal)

    ended = follow_to_end(home, run, stopping="stopping")

    assert (ended.state, ended.result["summary"]) == (RunState.DONE, "whole")


def test_who_does_not_wait_for_a_stopped_training_is_told_of_its_model(
    home: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    pause_queue(home)
    run = queue_run(home, "train", {"name": "keeper"}, None).run

    def press_again(*_: object) -> Run:
        raise KeyboardInterrupt

    monkeypatch.setattr("mlwf_tui.workflow.stop.stop_run", press_again)
    with pytest.raises(Cancelled, match="was told to stop, and ends without you") as caught:
        stop_followed(home, run)
    assert caught.value.hint == (
        f"mlwf watch {run.id} shows its end; what it has learned becomes the model keeper, and "
        f"mlwf train --continue {run.id} -p epochs=+N goes on with it."
    )

    model = add_model(home, "kept")
    done = home.catalog.runs.get(model.run_id)
    told = f"train run {done.id} is done, and has made the model kept"
    with pytest.raises(Cancelled, match=told) as caught:
        stop_followed(home, done)
    assert caught.value.hint == f"mlwf train --continue {done.id} -p epochs=+N goes on with it."
