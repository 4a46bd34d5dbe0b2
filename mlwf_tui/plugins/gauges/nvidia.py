"""Reads NVIDIA's GPUs through the driver's own library; a machine without one has none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from mlwf_tui.entities.machine import Gpu, GpuProcess
from mlwf_tui.plugins.gauges.owners import describe_process

T = TypeVar("T")


class NvidiaGauge:
    """All GPUs that NVML shows. What a driver or a card does not tell is None."""

    name = "nvidia"

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep the driver awake for as long as the block runs, which spares each reading its opening.

        The driver counts who has opened it.
        """
        import pynvml

        with _open_library(pynvml):
            yield

    def read_gpus(self) -> tuple[Gpu, ...]:
        """Return the GPUs in the order of the PCI bus; none where there is no driver."""
        import pynvml  # 10 ms that only those pay who ask for GPUs

        with _open_library(pynvml) as is_open:
            if not is_open:
                return ()
            count = _ask(pynvml, pynvml.nvmlDeviceGetCount) or 0
            found = (_read_gpu(pynvml, index) for index in range(count))
            return tuple(gpu for gpu in found if gpu is not None)


@contextmanager
def _open_library(nvml: Any) -> Iterator[bool]:
    """Open the driver's library; False where there is none, or where it refuses."""
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        yield False
        return
    try:
        yield True
    finally:
        _ask(nvml, nvml.nvmlShutdown)


def _ask(nvml: Any, question: Callable[..., T], *arguments: Any) -> T | None:
    """Return the driver's answer, or None where it has none: too old, not permitted, a GPU that fell off."""
    try:
        return question(*arguments)
    except nvml.NVMLError:
        return None


def _read_gpu(nvml: Any, index: int) -> Gpu | None:
    device = _ask(nvml, nvml.nvmlDeviceGetHandleByIndex, index)
    if device is None:
        return None
    memory: Any = _ask(nvml, nvml.nvmlDeviceGetMemoryInfo, device)
    busy: Any = _ask(nvml, nvml.nvmlDeviceGetUtilizationRates, device)
    temperature = _ask(nvml, nvml.nvmlDeviceGetTemperature, device, nvml.NVML_TEMPERATURE_GPU)
    fan = _ask(nvml, nvml.nvmlDeviceGetFanSpeed, device)
    energy_mj = _ask(nvml, nvml.nvmlDeviceGetTotalEnergyConsumption, device)
    return Gpu(
        index=index,
        name=_to_text(_ask(nvml, nvml.nvmlDeviceGetName, device)) or "GPU",
        vendor="nvidia",
        uuid=_to_text(_ask(nvml, nvml.nvmlDeviceGetUUID, device)),
        memory_total_bytes=None if memory is None else int(memory.total),
        memory_used_bytes=None if memory is None else int(memory.used),
        utilisation_percent=None if busy is None else float(busy.gpu),
        temperature_c=None if temperature is None else float(temperature),
        fan_percent=None if fan is None else float(fan),
        power_w=_to_watts(_ask(nvml, nvml.nvmlDeviceGetPowerUsage, device)),
        power_limit_w=_to_watts(_ask(nvml, nvml.nvmlDeviceGetEnforcedPowerLimit, device)),
        energy_j=None if energy_mj is None else energy_mj / 1000,
        processes=tuple(_iter_processes(nvml, device)),
    )


def _iter_processes(nvml: Any, device: Any) -> Iterator[GpuProcess]:
    """Yield who computes or draws on a GPU; the driver of a container may not see those outside."""
    seen: set[int] = set()
    for question in (nvml.nvmlDeviceGetComputeRunningProcesses, nvml.nvmlDeviceGetGraphicsRunningProcesses):
        for found in _ask(nvml, question, device) or ():
            if found.pid not in seen:
                seen.add(found.pid)
                memory = found.usedGpuMemory
                name, user = describe_process(found.pid)
                yield GpuProcess(
                    pid=found.pid, memory_bytes=None if memory is None else int(memory), name=name, user=user
                )


def _to_text(found: str | bytes | None) -> str:
    return found.decode("utf-8", "replace") if isinstance(found, bytes) else found or ""


def _to_watts(milliwatts: int | None) -> float | None:
    return None if milliwatts is None else milliwatts / 1000
