from __future__ import annotations

from pathlib import Path

from mlwf_tui.workflow.metrics import find_run
from mlwf_tui.workflow.run_diff import diff_runs, find_run_pair
from mlwf_tui.workspace import Workspace
from tests.tui.homes import add_model, fill_projects


def test_two_trainings_differ_in_their_data_and_name(workspace: Workspace, tmp_path: Path) -> None:
    fill_projects(workspace, tmp_path)
    add_model(workspace, "cells@1", "first")
    add_model(workspace, "cells@2", "second")
    pair = find_run_pair(workspace, "first", "second")
    assert pair is not None
    found = diff_runs(workspace, *pair)
    assert {change.name: (change.before, change.after) for change in found.params} == {
        "data": ("cells@1", "cells@2"),
        "name": ("first", "second"),
    }
    (data,) = found.inputs
    assert (data.before, data.after) == ("cells@1", "cells@2")
    assert data.items == {"added": 1, "removed": 0, "renamed": 0, "changed": 3}
    metrics = {change.key: change for change in found.metrics}
    assert metrics["train/box_loss"].difference == 0
    assert metrics["took_s"].before is not None
    assert not found.is_same


def test_a_run_is_the_same_as_itself(workspace: Workspace, tmp_path: Path) -> None:
    fill_projects(workspace, tmp_path)
    add_model(workspace, "cells@1", "first")
    run = find_run(workspace, "first")
    assert diff_runs(workspace, run, run).is_same


def test_projects_and_versions_are_no_runs(workspace: Workspace, tmp_path: Path) -> None:
    fill_projects(workspace, tmp_path)
    add_model(workspace, "cells@1", "first")
    assert find_run_pair(workspace, "cells@1", "cells@2") is None
    assert find_run_pair(workspace, "cells", "first") is None
    assert find_run_pair(workspace, "nothing", "first") is None
