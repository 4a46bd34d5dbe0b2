"""Processes that work on a home in the background: a benchmark that removes it waits for them first."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

PATIENCE_S = 60.0
POLL_S = 0.1


def list_processes() -> Iterator[tuple[int, Sequence[str]]]:
    """Yield the number and the words of every process."""
    for process in psutil.process_iter(["cmdline"]):
        yield process.pid, process.info["cmdline"] or ()


def wait_until_left(home: Path) -> None:
    """Wait until no process names this home: what settles a job writes there when the run is over already.

    Raises TimeoutError where one stays.
    """
    deadline = time.monotonic() + PATIENCE_S
    while any(str(home) in words for _, words in list_processes()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"a process still works on {home}")
        time.sleep(POLL_S)
