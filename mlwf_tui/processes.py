"""Tells one process from a later one with the same pid, and signals only the one meant (Linux)."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from functools import cache
from pathlib import Path

from mlwf_tui.entities.run import ProcessIdentity

OF_A_JOB = "MLWF_JOB"  # in the environment of a job and of all below it, and of nobody else


def identify(pid: int) -> ProcessIdentity | None:
    """Return the identity of a living process, or None; a zombie counts as dead."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # after the command name, which may hold anything
    state, start_ticks = fields[0], int(fields[19])
    return None if state in "ZX" else ProcessIdentity(_read_boot_and_namespace(), pid, start_ticks)


def identify_self() -> ProcessIdentity:
    """Return the identity of this process."""
    identity = identify(os.getpid())
    assert identity is not None, "a running process has an entry in /proc"
    return identity


def is_alive(process: ProcessIdentity) -> bool:
    """Whether that very process still runs: same boot, same pid, same start."""
    return identify(process.pid) == process


def is_gone(process: ProcessIdentity) -> bool:
    """Whether that very process has ended for certain: it was of this boot and of our pid namespace."""
    boot_id, _, namespace = process.boot_id.partition(":")
    own_boot_id, _, own_namespace = _read_boot_and_namespace().partition(":")
    if boot_id == own_boot_id and namespace != own_namespace:
        return False  # its pid means something else in there
    return not is_alive(process)


def can_see(process: ProcessIdentity) -> bool:
    """Whether the kernel of this machine can say if that process lives: same boot, same pid namespace."""
    return process.boot_id == _read_boot_and_namespace()


def is_frozen(process: ProcessIdentity) -> bool:
    """Whether that very process has been stopped, by SIGSTOP or a debugger."""
    try:
        stat = Path(f"/proc/{process.pid}/stat").read_text("utf-8", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] in "Tt" and is_alive(process)


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


def kill_session(process: ProcessIdentity) -> None:
    """Kill a session's leader and everybody still in the session, also after the leader's end.

    While anybody is left in a session its id is not given to a new process, so that nobody else is hit.
    """
    if identify(process.pid) not in (None, process):
        return  # the pid was given anew: nobody of the session is left
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _read_session(entry) == process.pid:
            with suppress(ProcessLookupError):
                os.kill(int(entry.name), signal.SIGKILL)


def kill_marked(job_id: str) -> None:
    """Kill every process of ours that was started below a job, wherever it has gone since."""
    mark = f"{OF_A_JOB}={job_id}".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with suppress(OSError):  # it is somebody else's, or has just ended
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                os.kill(int(entry.name), signal.SIGKILL)


def find_job(pid: int) -> str:
    """Return the id of the job that a process was started below; "" for none, or one not to be seen."""
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return ""
    mark = f"{OF_A_JOB}=".encode()
    found = next((variable for variable in variables if variable.startswith(mark)), mark)
    return found.removeprefix(mark).decode("utf-8", errors="replace")


def _read_session(entry: Path) -> int | None:
    try:
        stat = (entry / "stat").read_text("utf-8", errors="replace")
    except OSError:
        return None  # it has just ended
    return int(stat.rpartition(")")[2].split()[3])


@cache
def read_boot_id() -> str:
    """Return what the kernel drew when it started: another one after every boot of the machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()


@cache
def _read_boot_and_namespace() -> str:
    """Return `BOOT_ID:NAMESPACE`: on a home shared by containers a pid alone says nothing."""
    return f"{read_boot_id()}:{Path('/proc/self/ns/pid').stat().st_ino}"
