from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlwf_tui.cli.main import main
from mlwf_tui.workspace import open_workspace
from tests.tui.homes import add_model, fill_projects


@pytest.fixture
def home(tmp_path: Path) -> Path:
    with open_workspace(tmp_path / "home") as workspace:
        fill_projects(workspace, tmp_path)
        add_model(workspace, "cells@1", "first", metrics={"map50": 0.5}, more_params={"lr0": "0.01"})
        add_model(workspace, "cells@2", "second", metrics={"map50": 0.7}, more_params={"lr0": "0.02"})
        add_model(workspace, "cells@2", "third", metrics={"map50": 0.6})
    return tmp_path / "home"


def call(home: Path, capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    capsys.readouterr()
    assert main(["--home", str(home), *words]) == code
    return capsys.readouterr().out


def read(home: Path, capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    return json.loads(call(home, capsys, *words, "--json"))


def test_models_are_listed_filtered_and_sorted(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listed = call(home, capsys, "models", "--sort", "map50", "--columns", "name,map50,lr0")
    assert [line.split() for line in listed.splitlines()] == [
        ["NAME", "MAP50", "LR0"], ["second", "0.7", "0.02"], ["third", "0.6"], ["first", "0.5", "0.01"],
    ]  # fmt: skip
    (found,) = read(home, capsys, "models", "--where", "lr0 < 0.02")["models"]
    assert (found["name"], found["data"], found["params"]["lr0"]) == ("first", "cells@1", 0.01)
    assert "map50" in read(home, capsys, "models", "--fields")["fields"]["metrics"]
    assert call(home, capsys, "models", "nobody").strip() == "No model is like that."


def test_stars_the_leaderboard_and_a_comparison(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(home, capsys, "star", "second").strip() == "★ second"
    assert [one["name"] for one in read(home, capsys, "models", "--where", "starred")["models"]] == ["second"]
    board = read(home, capsys, "leaderboard", "cells", "--metric", "map50", "--limit", "2")
    assert [(one["rank"], one["model"]) for one in board["models"]] == [(1, "second"), (2, "third")]
    assert "second ★" in call(home, capsys, "leaderboard", "cells")
    found = read(home, capsys, "diff", "first", "second", "third")
    assert [one["name"] for one in found["models"]] == ["first", "second", "third"]
    assert {"name": "lr0", "values": ["0.01", "0.02", None]} in found["params"]
    assert "lr0" in call(home, capsys, "diff", "first", "second", "third")
