"""The sign of life of a program that is tracked: a file whose time says when it was last heard of.

Of a process of this machine the kernel knows whether it lives, however slow it is. The heartbeat decides
where it cannot be asked: a home that several machines share, a container, a shell script without a process.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from mlwf_tui import processes
from mlwf_tui.entities.run import Job, Run

FILE_NAME = "heartbeat"
EVERY_S = 10.0
MISSED = 6  # so many beats that did not come, and a program that cannot be asked counts as dead


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """When a program was last heard of, and how long it may be silent."""

    at: datetime
    patience_s: float

    def is_late(self, now: datetime) -> bool:
        """Whether it has been silent for longer than was agreed."""
        return (now - self.at).total_seconds() > self.patience_s


def begin_heartbeat(folder: Path, *, patience_s: float) -> None:
    """Write the first beat of the run whose folder this is."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE_NAME).write_text(json.dumps({"patience_s": patience_s}), "utf-8")


def beat(folder: Path) -> None:
    """Say that the run goes on; one system call, and no row is written."""
    os.utime(folder / FILE_NAME)


def read_heartbeat(folder: Path) -> Heartbeat | None:
    """Return the last sign of life, or None where none was ever promised."""
    try:
        path = folder / FILE_NAME
        at = path.stat().st_mtime
        patience_s = float(json.loads(path.read_text("utf-8"))["patience_s"])
    except (OSError, ValueError, KeyError, TypeError):  # there is none, or it was torn by a full disk
        return None
    return Heartbeat(at=datetime.fromtimestamp(at, UTC), patience_s=patience_s)


def tell_death(folder: Path, job: Job | None) -> str:
    """Return by what a run is known to have lost its program, as a sentence."""
    heartbeat = read_heartbeat(folder)
    if heartbeat is None or (job is not None and processes.can_see(job.process)):
        return "The process ended without a word."
    return f"Nothing was heard of it for {heartbeat.patience_s:g} s."


def is_dead(folder: Path, run: Run, job: Job | None, *, start_grace: timedelta) -> bool:
    """Whether a run that some program does itself has lost that program.

    A slow or frozen process is not dead. One that cannot be seen from here is once it has been silent for
    longer than its heartbeat allows.
    """
    now = datetime.now(UTC)
    heartbeat = read_heartbeat(folder)
    if job is not None and (heartbeat is None or processes.can_see(job.process)):
        return processes.is_gone(job.process)
    if heartbeat is not None:
        return heartbeat.is_late(now)
    return now - run.created_at >= start_grace
