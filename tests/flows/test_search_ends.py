"""A search whose process is killed while it ends: it is over with its benchmark, or can end again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.workflow.queue import pause_queue
from mlwf_tui.workflow.run import start_run
from mlwf_tui.workspace import open_workspace
from tests.faults.harness import KILLED, Fault, read_steps, run_script
from tests.workflow.reporting import add_model, fill_val

END = """
import sys
from pathlib import Path
from typing import Any
from mlwf_tui.workflow.running.recorder import Recorder
from mlwf_tui.workflow.search import _measure_best
from mlwf_tui.workspace import open_workspace
with open_workspace(Path(sys.argv[1])) as workspace:
    recorder = Recorder(workspace, workspace.catalog.runs.get(sys.argv[2]))
    recorder.result = {"model": "best"}
    _measure_best(recorder)
"""


@pytest.fixture
def template(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A home with a search whose trials are over, and a queue that starts nothing."""
    with open_workspace(tmp_path / "template" / "home") as workspace:
        fill_val(workspace, tmp_path / "data", images=2)
        add_model(workspace, "best")
        run = start_run(workspace, "search")
        pause_queue(workspace)
    yield tmp_path / "template", run.id


def end(place: Path, run_id: str, fault: Fault | None) -> int:
    return run_script(END, place, run_id, fault=fault)


def look(place: Path, run_id: str) -> tuple[Run, list[Run]]:
    with open_workspace(place / "home") as workspace:
        measuring = [run for run in workspace.catalog.runs.list() if run.verb == "benchmark"]
        return workspace.catalog.runs.get(run_id), measuring


@pytest.mark.slow
def test_at_whatever_step_it_is_killed_it_has_ended_with_its_benchmark_or_not_at_all(
    template: tuple[Path, str], tmp_path: Path
) -> None:
    source, run_id = template
    calm = shutil.copytree(source, tmp_path / "calm")
    assert end(calm, run_id, None) == 0
    ended, (measured,) = look(calm, run_id)
    assert (ended.state, ended.result["benchmark"]["run"]) == (RunState.DONE, measured.id)
    steps = [step for step in read_steps(Path(f"{calm}.trace")) if step.kind == "sql-commit"]

    states = []
    for step in steps:
        place = shutil.copytree(source, tmp_path / f"killed-{step.number}")
        assert end(place, run_id, Fault("kill", step.number)) == KILLED
        search, measuring = look(place, run_id)
        states.append(search.state)
        assert len(measuring) == (search.state is RunState.DONE), step
        if search.state is not RunState.DONE:
            Path(f"{place}.trace").unlink()
            assert end(place, run_id, None) == 0  # what a retry comes to
            search, measuring = look(place, run_id)
        assert [run.id for run in measuring] == [search.result["benchmark"]["run"]]
        assert measuring[0].inputs
    assert set(states) == {RunState.RUNNING, RunState.DONE}
