"""Runs real commands under a plan of faults, and lists the faults that a command's steps allow.

`hook/sitecustomize.py` breaks the command from inside; what it may leave is said in `shapes.py`.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import mlwf_tui
from mlwf_tui.cli.main import main

HOOK = Path(__file__).parent / "hook"
ROOT = Path(mlwf_tui.__file__).parents[1]
LINE_BYTES = 512
FORMER_BOOT = "00000000-0000-0000-0000-000000000000"
KILLED = -signal.SIGKILL
LIMIT_S = 60.0
MAX_ERROR_CHARACTERS = 600
NEEDS_SPACE = frozenset({"create", "write", "mkdir", "link", "sql-begin", "sql-write", "sql-commit"})


@dataclass(frozen=True, slots=True)
class Step:
    """One durable step of a command, as the hook saw it; numbers begin with 1."""

    number: int
    kind: str
    path: Path
    source: Path | None = None  # of a rename
    inode: int = 0
    size_bytes: int = 0  # of what was synced
    kept: Path | None = None  # the file that was replaced or removed


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong at which step; see `Steps.take` in the hook for the modes."""

    mode: str
    at: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended, and the steps that it took."""

    code: int
    out: str
    err: str
    steps: tuple[Step, ...] = ()

    @property
    def document(self) -> dict[str, Any]:
        read = json.loads(self.out)
        assert isinstance(read, dict)
        return read


def make_environment(**plan: Any) -> dict[str, str]:
    """Return the environment of a process that is to follow a plan."""
    found = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([str(HOOK), *([found] if found else [])])
    return {**os.environ, "PYTHONPATH": path, "MLWF_FAULT_PLAN": json.dumps(plan), "OMP_NUM_THREADS": "1"}


def start(
    home: Path, *words: str, environment: Mapping[str, str] | None = None, under: Sequence[str] = ()
) -> subprocess.Popen[str]:
    """Start the real command in a process group of its own, `under` another one where that is given."""
    return subprocess.Popen(
        [*under, sys.executable, "-m", "mlwf_tui", "--home", str(home), *words, "--json"],
        cwd=ROOT,
        env=environment,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str]) -> Outcome:
    """Wait for a command and return how it ended; what hangs is killed and said."""
    try:
        out, err = process.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        raise AssertionError(f"the command hangs: {process.args!r}\n{out}\n{err}") from None
    return Outcome(process.returncode, out, err)


def run_with_fault(
    place: Path, words: Sequence[str], fault: Fault | None, *, is_before_power_cut: bool = False
) -> Outcome:
    """Run a command on the home in `place`; all that it does below `place` is counted.

    What runs before a power cut runs in another boot of the machine than what looks at it.
    """
    boot_id = FORMER_BOOT if is_before_power_cut else ""
    ended = finish(start_with_fault(place, words, fault, boot_id))
    return Outcome(ended.code, ended.out, ended.err, read_steps(_get_trace(place)))


def start_with_fault(
    place: Path, words: Sequence[str], fault: Fault | None, boot_id: str = ""
) -> subprocess.Popen[str]:
    """Start a command on the home in `place`."""
    trace = _get_trace(place)
    trace.unlink(missing_ok=True)
    kept = place.with_name(f"{place.name}.kept")
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir()
    plan: dict[str, Any] = {"roots": [str(place)], "trace": str(trace), "kept": str(kept), "boot_id": boot_id}
    if fault is not None:
        plan |= {"mode": fault.mode, "at": fault.at}
    return start(place / "home", *words, environment=make_environment(**plan))


def wait_until_paused(process: subprocess.Popen[str]) -> bool:
    """Wait until a command has stopped itself; False where it has ended instead."""
    ended = os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    return ended is not None and ended.si_code == os.CLD_STOPPED


def _get_trace(place: Path) -> Path:
    return place.with_name(f"{place.name}.trace")


def run_script(script: str, place: Path, *words: str, fault: Fault | None) -> int:
    """Run a script of Python on the home in `place` under a fault, and return its exit code.

    It gets the home and the words as arguments; its steps are traced into PLACE.trace.
    """
    plan: dict[str, Any] = {"roots": [str(place)], "trace": f"{place}.trace", "kept": "", "boot_id": ""}
    plan |= {} if fault is None else {"mode": fault.mode, "at": fault.at}
    environment = {**make_environment(**plan), "PYTHONPATH": os.pathsep.join([str(HOOK), str(ROOT)])}
    done = subprocess.run(
        [sys.executable, "-c", script, str(place / "home"), *words],
        env=environment, check=False, capture_output=True, timeout=120, start_new_session=True,
    )  # fmt: skip
    return done.returncode


def read_steps(trace: Path) -> tuple[Step, ...]:
    """Return the steps in the order in which they were begun."""
    if not trace.exists():
        return ()
    lines = [json.loads(line) for line in trace.read_bytes().splitlines()]
    return tuple(
        Step(
            number,
            line["kind"],
            Path(line["path"]),
            Path(line["source"]) if line.get("source") else None,
            line.get("inode", 0),
            line.get("size", 0),
            Path(line["kept"]) if line.get("kept") else None,
        )
        for number, line in enumerate(lines, start=1)
    )


def call(home: Path, *words: str) -> Outcome:
    """Run a command in this process: the same code as the real one, without its 300 ms of start."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(["--home", str(home), *words, "--json"])
    return Outcome(code, out.getvalue(), err.getvalue())


def call_well(home: Path, *words: str) -> dict[str, Any]:
    """Run a command in this process, which must end well; return its document."""
    ended = call(home, *words)
    assert ended.code == 0, (words, ended)
    return ended.document


def choose(steps: Sequence[Step], count: int, seed: int) -> list[Fault]:
    """Draw kills spread over all kinds of steps; every third write is torn in the middle."""
    draw = random.Random(seed)
    by_kind: dict[str, list[Step]] = defaultdict(list)
    for step in steps:
        by_kind[f"{step.kind} {step.path.suffix}"].append(step)
    groups = list(by_kind.values())
    for group in groups:
        draw.shuffle(group)
    draw.shuffle(groups)
    chosen: list[Step] = []
    while any(groups) and len(chosen) < count:
        chosen += [group.pop() for group in groups if group]
    return [make_kill(step, is_torn=index % 3 == 0) for index, step in enumerate(chosen[:count])]


def list_kills(steps: Sequence[Step]) -> list[Fault]:
    """Return a kill before every step and after the last, and in the middle of every write."""
    torn = [make_kill(step, is_torn=True) for step in steps if step.kind == "write"]
    return [*(Fault("kill", step.number) for step in steps), *torn, Fault("kill-after", steps[-1].number)]


def list_refusals(steps: Sequence[Step]) -> list[Fault]:
    """Return a disk full from every step on, or for it alone; writes that take a half; failing syncs."""
    hungry = [step.number for step in steps if step.kind in NEEDS_SPACE]
    syncs = [step.number for step in steps if step.kind in ("sync", "sync-all")]
    full = [Fault(mode, number) for number in hungry for mode in ("full", "full-once")]
    short = [Fault("short", step.number) for step in steps if step.kind == "write"]
    return [*full, *short, *(Fault("eio", number) for number in syncs)]


def list_pauses(steps: Sequence[Step]) -> list[Fault]:
    """Return a pause before every step outside of transactions, which nobody else could wait for."""
    pauses = []
    open_paths: set[Path] = set()
    for step in steps:
        if not open_paths:
            pauses.append(Fault("pause", step.number))
        if step.kind == "sql-begin":
            open_paths.add(step.path)
        elif step.kind == "sql-commit":
            open_paths.discard(step.path)
    return pauses


def make_kill(step: Step, *, is_torn: bool) -> Fault:
    """Return the kill before a step, or in the middle of it where that is possible and wanted."""
    return Fault("torn" if is_torn and step.kind == "write" else "kill", step.number)


def renew(place: Path, template: Path) -> None:
    """Put a copy of the template at `place`, in place of what is there."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(template, place, symlinks=True)


def describe(steps: Sequence[Step], wrong: Iterable[tuple[Fault, Exception]]) -> str:
    """Return each error once, with the points that it came from."""
    points: dict[str, list[str]] = defaultdict(list)
    for fault, error in wrong:
        step = next((step for step in steps if step.number == fault.at), None)
        where = f"{step.kind} {step.path.name[:20]}" if step else "after the end"
        text = f"{type(error).__name__}: {error}"[:MAX_ERROR_CHARACTERS]
        points[text].append(f"{fault.mode} at {fault.at} ({where})")
    return "\n".join(f"{text}\n  by {'; '.join(found)}" for text, found in points.items())
