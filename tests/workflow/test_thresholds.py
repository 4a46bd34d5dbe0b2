"""Reports at another threshold: from kept predictions, and refused where there are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlwf_tui.errors import InvalidParameter
from mlwf_tui.workflow.compare import compare
from mlwf_tui.workflow.reporting.thresholds import read_threshold
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver
from tests.workflow.reporting import add_model, add_report, fill_val, predict


def test_a_reports_figures_follow_the_thresholds(workspace: Workspace, tmp_path: Path) -> None:
    fill_val(workspace, tmp_path / "val")
    report = add_report(workspace, add_model(workspace, "one"), predict(workspace, skips=6, shift_px=4))

    threshold = read_threshold(workspace, report)

    assert threshold.count().recall == report.metrics["recall"]
    assert threshold.count(confidence=0.0, iou=0.5).recall == pytest.approx(0.5)
    assert threshold.count(confidence=0.0, iou=0.9).recall == 0.0
    assert threshold.count(confidence=0.95).precision == 0.0


def test_a_comparison_has_no_thresholds(workspace: Workspace, tmp_path: Path) -> None:
    fill_val(workspace, tmp_path / "val")
    for name in ("new", "old"):
        add_report(workspace, add_model(workspace, name), predict(workspace))
    made = compare(workspace, ["new", "old"], observer=KeepingObserver())

    with pytest.raises(InvalidParameter, match="compares models"):
        read_threshold(workspace, made.report)
