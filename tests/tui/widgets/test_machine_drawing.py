"""The machine as it is drawn: every width, any number of GPUs and cores, and figures that are not known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlwf_tui.entities.machine import Disk, Gpu, GpuProcess, Host, Machine, Network
from mlwf_tui.entities.mark import Mark, MarkKind
from mlwf_tui.tui.widgets.area import draw_area
from mlwf_tui.tui.widgets.drawing import Line, measure_line
from mlwf_tui.tui.widgets.machine_drawing import draw_machine

GIB = 1 << 30


def make_host(cores: int = 4, **values: int) -> Host:
    return Host(
        core_percents=tuple(100.0 * n / cores for n in range(cores)),
        memory_total_bytes=64 * GIB,
        memory_used_bytes=48 * GIB,
        disk=Disk(path="/data/home", total_bytes=1000 * GIB, free_bytes=250 * GIB, write_bytes_per_s=3e6),
        network=Network(received_bytes_per_s=1e6, sent_bytes_per_s=None),
        **values,
    )


def make_gpu(index: int = 0, *processes: GpuProcess) -> Gpu:
    return Gpu(
        index=index, name="Fake 9000", vendor="nvidia", memory_total_bytes=80 * GIB,
        memory_used_bytes=20 * GIB, utilisation_percent=87.0, temperature_c=61.0, power_w=250.0,
        power_limit_w=300.0, processes=processes,
    )  # fmt: skip


def read(lines: list[Line]) -> str:
    return "\n".join("".join(text for text, _ in line) for line in lines)


@pytest.mark.parametrize("width", [58, 76, 116, 200])
@pytest.mark.parametrize("cores", [0, 1, 2, 16, 32, 33, 256])
@pytest.mark.parametrize("gpus", [0, 1, 8])
def test_no_line_is_wider_than_there_is_room(width: int, cores: int, gpus: int) -> None:
    process = GpuProcess(pid=4_000_000, memory_bytes=GIB, name="python" * 9, user="ada" * 30)
    host = make_host(cores or 1, swap_total_bytes=GIB)
    machine = Machine(at=0, host=host, gpus=tuple(make_gpu(n, process) for n in range(gpus)))
    lines = draw_machine([machine] * 300, (Mark(MarkKind.DISK_LOW, "b" * 300, "c" * 300),), {}, width)
    assert max(map(measure_line, lines)) <= width


def test_without_a_gpu_one_line_says_so() -> None:
    text = read(draw_machine([Machine(at=0, host=make_host())], (), {}, 78))
    assert text.splitlines()[0].strip() == "No GPU is seen: there is neither NVIDIA's driver nor AMD's."
    assert "48.0 of 64.0 GiB" in text
    assert "250 GiB of 1000 GiB free" in text


def test_a_gpu_tells_whose_its_processes_are_ours_first() -> None:
    stranger = GpuProcess(pid=7, memory_bytes=30 * GIB, name="python", user="ada")
    ours = GpuProcess(pid=8, memory_bytes=2 * GIB, name="python", user="bob", run="abc")
    unknown = GpuProcess(pid=9)
    machine = Machine(at=0, host=make_host(), gpus=(make_gpu(0, unknown, stranger, ours),))
    lines = read(draw_machine([machine], (), {"abc": "train yolov10s"}, 116)).splitlines()
    first = next(n for n, line in enumerate(lines) if "●" in line)
    assert "train yolov10s" in lines[first]
    assert "○ ada" in lines[first + 1]
    assert "○ not to be seen" in lines[first + 2]


def test_figures_that_a_driver_does_not_tell_are_not_drawn_as_zero() -> None:
    bare = Gpu(index=0, name="GPU", vendor="amd")
    text = read(draw_machine([Machine(at=0, host=make_host(), gpus=(bare,))], (), {}, 116))
    assert text.count("not told") == 2
    assert "0 %" not in text.splitlines()[1]


def test_a_gpu_that_came_late_has_no_past() -> None:
    before, now = Machine(at=0, host=make_host()), Machine(at=2, host=make_host(), gpus=(make_gpu(),))
    row = read(draw_machine([before, before, now], (), {}, 116)).splitlines()[4]
    assert row.lstrip()[:3] == "█  "


@given(
    st.lists(st.one_of(st.none(), st.floats(-10, 1000), st.just(float("nan"))), max_size=50),
    st.integers(0, 40), st.integers(1, 4), st.floats(0, 500),
)  # fmt: skip
def test_an_area_has_its_size_whatever_the_values(
    values: list[float | None], width: int, height: int, top: float
) -> None:
    rows = draw_area(values, width, height, top, role="series-0")
    assert [measure_line(row) for row in rows] == [width] * height


def test_an_area_rises_by_eighths_and_zero_leaves_a_trace() -> None:
    rows = draw_area([None, 0, 50, 75, 100], 6, 2, 100.0, role="series-0")
    assert read(rows).splitlines() == ["    ▄█", "  ▁███"]
