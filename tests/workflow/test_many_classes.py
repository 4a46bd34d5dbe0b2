"""A benchmark of as many classes as large vocabularies have: it is measured, opens and is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlwf_tui.workflow.reporting.export_report import export_report
from mlwf_tui.workflow.reports import read_evaluation
from mlwf_tui.workspace import Workspace
from tests.workflow.reporting import CLASSES, add_model, add_report, fill_val, predict

MOST_BYTES = 1_000_000


@pytest.mark.slow
def test_two_thousand_classes_are_measured_and_fit_on_a_page(workspace: Workspace, tmp_path: Path) -> None:
    fill_val(workspace, tmp_path / "val", images=3)
    names = (*CLASSES, *(f"species {number}" for number in range(1998)))
    report = add_report(workspace, add_model(workspace, "wide", classes=names), predict(workspace))

    evaluation = read_evaluation(workspace, report)
    page = export_report(workspace, report.name, tmp_path / "wide.html")

    assert len(evaluation.classes) == 2000
    assert evaluation.metrics["map50"] > 0.9  # those without a truth take no part
    assert any("and 1,988 more" in note for note in evaluation.notes)
    assert page.stat().st_size < MOST_BYTES
