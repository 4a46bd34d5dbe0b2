"""What `mlwf train` costs beside the same call of Ultralytics: the same data, settings, seed and threads.

    python -m benchmarks.training_overhead [PAIRS [EPOCHS [IMAGES]]]

Pairs alternate: ours first, then theirs first, and so on. Each trains a few hundred steps on small images on
the CPU, where a step is shortest and what surrounds it weighs most. `steps` is from the first step to the end
of the last look at the best checkpoint, `before` what a process does until its first step, `process` all of
it; `command` is `mlwf train` from start to end beside their process. Each line has the medians of both, and
the median, lowest and highest ratio of the pairs; the limit is 1.02 for the steps.

CPU seconds are those of the process that trains, for `command` with those of `mlwf train`; on a busy machine
believe them. Both must come to the same metrics to the last digit, or else the benchmark fails.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from mlwf_tui.plugins.samples.digits import DigitsSample
from mlwf_tui.plugins.trainers.ultralytics_architectures import find_definition
from mlwf_tui.plugins.trainers.ultralytics_params import TrainParams, build_settings

PAIRS, EPOCHS, IMAGES = 5, 12, 270
LIMIT = 1.02
ARCHITECTURE = "yolov10p"
SPLIT = ("-p", "train=0.75", "-p", "val=0.25", "-p", "test=0")
PARTS = ("steps", "before", "process", "command")
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


@dataclass(frozen=True, slots=True)
class Place:
    """Where both train: a home with a project, the same data as files, and how processes are started."""

    folder: Path
    environment: Mapping[str, str]
    images: int

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def prepare(self) -> None:
        """Draw the sample, import and split it, and write it out."""
        source = self.folder / "source"
        DigitsSample().write(source, seed=0, image_count=self.images)
        for words in (
            ("import", str(source), "digits"),
            ("transform", "split", "digits", "--to", "digits", *SPLIT),
            ("commit", "digits", "-m", "split"),
            ("export", "digits", str(self.data), "--format", "yolo"),
        ):
            self.call([*_MLWF, *words])

    def train_ours(self, epochs: int) -> Training:
        words = ["train", "digits", "--model", ARCHITECTURE]
        for key, value in choose_params(epochs).items():
            words += ["-p", f"{key}={value}"]
        return self.measure([*_MLWF, *words], is_detached=True)

    def train_theirs(self, epochs: int) -> Training:
        params = TrainParams(**choose_params(epochs))
        settings = build_settings(params, {}, has_gpu=False) | {
            "data": str(self.data / "data.yaml"), "project": str(self.folder / "theirs"), "name": "train",
            "exist_ok": True, "seed": 0, "device": "cpu", "plots": False, "deterministic": True, "amp": False,
            "augmentations": [],
        }  # fmt: skip
        words = [find_definition(ARCHITECTURE), json.dumps(settings), str(count_cores())]
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
            "command": Times(wall_s=wall_s, cpu_s=cpu_s + (process.cpu_s if is_detached else 0.0)),
        }
        return Training(parts, marks["last step"]["metrics"])

    def call(self, command: Sequence[str]) -> None:
        done = subprocess.run(
            command, env=self.environment, cwd=self.folder, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")


def choose_params(epochs: int) -> dict[str, Any]:
    return {"preset": "quick", "epochs": epochs, "imgsz": 96, "batch": 8, "device": "cpu"}


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
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Measure, and print the table."""
    pairs, epochs, images = (*map(int, arguments), *(PAIRS, EPOCHS, IMAGES)[len(arguments) :])
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        place = Place(folder, make_environment(folder), images)
        place.prepare()
        print(format_table(train_pairs(place, pairs, epochs)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
