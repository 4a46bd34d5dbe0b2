"""Marks on the machine: what is told, when it is not, and what to do about it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from mlwf_tui.entities.ids import RunId
from mlwf_tui.entities.machine import Disk, Host, Machine
from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.entities.usage import GpuUsage, Usage
from mlwf_tui.workflow.running.machine_marks import find_time_to_full, mark_machine, mark_run

GIB = 1 << 30


def make_run(state: RunState = RunState.RUNNING) -> Run:
    return Run(
        id=RunId("abc"),
        verb="train",
        params={},
        state=state,
        seed=0,
        author="ada",
        created_at=datetime.now(UTC),
    )


def make_usage(*idle_s: float) -> Usage:
    gpus = tuple(GpuUsage(index=n, name="Fake", idle_s=s) for n, s in enumerate(idle_s))
    return Usage(readings=9, measured_s=900, gpus=gpus)


def make_machine(at: float = 0.0, *, free_gib: float = 500, used_gib: float = 8) -> Machine:
    disk = Disk(path="/home", total_bytes=1000 * GIB, free_bytes=int(free_gib * GIB))
    host = Host(memory_total_bytes=64 * GIB, memory_used_bytes=int(used_gib * GIB), disk=disk)
    return Machine(at=at, host=host)


def list_kinds(*history: Machine) -> list[str]:
    return [mark.kind for mark in mark_machine(history)]


def test_a_gpu_that_stands_idle_while_a_run_holds_it_is_marked() -> None:
    (mark,) = mark_run(make_run(), make_usage(0, 420))
    assert (mark.kind, mark.message) == (
        "gpu_idle", "GPU 1 has been idle for 7 min while train abc holds it.",
    )  # fmt: skip
    assert "mlwf logs abc" in mark.hint
    (mark,) = mark_run(make_run(), make_usage(600, 420))
    assert mark.message.startswith("GPUs 0, 1 have been idle for 7 min")


@pytest.mark.parametrize("state", [state for state in RunState if state is not RunState.RUNNING])
def test_a_run_that_does_not_run_holds_no_idle_gpu(state: RunState) -> None:
    assert mark_run(make_run(state), make_usage(900)) == ()


def test_a_gpu_idle_for_a_moment_or_never_measured_is_not_marked() -> None:
    assert mark_run(make_run(), make_usage(120)) == ()
    assert mark_run(make_run(), make_usage()) == ()
    assert mark_run(make_run(), None) == ()


def test_a_disk_is_low_then_full_with_what_to_do() -> None:
    assert list_kinds(make_machine(free_gib=12)) == []
    assert list_kinds(make_machine(free_gib=9)) == ["disk_low"]
    (mark,) = mark_machine([make_machine(free_gib=0.5)])
    assert mark.kind == "disk_full"
    assert "0.5 GiB" in mark.message
    assert "mlwf collect" in mark.hint


def test_a_disk_that_fills_within_the_hour_is_marked_before_it_is_low() -> None:
    history = [make_machine(at, free_gib=100 - at / 10) for at in (0.0, 60.0, 120.0)]
    assert find_time_to_full(history) == pytest.approx(880)
    assert list_kinds(*history) == ["disk_filling"]
    assert "in 15 min" in mark_machine(history)[0].message


def test_a_disk_that_fills_slowly_or_was_seen_for_too_short_is_not_marked() -> None:
    assert list_kinds(make_machine(0, free_gib=100), make_machine(30, free_gib=90)) == []
    assert list_kinds(make_machine(0, free_gib=500), make_machine(600, free_gib=499)) == []
    assert list_kinds(make_machine(0, free_gib=100), make_machine(600, free_gib=100)) == []


def test_memory_nearly_full_is_marked() -> None:
    assert list_kinds(make_machine(used_gib=60)) == []
    assert list_kinds(make_machine(used_gib=62)) == ["memory_full"]


def test_nothing_read_marks_nothing() -> None:
    assert mark_machine([]) == ()
    machine = make_machine()
    assert mark_machine([replace(machine, host=replace(machine.host, disk=None))]) == ()
