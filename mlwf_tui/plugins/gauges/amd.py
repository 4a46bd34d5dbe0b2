"""Reads AMD's GPUs from the files of the kernel's driver (amdgpu); no library of AMD's is needed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from mlwf_tui.entities.machine import Gpu, GpuProcess
from mlwf_tui.plugins.gauges.owners import describe_process

AMD = "0x1002"
CARD = re.compile(r"card\d+")  # and not card0-DP-1, which is a plug
LOCATION = re.compile(r"([0-9a-f]{4,}):([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])")


class AmdGauge:
    """All GPUs that amdgpu drives, in the order of the PCI bus. `root` is where the kernel's files are."""

    name = "amd"

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root

    def hold(self) -> AbstractContextManager[None]:
        """Hold nothing: files are opened as they are read."""
        return nullcontext()

    def read_gpus(self) -> tuple[Gpu, ...]:
        """Return the GPUs; none where there is no driver."""
        cards = [card for card in (self._root / "sys/class/drm").glob("card*") if CARD.fullmatch(card.name)]
        devices = [card / "device" for card in cards if _read_text(card / "device/vendor") == AMD]
        return tuple(
            self._read_gpu(index, device) for index, device in enumerate(sorted(devices, key=_find_location))
        )

    def _read_gpu(self, index: int, device: Path) -> Gpu:
        sensors = next(iter(sorted((device / "hwmon").glob("hwmon*"))), device / "hwmon/none")
        power_uw = _read_number(sensors / "power1_average")
        if power_uw is None:
            power_uw = _read_number(sensors / "power1_input")  # of newer cards and of processors with a GPU
        return Gpu(
            index=index,
            name=_read_text(device / "product_name") or f"AMD GPU {_read_text(device / 'device')}".strip(),
            vendor="amd",
            uuid=_read_text(device / "unique_id"),
            memory_total_bytes=_read_number(device / "mem_info_vram_total"),
            memory_used_bytes=_read_number(device / "mem_info_vram_used"),
            utilisation_percent=_scale(_read_number(device / "gpu_busy_percent"), 1),
            temperature_c=_scale(_read_number(sensors / "temp1_input"), 1e-3),
            fan_percent=_scale(_read_number(sensors / "pwm1"), 100 / 255),
            power_w=_scale(power_uw, 1e-6),
            power_limit_w=_scale(_read_number(sensors / "power1_cap"), 1e-6),
            processes=tuple(self._iter_processes(_find_location(device))),
        )

    def _iter_processes(self, location: tuple[int, int]) -> Iterator[GpuProcess]:
        """Yield who computes on the GPU of this place, as the compute driver (KFD) lists them."""
        kfd = self._root / "sys/class/kfd/kfd"
        number = next((gpu for place, gpu in _iter_nodes(kfd) if place == location), "")
        if not number:
            return
        for folder in sorted((kfd / "proc").glob("[0-9]*")):
            memory = _read_number(folder / f"vram_{number}")
            if folder.name.isdigit() and memory:
                name, user = describe_process(int(folder.name), self._root)
                yield GpuProcess(pid=int(folder.name), memory_bytes=memory, name=name, user=user)


def _iter_nodes(kfd: Path) -> Iterator[tuple[tuple[int, int], str]]:
    """Yield place and number of each GPU of the compute driver; a node without a number is a processor."""
    for node in sorted((kfd / "topology/nodes").glob("*")):
        number = _read_text(node / "gpu_id")
        if number in ("", "0"):
            continue
        words = (line.split() for line in _read_text(node / "properties").splitlines())
        facts = {pair[0]: int(pair[1]) for pair in words if len(pair) == 2 and pair[1].isdigit()}
        yield (facts.get("domain", 0), facts.get("location_id", -1)), number


def _find_location(device: Path) -> tuple[int, int]:
    """Return the PCI domain, and bus, slot and function as one number, as the compute driver has them."""
    found = LOCATION.search(_read_text(device / "uevent"))
    if found is None:
        return 0, -1
    domain, bus, slot, function = (int(part, 16) for part in found.groups())
    return domain, bus << 8 | slot << 3 | function


def _scale(value: int | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _read_text(path: Path) -> str:
    """Return a file's text; "" where it is missing, or where the driver refuses, as of a card asleep."""
    try:
        return path.read_text("utf-8", errors="replace").strip()
    except OSError:
        return ""


def _read_number(path: Path) -> int | None:
    text = _read_text(path)
    return int(text) if text.removeprefix("-").isdigit() else None
