"""Reads processors, memory, disk and network of this machine, and what processes take of it (Linux)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from mlwf_tui.entities.machine import Disk, Host, Network

LOOPBACK = "lo"
WALK_SHARE = 0.002  # of one core that looking for new processes may take
MIN_WALK_S = 4.0
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class _Counters:
    """What only grows, as it was at one moment."""

    tick_s: float
    cores: tuple[tuple[float, float], ...]  # (busy, all) seconds of each
    disk: tuple[int, int] | None  # bytes read, written
    network: tuple[int, int]  # bytes received, sent


class HostReader:
    """Reads the host again and again; 0.4 ms a time. Not for use by two threads at once."""

    def __init__(self, folder: Path, *, root: Path = Path("/")) -> None:
        """`folder` lies on the disk that is told of; below `root` are the kernel's files on energy."""
        self._folder = folder
        self._device = _find_device(folder)
        self._energy = CpuEnergy(root)
        self._before: _Counters | None = None

    def read(self) -> Host:
        """Return the host as it is now; rates are since the last call.

        Raises:
            OSError: the folder is gone.
        """
        before, now = self._before, self._count()
        self._before = now
        memory, swap = psutil.virtual_memory(), psutil.swap_memory()
        elapsed_s = now.tick_s - before.tick_s if before is not None else 0.0
        room = os.statvfs(self._folder)
        network = _find_rates(before.network if before else None, now.network, elapsed_s)
        disk = _find_rates(before.disk if before else None, now.disk, elapsed_s)
        return Host(
            core_percents=_find_percents(before.cores, now.cores) if before is not None else None,
            load_1m=os.getloadavg()[0],
            memory_total_bytes=memory.total,
            memory_used_bytes=memory.total - memory.available,
            swap_total_bytes=swap.total,
            swap_used_bytes=swap.used,
            disk=Disk(
                path=str(self._folder),
                total_bytes=room.f_blocks * room.f_frsize,
                free_bytes=room.f_bavail * room.f_frsize,
                read_bytes_per_s=disk[0],
                write_bytes_per_s=disk[1],
            ),
            network=Network(received_bytes_per_s=network[0], sent_bytes_per_s=network[1]),
            cpu_energy_j=self._energy.read(),
        )

    def _count(self) -> _Counters:
        disk = psutil.disk_io_counters(perdisk=True, nowrap=False).get(self._device) if self._device else None
        network = psutil.net_io_counters(pernic=True, nowrap=False)
        links = [link for name, link in network.items() if name != LOOPBACK]
        return _Counters(
            tick_s=time.monotonic(),
            cores=tuple(_split_times(core) for core in psutil.cpu_times(percpu=True)),
            disk=(disk.read_bytes, disk.write_bytes) if disk is not None else None,
            network=(sum(link.bytes_recv for link in links), sum(link.bytes_sent for link in links)),
        )


class CpuEnergy:
    """Adds up what the processor packages have used, where the kernel lets this user read it (RAPL)."""

    def __init__(self, root: Path = Path("/")) -> None:
        zones = sorted((root / "sys/class/powercap").glob("intel-rapl:*"))
        packages = [zone for zone in zones if _read_text(zone / "name").startswith("package")]
        self._zones = [(zone / "energy_uj", _read_number(zone / "max_energy_range_uj")) for zone in packages]
        self._last: list[int | None] = [None] * len(self._zones)
        self._total_uj = 0

    def read(self) -> float | None:
        """Return the joules since the first call, or None where any package cannot be read.

        The counters of the kernel begin anew after some minutes to hours; read more often than that.
        """
        values = [_read_number(path) for path, _ in self._zones]
        if not values or any(value is None for value in values):
            return None
        for place, (_, limit_uj) in enumerate(self._zones):
            now, before = values[place] or 0, self._last[place]
            if before is not None:
                self._total_uj += now - before if now >= before else now + (limit_uj or 0) - before
            self._last[place] = now
        return self._total_uj / 1e6


class Family:
    """A process and all below it: the processor time they have used, and the memory they hold.

    Where the kernel does not list a process's children, all processes are looked through for new ones,
    which is done the less often the more there are.
    """

    def __init__(self, pid: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._pid = pid
        self._clock = clock
        self._pids: tuple[int, ...] = (pid,)
        self._next_walk_s = 0.0

    @property
    def pids(self) -> tuple[int, ...]:
        """Those found at the last reading."""
        return self._pids

    def read(self) -> tuple[float, int]:
        """Return seconds of processor time so far, of ended children too, and resident bytes now."""
        if self._clock() >= self._next_walk_s:
            begun_s = time.thread_time()
            self._pids = find_below(self._pid)
            cost_s = time.thread_time() - begun_s
            self._next_walk_s = self._clock() + max(MIN_WALK_S, cost_s / WALK_SHARE)
        found = [read_process(pid) for pid in self._pids]
        return sum(cpu_s for cpu_s, _ in found), sum(memory for _, memory in found)


def find_below(pid: int) -> tuple[int, ...]:
    """Return a process and all that descend from it."""
    found = [pid]
    for one in found:  # which grows meanwhile
        children = _list_children(one)
        if children is None:
            return _walk_below(pid)
        found.extend(children)
    return tuple(found)


def read_process(pid: int) -> tuple[float, int]:
    """Return processor seconds, of ended children too, and resident bytes; zeros where it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return 0.0, 0
    return sum(map(int, fields[11:15])) * _TICK_S, int(fields[21]) * _PAGE_BYTES


def _list_children(pid: int) -> list[int] | None:
    """Return the children of a process, or None where the kernel does not list them."""
    found: list[int] = []
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return []
    for task in tasks:
        try:
            found += map(int, (task / "children").read_bytes().split())
        except FileNotFoundError:
            if task.exists():
                return None
        except OSError:
            continue
    return found


def _walk_below(pid: int) -> tuple[int, ...]:
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_bytes().rpartition(b")")[2].split()
            except OSError:
                continue  # it has just ended
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [pid]
    for one in found:
        found.extend(parents.get(one, ()))
    return tuple(found)


def _find_device(folder: Path) -> str:
    """Return the kernel's name of the block device below a folder; "" for what has none, as a network's."""
    number = folder.stat().st_dev
    link = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}")
    return link.resolve().name if link.exists() else ""


def _split_times(core: tuple[float, ...]) -> tuple[float, float]:
    """Return busy and all seconds of a core; guests are in user's time already."""
    user, nice, system, idle, iowait, irq, softirq, steal = core[:8]
    busy = user + nice + system + irq + softirq + steal
    return busy, busy + idle + iowait


def _find_percents(
    before: Iterable[tuple[float, float]], now: Iterable[tuple[float, float]]
) -> tuple[float, ...]:
    pairs = zip(before, now, strict=False)  # a core may have been taken away
    return tuple(_find_percent(b[0] - a[0], b[1] - a[1]) for a, b in pairs)


def _find_percent(busy_s: float, all_s: float) -> float:
    return min(100.0, max(0.0, 100 * busy_s / all_s)) if all_s > 0 else 0.0


def _find_rates(
    before: tuple[int, int] | None, now: tuple[int, int] | None, elapsed_s: float
) -> tuple[float | None, float | None]:
    """Return both rates; None where nothing is known, or where a counter has begun anew."""
    if before is None or now is None or elapsed_s <= 0:
        return None, None
    first, second = ((b - a) / elapsed_s for a, b in zip(before, now, strict=True))
    return (first if first >= 0 else None), (second if second >= 0 else None)


def _read_text(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace").strip()
    except OSError:
        return ""


def _read_number(path: Path) -> int | None:
    text = _read_text(path)
    return int(text) if text.isdigit() else None


class PeakMemory:
    """The most that this process has held of memory since it was last asked to forget that."""

    def reset(self) -> None:
        """Begin anew; where the kernel does not allow it, what is read is the most since its start."""
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")

    def read(self) -> int | None:
        """Return bytes, or None where the kernel does not tell."""
        text = _read_text(Path("/proc/self/status"))
        found = [line.split()[1] for line in text.splitlines() if line.startswith("VmHWM:")]
        return int(found[0]) * 1024 if found else None


def read_clock(root: Path = Path("/")) -> str:
    """Return in words how fast the processors go, and which governor decides it."""
    governor = _read_text(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").strip()
    lines = _read_text(root / "proc/cpuinfo").splitlines()
    speeds = [float(line.partition(":")[2]) for line in lines if line.startswith("cpu MHz")]
    words = [f"processors at {sum(speeds) / len(speeds):,.0f} MHz"] if speeds else []
    return ", ".join([*words, f"governor {governor}" if governor else "governor not told"])
