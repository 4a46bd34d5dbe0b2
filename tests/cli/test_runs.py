"""The list of runs: how many there are, and which are shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlwf_tui.cli.main import main
from mlwf_tui.entities.run import RunState
from mlwf_tui.sdk import open_home
from mlwf_tui.workspace import open_workspace


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with 40 runs: every fourth a training, of which every second has failed."""
    with open_workspace(tmp_path / "home") as workspace:
        runs = workspace.catalog.runs
        for number in range(40):
            verb = "train" if number % 4 == 0 else "import"
            run = runs.create(verb, params={}, seed=None, author="ada", workspace="lab", environment={})
            runs.finish(run.id, RunState.FAILED if number % 8 == 0 else RunState.DONE, result={})
    return tmp_path / "home"


def list_runs(home: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[list[str], int]:
    assert main(["--home", str(home), "--json", "runs", *words]) == 0
    document = json.loads(capsys.readouterr().out)
    return [f"{run['verb']} {run['state']}" for run in document["runs"]], document["total"]


def test_a_cut_list_says_how_many_it_leaves_out(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--home", str(home), "runs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 32
    assert lines[-1] == "10 older runs: mlwf runs -n 0 lists all"
    assert main(["--home", str(home), "runs", "-n", "0"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 41


def test_runs_are_chosen_by_verb_and_state(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert list_runs(home, capsys, "-n", "3") == (["import done"] * 3, 40)
    assert list_runs(home, capsys, "--verb", "train", "--state", "failed") == (["train failed"] * 5, 5)
    both = list_runs(home, capsys, "--verb", "train", "--state", "failed", "--state", "done", "-n", "2")
    assert both == (["train done", "train failed"], 10)
    with open_home(home) as opened:
        assert len(opened.jobs.runs(None, verbs=["train"], states=[RunState.DONE])) == 5
    assert main(["--home", str(home), "runs", "--verb", "fly"]) == 0
    assert "There is no such run." in capsys.readouterr().out
