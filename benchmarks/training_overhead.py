"""What `mlwf train` costs beside the same call of Ultralytics: the same data, settings, seed and threads.

    python -m benchmarks.training_overhead [--pairs N] [--epochs N] [--images N]
    python -m benchmarks.training_overhead --data FOLDER --model yolov10n --imgsz 160 --pairs 1 --epochs 3

Pairs alternate: ours first, then theirs first, and so on. Without a folder, which must have splits, digits
are drawn. Each trains a few hundred steps on small images on the CPU, where a step is shortest and what
surrounds it weighs most. `steps` is from the first step to the end of the last look at the best checkpoint,
`before` what a process does until its first step, `process` all of it; `first` is from the command to the
first step, `command` is `mlwf train` from start to end beside their process. Each line has the medians of
both, and the median, lowest and highest ratio of the pairs; the limit is 1.02 for the steps. `between` is
what callbacks, ours and the library's, do between two batches.

At last one training of ours is killed after its first epoch and goes on by itself: it must come to the same.

CPU seconds are those of the process that trains, for `command` with those of `mlwf train`; on a busy machine
believe them. Both must come to the same metrics to the last digit, or else the benchmark fails.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.processes import list_processes, wait_until_left
from mlwf_tui.plugins.samples.digits import DigitsSample
from mlwf_tui.plugins.trainers.ultralytics.architectures import find_definition
from mlwf_tui.plugins.trainers.ultralytics.params import TrainParams, build_settings

PAIRS, EPOCHS, IMAGES = 5, 12, 270
LIMIT = 1.02
ARCHITECTURE, IMGSZ = "yolov10p", 96
SPLIT = ("-p", "train=0.75", "-p", "val=0.25", "-p", "test=0")
PARTS = ("steps", "before", "process", "first", "command")
PARTLY = 3
PATIENCE_S = 1800.0
COMPARED = {"map": "metrics/mAP50-95(B)", "map50": "metrics/mAP50(B)"}
_ROOT = Path(__file__).parents[1]
_MLWF = (sys.executable, "-m", "mlwf_tui", "--json")
_THEIRS = """
import json, sys, torch
from ultralytics import YOLO
model = YOLO(sys.argv[1], task="detect")
model.add_callback("on_train_start", lambda trainer: torch.set_num_threads(int(sys.argv[3])))
model.train(**json.loads(sys.argv[2]))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Wall and CPU seconds of one part."""

    wall_s: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Training:
    """What one training took, by part, and what it has measured."""

    parts: Mapping[str, Times]
    metrics: Mapping[str, float]
    between_ms: float  # of callbacks, a batch


@dataclass(frozen=True, slots=True)
class Place:
    """Where both train: a home with a project, the same data as files, and how processes are started."""

    folder: Path
    environment: Mapping[str, str]
    images: int
    source: Path | None
    model: str
    imgsz: int

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def prepare(self) -> None:
        """Draw the sample where no folder is given, import and split it, and write it out."""
        source = self.source or self.folder / "source"
        if self.source is None:
            DigitsSample().write(source, seed=0, image_count=self.images)
        split = ("transform", "split", "data", "--to", "data", *SPLIT)
        for words in (
            ("import", str(source), "data"),
            *((split,) if self.source is None else ()),
            ("commit", "data", "-m", "split"),
            ("export", "data", str(self.data), "--format", "yolo"),
        ):
            self.call([*_MLWF, *words])

    def train_ours(self, epochs: int) -> Training:
        return self.measure([*_MLWF, *self.name_training(epochs)], is_detached=True)

    def name_training(self, epochs: int) -> list[str]:
        words = ["train", "data", "--model", self.model, "--no-benchmark"]
        for key, value in self.choose_params(epochs).items():
            words += ["-p", f"{key}={value}"]
        return words

    def choose_params(self, epochs: int) -> dict[str, Any]:
        return {"preset": "quick", "epochs": epochs, "imgsz": self.imgsz, "batch": 8, "device": "cpu"}

    def train_killed(self, epochs: int) -> Mapping[str, float]:
        """Train with a kill after the first epoch, and return what our run says of its model."""
        words = [*self.name_training(epochs), "--detach", "--retries", "1", "--backoff", "1s"]
        run = json.loads(self.call([*_MLWF, *words]))["run"]
        home = Path(self.environment["MLWF_HOME"])
        events = home / "runs" / run / "events.jsonl"
        wait_until(lambda: events.exists() and '"epoch"' in events.read_text("utf-8"))
        os.kill(find_process({str(home), run}), signal.SIGKILL)
        told: dict[str, Any] = {}

        def is_over() -> bool:
            told.update(json.loads(self.call([*_MLWF, "show", run])))
            return told["state"] in ("done", "failed", "lost", "stopped")

        wait_until(is_over)
        if told["state"] != "done" or len(told["jobs"]) != 2:
            raise SystemExit(f"The killed training is {told['state']} after {len(told['jobs'])} jobs.")
        wait_until_left(home)
        metrics: Mapping[str, float] = told["result"]["metrics"]
        return metrics

    def train_theirs(self, epochs: int) -> Training:
        params = TrainParams(**self.choose_params(epochs))
        settings = build_settings(params, {}, has_gpu=False) | {
            "data": str(self.data / "data.yaml"), "project": str(self.folder / "theirs"), "name": "train",
            "exist_ok": True, "seed": 0, "device": "cpu", "plots": False, "deterministic": True, "amp": False,
            "augmentations": [],
        }  # fmt: skip
        words = [find_definition(self.model), json.dumps(settings), str(count_cores())]
        return self.measure([sys.executable, "-c", _THEIRS, *words], is_detached=False)

    def measure(self, command: Sequence[str], *, is_detached: bool) -> Training:
        """Run a command that trains; where the trainer is detached, its seconds come to the command's own."""
        marks_path = self.folder / "marks"
        marks_path.unlink(missing_ok=True)
        began_s, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        self.call(command)
        wall_s, after = time.monotonic() - began_s, resource.getrusage(resource.RUSAGE_CHILDREN)
        marks = {mark["mark"]: mark for mark in map(json.loads, marks_path.read_text("utf-8").splitlines())}
        process = subtract(marks["exit"], {"wall_s": marks["start"]["wall_s"], "cpu_s": 0.0})
        cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        parts = {
            "steps": subtract(marks["last step"], marks["first step"]),
            "before": subtract(marks["first step"], {"wall_s": marks["start"]["wall_s"], "cpu_s": 0.0}),
            "process": process,
            "first": Times(
                wall_s=marks["first step"]["wall_s"] - began_s, cpu_s=marks["first step"]["cpu_s"]
            ),
            "command": Times(wall_s=wall_s, cpu_s=cpu_s + (process.cpu_s if is_detached else 0.0)),
        }
        last = marks["last step"]
        return Training(parts, last["metrics"], last["between_s"] * 1000 / max(1, last["batches"]))

    def call(self, command: Sequence[str]) -> str:
        done = subprocess.run(
            command, env=self.environment, cwd=self.folder, capture_output=True, text=True, check=False
        )
        if done.returncode not in (0, PARTLY):  # a box without area is left out, and told
            raise SystemExit(f"{' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        return done.stdout


def wait_until(is_so: Callable[[], bool]) -> None:
    """Look twice a second until something is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        if time.monotonic() > deadline:
            raise SystemExit("The training does not come to an end.")
        time.sleep(0.5)


def find_process(words: AbstractSet[str]) -> int:
    """Return the worker whose command line has these words."""
    for number, its_words in list_processes():
        if "mlwf_tui.worker" in its_words and words <= set(its_words):
            return number
    raise SystemExit("The worker is gone already: give more epochs.")


def subtract(later: Mapping[str, float], earlier: Mapping[str, float]) -> Times:
    return Times(wall_s=later["wall_s"] - earlier["wall_s"], cpu_s=later["cpu_s"] - earlier["cpu_s"])


def count_cores() -> int:
    return len(os.sched_getaffinity(0))


def make_environment(folder: Path) -> dict[str, str]:
    """Return what both run with: as many threads as mlwf would take, no network, compiled modules kept."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    paths = (str(_ROOT / "benchmarks" / "training_hook"), str(_ROOT), os.environ.get("PYTHONPATH", ""))
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "MLWF_TRAINING_MARKS": str(folder / "marks"),
        "MLWF_HOME": str(folder / "home"),
        "OMP_NUM_THREADS": str(count_cores()),
        "OMP_WAIT_POLICY": "PASSIVE",
        "YOLO_OFFLINE": "true",
        "YOLO_AUTOINSTALL": "false",
        "YOLO_CONFIG_DIR": str(folder),
        "NO_ALBUMENTATIONS_UPDATE": "1",
    }


def train_pairs(place: Place, pairs: int, epochs: int) -> list[tuple[Training, Training]]:
    """Train in turns, ours and theirs, after one short training of each that fills the caches."""
    place.train_ours(1)
    place.train_theirs(1)
    trained = []
    for number in range(pairs):
        if number % 2:
            theirs = place.train_theirs(epochs)
            ours = place.train_ours(epochs)
        else:
            ours = place.train_ours(epochs)
            theirs = place.train_theirs(epochs)
        if ours.metrics != theirs.metrics:
            raise SystemExit(f"The models are not the same: {ours.metrics}, {theirs.metrics}")
        trained.append((ours, theirs))
        print(format_ratios(number + 1, ours, theirs), file=sys.stderr)
    return trained


def format_ratios(number: int, ours: Training, theirs: Training) -> str:
    mine, plain = ours.parts["steps"], theirs.parts["steps"]
    return f"pair {number}: wall {mine.wall_s / plain.wall_s:.3f}, CPU {mine.cpu_s / plain.cpu_s:.3f}"


def format_table(trained: Sequence[tuple[Training, Training]]) -> str:
    """Return a line for each part and clock."""
    lines = [f"{'':16}{'ours s':>9}{'theirs s':>10}{'ratio':>8}{'from':>8}{'to':>8}"]
    for part in PARTS:
        for clock in ("wall", "CPU"):
            name = f"{clock.lower()}_s"
            ours = [getattr(mine.parts[part], name) for mine, _ in trained]
            theirs = [getattr(plain.parts[part], name) for _, plain in trained]
            ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
            figures = f"{median(ours):9.2f}{median(theirs):10.2f}{median(ratios):8.3f}"
            limit = f"   limit {LIMIT}" if part == "steps" else ""
            lines.append(f"{part:8}{clock:8}{figures}{min(ratios):8.3f}{max(ratios):8.3f}{limit}")
    between = [median(side.between_ms for side in pair) for pair in zip(*trained, strict=True)]
    lines.append(f"between   {between[0]:.2f} ms a batch, theirs {between[1]:.2f} ms")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser()
    for name, value in (("pairs", PAIRS), ("epochs", EPOCHS), ("images", IMAGES), ("imgsz", IMGSZ)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--model", default=ARCHITECTURE)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        source = asked.data.resolve() if asked.data else None
        place = Place(folder, make_environment(folder), asked.images, source, asked.model, asked.imgsz)
        place.prepare()
        trained = train_pairs(place, asked.pairs, asked.epochs)
        print(format_table(trained))
        ours = trained[0][0].metrics
        shown = {key: ours[theirs] for key, theirs in COMPARED.items()}
        print("both      " + ", ".join(f"{key} {value:.4f}" for key, value in shown.items()))
        killed = place.train_killed(asked.epochs)
        if {key: killed[key] for key in shown} != shown:
            raise SystemExit(f"The killed training came to something else: {killed}")
        print("killed    the same")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
