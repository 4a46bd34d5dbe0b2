"""Does jobs as processes of this machine, each under a supervisor of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import msgspec

from mlwf_tui import processes
from mlwf_tui.entities.ids import JobId
from mlwf_tui.entities.run import JobExit, ProcessIdentity, Wish
from mlwf_tui.processes import OF_A_JOB
from mlwf_tui.protocols.executors import JobSpec

SUPERVISOR = Path(__file__).with_name("supervisor.py")
WAITER = SUPERVISOR.with_name("waiter.py")
OF_A_LEASE = ("MLWF_GPUS", "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER")


class LocalExecutor:
    """Supervisors in sessions of their own: the end of a terminal reaches neither them nor the job."""

    name = "local"

    def prepare(self, log_path: Path, descriptors: Sequence[int]) -> StartingSupervisor:
        """Start a supervisor that waits for its word.

        Raises:
            OSError: the log cannot be written, or the process cannot be started.
        """
        with log_path.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(SUPERVISOR)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=log,
                cwd=log_path.parent,
                env=_drop_mark(),
                pass_fds=descriptors,
                start_new_session=True,
            )
        assert process.stdin is not None, "asked for a pipe"
        return StartingSupervisor(process.pid, process.stdin, tuple(descriptors))

    def watch(self, command: Sequence[str], lock: int, folder: Path) -> None:
        """Start a waiter.

        Raises:
            OSError: the process cannot be started.
        """
        subprocess.Popen(
            [sys.executable, "-I", "-S", str(WAITER), str(lock), *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env=_drop_mark(),
            pass_fds=(lock,),
            start_new_session=True,
        )

    def notify(
        self, hook: Sequence[str], timeout_s: float, environment: Mapping[str, str], log_path: Path
    ) -> None:
        """Call a person's command for a run whose supervisor did not live to do it; do not wait for it.

        Raises:
            OSError: the process cannot be started.
        """
        told = {
            "hook": hook,
            "hook_timeout_s": timeout_s,
            "environment": environment,
            "folder": str(log_path.parent),
            "log": str(log_path),
        }
        self.prepare(log_path, ()).tell(told)

    def ask(self, process: ProcessIdentity, folder: Path, job: JobId, wish: Wish) -> bool:
        """Write the wish for the supervisor and wake it, also one that somebody has stopped.

        Raises:
            OSError: the wish cannot be written.
        """
        path = folder / f"control-{job}.json"
        part = path.with_name(f".{path.name}.{os.getpid()}")
        asked = msgspec.to_builtins(wish)
        part.write_bytes(msgspec.json.encode({"wish": asked.pop("kind"), **asked}))
        part.replace(path)
        is_there = processes.send_signal(process, signal.SIGUSR1)
        processes.send_signal(process, signal.SIGCONT)
        return is_there

    def is_frozen(self, folder: Path, job: JobId) -> bool:
        """Whether all of the job stands still, and has let its slots go."""
        return (folder / f"frozen-{job}.json").exists()

    def read_exit(self, folder: Path, job: JobId) -> JobExit | None:
        """Return what the supervisor has noted of the job's end."""
        try:
            return msgspec.json.decode((folder / f"exit-{job}.json").read_bytes(), type=JobExit)
        except (FileNotFoundError, msgspec.MsgspecError):
            return None


def _drop_mark() -> dict[str, str]:
    """Return this process's environment without what would make the new one a part of this one's job."""
    dropped = {OF_A_JOB, *(OF_A_LEASE if OF_A_LEASE[0] in os.environ else ())}
    return {name: value for name, value in os.environ.items() if name not in dropped}


class StartingSupervisor:
    """A supervisor that reads its word from the pipe whose other end this is."""

    def __init__(self, pid: int, pipe: IO[bytes], descriptors: tuple[int, ...]) -> None:
        self.pid = pid
        self._pipe = pipe
        self._descriptors = descriptors

    def begin(self, spec: JobSpec) -> None:
        """Give the word.

        Raises:
            OSError: the supervisor is gone.
        """
        self.tell(
            {
                **msgspec.structs.asdict(spec),
                "folder": str(spec.folder),
                "log": str(spec.log),
                "environment": {**spec.environment, OF_A_JOB: spec.job},
                "descriptors": self._descriptors,
            }
        )

    def tell(self, told: Mapping[str, Any]) -> None:
        """Give the word as the supervisor reads it."""
        try:
            self._pipe.write(msgspec.json.encode(told) + b"\n")
        finally:
            self._pipe.close()

    def abandon(self) -> None:
        """Let the supervisor end: it reads the end of its input instead of a word."""
        self._pipe.close()
