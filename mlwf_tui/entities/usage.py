"""What a run took of the machine: the readings that its job writes, and what they come to."""

from __future__ import annotations

import msgspec

from mlwf_tui.entities.sizes import format_size


class GpuReading(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of the run's GPUs at one moment; see `Gpu`."""

    index: int
    name: str = ""
    utilisation_percent: float | None = None
    memory_bytes: int | None = None  # in use, by whomever
    power_w: float | None = None
    energy_j: float | None = None


class Reading(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The machine at one moment of a run. Rates are means since the reading before."""

    at: float  # seconds since the epoch, which may jump
    tick_s: float  # seconds of the machine's clock that nobody can set
    cpu_percent: float | None = None  # of all cores, whoever keeps them busy
    cores: float | None = None  # that the run's own processes keep busy
    memory_bytes: int | None = None  # resident, of the run's processes; what they share counts for each
    cpu_energy_j: float | None = None  # of the processor packages: a counter
    gpus: tuple[GpuReading, ...] = ()


class Spread(msgspec.Struct, frozen=True):
    """A figure over a run, weighted by time."""

    mean: float
    p95: float


class GpuUsage(msgspec.Struct, frozen=True, kw_only=True):
    """What one GPU did during a run."""

    index: int
    name: str
    utilisation_percent: Spread | None = None
    memory_peak_bytes: int | None = None
    power_w: float | None = None  # mean
    energy_wh: float | None = None
    energy_s: float = 0.0  # for how long the energy was measured
    idle_s: float = 0.0  # for how long it has done nothing by now


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What a run took. What was not measured is None: nothing here is estimated."""

    readings: int
    measured_s: float
    cpu_percent: Spread | None = None
    cores: Spread | None = None
    memory_peak_bytes: int | None = None
    gpus: tuple[GpuUsage, ...] = ()
    gpu_energy_wh: float | None = None  # of all its GPUs, each as a whole
    cpu_energy_wh: float | None = None  # of the machine's processor packages, whoever used them
    cpu_energy_s: float = 0.0


def list_words(usage: Usage) -> tuple[tuple[str, str], ...]:
    """Return what was measured, as labels with words for a person behind them."""
    lines = [(f"GPU {gpu.index}", _describe_gpu(gpu)) for gpu in usage.gpus]
    if usage.cores is not None:
        machine = f", the machine {usage.cpu_percent.mean:.0f} % busy" if usage.cpu_percent else ""
        lines.append(
            ("cores", f"{usage.cores.mean:.3g} on average, 95 % below {usage.cores.p95:.3g}{machine}")
        )
    if usage.memory_peak_bytes is not None:
        lines.append(("memory", f"{format_size(usage.memory_peak_bytes)} at most"))
    if usage.gpu_energy_wh is not None:
        measured_s = min(gpu.energy_s for gpu in usage.gpus)
        lines.append(("GPU energy", _describe_energy(usage.gpu_energy_wh, measured_s, usage.measured_s)))
    if usage.cpu_energy_wh is not None:
        energy = _describe_energy(usage.cpu_energy_wh, usage.cpu_energy_s, usage.measured_s)
        lines.append(("CPU energy", f"{energy}, of the whole machine"))
    return tuple(lines)


def _describe_gpu(gpu: GpuUsage) -> str:
    parts = []
    if gpu.utilisation_percent is not None:
        busy = gpu.utilisation_percent
        parts.append(f"{busy.mean:.0f} % busy, 95 % below {busy.p95:.0f} %")
    if gpu.memory_peak_bytes is not None:
        parts.append(f"{format_size(gpu.memory_peak_bytes)} at most")
    if gpu.power_w is not None:
        parts.append(f"{gpu.power_w:.0f} W")
    return ", ".join(parts) or "it tells nothing"


def _describe_energy(energy_wh: float, energy_s: float, measured_s: float) -> str:
    energy = f"{energy_wh / 1000:.3g} kWh" if energy_wh >= 1000 else f"{energy_wh:.3g} Wh"
    share = energy_s / measured_s if measured_s else 1.0
    return energy if share > 0.99 else f"{energy} in the {share:.0%} of the time that was measured"
