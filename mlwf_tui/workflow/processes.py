"""Tells one process from a later one with the same pid, and signals only the one meant (Linux)."""

from __future__ import annotations

import os
import signal
from functools import cache
from pathlib import Path

from mlwf_tui.entities.run import ProcessIdentity


def identify(pid: int) -> ProcessIdentity | None:
    """Return the identity of a living process, or None; a zombie counts as dead."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # after the command name, which may hold anything
    state, start_ticks = fields[0], int(fields[19])
    return None if state in "ZX" else ProcessIdentity(_read_boot_id(), pid, start_ticks)


def identify_self() -> ProcessIdentity:
    """Return the identity of this process."""
    identity = identify(os.getpid())
    assert identity is not None, "a running process has an entry in /proc"
    return identity


def is_alive(process: ProcessIdentity) -> bool:
    """Whether that very process still runs: same boot, same pid, same start."""
    return identify(process.pid) == process


def send_signal(process: ProcessIdentity, signal_number: signal.Signals) -> bool:
    """Signal that very process; False where it is gone. A reused pid is never signalled."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return False
    try:
        if not is_alive(process):  # checked after the descriptor pins the process
            return False
        signal.pidfd_send_signal(descriptor, signal_number)
        return True
    except ProcessLookupError:
        return False
    finally:
        os.close(descriptor)


def kill_group(process: ProcessIdentity) -> None:
    """Kill the process and all of its group; a worker leads its own session, so the group is its own."""
    if is_alive(process) and os.getpgid(process.pid) == process.pid:
        os.killpg(process.pid, signal.SIGKILL)


@cache
def _read_boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
