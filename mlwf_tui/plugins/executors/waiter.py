"""The waiter of a home: calls the dispatcher now and again until nothing waits in the queue.

A script of the standard library alone, run as `python -I -S waiter.py LOCK COMMAND…`. LOCK is a descriptor
whose lock says that this home has a waiter; it was taken by whoever started this one.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time

FIRST_S, LONGEST_S = 2.0, 30.0  # between two looks; a look takes 0.2 s of one core
TIMEOUT_S = 120.0


def main(lock: int, command: list[str]) -> int:
    """Look again and again; the lock is let go of before the last look, so that no run is forgotten."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    pause_s = FIRST_S
    while True:
        time.sleep(pause_s)
        started, waiting, due_s = look(command)
        if not waiting:
            fcntl.flock(lock, fcntl.LOCK_UN)
            started, waiting, due_s = look(command)
            if not waiting or not try_lock(lock):
                return 0
        pause_s = FIRST_S if started else min(LONGEST_S, pause_s * 2)
        if due_s is not None:
            pause_s = min(pause_s, max(0.1, due_s))


def look(command: list[str]) -> tuple[int, int, float | None]:
    """Call the dispatcher; where it fails, as on a full disk, take it that something still waits."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S, check=True
        )
        told = json.loads(done.stdout)
        return told["started"], told["waiting"], told["due_s"]
    except (OSError, subprocess.SubprocessError, ValueError):
        return 0, 1, None


def try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


if __name__ == "__main__":
    os.chdir("/")
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
