"""A pipeline that is killed goes on where it was, by the same command or by its queue."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.pipeline import make_request, submit_pipeline
from mlwf_tui.workflow.resume import resume_run
from mlwf_tui.workflow.runs import list_runs
from mlwf_tui.workflow.stop import stop_run
from mlwf_tui.workspace import Workspace
from tests import jobs
from tests.fakes.observers import KeepingObserver
from tests.making import make_voc

SLOW = "while not Path({gate!r}).exists():\n    time.sleep(0.02)\n    yield"
TEXT = """\
name: slow
sources: [seen]
steps:
  - {name: first, operation: act, params: {code: "yield"}}
  - {name: second, operation: act, params: {code: CODE}}
  - {name: third, operation: sample, params: {n: 1}}
outputs: [{project: out}]
"""

pytestmark = pytest.mark.slow


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    with jobs.open_job_home(tmp_path, monkeypatch) as workspace:
        make_voc(tmp_path / "voc", {"a.jpg": [("cell", 2, 3, 20, 21)]})
        import_folder(workspace, tmp_path / "voc", "seen", observer=KeepingObserver())
        yield workspace


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "p.yaml"
    code = f"Path({str(tmp_path / 'begun')!r}).write_text('yes\\n')\n" + SLOW.format(
        gate=str(tmp_path / "gate")
    )
    path.write_text(TEXT.replace("CODE", json.dumps(code + "\nyield")), "utf-8")
    return path


def start(home: Workspace, file: Path) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "mlwf_tui", "--home", str(home.home), "pipeline", str(file), "--json"]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def find(home: Workspace, verb: str) -> list[Run]:
    return [run for run in list_runs(home) if run.verb == verb]


def read_steps(run: Run) -> list[tuple[str, str]]:
    return [(step["name"], step["state"]) for step in run.result["steps"]]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_the_same_command_goes_on_with_the_step_that_was_not_done(
    home: Workspace, file: Path, tmp_path: Path, number: signal.Signals
) -> None:
    with start(home, file) as command:
        jobs.wait_for_file(tmp_path / "begun")
        command.send_signal(number)
        command.communicate(timeout=jobs.PATIENCE_S)
    assert not home.catalog.projects.find("out", "default")
    (left,) = find(home, "pipeline")
    assert left.state in (RunState.LOST, RunState.STOPPED)
    assert read_steps(left)[0] == ("first", "done")
    (tmp_path / "gate").touch()
    with start(home, file) as again:
        output, errors = again.communicate(timeout=jobs.PATIENCE_S)
    assert again.returncode == 0, errors
    told = json.loads(output)
    assert [step["state"] for step in told["steps"]] == ["cached", "done", "done"]
    assert [output["project"] for output in told["outputs"]] == ["out"]
    assert {run.state for run in find(home, "transform")} <= {RunState.DONE, RunState.LOST, RunState.STOPPED}


def test_a_job_shows_its_steps_while_it_goes_and_is_resumed_after_a_kill(
    home: Workspace, file: Path, tmp_path: Path
) -> None:
    run = submit_pipeline(home, make_request(home, str(file)))
    jobs.wait_for_file(tmp_path / "begun")
    going = home.catalog.runs.get(run.id)
    assert read_steps(going) == [("first", "done"), ("second", "running"), ("third", "waiting")]
    assert going.state is RunState.RUNNING
    jobs.kill(jobs.find_worker(home, run))
    assert jobs.wait_for_end(home, run).state is RunState.LOST
    (tmp_path / "gate").touch()
    done = jobs.wait_for_end(home, resume_run(home, run.id))
    assert done.state is RunState.DONE, jobs.describe(home, done)
    assert read_steps(done) == [("first", "cached"), ("second", "done"), ("third", "done")]


def test_a_job_that_is_stopped_leaves_no_output_and_no_step_behind(
    home: Workspace, file: Path, tmp_path: Path
) -> None:
    run = submit_pipeline(home, make_request(home, str(file)))
    jobs.wait_for_file(tmp_path / "begun")
    stop_run(home, run.id)
    stopped = jobs.wait_for_end(home, run)
    assert stopped.state is RunState.STOPPED
    assert read_steps(stopped)[:2] == [("first", "done"), ("second", "stopped")]
    assert [found.state for found in find(home, "transform")] == [RunState.STOPPED, RunState.DONE]
    assert not home.catalog.projects.find("out", "default")
