"""`mlwf metrics`, `watch --once` and the marks in `mlwf runs`, as scripts and people read them."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import pytest

from mlwf_tui import processes
from mlwf_tui.cli.main import main
from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.workflow.running.events import FILE_NAME, EventWriter
from mlwf_tui.workflow.running.jobs import queue_run
from mlwf_tui.workspace import open_workspace


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def run(home: Path) -> Run:
    """A training that goes on, at step 60 of 100, whose loss has just become no number."""
    ticks = iter(1000.0 + number for number in range(1000))
    with open_workspace(home) as workspace:
        recorder = queue_run(workspace, "train", {"name": "a"}, 0)
        started = workspace.catalog.runs.start(recorder.run_id)
        workspace.catalog.jobs.create(started.id, processes.identify_self())
        folder = workspace.run_folder(started.id)
        folder.mkdir(parents=True)
        with (folder / FILE_NAME).open("ab") as file, EventWriter(file, clock=lambda: next(ticks)) as writer:
            for step in range(1, 61):
                writer.metric("metrics/mAP50", 1 - 1 / step, step)
                writer.metric("train/box_loss", {59: math.inf, 60: math.nan}.get(step, 1 / step), step)
                writer.progress(step, 100, f"epoch {step}/100")
        return started


def call(capsys: pytest.CaptureFixture[str], home: Path, *words: str, code: int = 0) -> str:
    assert main(["--home", str(home), *words]) == code, capsys.readouterr()
    return capsys.readouterr().out


def test_metrics_as_csv_are_all_points_in_long_form(
    home: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = list(csv.DictReader(io.StringIO(call(capsys, home, "metrics", run.id, "--csv"))))
    assert len(rows) == 120
    assert rows[0].keys() == {"run", "key", "step", "at", "value"}
    assert (rows[0]["run"], rows[0]["key"], rows[0]["step"]) == (run.id, "metrics/mAP50", "1")
    assert [float(row["value"]) for row in rows[:60]] == [1 - 1 / step for step in range(1, 61)]
    assert [row["value"] for row in rows[-2:]] == ["inf", "nan"]


def test_metrics_as_json_have_points_figures_and_marks(
    home: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads(call(capsys, home, "metrics", run.id, "--json", "--key", "box_loss"))
    (told,) = document["runs"]
    (metric,) = told["metrics"]
    assert (metric["key"], metric["count"], metric["gap_count"], metric["last"]) == (
        "train/box_loss", 60, 2, None,
    )  # fmt: skip
    assert (metric["best"], metric["best_step"]) == (1 / 58, 58)
    infinite, none = metric["points"][-2:]
    assert (infinite["value"], infinite["infinite"]) == (None, "inf")
    assert (none["value"], "infinite" in none) == (None, False)
    assert told["marks"][0]["kind"] == "not_finite"


def test_metrics_can_be_smoothed_and_thinned(
    home: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("metrics", run.id, "--csv", "-k", "map50")
    thinned = call(capsys, home, *words, "--max-points", "20").splitlines()
    assert 4 < len(thinned) <= 21
    smoothed = [
        float(line.rpartition(",")[2])
        for line in call(capsys, home, *words, "--smooth", "0.5").splitlines()[1:]
    ]
    assert smoothed[1] == pytest.approx((0.5 * 0.5) / 0.75)


def test_metrics_for_a_person_have_a_sparkline_a_metric(
    home: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    text = call(capsys, home, "metrics", run.id)
    assert "metrics/mAP50" in text
    assert "█" in text
    assert "×" in text
    assert "is not a number since step 59. Stop the run" in text


def test_metrics_and_watch_tell_what_is_infinite_from_what_is_no_number(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = call(capsys, home, "run", "start", "shrink").strip()
    for key, value in (("up", "inf"), ("down", "-inf"), ("none", "nan")):
        call(capsys, home, "run", "log-metric", "--run", run, "--", key, value)
    for words in (("metrics", run), ("watch", run, "--once")):
        rows = [line.split() for line in call(capsys, home, *words).splitlines() if "⚠" not in line]
        for key, value in (("up", "inf"), ("down", "-inf"), ("none", "nan")):
            (row,) = (row for row in rows if key in row)
            assert {"inf", "-inf", "nan"}.intersection(row) == {value}


@pytest.mark.parametrize(
    ("words", "code"),
    [(("metrics", "nothing"), 4), (("metrics",), 2), (("metrics", "x", "--csv", "--json"), 2)],
)
def test_what_cannot_be_printed_is_said(
    words: tuple[str, ...], code: int, home: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    call(capsys, home, *words, code=code)


def test_a_key_that_no_run_has_is_not_found(home: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, home, "metrics", run.id, "-k", "accuracy", code=4)


def test_watch_once_says_how_it_stands_and_does_not_wait(
    home: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    document: dict[str, Any] = json.loads(call(capsys, home, "watch", run.id, "--once", "--json"))
    assert (document["state"], document["progress"]["step"], document["progress"]["total"]) == (
        "running",
        60,
        100,
    )
    assert {metric["key"] for metric in document["metrics"]} == {"metrics/mAP50", "train/box_loss"}
    assert document["time_left_s"] is None  # its last word is decades old: nobody can know
    text = call(capsys, home, "watch", run.id, "--once")
    assert "is running: epoch 60/100\n" in text


def test_progress_without_words_is_told_in_numbers(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = call(capsys, home, "run", "start", "shrink").strip()
    call(capsys, home, "run", "progress", "3", "10", "--run", run)
    assert call(capsys, home, "watch", run, "--once") == f"shrink {run} is running: 3/10\n"
    call(capsys, home, "run", "progress", "1200", "--run", run)
    assert call(capsys, home, "watch", run, "--once") == f"shrink {run} is running: 1,200\n"


@pytest.mark.parametrize(
    ("state", "result", "code"),
    [
        (RunState.DONE, {"problems": []}, 0),
        (RunState.DONE, {"problems": [{"path": "a.jpg", "reason": "cut off"}]}, 3),
        (RunState.FAILED, {}, 1),
        (RunState.STOPPED, {}, 130),
    ],
)
def test_watch_ends_with_the_exit_code_of_the_run(
    home: Path,
    run: Run,
    capsys: pytest.CaptureFixture[str],
    state: RunState,
    result: dict[str, Any],
    code: int,
) -> None:
    with open_workspace(home) as workspace:
        workspace.catalog.runs.finish(run.id, state, result=result)
    call(capsys, home, "watch", run.id, code=code)
    call(capsys, home, "watch", run.id, "--once")


def test_runs_list_marks(home: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    (told,) = json.loads(call(capsys, home, "runs", "--json"))["runs"]
    (mark,) = told["marks"]
    assert mark.keys() == {"kind", "key", "step", "message", "hint"}
    assert "⚠ train/box_loss is not a number" in call(capsys, home, "runs")
