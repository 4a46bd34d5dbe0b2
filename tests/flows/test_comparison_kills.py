"""A program is killed while it queues benchmarks and their comparison: there are all of them, or none."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mlwf_tui.workflow.queue import pause_queue
from mlwf_tui.workspace import open_workspace
from tests.faults.harness import KILLED, Fault, read_steps, run_script
from tests.workflow.reporting import add_model, add_report, fill_val, predict

SUBMIT = """
import sys
from pathlib import Path
from mlwf_tui.workflow.benchmarking.apart import find_apart
from mlwf_tui.workflow.benchmarking.lacking import submit_compare
from mlwf_tui.workspace import open_workspace
with open_workspace(Path(sys.argv[1])) as workspace:
    submit_compare(workspace, find_apart(workspace, ["two", "three", "one"]), is_trusted=True)
"""


def list_queued(place: Path) -> list[str]:
    with open_workspace(place / "home") as workspace:
        return sorted(run.verb for run in workspace.catalog.runs.list() if not run.state.is_finished)


@pytest.mark.slow
def test_at_whatever_step_it_is_killed_all_or_nothing_is_queued(tmp_path: Path) -> None:
    source = tmp_path / "template"
    with open_workspace(source / "home") as workspace:
        fill_val(workspace, tmp_path / "data", images=2)
        add_report(workspace, add_model(workspace, "one"), predict(workspace))
        add_model(workspace, "two")
        add_model(workspace, "three")
        pause_queue(workspace)
    calm = shutil.copytree(source, tmp_path / "calm")
    assert run_script(SUBMIT, calm, fault=None) == 0
    whole = ["benchmark", "benchmark", "compare"]
    assert list_queued(calm) == whole

    seen = []
    for step in read_steps(Path(f"{calm}.trace")):
        if step.kind == "sql-commit":
            place = shutil.copytree(source, tmp_path / f"killed-{step.number}")
            assert run_script(SUBMIT, place, fault=Fault("kill", step.number)) == KILLED
            seen.append(list_queued(place))
    assert [] in seen and all(queued in ([], whole) for queued in seen), seen
