"""What every gauge must do: tell what is there, and never fail for what is not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlwf_tui.plugins.gauges.nvidia import NvidiaGauge
from mlwf_tui.protocols import Gauge
from tests.fakes.driver import build_driver, write_gpus

GAUGES: tuple[Gauge, ...] = (NvidiaGauge(),)
READ = """
import json
from msgspec import to_builtins
from mlwf_tui.plugins.gauges.nvidia import NvidiaGauge
print(json.dumps([to_builtins(gpu) for gpu in NvidiaGauge().read_gpus()]))
"""


@pytest.mark.parametrize("gauge", GAUGES, ids=lambda gauge: gauge.name)
def test_a_machine_without_its_gpus_has_none(gauge: Gauge) -> None:
    """Where the machine has some, they have places of their own."""
    found = gauge.read_gpus()
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
