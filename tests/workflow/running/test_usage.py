"""What a run's readings come to: means and percentiles by time, energy, and nothing that is not known."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlwf_tui.entities.usage import GpuReading, Reading, Usage, list_words
from mlwf_tui.workflow.running.usage import FILE_NAME, UsageMeter, UsageReader


def make(tick_s: float, **values: object) -> Reading:
    gpu = values.pop("gpu", None)
    gpus = (GpuReading(index=0, name="Fake", **gpu),) if isinstance(gpu, dict) else ()
    return msgspec.structs.replace(Reading(at=1e9 + tick_s, tick_s=tick_s, gpus=gpus), **values)


def add_up(*readings: Reading) -> Usage:
    meter = UsageMeter()
    for reading in readings:
        meter.add(reading)
    usage = meter.sum_up()
    assert usage is not None
    return usage


def test_figures_are_weighted_by_how_long_they_held() -> None:
    usage = add_up(make(0, cpu_percent=100), make(2, cpu_percent=10), make(10, cpu_percent=60))
    assert usage.measured_s == 10
    assert usage.cpu_percent is not None
    assert (usage.cpu_percent.mean, usage.cpu_percent.p95) == (50, 60)


def test_cores_are_told_by_hundredths_of_one() -> None:
    usage = add_up(make(0), make(2, cores=0.226), make(4, cores=0.25), make(6, cores=3.5))
    assert usage.cores is not None
    assert (usage.cores.mean, usage.cores.p95) == (1.325, 3.5)
    quiet = add_up(make(0), make(2, cores=0.226)).cores
    assert quiet is not None and quiet.p95 == 0.23


def test_energy_is_the_difference_of_the_counter_where_there_is_one() -> None:
    usage = add_up(
        make(0, gpu={"energy_j": 1000.0, "power_w": 5.0}), make(2, gpu={"energy_j": 4600.0, "power_w": 5.0})
    )
    assert (usage.gpu_energy_wh, usage.gpus[0].energy_s) == (1.0, 2.0)


def test_energy_is_power_over_time_where_there_is_no_counter() -> None:
    usage = add_up(make(0, gpu={"power_w": 100.0}), make(10, gpu={"power_w": 300.0}))
    assert usage.gpu_energy_wh == pytest.approx(2000 / 3600)


def test_what_was_not_measured_is_none_and_no_zero() -> None:
    usage = add_up(make(0, gpu={}), make(2, gpu={}))
    (gpu,) = usage.gpus
    assert (gpu.utilisation_percent, gpu.memory_peak_bytes, gpu.power_w, gpu.energy_wh) == (None,) * 4
    assert (usage.gpu_energy_wh, usage.cpu_energy_wh, usage.cores, usage.memory_peak_bytes) == (None,) * 4
    assert dict(list_words(usage)) == {"GPU 0": "it tells nothing"}


def test_energy_that_one_of_two_gpus_does_not_tell_is_not_known_for_both() -> None:
    def make_two(tick_s: float) -> Reading:
        first = GpuReading(index=0, energy_j=tick_s * 100)
        return Reading(at=0, tick_s=tick_s, gpus=(first, GpuReading(index=1)))

    usage = add_up(make_two(0), make_two(2))
    assert usage.gpus[0].energy_wh is not None
    assert usage.gpu_energy_wh is None


def test_a_pause_a_reboot_and_a_clock_that_jumps_are_not_counted() -> None:
    readings = [make(tick, cpu_percent=50, cpu_energy_j=tick * 10.0) for tick in (0, 2, 500, 502, 3, 5)]
    readings[1] = msgspec.structs.replace(readings[1], at=0.0)
    usage = add_up(*readings)
    assert (usage.measured_s, usage.cpu_energy_s) == (6, 6)
    assert usage.cpu_energy_wh == pytest.approx(60 / 3600)


def test_a_counter_that_began_anew_gives_no_energy() -> None:
    usage = add_up(make(0, gpu={"energy_j": 9e6}), make(2, gpu={"energy_j": 10.0}))
    assert usage.gpu_energy_wh is None


def test_partly_measured_energy_says_so() -> None:
    usage = add_up(
        make(0, gpu={"power_w": 100.0}), make(10, gpu={"power_w": 100.0}), make(20, gpu={}), make(30, gpu={})
    )
    assert dict(list_words(usage))["GPU energy"] == "0.278 Wh in the 33% of the time that was measured"


def test_idle_time_ends_with_the_first_busy_meter() -> None:
    idle = [make(tick, gpu={"utilisation_percent": 1.0}) for tick in range(0, 30, 10)]
    assert add_up(*idle).gpus[0].idle_s == 20
    assert add_up(*idle, make(30, gpu={"utilisation_percent": 80.0})).gpus[0].idle_s == 0


def test_a_reader_takes_what_is_new_and_leaves_out_what_was_torn(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    reader = UsageReader(path)
    assert reader.read() is None
    whole = [msgspec.json.encode(make(tick, cores=2.0)) + b"\n" for tick in (0, 2, 4)]
    path.write_bytes(whole[0] + b'{"at": 1, "ti\n\n' + whole[1] + whole[2][:9])
    first = reader.read()
    assert first is not None
    assert (first.readings, first.measured_s) == (2, 2)
    with path.open("ab") as file:
        file.write(whole[2][9:])
    second = reader.read()
    assert second is not None
    assert (second.readings, second.measured_s) == (3, 4)
    assert second == UsageReader(path).read()


@given(st.lists(st.tuples(st.floats(0.5, 10), st.floats(0, 100)), min_size=1, max_size=30))
def test_mean_and_percentile_lie_between_the_extremes(steps: list[tuple[float, float]]) -> None:
    readings, tick_s = [make(0.0)], 0.0
    for length_s, percent in steps:
        tick_s += length_s
        readings.append(make(tick_s, cpu_percent=percent))
    found = add_up(*readings).cpu_percent
    assert found is not None
    values = [percent for _, percent in steps]
    assert min(values) - 0.01 <= found.mean <= max(values) + 0.01
    assert min(values) - 1 <= found.p95 <= max(values) + 1
