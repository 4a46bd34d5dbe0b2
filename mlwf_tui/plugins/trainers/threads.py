"""How many threads torch takes, and how they wait: to be said before torch is imported."""

from __future__ import annotations

import os


def settle_threads() -> None:
    """Let torch take the cores there are, and its threads sleep while they wait.

    Threads that spin instead take 15 times as long where cores are shared. Read at torch's first import.
    """
    os.environ.setdefault("OMP_NUM_THREADS", str(count_threads()))
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def count_threads() -> int:
    """Return how many cores this process may use, or what OMP_NUM_THREADS says."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return int(asked) if asked.isdecimal() and int(asked) > 0 else len(os.sched_getaffinity(0))
