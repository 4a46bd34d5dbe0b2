"""What a session costs over the bare model: requests a second, and how long each takes.

    python -m benchmarks.serving [--side 320] [--requests 200] [--home HOME --model NAME]

Without a home, a YOLOv8n of two classes with random weights is entered into a new one. First the model is
asked by this process itself, one picture after another and in batches of eight, through the same
`open_predictor` that a session uses. Then a session answers 1, 4 and 16 callers at once, each of which sends
its next picture when it has its answer. Callers and session share the machine's processors. Ratios: pictures
a second over those of the bare model, one by one; over one the batches of many callers make up for HTTP.

Where others use the machine too, seconds say little: threads of the model wait for each other. CPU seconds
say more, those of the process with the model alone. Their ratio is to the bare model as well: above one it is
HTTP, JSON, and handing over; below one it is batches.
"""

from __future__ import annotations

import argparse
import http.client
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import psutil

from benchmarks.processes import wait_until_left
from mlwf_tui.entities.model import Model
from mlwf_tui.entities.run import Run
from mlwf_tui.protocols.trainers import PredictRequest
from mlwf_tui.workflow.run import add_model, finish_run, start_run
from mlwf_tui.workflow.serve import submit_serve, wait_until_serving
from mlwf_tui.workflow.stop import stop_run
from mlwf_tui.workflow.using.samples import draw_picture
from mlwf_tui.workspace import Workspace, open_workspace

CALLERS = (1, 4, 16)
BATCH = 8
WARM_UP = 5
MAKE_WEIGHTS = """
import sys
from pathlib import Path
from mlwf_tui.plugins.trainers.ultralytics.library import prepare_library
folder = Path(sys.argv[1])
prepare_library(folder)
import torch
from ultralytics.nn.tasks import DetectionModel
model = DetectionModel("yolov8n.yaml", nc=2, verbose=False)
model.names, model.args, model.task = {0: "a", 1: "b"}, {"imgsz": 320}, "detect"
torch.save({"model": model.half(), "train_args": {"task": "detect"}, "epoch": -1}, folder / "best.pt")
"""


class Speed(NamedTuple):
    """Pictures a second, the milliseconds that one took, and those of the processor for each."""

    name: str
    per_second: float
    latencies_ms: Sequence[float]
    cpu_ms: float

    def show(self, base: Speed) -> str:
        """Return a line of the table."""
        p50, p95, p99 = (_percentile(self.latencies_ms, share) for share in (0.5, 0.95, 0.99))
        ratio, cpu_ratio = self.per_second / base.per_second, self.cpu_ms / base.cpu_ms
        times = f"{self.per_second:9.1f}{p50:9.1f}{p95:9.1f}{p99:9.1f}{ratio:9.2f}"
        return f"{self.name:32}{times}{self.cpu_ms:9.1f}{cpu_ratio:9.2f}"


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--side", type=int, default=320)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--model")
    options = parser.parse_args()
    with _open_home(options.home, options.model, options.side) as (workspace, model):
        picture = draw_picture(options.side, 0)
        bare = _measure_bare(workspace, model, picture, options.requests)
        speeds = [*bare, *_measure_session(workspace, model, picture, options.requests)]
    heads = ("a second", "p50 ms", "p95 ms", "p99 ms", "ratio", "CPU ms", "ratio")
    print(f"{'':32}{''.join(f'{head:>9}' for head in heads)}")
    for speed in speeds:
        print(speed.show(bare[0]))


@contextmanager
def _open_home(home: Path | None, name: str | None, side: int) -> Iterator[tuple[Workspace, Model]]:
    if home is not None:
        with open_workspace(home) as workspace:
            yield workspace, workspace.catalog.models.get(name or workspace.catalog.models.list()[0].id)
        return
    with tempfile.TemporaryDirectory(prefix="mlwf-serving-") as folder:
        subprocess.run([sys.executable, "-c", MAKE_WEIGHTS, folder], check=True, capture_output=True)
        with open_workspace(Path(folder) / "home") as workspace:
            run = start_run(workspace, "benchmark")
            model = add_model(
                workspace, run, "random", [Path(folder) / "best.pt"], architecture="yolov8n", task="detect",
                trainer="ultralytics", class_names=("a", "b"), image_size_px=side,
            )  # fmt: skip
            finish_run(workspace, run)
            yield workspace, model
            wait_until_left(workspace.home)


def _measure_bare(workspace: Workspace, model: Model, picture: bytes, count: int) -> list[Speed]:
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / model.checkpoints[0].name
        workspace.store.write_file(model.checkpoints[0].blob, weights)
        request = PredictRequest(
            weights=weights,
            image_size_px=model.image_size_px,
            confidence=0.25,
            folder=Path(folder),
            device="cpu",
        )
        with workspace.registry.get_trainer(model.trainer).open_predictor(request) as predictor:
            speeds = []
            for size in (1, BATCH):
                ask = partial(predictor.predict, [picture] * size)
                for _ in range(WARM_UP):
                    ask()
                began_cpu_s = _read_cpu_s(os.getpid())
                times_s = [_time(ask) for _ in range(count // size)]
                cpu_ms = 1000 * (_read_cpu_s(os.getpid()) - began_cpu_s) / (size * len(times_s))
                name = f"bare model, {'one by one' if size == 1 else f'batches of {size}'}"
                latencies_ms = [1000 * time_s for time_s in times_s]
                speeds.append(Speed(name, size * len(times_s) / sum(times_s), latencies_ms, cpu_ms))
            return speeds


def _measure_session(workspace: Workspace, model: Model, picture: bytes, count: int) -> list[Speed]:
    queued = submit_serve(workspace, model.id, port=0, params={"device": "cpu"})
    address = wait_until_serving(workspace, queued.run).url.removeprefix("http://")
    pid = _find_worker(workspace, queued.run)
    try:
        first = _measure_callers(address, queued.token, picture, 1, 1, pid)
        _call(address, queued.token, picture, WARM_UP)
        return [first._replace(name="session, first picture")] + [
            _measure_callers(address, queued.token, picture, count, callers, pid) for callers in CALLERS
        ]
    finally:
        stop_run(workspace, queued.run.id)


def _find_worker(workspace: Workspace, run: Run) -> int:
    worker = workspace.catalog.jobs.list_of(run.id)[-1].worker
    assert worker is not None, "it answers already"
    return worker.pid


def _measure_callers(address: str, token: str, picture: bytes, count: int, callers: int, pid: int) -> Speed:
    began_s, began_cpu_s = time.perf_counter(), _read_cpu_s(pid)
    with ThreadPoolExecutor(callers) as pool:
        each = max(1, count // callers)
        parts = list(pool.map(lambda _: _call(address, token, picture, each), range(callers)))
    taken_s, cpu_s = time.perf_counter() - began_s, _read_cpu_s(pid) - began_cpu_s
    latencies_ms = [latency for part in parts for latency in part]
    answered = len(latencies_ms)
    return Speed(f"session, {callers} callers", answered / taken_s, latencies_ms, 1000 * cpu_s / answered)


def _call(address: str, token: str, picture: bytes, count: int) -> list[float]:
    """Ask again and again over one connection, and return the milliseconds of each answer."""
    line = http.client.HTTPConnection(address, timeout=120)
    latencies_ms = []
    for _ in range(count):
        began_s = time.perf_counter()
        line.request("POST", "/predict", picture, {"Authorization": f"Bearer {token}"})
        answer = line.getresponse()
        answer.read()
        if answer.status != 200:
            raise SystemExit(f"a caller was answered {answer.status}")
        latencies_ms.append(1000 * (time.perf_counter() - began_s))
    line.close()
    return latencies_ms


def _read_cpu_s(pid: int) -> float:
    """Return the processor time that a process has used, all its threads together; ticks of 10 ms."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def _time(work: Callable[[], object]) -> float:
    began_s = time.perf_counter()
    work()
    return time.perf_counter() - began_s


def _percentile(values: Sequence[float], share: float) -> float:
    if len(values) < 2:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[round(share * 100) - 1]


if __name__ == "__main__":
    main()
