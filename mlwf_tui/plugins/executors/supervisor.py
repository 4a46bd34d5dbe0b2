"""The supervisor of one job: starts it, waits, stops it with all below it, and notes how it ended.

A script of the standard library alone, run as `python -I -S supervisor.py`, so that it takes 6 MB and
starts in 15 ms. It is told what to do by one line of JSON on its standard input: where that line never
comes, whoever started it has died before it had claimed the run, and nothing is begun.

The descriptors that it inherits hold the locks of the run and its leases. The job inherits them too, so
that the kernel lets go of them when the last of both has ended. CPU slots are let go while the job stands
still. Those that it gets then are sent to it through a socket that nobody reads: a descriptor on its way
keeps its lock as well, for as long as the worker has its end of the socket.

The job writes its log by itself: a pipe through here would kill it when this process is killed.
"""

from __future__ import annotations

import _socket  # socket itself would load a dozen modules more
import ctypes
import fcntl
import json
import os
import resource
import signal
import sys
import time
from typing import Any

HANDLED = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1}
PR_SET_CHILD_SUBREAPER = 36
STRAY_GRACE_S = 2.0  # what a job has left behind gets so long to end
KILL_WAIT_S = 10.0  # a process in the kernel's hands may not die at once
KILL_POLL_S = 0.05
SETTLE_TIMEOUT_S = 300.0
FREE = [os.path.join(os.path.dirname(__file__), name).encode() for name in ("supervisor.py", "waiter.py")]


def main() -> int:
    """Supervise one job; the exit code is 0 unless nothing could be started."""
    signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
    line = sys.stdin.readline()
    if not line.endswith("\n"):
        return 0
    os.close(0)
    os.open(os.devnull, os.O_RDONLY)
    job = Job(json.loads(line))
    os.chdir(job.spec["folder"])
    log = open_log(job.spec["log"])
    if "command" not in job.spec:
        run_hook(job.spec, job.spec, log)  # of a job whose own supervisor was killed
        return 0
    adopt_orphans(True)
    job.start(log)
    job.wait()
    job.end_strays()
    note = job.describe_end()
    write_note(f"exit-{job.spec['job']}.json", note)
    adopt_orphans(False)  # what is started from here on is nobody's stray
    for descriptor in {*job.spec["descriptors"], *job.slots.values()}:
        os.close(descriptor)
    outcome = settle(job.spec["settle"], note, log)
    if outcome.get("is_finished") and job.spec["hook"]:
        run_hook(job.spec, outcome, log)
    return 0


class Job:
    """One worker process, the leader of a group, and what became of it."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.pid = 0
        self.status: int | None = None  # of the worker, as waitpid gives it
        self.wish = ""
        self.is_timed_out = False
        self.is_freezing = False  # the worker was asked to stand still
        self.kill_at: float | None = None  # by the monotonic clock, as all times here
        self.started = self.frozen_at = 0.0
        self.frozen_s = self.ran_s = 0.0
        self.strays = 0
        self.slots: dict[str, int] = dict(spec.get("slots", {}))  # those that it has or has had, by path
        self.sending: _socket.socket | None = None

    def start(self, log: int) -> None:
        environment = {**os.environ, **self.spec["environment"]}
        actions = [(os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
        receiving = self.open_socket() if self.slots else None  # inherited, and closed with the worker
        self.started = time.monotonic()
        command = self.spec["command"]
        self.pid = os.posix_spawn(
            command[0], command, environment, file_actions=actions, setpgroup=0, setsigmask=(),
            setsigdef=HANDLED,
        )  # fmt: skip
        if receiving is not None:
            receiving.close()

    def open_socket(self) -> _socket.socket:
        self.sending, receiving = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_DGRAM)
        self.sending.setblocking(False)
        os.set_inheritable(receiving.fileno(), True)
        return receiving

    def wait(self) -> None:
        """Wait for the worker's end, and do meanwhile what is asked and what time demands."""
        while self.status is None:
            found = signal.sigtimedwait(HANDLED, self.find_patience_s())
            number = found.si_signo if found is not None else 0
            if number in (signal.SIGTERM, signal.SIGINT):
                self.stop("stop", self.spec["grace_s"])
            elif number == signal.SIGUSR1:
                self.obey()
            self.check_time()
            self.reap()
        self.ran_s = time.monotonic() - self.started

    def find_patience_s(self) -> float:
        """Return how long nothing has to be done, at most an hour."""
        ends = [3600.0]
        if self.kill_at is not None:
            ends.append(self.kill_at - time.monotonic())
        elif self.spec["timeout_s"] is not None and not self.frozen_at:
            ends.append(self.spec["timeout_s"] - self.find_worked_s())
        return max(0.0, min(ends))

    def find_worked_s(self) -> float:
        """Return how long the worker has worked, pauses not counted."""
        frozen_s = self.frozen_s + (time.monotonic() - self.frozen_at if self.frozen_at else 0.0)
        return time.monotonic() - self.started - frozen_s

    def check_time(self) -> None:
        if self.kill_at is not None:
            if time.monotonic() >= self.kill_at:
                signal_all(list_below(), signal.SIGKILL)
                self.kill_at = time.monotonic() + KILL_POLL_S
        elif self.spec["timeout_s"] is not None and self.find_worked_s() >= self.spec["timeout_s"]:
            self.is_timed_out = True
            self.stop("timeout", self.spec["grace_s"])

    def obey(self) -> None:
        """Do what the control file asks; it is replaced as a whole before the signal is sent."""
        try:
            with open(f"control-{self.spec['job']}.json", encoding="utf-8") as file:
                asked = json.load(file)
        except (OSError, ValueError) as error:
            tell(f"what was asked cannot be read: {error}")
            return
        if asked["wish"] == "stop":
            self.stop("stop", asked["grace_s"])
        elif asked["wish"] == "pause":
            self.wish = self.wish or "pause"
            send(self.pid, signal.SIGUSR2 if asked["is_urgent"] else signal.SIGUSR1)
        elif asked["wish"] == "freeze":
            self.is_freezing = True
            send(self.pid, signal.SIGTSTP)
        elif asked["wish"] == "continue" and (not self.frozen_at or self.take_slots(asked["slots"])):
            self.thaw()

    def stop(self, wish: str, grace_s: float) -> None:
        """Ask the worker politely, it alone: its own helpers must live for it to end well."""
        self.wish = wish
        self.thaw()
        send(self.pid, signal.SIGTERM)
        end = time.monotonic() + grace_s
        self.kill_at = end if self.kill_at is None else min(self.kill_at, end)

    def freeze(self) -> None:
        """Let all below stand still, now that the worker does.

        It has chosen the moment by itself: in the middle of a transaction it would keep everybody from
        the catalog.
        """
        self.frozen_at = self.frozen_at or time.monotonic()
        signal_all(list_below(), signal.SIGSTOP)
        signal_all(list_below(), signal.SIGSTOP)  # what was forked meanwhile
        for descriptor in self.slots.values():
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # for the worker as well: both have the same open file
        write_note(self.name_frozen_note(), {"since": time.time()})

    def take_slots(self, paths: list[str]) -> bool:
        """Take all of these slots, or none; also for the worker, which is to hold them without us."""
        taken: dict[str, int] = {}
        try:
            for path in paths:
                taken[path] = self.slots.get(path, -1)
                if taken[path] < 0:
                    taken[path] = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
                fcntl.flock(taken[path], fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.hand_over([taken[path] for path in taken if path not in self.slots])
        except OSError as error:
            if not isinstance(error, BlockingIOError):  # another one was faster
                tell(f"a slot cannot be taken: {error}")
            for path, descriptor in taken.items():
                if path in self.slots:
                    fcntl.flock(descriptor, fcntl.LOCK_UN)
                elif descriptor >= 0:
                    os.close(descriptor)
            return False
        self.slots |= taken
        return True

    def hand_over(self, descriptors: list[int]) -> None:
        if descriptors and self.sending is not None:
            packed = b"".join(descriptor.to_bytes(4, sys.byteorder) for descriptor in descriptors)
            self.sending.sendmsg([b"slots"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, packed)])

    def name_frozen_note(self) -> str:
        return f"frozen-{self.spec['job']}.json"

    def thaw(self) -> None:
        """Let all go on, also what somebody else has stopped; the worker last, which needs the others."""
        self.is_freezing = False
        if self.frozen_at and os.path.exists(self.name_frozen_note()):
            os.unlink(self.name_frozen_note())
        signal_all(list_below()[::-1], signal.SIGCONT)
        if self.frozen_at:
            self.frozen_s += time.monotonic() - self.frozen_at
            self.frozen_at = 0.0

    def reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self.pid and os.WIFSTOPPED(status):
                if self.is_freezing:  # else somebody has stopped it, maybe in a transaction, and may wake it
                    self.freeze()
            elif pid == self.pid:
                self.status = status

    def end_strays(self) -> None:
        """End whatever is left below: politely, then not; every orphan has become a child of ours."""
        left = list_below()
        self.strays = len(left)
        signal_all(left, signal.SIGTERM)
        signal_all(left, signal.SIGCONT)
        kill_at = time.monotonic() + (0.0 if self.kill_at is not None else STRAY_GRACE_S)
        give_up_at = kill_at + KILL_WAIT_S
        while left and time.monotonic() < give_up_at:
            signal.sigtimedwait({signal.SIGCHLD}, KILL_POLL_S)
            self.reap()
            left = list_below()
            if time.monotonic() >= kill_at:
                signal_all(left, signal.SIGKILL)

    def describe_end(self) -> dict[str, Any]:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert self.status is not None, "the worker has ended"
        is_killed = os.WIFSIGNALED(self.status)
        return {
            "job": self.spec["job"],
            "exit_code": None if is_killed else os.WEXITSTATUS(self.status),
            "signal": os.WTERMSIG(self.status) if is_killed else None,
            "wish": self.wish,
            "is_timed_out": self.is_timed_out,
            "strays": self.strays,
            "ran_s": round(self.ran_s, 3),
            "user_s": round(used.ru_utime, 3),
            "system_s": round(used.ru_stime, 3),
            "max_rss_bytes": used.ru_maxrss * 1024,
            "ended_at": time.time(),
        }


def open_log(path: str) -> int:
    """Return the log as a descriptor; the job must not fail because its log cannot be opened."""
    try:
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    except OSError as error:
        tell(f"{path} cannot be opened: {error}")
        return os.open(os.devnull, os.O_WRONLY)


def adopt_orphans(is_wanted: bool) -> None:
    """Become the parent of what below loses its own, or cease to."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, int(is_wanted), 0, 0, 0) != 0:
        tell(f"strays of the job cannot be found: {os.strerror(ctypes.get_errno())}")


def list_below() -> list[int]:
    """Return the pids of all that descends from here and lives, zombies left out.

    A job that queues others, as a search or a pipeline does, may have started their supervisors, and a
    waiter: these and all below them are their own masters.
    """
    parents: dict[int, int] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    fields = file.read().rpartition(b")")[2].split()
            except OSError:
                continue  # it has just ended
            if fields[0] not in (b"Z", b"X"):
                parents[int(name)] = int(fields[1])
    found: list[int] = []
    layer = {os.getpid()}
    while layer:
        layer = {pid for pid, parent in parents.items() if parent in layer and not is_free(pid)}
        found.extend(layer)
    return found


def is_free(pid: int) -> bool:
    """Whether a process is a supervisor or a waiter, whoever has started it."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return any(word in FREE for word in file.read().split(b"\0")[:5])
    except OSError:
        return False


def signal_all(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        send(pid, number)


def send(pid: int, number: signal.Signals) -> None:
    """Signal a process below; its pid is not given anew before it is reaped here or by its parent."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass
    except PermissionError as error:
        tell(f"process {pid} cannot be signalled: {error}")


def write_note(path: str, note: dict[str, Any]) -> None:
    """Write a file that is whole or not there, and durable."""
    part = f".{path}.new"
    try:
        with open(part, "w", encoding="utf-8") as file:
            json.dump(note, file)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
        folder = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
        os.fsync(folder)
        os.close(folder)
    except OSError as error:
        tell(f"{path} cannot be written: {error}")  # who settles is told by its arguments as well


def settle(command: list[str], note: dict[str, Any], log: int) -> dict[str, Any]:
    """Let the catalog be told, and the next run be started; return what became of the run."""
    reading, writing = os.pipe()
    actions = [(os.POSIX_SPAWN_DUP2, writing, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
    command = [*command, json.dumps(note)]
    pid = spawn_free(command, dict(os.environ), actions)
    os.close(writing)
    is_over = wait_for(pid, SETTLE_TIMEOUT_S)
    text = os.read(reading, 1 << 16) if is_over else b""
    os.close(reading)
    try:
        outcome: dict[str, Any] = json.loads(text)
        return outcome
    except ValueError:
        tell("what became of the run is not known yet; the next command finds out")
        return {}


def run_hook(spec: dict[str, Any], outcome: dict[str, Any], log: int) -> None:
    """Run the person's own command; it is never handed to a shell."""
    environment = {**os.environ, **{name: str(value) for name, value in outcome["environment"].items()}}
    actions = [(os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
    try:
        pid = spawn_free(spec["hook"], environment, actions)
    except OSError as error:
        tell(f"on_finish cannot be started: {error}")
        return
    if not wait_for(pid, spec["hook_timeout_s"]):
        tell(f"on_finish was ended after {spec['hook_timeout_s']:g} s")


def spawn_free(command: list[str], environment: dict[str, str], actions: list[tuple[int, int, int]]) -> int:
    return os.posix_spawnp(
        command[0], command, environment, file_actions=actions, setpgroup=0, setsigmask=(),
        setsigdef=HANDLED,
    )  # fmt: skip


def wait_for(pid: int, timeout_s: float) -> bool:
    """Wait for a child; kill its group and return False where it takes too long."""
    deadline = time.monotonic() + timeout_s
    is_killed = False
    while os.waitpid(pid, os.WNOHANG)[0] == 0:
        left_s = deadline - time.monotonic()
        if left_s <= 0 and not is_killed:
            os.killpg(pid, signal.SIGKILL)
            is_killed = True
        signal.sigtimedwait({signal.SIGCHLD}, min(1.0, max(KILL_POLL_S, left_s)))
    return not is_killed


def tell(text: str) -> None:
    """Say something to whoever reads the log."""
    try:
        sys.stderr.write(f"supervisor: {text}\n")
        sys.stderr.flush()
    except OSError:
        pass  # the log's disk is full, and there is nobody else to tell


if __name__ == "__main__":
    sys.exit(main())
