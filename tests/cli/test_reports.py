"""Reports on the command line: their figures at other thresholds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlwf_tui.cli.main import main
from mlwf_tui.workspace import open_workspace
from tests.workflow.reporting import add_model, add_report, fill_val, predict


@pytest.fixture
def home(tmp_path: Path) -> Path:
    with open_workspace(tmp_path / "home") as workspace:
        fill_val(workspace, tmp_path / "val")
        add_report(workspace, add_model(workspace, "one"), predict(workspace, skips=6, shift_px=4))
    return tmp_path / "home"


def test_figures_are_counted_at_other_thresholds(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = ["--home", str(home), "report", "one-on-cells-1"]

    assert main([*report, "--confidence", "0", "--class-iou", "cell=0.9", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["recall"] == pytest.approx(0.25)
    assert [(of["name"], of["hit_count"]) for of in found["classes"]] == [("cell", 0), ("spot", 6)]
    assert found["class_iou"] == {"cell": 0.9}

    assert main([*report, "--confidence", "0", "--iou", "0.5"]) == 0
    text = capsys.readouterr().out
    assert "at confidence 0.000 and IoU 0.50: precision 1.000  recall 0.500" in text


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--class-iou", "cell"], "no IoU of a class"),
        (["--class-iou", "cow=0.5"], "no class 'cow'"),
        (["--iou", "2"], "IoU 2.0"),
        (["--confidence", "nan"], "confidence nan"),
        (["--iou", "0.6", "--out", "r.csv"], "as it was measured"),
    ],
)
def test_what_is_no_threshold_is_refused(
    home: Path, capsys: pytest.CaptureFixture[str], words: list[str], reason: str
) -> None:
    assert main(["--home", str(home), "report", "one-on-cells-1", *words]) == 2
    assert reason in capsys.readouterr().err
