"""What stands in the tree: names, and what is beside them."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from mlwf_tui.entities.ids import RunId
from mlwf_tui.tui.screens.outline import make_model_entry, make_run_entry
from mlwf_tui.workflow.undo import undo
from mlwf_tui.workspace import Workspace
from tests.fakes.models import add_model


@pytest.mark.parametrize(
    ("metrics", "note"),
    [
        ({"metrics/mAP50(B)": 0.9, "metrics/mAP50-95(B)": 0.7, "val/box_loss": 1.0}, "0.700"),
        ({"map": 0.6, "map50": 0.8}, "0.600"),
        ({"metrics/accuracy_top1": 0.5, "metrics/accuracy_top5": 1.0, "val/loss": 0.2}, "0.500"),
        ({"val/loss": 0.2, "epoch": 3.0}, ""),
        ({}, ""),
    ],
)
def test_every_task_has_its_figure(empty_home: Workspace, metrics: dict[str, float], note: str) -> None:
    assert make_model_entry(replace(add_model(empty_home, "m"), metrics=metrics)).note == note


def test_an_undo_of_the_newest_change_is_called_by_its_project(projects_home: Workspace) -> None:
    made = undo(projects_home)
    run = projects_home.catalog.runs.get(RunId(made.run))
    assert make_run_entry(run, run.created_at).title == f"undo {made.project}"
