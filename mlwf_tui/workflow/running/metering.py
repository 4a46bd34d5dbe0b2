"""Meters what a run takes of the machine, from a thread of the process that does it, into its folder."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from mlwf_tui.entities.machine import Gpu
from mlwf_tui.entities.run import Run
from mlwf_tui.entities.usage import GpuReading, Reading
from mlwf_tui.protocols.gauges import Gauge
from mlwf_tui.workflow.machine import choose_for_jobs, load_gauges
from mlwf_tui.workflow.running.leases import LEASED_GPUS
from mlwf_tui.workflow.running.usage import FILE_NAME
from mlwf_tui.workspace import Workspace

logger = logging.getLogger(__name__)
INTERVAL_S = 2.0
LATE_INTERVAL_S = 5.0  # of what has gone on for long, which keeps the file of a week at 20 MB
LATE_S = 3600.0
JOIN_TIMEOUT_S = 5.0  # a sick GPU's driver may keep the thread for ever; the run does not wait for it


@contextmanager
def metering(
    workspace: Workspace, run: Run, environment: Mapping[str, str], *, interval_s: float = INTERVAL_S
) -> Iterator[None]:
    """Take readings until the block ends. What goes wrong with it is said in the log, and harms no run."""
    is_over = threading.Event()
    work = (workspace, run, environment, is_over, interval_s)
    thread = threading.Thread(target=meter_until, args=work, name="metering", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join(JOIN_TIMEOUT_S)


def meter_until(
    workspace: Workspace,
    run: Run,
    environment: Mapping[str, str],
    is_over: threading.Event,
    interval_s: float = INTERVAL_S,
) -> None:
    """Write a reading at the beginning, every interval, and at the end; for a thread of its own.

    What is measured is this process with all below it.
    """
    begun_s = time.monotonic()
    leased = [int(word) for word in environment.get(LEASED_GPUS, "").split(",") if word.isdecimal()]
    gauges = load_gauges(workspace)
    path = workspace.run_folder(run.id) / FILE_NAME
    try:
        for folder in (path.parent.parent, path.parent):
            folder.mkdir(exist_ok=True)  # not the home, which may have been moved
        with path.open("ab", buffering=0) as file, ExitStack() as held:
            for gauge in gauges:
                held.enter_context(gauge.hold())
            reader = _RunReader(workspace.home, gauges, leased)
            if file.tell():
                file.write(b"\n")  # what a killed job left of a line is ended
            is_last = False
            while True:
                file.write(msgspec.json.encode(reader.read()) + b"\n")
                if is_last:
                    return
                is_late = time.monotonic() - begun_s > LATE_S
                is_last = is_over.wait(max(interval_s, LATE_INTERVAL_S) if is_late else interval_s)
    except OSError as error:
        logger.warning("what the run takes of the machine is not measured any more: %s", error)


class _RunReader:
    """Takes one reading after the other."""

    def __init__(self, home: Path, gauges: Sequence[Gauge], leased: Sequence[int]) -> None:
        from mlwf_tui.host import Family, HostReader  # psutil's 20 ms, in this thread

        self._host = HostReader(home)
        self._family = Family(os.getpid())
        self._gauges = gauges
        self._leased = frozenset(leased)
        self._last: tuple[float, float] | None = None  # (clock, processor time of the family) in seconds

    def read(self) -> Reading:
        host = self._host.read()
        tick_s = time.monotonic()
        cpu_s, memory_bytes = self._family.read()
        last, self._last = self._last, (tick_s, cpu_s)
        cores = max(0.0, cpu_s - last[1]) / (tick_s - last[0]) if last and tick_s > last[0] else None
        return Reading(
            at=round(time.time(), 3),
            tick_s=round(tick_s, 3),
            cpu_percent=None if host.cpu_percent is None else round(host.cpu_percent, 1),
            cores=None if cores is None else round(cores, 3),
            memory_bytes=memory_bytes,
            cpu_energy_j=host.cpu_energy_j,
            gpus=tuple(_to_reading(gpu) for gpu in self._list_gpus()),
        )

    def _list_gpus(self) -> list[Gpu]:
        """Return the GPUs that the run has leased, or without a lease those that its processes are on."""
        gpus = choose_for_jobs(gpu for gauge in self._gauges for gpu in gauge.read_gpus())
        if self._leased:
            return [gpu for gpu in gpus if gpu.index in self._leased]
        own = set(self._family.pids)
        return [gpu for gpu in gpus if own & {process.pid for process in gpu.processes}]


def _to_reading(gpu: Gpu) -> GpuReading:
    return GpuReading(
        index=gpu.index,
        name=gpu.name,
        utilisation_percent=gpu.utilisation_percent,
        memory_bytes=gpu.memory_used_bytes,
        power_w=gpu.power_w,
        energy_j=gpu.energy_j,
    )
