"""What a run has taken of the machine: the file of readings in its folder, and what they come to."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from mlwf_tui.entities.run import Run
from mlwf_tui.entities.usage import GpuReading, GpuUsage, Reading, Spread, Usage
from mlwf_tui.workspace import Workspace

FILE_NAME = "machine.jsonl"
MAX_GAP_S = 15.0  # what lies between readings further apart was not measured: a pause, another try
BUSY_PERCENT = 5.0
READ_BYTES = 1 << 20
_decoder = msgspec.json.Decoder(Reading)


def read_usage(workspace: Workspace, run: Run) -> Usage | None:
    """Return what a run has taken so far, or None where nothing was measured."""
    return UsageReader(workspace.run_folder(run.id) / FILE_NAME).read()


class UsageReader:
    """Reads a run's readings as they come; memory does not grow with them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._meter = UsageMeter()

    def read(self) -> Usage | None:
        """Return what all readings come to; those written since the last call are read."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                while block := file.read(READ_BYTES):
                    complete = block[: block.rfind(b"\n") + 1]
                    if not complete:
                        break  # the last line is being written
                    self._offset += len(complete)
                    file.seek(self._offset)
                    self._take(complete)
        except FileNotFoundError:
            return None
        return self._meter.sum_up()

    def _take(self, lines: bytes) -> None:
        for line in lines.splitlines():
            try:
                reading = _decoder.decode(line)
            except msgspec.MsgspecError:
                continue  # torn by a kill or a full disk; those around it are whole
            self._meter.add(reading)


@dataclass(slots=True)
class _Distribution:
    """Values by how long they held, in bins of a hundredth of `scale`."""

    scale: float = 100.0
    seconds: float = 0.0
    total: float = 0.0
    bins: dict[int, float] = field(default_factory=dict)

    def add(self, value: float | None, seconds: float) -> None:
        if value is not None and seconds > 0:
            self.seconds += seconds
            self.total += value * seconds
            place = round(value * 100 / self.scale)
            self.bins[place] = self.bins.get(place, 0.0) + seconds

    def sum_up(self) -> Spread | None:
        if self.seconds == 0:
            return None
        left_s = 0.95 * self.seconds
        for place in sorted(self.bins):
            left_s -= self.bins[place]
            if left_s <= 1e-9:
                break
        return Spread(round(self.total / self.seconds, 3), place * self.scale / 100)


@dataclass(slots=True)
class _GpuMeter:
    """One GPU; energy is the difference of its counter, or power over time where it has none."""

    last: GpuReading
    busy: _Distribution = field(default_factory=_Distribution)
    power: _Distribution = field(default_factory=lambda: _Distribution(scale=1000.0))
    memory_peak_bytes: int | None = None
    energy_j: float = 0.0
    energy_s: float = 0.0
    idle_s: float = 0.0

    def add(self, now: GpuReading, seconds: float) -> None:
        before, self.last = self.last, now
        if now.memory_bytes is not None:
            self.memory_peak_bytes = max(now.memory_bytes, self.memory_peak_bytes or 0)
        self.busy.add(now.utilisation_percent, seconds)
        self.power.add(now.power_w, seconds)
        is_idle = now.utilisation_percent is not None and now.utilisation_percent < BUSY_PERCENT
        self.idle_s = self.idle_s + seconds if is_idle and seconds > 0 else 0.0
        energy_j = _find_energy(before, now, seconds)
        if energy_j is not None and seconds > 0:
            self.energy_j += energy_j
            self.energy_s += seconds

    def sum_up(self) -> GpuUsage:
        power = self.power.sum_up()
        return GpuUsage(
            index=self.last.index,
            name=self.last.name,
            utilisation_percent=self.busy.sum_up(),
            memory_peak_bytes=self.memory_peak_bytes,
            power_w=power.mean if power is not None else None,
            energy_wh=self.energy_j / 3600 if self.energy_s else None,
            energy_s=self.energy_s,
            idle_s=self.idle_s,
        )


class UsageMeter:
    """Adds readings up, in the order in which they were taken."""

    def __init__(self) -> None:
        self._last: Reading | None = None
        self._count = 0
        self._measured_s = 0.0
        self._cpu = _Distribution()
        self._cores = _Distribution(scale=1.0)
        self._memory_peak_bytes: int | None = None
        self._energy_j = self._energy_s = 0.0
        self._gpus: dict[int, _GpuMeter] = {}

    def add(self, reading: Reading) -> None:
        """Take the next reading in."""
        before, self._last = self._last, reading
        elapsed_s = reading.tick_s - before.tick_s if before is not None else 0.0
        seconds = elapsed_s if 0 < elapsed_s <= MAX_GAP_S else 0.0
        self._count += 1
        self._measured_s += seconds
        self._cpu.add(reading.cpu_percent, seconds)
        self._cores.add(reading.cores, seconds)
        if reading.memory_bytes is not None:
            self._memory_peak_bytes = max(reading.memory_bytes, self._memory_peak_bytes or 0)
        if before is not None and seconds:
            self._add_energy(before.cpu_energy_j, reading.cpu_energy_j, seconds)
        seen = {gpu.index for gpu in before.gpus} if before is not None else set()
        for gpu in reading.gpus:
            meter = self._gpus.setdefault(gpu.index, _GpuMeter(gpu))
            meter.add(gpu, seconds if gpu.index in seen else 0.0)

    def sum_up(self) -> Usage | None:
        """Return what all readings so far come to, or None where there was none."""
        if not self._count:
            return None
        gpus = tuple(self._gpus[index].sum_up() for index in sorted(self._gpus))
        energies = [gpu.energy_wh for gpu in gpus if gpu.energy_wh is not None]
        return Usage(
            readings=self._count,
            measured_s=round(self._measured_s, 3),
            cpu_percent=self._cpu.sum_up(),
            cores=self._cores.sum_up(),
            memory_peak_bytes=self._memory_peak_bytes,
            gpus=gpus,
            gpu_energy_wh=sum(energies) if gpus and len(energies) == len(gpus) else None,
            cpu_energy_wh=self._energy_j / 3600 if self._energy_s else None,
            cpu_energy_s=self._energy_s,
        )

    def _add_energy(self, before_j: float | None, now_j: float | None, seconds: float) -> None:
        if before_j is not None and now_j is not None and now_j >= before_j:
            self._energy_j += now_j - before_j
            self._energy_s += seconds


def _find_energy(before: GpuReading, now: GpuReading, seconds: float) -> float | None:
    """Return the joules between two readings, or None where they were not measured."""
    if before.energy_j is not None and now.energy_j is not None:
        grown_j = now.energy_j - before.energy_j
        return grown_j if grown_j >= 0 else None  # the driver was loaded anew
    if before.power_w is not None and now.power_w is not None:
        return (before.power_w + now.power_w) / 2 * seconds
    return None
