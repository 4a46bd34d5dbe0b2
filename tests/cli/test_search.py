"""mlwf search on the command line: what it prints, as text and as JSON, and what it refuses."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from mlwf_tui.cli.main import main
from mlwf_tui.cli.search import format_search
from mlwf_tui.workflow.commit import commit
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.queue import pause_queue
from mlwf_tui.workflow.run import start_run
from mlwf_tui.workflow.search import read_search
from mlwf_tui.workspace import Workspace
from tests import jobs
from tests.fakes.observers import KeepingObserver
from tests.fakes.searches import add_search
from tests.making import make_voc


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    with jobs.open_job_home(tmp_path, monkeypatch) as workspace:
        commit(workspace, "cells", message="first")
        yield workspace


def call(home: Workspace, *words: str) -> int:
    return main(["search", *words, "--home", str(home.home)])


def test_a_search_is_shown_with_its_trials_and_what_made_the_difference(
    home: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    run = add_search(home, "cells@1")
    assert call(home, run.id[:6]) == 0
    text = capsys.readouterr().out
    assert "3 of 3 trials, 1 pruned, best map50 0.8 (trial 2)" in text
    rows = [line.split()[:4] for line in text.splitlines()[3:] if line[:1].isdigit()]
    assert [(row[0], row[2], row[3]) for row in rows] == [
        ("2", "done", "0.8000"), ("1", "done", "0.4000"), ("3", "pruned", "0.2000"),
    ]  # fmt: skip
    assert "lr0    ██████████████████        75%" in text
    assert "again: mlwf train cells@1 --model yolov10n -p lr0=0.01 -p batch=8" in text
    assert call(home, run.id, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["best"]["values"] == {"lr0": 0.01, "batch": 8}
    assert [trial["state"] for trial in document["trials"]] == ["done", "done", "pruned"]
    assert document["plan"]["space"] == {"lr0": "0.001..0.1:log", "batch": "4,8"}


def test_a_program_that_calls_itself_a_search_is_none(
    home: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    run = start_run(home, "search", arguments=["./look.py"])

    assert call(home, run.id) == 1
    assert "no search of parameters" in capsys.readouterr().err


def test_the_best_trial_is_trained_again_by_the_command_that_is_told(home: Workspace) -> None:
    found = read_search(home, add_search(home, "cells@1").id)
    plan = replace(found.plan, model="my weights.pt", params={"names": "a; b"}, seed=7)

    told = format_search(replace(found, plan=plan)).splitlines()[-1]

    assert shlex.split(told.removeprefix("again: ")) == [
        "mlwf", "train", "cells@1", "--model", "my weights.pt", "-p", "names=a; b", "-p", "lr0=0.01",
        "-p", "batch=8", "--seed", "7",
    ]  # fmt: skip


def test_a_search_is_done_and_printed_as_one_document(
    home: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    boxes = {"a.jpg": [("cell", 2, 3, 20, 21)], "b.jpg": [("cell", 2, 3, 20, 21)]}
    make_voc(tmp_path / "voc", boxes, splits={"train": ["a"], "val": ["b"]})
    import_folder(home, tmp_path / "voc", "seen", observer=KeepingObserver())
    words = ("seen", "--model", "learner", "-s", "x=0.7,0.1", "--sampler", "grid", "-p", "epochs=1")
    assert call(home, *words, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["state"], document["counts"]) == ("done", {"done": 2})
    assert document["best"]["values"] == {"x": 0.7}


def test_of_what_only_tells_of_a_model_no_weights_are_kept_as_it_is_stopped(
    home: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    pause_queue(home)
    run = jobs.act(home, "")
    home.catalog.runs.note_result(run.id, {"model": "best-so-far"})  # as a search and a package do

    assert main(["stop", run.id, "--home", str(home.home)]) == 0
    assert capsys.readouterr().out == f"transform {run.id} is stopped\n"


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("cells",), "needs a parameter"),
        (("cells", "-s", "lr0"), "key=value"),
        (("cells", "-s", "lr0=1..0"), "no inside"),
        (("cells", "-s", "lr0=0.1,0.2", "--trials", "many"), "no number of trials"),
        (("cells", "-s", "lr0=0.1,0.2", "--continue"), "continued as it was"),
    ],
)
def test_wrong_words_are_refused_with_a_hint(
    home: Workspace, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], error: str
) -> None:
    assert call(home, *words) == 2
    said = capsys.readouterr().err
    assert error in said
    assert "hint" in said
