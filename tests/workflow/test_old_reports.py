"""Reports open for ever: bodies as older programs wrote them, kept here as files."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlwf_tui.entities.part import Part
from mlwf_tui.workflow.reporting.export_report import FORMATS, export_report
from mlwf_tui.workflow.reports import get_report, read_evaluation
from mlwf_tui.workflow.running.recorder import record
from mlwf_tui.workspace import Workspace
from tests.workflow.reporting import add_model, fill_val

BODIES = Path(__file__).parent / "bodies"


@pytest.mark.parametrize("schema", [1, 2, 3, 4])
def test_a_report_of_any_schema_opens_and_is_written_in_every_format(
    workspace: Workspace, tmp_path: Path, schema: int
) -> None:
    fill_val(workspace, tmp_path / "val", images=2)
    model = add_model(workspace, "old")
    with record(workspace, "benchmark", params={"model": "old", "data": "cells@1", "split": "val"}) as run:
        version = run.read_version("cells@1")
        with run.writer() as writer:
            blob = writer.put((BODIES / f"schema-{schema}.json").read_bytes())
        run.write_report(
            name="kept", model_id=model.id, version_id=version.id, split="val", metrics={"map50": 0.5},
            speed={"images_per_second": 50.0}, evaluation=blob,
        )  # fmt: skip

    report = get_report(workspace, "kept")
    evaluation = read_evaluation(workspace, report)

    assert (report.part, evaluation.schema) == (Part(split="val"), schema)
    assert evaluation.metrics["map50"] == pytest.approx(0.5049, abs=1e-3)
    assert bool(evaluation.intervals) is (schema > 1)
    assert (evaluation.speed is not None) is (schema > 2)
    for format in FORMATS:
        text = export_report(workspace, "kept", tmp_path / f"kept.{format}").read_text("utf-8")
        assert "cell" in text
