"""A process is told from a later one with the same pid, which the kernel is made to give anew."""

from __future__ import annotations

import subprocess
import sys

import pytest

REUSE = """
import os, signal, subprocess, time
from mlwf_tui import processes

def start():
    return subprocess.Popen(["sleep", "600"])

def read_ticks():
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK"))

first = start()
before = processes.identify(first.pid)
first.kill()
first.wait()
ticks = read_ticks()
while read_ticks() <= ticks + 1:
    pass  # a process that starts within the same hundredth of a second could not be told apart
with open("/proc/sys/kernel/ns_last_pid", "w") as file:
    file.write(str(first.pid - 1))
second = start()
now = processes.identify(second.pid)
assert second.pid == first.pid, "the pid was not given anew"
assert now != before and now.start_ticks > before.start_ticks
assert not processes.is_alive(before) and processes.is_gone(before)
assert not processes.send_signal(before, signal.SIGKILL)
processes.kill_session(before)
assert second.poll() is None and processes.is_alive(now)
assert processes.send_signal(now, signal.SIGKILL)
second.wait()
print("told apart")
"""


def test_a_pid_that_is_given_anew_is_neither_alive_nor_signalled() -> None:
    namespace = ["unshare", "--map-root-user", "--pid", "--fork", "--mount-proc"]
    try:
        done = subprocess.run(
            [*namespace, sys.executable, "-c", REUSE], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        pytest.skip("there is no unshare here")
    if "unshare:" in done.stderr or "ns_last_pid" in done.stderr:
        pytest.skip("this system gives a user no pids of their own (unshare --map-root-user --pid)")
    assert done.stdout == "told apart\n", done.stderr
