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


@pytest.mark.parametrize("action", ["pause", "resume"])
def test_pausing_or_resuming_one_run_is_not_done_to_the_whole_queue(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], action: str
) -> None:
    with open_workspace(tmp_path) as workspace:
        pause_queue(workspace)
    assert main(["--home", str(tmp_path), "queue", action, "3f9a"]) == 2
    assert f"mlwf {action} 3f9a" in capsys.readouterr().err
    assert main(["--home", str(tmp_path), "queue", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["is_paused"]


def test_a_priority_needs_a_run_and_a_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in ((), ("3f9a",)):
        assert main(["--home", str(tmp_path), "queue", "priority", *words]) == 2
        assert "mlwf queue priority RUN NUMBER" in capsys.readouterr().err
