"""Reading the host: rates from two readings, energy that wraps, and what a process with all below takes."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import count
from pathlib import Path

from mlwf_tui.host import CpuEnergy, Family, HostReader, find_below
from tests.fakes import sysfs

BURN = "import time; print('begun', flush=True); t = time.process_time\nwhile t() < 0.3: pass\ninput()"
NEST = (
    "import subprocess, sys\n"
    f"command = [sys.executable, '-c', {BURN!r}]\n"
    "child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
    "child.stdout.readline(); print(child.pid, flush=True); input(); child.communicate(b'\\n')"
)


def test_a_second_reading_tells_rates(tmp_path: Path) -> None:
    reader = HostReader(tmp_path)
    first = reader.read()
    assert (first.core_percents, first.network.sent_bytes_per_s) == (None, None)
    second = reader.read()
    assert second.core_percents is not None
    assert len(second.core_percents) == os.cpu_count()
    assert all(0 <= percent <= 100 for percent in second.core_percents)
    assert second.network.sent_bytes_per_s is not None
    assert 0 < second.memory_used_bytes < second.memory_total_bytes
    assert second.disk is not None
    assert 0 <= second.disk.free_bytes <= second.disk.total_bytes


def test_the_energy_of_all_packages_is_added_up_across_the_end_of_a_counter(tmp_path: Path) -> None:
    sysfs.write_energy(tmp_path, "intel-rapl:0", 999_000_000)
    sysfs.write_energy(tmp_path, "intel-rapl:1", 5_000_000, name="package-1")
    sysfs.write_energy(tmp_path, "intel-rapl:2", 0, name="psys")  # which holds the packages once more
    energy = CpuEnergy(tmp_path)
    assert energy.read() == 0.0
    sysfs.write_energy(tmp_path, "intel-rapl:0", 2_000_000)
    sysfs.write_energy(tmp_path, "intel-rapl:1", 9_000_000, name="package-1")
    sysfs.write_energy(tmp_path, "intel-rapl:2", 70_000_000, name="psys")
    assert energy.read() == 3.0 + 4.0


def test_energy_that_cannot_be_read_of_every_package_is_not_known(tmp_path: Path) -> None:
    assert CpuEnergy(tmp_path).read() is None
    sysfs.write_energy(tmp_path, "intel-rapl:0", 1)
    sysfs.write(tmp_path, "sys/class/powercap/intel-rapl:1/name", "package-1")
    assert CpuEnergy(tmp_path).read() is None


def test_a_family_counts_the_grandchild_while_it_lives_and_when_it_has_ended() -> None:
    clock = count(0.0, 1000.0)  # each reading looks anew: the kernel may leave a child out of one list
    with subprocess.Popen(
        [sys.executable, "-c", NEST], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        grandchild = int(child.stdout.readline())
        family = Family(child.pid, clock=lambda: next(clock))
        cpu_s, memory_bytes = family.read()
        assert family.pids == (child.pid, grandchild)
        assert memory_bytes > 8 << 20
        while cpu_s < 0.3:  # the grandchild burns that much
            cpu_s, _ = family.read()
        child.communicate("\n")
    assert cpu_s >= 0.3
    assert family.read() == (0.0, 0)


def test_a_process_alone_has_nobody_below() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert find_below(child.pid) == (child.pid,)
        child.communicate(b"\n")
