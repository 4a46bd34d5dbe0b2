"""Marks on the machine: GPUs that stand idle while a run holds them, and a disk or memory nearly full."""

from __future__ import annotations

from collections.abc import Sequence

from mlwf_tui.entities.machine import Machine
from mlwf_tui.entities.mark import Mark, MarkKind
from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.entities.usage import Usage

IDLE_S = 300.0
LOW_BYTES, EMPTY_BYTES = 10 << 30, 1 << 30
SOON_S = 3600.0
MIN_HISTORY_S = 60.0
FULL_MEMORY = 0.95


def mark_run(run: Run, usage: Usage | None) -> tuple[Mark, ...]:
    """Return what is wrong with how a run uses its GPUs; none where that was not measured."""
    if run.state is not RunState.RUNNING or usage is None:
        return ()
    idle = [gpu for gpu in usage.gpus if gpu.idle_s >= IDLE_S]
    if not idle:
        return ()
    names = ", ".join(str(gpu.index) for gpu in idle)
    minutes = min(gpu.idle_s for gpu in idle) / 60
    those = f"GPU {names} has" if len(idle) == 1 else f"GPUs {names} have"
    return (
        Mark(
            MarkKind.GPU_IDLE,
            f"{those} been idle for {minutes:.0f} min while {run.verb} {run.id} holds {_it(idle)}.",
            f"mlwf logs {run.id} tells what it does; one that waits for images is helped by more workers.",
        ),
    )


def mark_machine(history: Sequence[Machine]) -> tuple[Mark, ...]:
    """Return what is wrong with the machine now; `history` is what was read of it, the oldest first."""
    if not history:
        return ()
    return (*_mark_disk(history), *_mark_memory(history[-1]))


def _mark_disk(history: Sequence[Machine]) -> tuple[Mark, ...]:
    disk = history[-1].host.disk
    if disk is None:
        return ()
    free = f"{disk.free_bytes / (1 << 30):.1f} GiB"
    hint = "mlwf collect frees what nothing needs any more; mlwf stats shows what takes the room."
    if disk.free_bytes < EMPTY_BYTES:
        return (Mark(MarkKind.DISK_FULL, f"The disk of the home is full: {free} are left.", hint),)
    if disk.free_bytes < LOW_BYTES:
        return (Mark(MarkKind.DISK_LOW, f"The disk of the home is nearly full: {free} are left.", hint),)
    left_s = find_time_to_full(history)
    if left_s is not None and left_s < SOON_S:
        when = f"in {left_s / 60:.0f} min at the present rate: {free} are left"
        return (Mark(MarkKind.DISK_FILLING, f"The disk of the home will be full {when}.", hint),)
    return ()


def find_time_to_full(history: Sequence[Machine]) -> float | None:
    """Return in how many seconds the disk is full if it goes on so, or None where it does not fill."""
    points = [(machine.at, machine.host.disk.free_bytes) for machine in history if machine.host.disk]
    if len(points) < 2:
        return None
    (first_at, first_free), (last_at, last_free) = points[0], points[-1]
    if last_at - first_at < MIN_HISTORY_S or last_free >= first_free:
        return None
    return last_free * (last_at - first_at) / (first_free - last_free)


def _mark_memory(machine: Machine) -> tuple[Mark, ...]:
    host = machine.host
    if host.memory_used_bytes < FULL_MEMORY * host.memory_total_bytes:
        return ()
    left = (host.memory_total_bytes - host.memory_used_bytes) / (1 << 30)
    return (
        Mark(
            MarkKind.MEMORY_FULL,
            f"The memory is nearly full: {left:.1f} GiB are left.",
            "The kernel kills a large process when none is left: pause a run, or use fewer workers.",
        ),
    )


def _it(found: Sequence[object]) -> str:
    return "it" if len(found) == 1 else "them"
