"""What a machine says of itself at one moment; every figure may be missing, as drivers differ."""

from __future__ import annotations

import msgspec


class GpuProcess(msgspec.Struct, frozen=True, kw_only=True):
    """A process that holds memory of a GPU. `run` is the id of the run that it belongs to, "" for none."""

    pid: int
    memory_bytes: int | None = None
    name: str = ""
    user: str = ""
    run: str = ""


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
    fan_percent: float | None = None
    power_w: float | None = None
    power_limit_w: float | None = None
    energy_j: float | None = None  # a counter that grows; only differences mean anything
    processes: tuple[GpuProcess, ...] = ()


class Disk(msgspec.Struct, frozen=True, kw_only=True):
    """The file system of the home; rates are of the device below it, None before a second reading."""

    path: str
    total_bytes: int
    free_bytes: int  # for this user
    read_bytes_per_s: float | None = None
    write_bytes_per_s: float | None = None


class Network(msgspec.Struct, frozen=True, kw_only=True):
    """What all interfaces but the loopback carry; None before a second reading."""

    received_bytes_per_s: float | None = None
    sent_bytes_per_s: float | None = None


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """Processors, memory, disk and network; what is a rate is since the reading before."""

    core_percents: tuple[float, ...] | None = None  # None before a second reading
    load_1m: float = 0.0
    memory_total_bytes: int
    memory_used_bytes: int  # what programs hold; caches that can be dropped are not counted
    swap_total_bytes: int = 0
    swap_used_bytes: int = 0
    disk: Disk | None = None
    network: Network = Network()
    cpu_energy_j: float | None = None  # of all processor packages: a counter since the first reading

    @property
    def cpu_percent(self) -> float | None:
        """How busy the cores are on average, 0 to 100."""
        return sum(self.core_percents) / len(self.core_percents) if self.core_percents else None


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """All of it, read at one moment."""

    at: float  # seconds since the epoch
    host: Host
    gpus: tuple[Gpu, ...] = ()
