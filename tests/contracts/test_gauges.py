"""What every gauge must do: tell what is there, and never fail for what is not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlwf_tui.plugins.gauges.amd import AmdGauge
from mlwf_tui.plugins.gauges.nvidia import NvidiaGauge
from mlwf_tui.protocols.gauges import Gauge
from tests.fakes import sysfs
from tests.fakes.driver import build_driver, write_gpus

GAUGES: tuple[Gauge, ...] = (AmdGauge(), NvidiaGauge())
READ = """
import json
from msgspec import to_builtins
from mlwf_tui.plugins.gauges.nvidia import NvidiaGauge
print(json.dumps([to_builtins(gpu) for gpu in NvidiaGauge().read_gpus()]))
"""


@pytest.mark.parametrize("gauge", GAUGES, ids=lambda gauge: gauge.name)
def test_a_machine_without_its_gpus_has_none(gauge: Gauge) -> None:
    """Where the machine has some, they have places of their own."""
    with gauge.hold():
        found = gauge.read_gpus()
    assert found == gauge.read_gpus()
    assert [gpu.index for gpu in found] == list(range(len(found)))


def read(driver: Path) -> list[dict[str, Any]]:
    """Read in a process whose loader finds the stand-in for the driver's library."""
    environment = {**os.environ, "LD_LIBRARY_PATH": str(driver), "FAKE_NVML": str(driver / "gpus")}
    done = subprocess.run([sys.executable, "-c", READ], capture_output=True, check=True, env=environment)
    found = json.loads(done.stdout)
    assert isinstance(found, list)
    return found


def test_nvidias_gpus_are_told_with_who_uses_them(tmp_path: Path) -> None:
    driver = build_driver(tmp_path)
    write_gpus(driver / "gpus", (80_000, 10, 0, 0), (40_000, 20_000, os.getpid(), 19_000))
    first, second = read(driver)
    assert (first["name"], first["uuid"], first["memory_total_bytes"]) == ("Fake 9000", "GPU-0", 80_000 << 20)
    assert first["processes"] == []
    (process,) = second["processes"]
    assert (process["pid"], process["memory_bytes"]) == (os.getpid(), 19_000 << 20)
    assert process["user"]


def test_what_a_driver_does_not_tell_is_none(tmp_path: Path) -> None:
    driver = build_driver(tmp_path)
    write_gpus(driver / "gpus", (80_000, 10, 0, 0))
    (gpu,) = read(driver)
    assert gpu["power_w"] is None
    assert gpu["power_limit_w"] == 300.0


def test_a_driver_that_is_not_loaded_shows_no_gpu(tmp_path: Path) -> None:
    assert read(build_driver(tmp_path)) == []


def test_nvidias_power_energy_and_use_are_told_where_the_driver_has_them(tmp_path: Path) -> None:
    driver = build_driver(tmp_path)
    write_gpus(driver / "gpus", (80_000, 10, 0, 0, 4, 251_500, 9_000_000))
    (gpu,) = read(driver)
    assert (gpu["utilisation_percent"], gpu["power_w"], gpu["energy_j"]) == (4.0, 251.5, 9000.0)
    assert gpu["fan_percent"] == 40.0


def test_amds_gpus_come_in_the_order_of_the_bus_with_who_uses_them(tmp_path: Path) -> None:
    sysfs.lay_out_card(tmp_path, 0, bus=0x43, busy=7)
    sysfs.lay_out_card(tmp_path, 1, bus=0x03, busy=93)
    sysfs.lay_out_card(tmp_path, 2, bus=0x01, vendor="0x10de")
    sysfs.write(tmp_path, "sys/class/drm/card0-DP-1/status", "connected")
    sysfs.lay_out_process(tmp_path, bus=0x43, pid=os.getpid(), memory_bytes=2 << 30)
    first, second = AmdGauge(tmp_path).read_gpus()
    assert [(gpu.index, gpu.uuid, gpu.utilisation_percent) for gpu in (first, second)] == [
        (0, "id-3", 93.0), (1, "id-67", 7.0),
    ]  # fmt: skip
    assert (first.memory_total_bytes, first.memory_used_bytes) == (24 << 30, 3 << 30)
    assert (first.temperature_c, first.power_w, first.power_limit_w) == (61.0, 211.0, 300.0)
    assert first.fan_percent == 20.0
    assert first.processes == ()
    (process,) = second.processes
    assert (process.pid, process.memory_bytes, process.name) == (os.getpid(), 2 << 30, "python")
    assert process.user


def test_what_an_amd_card_does_not_tell_is_none(tmp_path: Path) -> None:
    device = sysfs.lay_out_card(tmp_path, 0, bus=3)
    for name in ("gpu_busy_percent", "hwmon/hwmon5/power1_average", "hwmon/hwmon5/temp1_input", "uevent"):
        (tmp_path / device / name).unlink()
    sysfs.write(tmp_path, f"{device}/mem_info_vram_used", "no number")
    (gpu,) = AmdGauge(tmp_path).read_gpus()
    assert (gpu.utilisation_percent, gpu.power_w, gpu.temperature_c, gpu.memory_used_bytes) == (None,) * 4
    assert gpu.name == "AMD GPU 0x744c"
