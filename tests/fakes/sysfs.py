"""Lays the kernel's files out that tell of AMD's GPUs and of the processors' energy, as a driver would."""

from __future__ import annotations

from pathlib import Path


def write(root: Path, path: str, text: object) -> None:
    """Write one file of the kernel's below `root`."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{text}\n", "utf-8")


def lay_out_card(root: Path, card: int, *, bus: int, busy: int = 42, vendor: str = "0x1002") -> str:
    """Write a card on a PCI bus with sensors; return the folder of its device below `root`."""
    device = f"sys/class/drm/card{card}/device"
    files = {
        "vendor": vendor,
        "device": "0x744c",
        "uevent": f"DRIVER=amdgpu\nPCI_SLOT_NAME=0000:{bus:02x}:00.0",
        "unique_id": f"id-{bus}",
        "gpu_busy_percent": busy,
        "mem_info_vram_total": 24 << 30,
        "mem_info_vram_used": 3 << 30,
        "hwmon/hwmon5/temp1_input": 61_000,
        "hwmon/hwmon5/power1_average": 211_000_000,
        "hwmon/hwmon5/power1_cap": 300_000_000,
        "hwmon/hwmon5/pwm1": 51,
    }
    for name, text in files.items():
        write(root, f"{device}/{name}", text)
    return device


def lay_out_process(root: Path, *, bus: int, pid: int, memory_bytes: int) -> None:
    """Write that a process computes on the card of this bus, as the compute driver lists it."""
    kfd, number = "sys/class/kfd/kfd", 1000 + bus
    write(root, f"{kfd}/topology/nodes/0/gpu_id", 0)
    write(root, f"{kfd}/topology/nodes/{bus}/gpu_id", number)
    write(root, f"{kfd}/topology/nodes/{bus}/properties", f"simd_count 8\nlocation_id {bus << 8}\ndomain 0")
    write(root, f"{kfd}/proc/{pid}/vram_{number}", memory_bytes)
    write(root, f"proc/{pid}/comm", "python")


def write_energy(root: Path, zone: str, energy_uj: int, *, name: str = "package-0") -> None:
    """Write the counter of a zone of processors, which goes up to 1,000,000,000 µJ."""
    for file, text in (("name", name), ("energy_uj", energy_uj), ("max_energy_range_uj", 1_000_000_000)):
        write(root, f"sys/class/powercap/{zone}/{file}", text)
