"""What the monitor costs while runs write: delay until a figure is seen, CPU of the app, bytes sent.

    python -m benchmarks.live_metrics [SECONDS]

For 1 and for 50 running jobs the real app is opened on a real pseudo-terminal of 160 × 45, with the six
plots of one run before it. A process of its own writes each run's events as a worker does: ten metric
points a second and one progress for each run. The run that is looked at also gets, four times in three
seconds, a figure that was never there before; the delay is from just before its write until a terminal
emulator shows it. Prints one line a value: what was measured, its limit, their ratio; below 1.00 is
within it.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import pty
import random
import select
import signal
import statistics
import struct
import sys
import tempfile
import termios
import time
from dataclasses import dataclass, field
from multiprocessing import Process
from pathlib import Path

import pyte

from mlwf_tui import processes
from mlwf_tui.entities.ids import RunId
from mlwf_tui.workflow.running.events import FILE_NAME, EventWriter
from mlwf_tui.workflow.running.jobs import queue_run
from mlwf_tui.workspace import Workspace, open_workspace

COLUMNS, LINES = 160, 45
KEYS = ("metrics/mAP50", "train/box_loss", "metrics/mAP50-95", "train/cls_loss", "val/box_loss", "custom/b")
PROBE_KEY = "metrics/mAP50"
PROBE_INTERVAL_S = 0.75
START_LIMIT_S = 60.0
SETTLE_S = 4.0
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Measured:
    """What one round saw."""

    delays_s: list[float] = field(default_factory=list)
    missed: int = 0
    cpu_share: float = 0.0
    bytes_a_second: float = 0.0


def start_runs(workspace: Workspace, count: int) -> list[RunId]:
    """Enter running trainings that this very process is the job of; the newest comes last."""
    run_ids = []
    for number in range(count):
        params = {"data": "cells", "name": f"model-{number:03d}", "epochs": 300}
        recorder = queue_run(workspace, "train", params, 0)
        workspace.catalog.runs.start(recorder.run_id)
        workspace.catalog.jobs.create(recorder.run_id, processes.identify_self())
        run_ids.append(recorder.run_id)
    return run_ids


def write_on(home: Path, run_ids: list[RunId]) -> None:
    """Write what trainings say, ten points a second each, until this process is ended."""
    noise = random.Random(7)
    writers = []
    for run_id in run_ids:
        folder = home / "runs" / run_id
        folder.mkdir(parents=True, exist_ok=True)
        writers.append(EventWriter((folder / FILE_NAME).open("ab")))
    for writer in writers:
        for step in range(500):
            for key in KEYS:
                writer.metric(key, 0.5 + 2 * math.exp(-step / 90) + noise.gauss(0, 0.05), step)
    step = 500
    while True:
        started = time.monotonic()
        for writer in writers:
            keys = KEYS if step % 10 else KEYS[:1]  # the six plots' keys, about ten points a second
            for key in keys[:2] if step % 3 else keys:
                if key != PROBE_KEY or writer is not writers[-1]:
                    writer.metric(key, 0.5 + noise.gauss(0, 0.05), step)
            if not step % 4:
                writer.progress(step, 5000, f"epoch {step // 20}/300, box {1 / step:.4f}")
        step += 1
        time.sleep(max(0.0, 0.25 - (time.monotonic() - started)))


def measure(home: Path, seconds: float, probed: Path) -> Measured:
    """Open the app on `home`, show the newest run, and watch it for so long."""
    pid, descriptor = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
        os.execv(sys.executable, [sys.executable, "-m", "mlwf_tui", "--home", str(home)])
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    screen = pyte.Screen(COLUMNS, LINES)
    stream = pyte.ByteStream(screen)
    try:
        _pump_until(descriptor, screen, stream, " running ")
        os.write(descriptor, b"m")  # without a run selected: the newest that goes on
        _pump_until(descriptor, screen, stream, PROBE_KEY)
        os.write(descriptor, b"z")
        _pump(descriptor, stream, SETTLE_S)
        return _watch(pid, descriptor, screen, stream, seconds, probed)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(descriptor)


def _watch(
    pid: int, descriptor: int, screen: pyte.Screen, stream: pyte.ByteStream, seconds: float, probed: Path
) -> Measured:
    measured = Measured()
    cpu_before, began = _read_cpu(pid), time.monotonic()
    size_bytes = 0
    number = 0
    while time.monotonic() - began < seconds:
        number += 1
        value = 0.1 + number / 10_000  # four digits that were never shown before
        point = {"type": "metric", "key": PROBE_KEY, "value": value, "step": 1000 + number, "at": time.time()}
        written = time.monotonic()
        with probed.open("ab", buffering=0) as file:
            file.write(json.dumps(point).encode() + b"\n")
        seen = False
        while time.monotonic() - written < PROBE_INTERVAL_S * random.uniform(0.8, 1.2):
            size_bytes += _pump(descriptor, stream, 0.005)
            if not seen and any(f"{value:.4g}" in row for row in screen.display[:12]):
                seen = True
                measured.delays_s.append(time.monotonic() - written)
        measured.missed += not seen
    elapsed = time.monotonic() - began
    measured.cpu_share = (_read_cpu(pid) - cpu_before) / elapsed
    measured.bytes_a_second = size_bytes / elapsed
    return measured


def _pump(descriptor: int, stream: pyte.ByteStream, seconds: float) -> int:
    """Read what the app sends for so long, and return how many bytes it was."""
    deadline = time.monotonic() + seconds
    size_bytes = 0
    while (rest := deadline - time.monotonic()) > 0:
        if select.select([descriptor], [], [], rest)[0]:
            received = os.read(descriptor, 1 << 16)
            size_bytes += len(received)
            stream.feed(received)
    return size_bytes


def _pump_until(descriptor: int, screen: pyte.Screen, stream: pyte.ByteStream, text: str) -> None:
    """Read what the app sends until the screen shows a text."""
    deadline = time.monotonic() + START_LIMIT_S
    while not any(text in row for row in screen.display):
        if time.monotonic() > deadline:
            raise SystemExit(f"{text!r} was not shown within {START_LIMIT_S:g} s")
        _pump(descriptor, stream, 0.1)


def _read_cpu(pid: int) -> float:
    """Return the seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND


def report(what: str, value: float, limit: float, unit: str) -> None:
    print(f"{what:<52} {value:8.1f} {unit:<4} limit {limit:6.0f} {unit:<4} ratio {value / limit:5.2f}")


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    for count in (1, 50):
        with tempfile.TemporaryDirectory(prefix="mlwf-live-") as folder:
            home = Path(folder)
            with open_workspace(home) as workspace:
                run_ids = start_runs(workspace, count)
                writing = Process(target=write_on, args=(home, run_ids), daemon=True)
                writing.start()
                measured = measure(home, seconds, home / "runs" / run_ids[-1] / FILE_NAME)
                writing.kill()
                writing.join()
        jobs = f"{count} running job{'s' * (count > 1)}"
        delays = sorted(measured.delays_s)
        if len(delays) < 2:
            raise SystemExit(f"{jobs}: no figure was seen; {measured.missed} were written")
        report(f"{jobs}: written until seen, median", statistics.median(delays) * 1e3, 200, "ms")
        report(
            f"{jobs}: written until seen, 95th of 100",
            statistics.quantiles(delays, n=20)[-1] * 1e3,
            200,
            "ms",
        )
        report(f"{jobs}: processor time of the app", measured.cpu_share * 100, 10, "%")
        report(f"{jobs}: sent while six plots are live", measured.bytes_a_second / 1e3, 6, "KB/s")
        print(f"{jobs}: {len(delays)} figures seen, {measured.missed} missed")


if __name__ == "__main__":
    main()
