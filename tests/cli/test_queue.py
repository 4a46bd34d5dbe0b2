"""`mlwf queue` says of each run what it reads and what it will be called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlwf_tui.cli.main import main
from mlwf_tui.workflow.queue import pause_queue
from mlwf_tui.workflow.running.jobs import queue_run
from mlwf_tui.workspace import open_workspace


def test_what_waits_is_told_by_what_it_reads_and_makes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_workspace(tmp_path) as workspace:
        pause_queue(workspace)
        recorder = queue_run(workspace, "train", {"name": "small"}, 0)
        recorder.read_folder("/data/cells")
    for command in ("queue", "runs"):
        assert main(["--home", str(tmp_path), command]) == 0
        (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith(recorder.run_id)]
        assert "/data/cells  → (small)" in line
    assert main(["--home", str(tmp_path), "queue", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["waiting"]
    assert told["output_name"] == "small"
    assert main(["--home", str(tmp_path), "queue", "priority", recorder.run_id, "-5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["waiting"][0]["priority"] == -5
