"""How long the app takes to its first paint and to its first answered key: an empty home, and a large one.

    python -m benchmarks.opening [ROUNDS] [FOLDER]

The large home has 1,000 projects and 10,000 runs with 2,000 models, made by the verbs and the catalog's own
functions in FOLDER (kept there for the next time). Every round starts an empty Textual app, the app on the
empty home and on the large one, each on a real pseudo-terminal of 160 × 45, and notes the first paint, the
home's content, and the answer to `!` pressed as soon as that is seen. CPU time is that of all
threads until then; it says more than the clock where others use the machine. The budget is 0.35 s and 45 KB.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from mlwf_tui.errors import MlwfError
from mlwf_tui.workflow.commit import commit
from mlwf_tui.workflow.copy import copy
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.running.recorder import record
from mlwf_tui.workflow.runs import list_runs
from mlwf_tui.workspace import Workspace, open_workspace
from tests.fakes.observers import KeepingObserver
from tests.tui.homes import add_model, write_images

COLUMNS, LINES = 160, 45
ROUNDS = 7
PROJECTS, RUNS, MODELS_EACH = 1_000, 10_000, 2
LIMIT_S = 60.0
EMPTY_APP = (
    "from textual.app import App\nfrom textual.widgets import Static\n"
    "class Empty(App):\n    def compose(self):\n        yield Static('lineage')\n"
    "    def on_key(self):\n        self.mount(Static('answered'))\n"
    "Empty().run()\n"
)


@dataclass(frozen=True, slots=True)
class Moment:
    """When something was on the wire: seconds since the start, CPU seconds and bytes sent until then."""

    wall_s: float
    cpu_s: float
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Start:
    """A command, and what it writes first, with the home's content, and as the answer to a key."""

    name: str
    command: Sequence[str]
    marks: tuple[bytes, bytes, bytes]


def main(arguments: Sequence[str]) -> int:
    """Measure, and print medians; beside each figure its ratio to the empty app."""
    rounds = int(arguments[0]) if arguments else ROUNDS
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(arguments[1]) if len(arguments) > 1 else Path(scratch)
        large = folder / "large"
        if not large.exists():
            fill(large, folder)
        ours = (sys.executable, "-m", "mlwf_tui", "--home")
        starts = (
            Start(
                "an empty Textual app",
                (sys.executable, "-c", EMPTY_APP),
                (b"lineage", b"lineage", b"answered"),
            ),
            Start(
                "mlwf, an empty home",
                (*ours, f"{scratch}/empty"),
                (b"Projects", b"Begin", b"Messages"),
            ),
            Start(
                f"mlwf, {PROJECTS:,} projects, {RUNS:,} runs",
                (*ours, str(large)),
                (b"Projects", b"project-0", b"Messages"),
            ),
        )
        taken: dict[str, list[list[Moment]]] = {start.name: [] for start in starts}
        for count in range(rounds + 1):
            for start in starts:
                moments = measure(start)
                if count:  # the first round compiles what is not compiled yet
                    taken[start.name].append(moments)
    _print_table(taken)
    return 0


def fill(home: Path, folder: Path) -> None:
    """Make the large home: projects that are copies of one, trainings of them, and runs that failed."""
    began = time.perf_counter()
    with open_workspace(home) as workspace:
        source = write_images(folder / "images", {"train/cell-0.jpg": 2})
        import_folder(workspace, source, "source", observer=KeepingObserver())
        commit(workspace, "source", message="the first plate")
        for number in range(PROJECTS - 1):
            name = f"project-{number:04d}"
            with workspace.catalog.transaction():  # one wait for the disk instead of ten
                copy(workspace, "source@1", name)
                for place in range(MODELS_EACH):
                    add_model(workspace, f"{name}@1", f"{name}-{place}")
                for _ in range(RUNS // PROJECTS - 1 - MODELS_EACH):
                    _fail_once(workspace, f"{name}@1")
        made = len(list_runs(workspace))
    print(
        f"made {PROJECTS:,} projects and {made:,} runs in {time.perf_counter() - began:.0f} s",
        file=sys.stderr,
    )


def _fail_once(workspace: Workspace, ref: str) -> None:
    try:
        with record(
            workspace, "train", params={"data": ref, "model": "yolov10n", "epochs": 20}, seed=0
        ) as run:
            run.read_version(ref)
            raise MlwfError("There was no room on the GPU.", hint="Take a smaller batch.")
    except MlwfError:
        return  # as it was meant


def measure(start: Start) -> list[Moment]:
    """Start a command on a pseudo-terminal, press a key once its content is seen, and note the moments."""
    began = time.perf_counter()
    pid, descriptor = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        os.execve(start.command[0], list(start.command), _make_environment())
    try:
        return _watch(descriptor, pid, began, start.marks)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(descriptor)


def _watch(descriptor: int, pid: int, began: float, marks: Sequence[bytes]) -> list[Moment]:
    received = b""
    moments: list[Moment] = []
    while len(moments) < len(marks):
        if time.perf_counter() - began > LIMIT_S:
            raise SystemExit(f"{marks[len(moments)]!r} was never written; the last were {received[-300:]!r}")
        if select.select([descriptor], [], [], 0.05)[0]:
            received += os.read(descriptor, 1 << 16)
        while len(moments) < len(marks) and marks[len(moments)] in received:
            moments.append(Moment(time.perf_counter() - began, _read_cpu_s(pid), len(received)))
            if len(moments) == len(marks) - 1:
                os.write(descriptor, b"!")
    return moments


def _read_cpu_s(pid: int) -> float:
    """Return the CPU seconds of all threads of a process."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(path.read_text().split()[0]) for path in threads) / 1e9


def _make_environment() -> Mapping[str, str]:
    """Return this environment with a terminal of all colours, and modules compiled as an installed mlwf's."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "TERM": "xterm-256color", "COLORTERM": "truecolor"}


def _print_table(taken: Mapping[str, Sequence[Sequence[Moment]]]) -> None:
    titles = ("first paint", "content", "a key answered")
    print(f"{'':38}" + "".join(f"{title:>34}" for title in titles))
    print(f"{'':38}" + f"{'wall s':>10}{'CPU s':>8}{'ratio':>8}{'KB':>8}" * len(titles))
    limits = next(iter(taken.values()))
    for name, rounds in taken.items():
        line = f"{name:38}"
        for place in range(len(titles)):
            moments = [moments[place] for moments in rounds]
            limit = [moments[place].cpu_s for moments in limits]
            ratio = median(moment.cpu_s / least for moment, least in zip(moments, limit, strict=True))
            wall_s, cpu_s = (median(getattr(m, what) for m in moments) for what in ("wall_s", "cpu_s"))
            size = median(moment.size_bytes for moment in moments) / 1e3
            line += f"{wall_s:>10.3f}{cpu_s:>8.3f}{ratio:>8.2f}{size:>8.1f}"
        print(line)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
