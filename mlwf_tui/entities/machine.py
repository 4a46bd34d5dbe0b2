"""What a machine says of its GPUs; every figure may be missing, as drivers differ in what they tell."""

from __future__ import annotations

import msgspec


class GpuProcess(msgspec.Struct, frozen=True, kw_only=True):
    """A process that holds memory of a GPU."""

    pid: int
    memory_bytes: int | None = None
    name: str = ""
    user: str = ""


class Gpu(msgspec.Struct, frozen=True, kw_only=True):
    """One GPU as it is at this moment; `index` counts in the order of the PCI bus, as nvidia-smi does."""

    index: int
    name: str
    vendor: str
    uuid: str = ""
    memory_total_bytes: int | None = None
    memory_used_bytes: int | None = None
    utilisation_percent: float | None = None
    temperature_c: float | None = None
    power_w: float | None = None
    power_limit_w: float | None = None
    processes: tuple[GpuProcess, ...] = ()
