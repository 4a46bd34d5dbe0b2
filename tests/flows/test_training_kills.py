"""A training whose process is killed again and again comes to the very result of one that was left alone.

MLWF_TRAINING_KILLS says how often; the steps at which it happens are drawn, the same ones every time.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from mlwf_tui.cli.main import main
from mlwf_tui.entities.queue import Terms
from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.metrics import read_outlooks
from mlwf_tui.workflow.running.events import FILE_NAME
from mlwf_tui.workflow.runs import get_run
from mlwf_tui.workflow.train import submit_train
from mlwf_tui.workspace import Workspace
from tests import jobs
from tests.fakes.observers import KeepingObserver
from tests.making import Box, make_yolo

KILLS = int(os.environ.get("MLWF_TRAINING_KILLS", "4"))
EPOCHS = KILLS + 4  # so that few are over before their last kill
IMAGES, BATCH = 18, 4
BATCHES = math.ceil(IMAGES / BATCH)  # of an epoch, after which a checkpoint is written
# Mosaics that are closed, gradients that gather over steps and epochs, a warm-up: all that has a state.
PARAMS = {
    "preset": "standard", "epochs": EPOCHS, "imgsz": 64, "batch": BATCH, "device": "cpu",
    "optimizer": "AdamW", "lr0": 0.01, "nbs": 12, "close_mosaic": 3, "warmup_epochs": 2, "patience": 0,
}  # fmt: skip
PATIENCE_S = 300.0
THINNED = "batch/loss"  # told ten times a second, so at other steps each time

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300 + 60 * KILLS)]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    with jobs.open_job_home(tmp_path, monkeypatch) as workspace:
        make_yolo(tmp_path / "yolo", dict(draw_boxes()), class_names=("cat", "dog"))
        import_folder(workspace, tmp_path / "yolo", "pets", observer=KeepingObserver())
        yield workspace


def draw_boxes() -> Iterator[tuple[str, list[Box]]]:
    draw = random.Random(3)
    for split, count in (("train", IMAGES), ("val", 6)):
        for number in range(count):
            left, top = draw.randrange(30), draw.randrange(15)
            yield f"{split}/{number}.jpg", [(draw.choice(("cat", "dog")), left, top, left + 30, top + 30)]


def test_a_training_killed_at_any_step_comes_to_the_same_to_the_last_bit(
    home: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    calm = wait_for_end(home, train(home, retries=0))
    draw = random.Random(11)
    run = train(home, retries=KILLS)
    for number in range(KILLS - 1):
        kill_at(home, run, number, draw.randint(1, BATCHES + 2))
    kill_at(home, run, KILLS - 1, EPOCHS * BATCHES)  # while it measures and finishes its best checkpoint
    killed = wait_for_end(home, run)

    assert (calm.state, killed.state) == (RunState.DONE, RunState.DONE), jobs.describe(home, killed)
    attempts = read_attempts(home, killed)
    assert len(attempts) == len(home.catalog.jobs.list_of(run.id)) == KILLS + 1
    for before, after in pairwise(attempts):
        assert 0 <= before[-1] - (after[0] - 1) <= BATCHES  # at most what one checkpoint is of
    assert killed.result["metrics"] == calm.result["metrics"]
    assert read_weights(home, killed) == read_weights(home, calm)
    compare_curves(read_curves(home, calm, capsys), read_curves(home, killed, capsys))
    assert read_figures(home, killed) == read_figures(home, calm)


def train(home: Workspace, *, retries: int) -> Run:
    terms = Terms(retries=retries, backoff_s=1e-6)  # it doubles each time
    return submit_train(home, "pets", model="yolov10p", params=PARAMS, terms=terms)


def kill_at(home: Workspace, run: Run, number: int, steps: int) -> None:
    """Kill a run's worker, after `number` others, once it has done so many steps, or all there are."""

    def has_come_there() -> bool:
        assert not home.catalog.runs.get(run.id).state.is_finished, jobs.describe(home, run)
        attempts = read_attempts(home, run)
        if len(attempts) <= number or not attempts[number]:
            return False
        done = attempts[number]
        return done[-1] - done[0] + 1 >= steps or done[-1] == EPOCHS * BATCHES

    jobs.wait_until(has_come_there, lambda: jobs.describe(home, run), patience_s=PATIENCE_S)
    jobs.kill(jobs.find_worker(home, run))


def wait_for_end(home: Workspace, run: Run) -> Run:
    def is_over() -> bool:
        return get_run(home, run.id).state.is_finished

    jobs.wait_until(is_over, lambda: jobs.describe(home, run), patience_s=PATIENCE_S)
    return jobs.wait_for_end(home, run)


def read_attempts(home: Workspace, run: Run) -> list[list[int]]:
    """Return the steps that each of a run's processes has told of, one list a process."""
    path = home.run_folder(run.id) / FILE_NAME
    attempts: list[list[int]] = []
    for line in path.read_text("utf-8").splitlines() if path.exists() else ():
        try:
            event = json.loads(line)
        except ValueError:
            continue  # torn by a kill, or being written
        if event["type"] == "begin":
            attempts.append([])
        elif event["type"] == "progress" and event["message"].startswith("epoch"):
            attempts[-1].append(event["step"])
    return attempts


def read_weights(home: Workspace, run: Run) -> dict[str, bytes]:
    """Return the best checkpoint's weights by name."""
    import torch

    model = home.catalog.models.get(run.result["model"])
    (best,) = (checkpoint for checkpoint in model.checkpoints if checkpoint.name == "best.pt")
    saved = torch.load(io.BytesIO(home.store.read(best.blob)), map_location="cpu", weights_only=False)
    return {name: value.numpy().tobytes() for name, value in saved["model"].state_dict().items()}


def read_curves(home: Workspace, run: Run, capsys: pytest.CaptureFixture[str]) -> dict[str, dict[int, float]]:
    """Return what `mlwf metrics` gives: each metric's values by their steps, none of which comes twice."""
    capsys.readouterr()
    assert main(["--home", str(home.home), "metrics", run.id, "--csv"]) == 0
    curves: dict[str, dict[int, float]] = {}
    for row in csv.DictReader(io.StringIO(capsys.readouterr().out)):
        curve, step = curves.setdefault(row["key"], {}), int(row["step"])
        assert step not in curve, row
        curve[step] = float(row["value"])
    return curves


def compare_curves(calm: dict[str, dict[int, float]], killed: dict[str, dict[int, float]]) -> None:
    assert calm["metrics/mAP50"].keys() == set(range(1, EPOCHS + 1))
    assert max(calm["metrics/mAP50"].values()) > 0  # else equal values would say nothing
    of_batches, again = calm.pop(THINNED), killed.pop(THINNED)
    assert killed == calm
    both = of_batches.keys() & again.keys()
    assert both and {step: again[step] for step in both} == {step: of_batches[step] for step in both}


def read_figures(home: Workspace, run: Run) -> dict[str, tuple[Any, ...]]:
    """Return what the catalog keeps of each metric, times aside."""
    standing = read_outlooks(home, [run])[run.id].standing
    assert home.catalog.standings.find([run.id])  # it was entered
    return {
        key: (kept.count, kept.gap_count, kept.last, kept.last_step, kept.best, kept.best_step)
        for key, kept in standing.summaries.items()
        if key != THINNED
    }
