"""The whole workflow on real data with real training, through the command line alone."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlwf_tui.plugins.samples.digits import DigitsSample

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
LIMIT_S = 240.0


def command(home: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "mlwf_tui", "--home", str(home), *words]


def call(home: Path, *words: str, code: int = 0) -> dict[str, Any]:
    done = subprocess.run(command(home, *words, "--json"), capture_output=True, text=True, check=False)
    assert done.returncode == code, (done.stdout, done.stderr)
    document = json.loads(done.stdout)
    assert isinstance(document, dict)
    return document


def wait_until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.2)


def start_training(home: Path, tmp_path: Path, epochs: int = 200) -> str:
    """Import a sample and start a training that will not end by itself soon; return the run's id."""
    DigitsSample().write(tmp_path / "digits", seed=1, image_count=48)
    call(home, "import", str(tmp_path / "digits"), "digits")
    call(home, "transform", "split", "digits", "--to", "digits")
    words = ("train", "digits", "--model", "yolov10p", "-p", f"epochs={epochs}", "-p", "imgsz=96", "--detach")
    return str(call(home, *words)["run"])


def has_finished_an_epoch(home: Path, run: str) -> bool:
    events = home / "runs" / run / "events.jsonl"
    return events.exists() and b"metrics/mAP50" in events.read_bytes()


def test_the_demo_goes_through_the_whole_life_and_its_model_is_good(tmp_path: Path) -> None:
    home = tmp_path / "home"
    result = call(home, "demo", "--no-tui")
    assert result["map50"] > 0.7
    verbs = {run["verb"] for run in call(home, "runs")["runs"]}
    assert verbs == {"import", "commit", "transform", "train", "benchmark", "apply", "restore"}
    assert {run["state"] for run in call(home, "runs")["runs"]} == {"done"}
    model = call(home, "show", result["model"])
    assert (model["kind"], model["architecture"], model["task"]) == ("model", "yolov10p", "detect")
    assert model["metrics"]["map50"] > 0.7
    report = call(home, "report", result["report"])
    assert report["metrics"].keys() >= {"map", "map50", "map75", "precision", "recall", "f1", "mean_iou"}
    assert report["speed"]["images_per_second"] > 1
    kinds = {node["kind"] for node in call(home, "graph")["nodes"]}
    assert kinds == {"folder", "run", "project", "version", "model", "report"}
    assert call(home, "diff", "digits@1", f"digits@{result['restored_version']}")["changed"] == 0
    predicted = call(home, "show", "digits-predicted")
    assert predicted["object_count"] > 0
    assert call(home, "verify")["ok"] is True


def test_a_stopped_training_keeps_its_weights_as_a_model(tmp_path: Path) -> None:
    home = tmp_path / "home"
    run = start_training(home, tmp_path)
    wait_until(lambda: has_finished_an_epoch(home, run), "an epoch")
    assert call(home, "stop", run)["state"] == "stopped"
    (model,) = call(home, "models")["models"]
    assert model["checkpoints"]
    measured = call(home, "benchmark", model["name"], "digits")
    assert measured.keys() >= {"report", "model", "version", "split", "metrics", "speed"}


def test_a_training_outlives_the_terminal_that_started_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    DigitsSample().write(tmp_path / "digits", seed=1, image_count=48)
    call(home, "import", str(tmp_path / "digits"), "digits")
    call(home, "transform", "split", "digits", "--to", "digits")
    pid, terminal = pty.fork()
    if pid == 0:
        words = ("train", "digits", "--model", "yolov10p", "-p", "epochs=3", "-p", "imgsz=96")
        os.execv(sys.executable, command(home, *words))
    wait_until(lambda: any(run["verb"] == "train" for run in call(home, "runs")["runs"]), "the run")
    (run,) = (run["id"] for run in call(home, "runs")["runs"] if run["verb"] == "train")
    wait_until(lambda: (home / "runs" / run / "events.jsonl").exists(), "the worker")
    os.close(terminal)  # the line drops: the kernel sends SIGHUP to the command
    os.waitpid(pid, 0)
    wait_until(lambda: call(home, "show", run)["state"] == "done", "the end of the training")
    assert len(call(home, "models")["models"]) == 1


def test_ctrl_c_stops_an_attached_training_and_keeps_its_weights(tmp_path: Path) -> None:
    home = tmp_path / "home"
    DigitsSample().write(tmp_path / "digits", seed=1, image_count=48)
    call(home, "import", str(tmp_path / "digits"), "digits")
    call(home, "transform", "split", "digits", "--to", "digits")
    words = ("train", "digits", "--model", "yolov10p", "-p", "epochs=200", "-p", "imgsz=96", "--json")
    process = subprocess.Popen(command(home, *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until(lambda: any(run["verb"] == "train" for run in call(home, "runs")["runs"]), "the run")
    (run,) = (run["id"] for run in call(home, "runs")["runs"] if run["verb"] == "train")
    wait_until(lambda: has_finished_an_epoch(home, run), "an epoch")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 130, err
    assert json.loads(out)["state"] == "stopped"
    assert b"Traceback" not in err


def test_a_killed_worker_is_found_lost_and_the_data_is_whole(tmp_path: Path) -> None:
    home = tmp_path / "home"
    run = start_training(home, tmp_path)
    wait_until(lambda: has_finished_an_epoch(home, run), "an epoch")
    workers = subprocess.run(["pgrep", "-f", f"mlwf_tui.worker .* {run}"], capture_output=True, text=True)
    os.kill(int(workers.stdout.split()[0]), signal.SIGKILL)
    wait_until(lambda: call(home, "show", run)["state"] == "lost", "the loss to be seen")
    assert call(home, "models")["models"] == []
    assert call(home, "verify")["ok"] is True
    assert call(home, "train", "digits", "--model", "yolov10p", "-p", "epochs=1", "-p", "imgsz=96")["model"]
