"""Measures whole commands: seconds, CPU seconds and memory of a process and all below it; and folders."""

from __future__ import annotations

import compileall
import contextlib
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

import mlwf_tui

WATCH = Path(__file__).with_name("watch.py")
TIMEOUT_S = 3600
_SAMPLE_S = 0.05


class CommandFailed(Exception):
    """A command ended badly; the message is the end of what it wrote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a command took. `peak_bytes` is that of its largest process or, where more, of several at once."""

    seconds: float
    cpu_s: float
    peak_bytes: int


def compile_package() -> None:
    """Save the bytecode of this build, as an installed mlwf has it.

    Where PYTHONDONTWRITEBYTECODE is set, each process would compile it anew: 0.1 s of a command, 0.3 s of
    one that has hands.
    """
    compileall.compile_dir(Path(mlwf_tui.__file__).parent, quiet=2)


def run(script: str, *, folder: Path, environment: Mapping[str, str]) -> Cost:
    """Run a piece of shell in a folder and return its cost.

    Raises:
        CommandFailed: it ended with an error, or was not done after TIMEOUT_S.
    """
    with tempfile.TemporaryDirectory() as scratch:
        out, log = Path(scratch, "cost"), Path(scratch, "log")
        command = [sys.executable, "-IS", str(WATCH), str(out), "sh", "-ec", script]
        with (
            log.open("wb") as file,
            subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            ) as process,
            _MemoryWatch(process.pid) as memory,
        ):
            _wait(process, script)
        if process.returncode:
            raise CommandFailed(f"{script}\n{log.read_text(errors='replace')[-2000:]}")
        seconds, cpu_s, peak_bytes = map(float, out.read_text().split())
        return Cost(seconds=seconds, cpu_s=cpu_s, peak_bytes=max(int(peak_bytes), memory.peak_bytes))


def settle(folder: Path) -> None:
    """Wait until what was written to a folder's file system is on its disk, so that nobody pays for it."""
    subprocess.run(["sync", "-f", str(folder)], check=True, timeout=TIMEOUT_S)


def measure_size(*folders: Path) -> tuple[int, int]:
    """Return the bytes that the files below folders take up on disk, and how many there are.

    A file of several names counts once.
    """
    blocks: dict[tuple[int, int], int] = {}
    for folder in folders:
        for parent, _, names in os.walk(folder):
            for name in names:
                status = Path(parent, name).lstat()
                blocks[status.st_dev, status.st_ino] = status.st_blocks
    return sum(blocks.values()) * 512, len(blocks)


def _wait(process: subprocess.Popen[bytes], script: str) -> None:
    try:
        process.wait(TIMEOUT_S)
    except BaseException as error:
        for child in psutil.Process(process.pid).children(recursive=True):
            child.kill()
        process.wait()
        if isinstance(error, subprocess.TimeoutExpired):
            raise CommandFailed(f"{script}\nwas not done after {TIMEOUT_S} s") from error
        raise


class _MemoryWatch:
    """Adds up, in a thread, the memory of the processes below one; pages that two share count twice."""

    def __init__(self, pid: int) -> None:
        self.peak_bytes = 0
        self._root = psutil.Process(pid)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watch-memory")

    def __enter__(self) -> _MemoryWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._is_over.wait(_SAMPLE_S):
            with contextlib.suppress(psutil.NoSuchProcess):
                self.peak_bytes = max(self.peak_bytes, self._read_memory())

    def _read_memory(self) -> int:
        total = 0
        for child in self._root.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                total += child.memory_info().rss
        return total
