"""What it costs to start: commands that do next to nothing, and hands, beside a Python that does nothing.

    python -m benchmarks.startup [ROUNDS]

Every round runs each command once, so that a busy moment of the machine meets all of them. CPU seconds are
the process's own and its children's. The limit is `python -c pass`; what compiled modules save is
saved here too, whatever PYTHONDONTWRITEBYTECODE says, as an installed mlwf has them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import IO

import msgspec

from benchmarks.trees import list_sets, list_yolo_pairs
from mlwf_tui.workflow.importing.reading_hand import ReadingSetup
from mlwf_tui.workflow.messages import receive, send

ROUNDS = 15
_ROOT = Path(__file__).parents[1]
_MLWF = (sys.executable, "-m", "mlwf_tui")


@dataclass(frozen=True, slots=True)
class Start:
    """A command to start, and the messages that it gets where it is a hand."""

    name: str
    command: Sequence[str]
    messages: Sequence[bytes] = ()


@dataclass(slots=True)
class Times:
    """What the rounds took, in seconds."""

    cpu_s: list[float] = field(default_factory=list)
    wall_s: list[float] = field(default_factory=list)


def main(arguments: Sequence[str]) -> int:
    """Measure, and print a table of medians."""
    rounds = int(arguments[0]) if arguments else ROUNDS
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        environment = _make_environment(folder / "home")
        starts = _prepare(folder, environment)
        times = {start.name: Times() for start in starts}
        for count in range(rounds + 1):
            for start in starts:
                cpu_s, wall_s = _measure(start, folder, environment)
                if count:  # the first round compiles what is not compiled yet
                    times[start.name].cpu_s.append(cpu_s)
                    times[start.name].wall_s.append(wall_s)
    _print_table(times)
    return 0


def _make_environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
    return {**kept, "PYTHONPATH": path, "MLWF_HOME": str(home)}


def _prepare(folder: Path, environment: Mapping[str, str]) -> list[Start]:
    """Make a project of a few images and a checkout of it, and return what is measured on them."""
    tree, checkout, home = folder / "tree", folder / "checkout", environment["MLWF_HOME"]
    tree.mkdir()
    list_sets()[0].make(tree)
    stale_s = time.time() - 3600  # an import believes no times that are too young
    for pair in list_yolo_pairs(tree):
        for path in pair:
            os.utime(path, (stale_s, stale_s))
    time.sleep(2.1)
    for words in (["import", str(tree), "p"], ["commit", "p"], ["checkout", "p", str(checkout)]):
        subprocess.run([*_MLWF, *words], cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    libraries = "import click, peewee, msgspec"
    reader, writer = ((sys.executable, "-m", "mlwf_tui.hand", home, role) for role in ("read", "write"))
    return [
        Start("python -c pass", (sys.executable, "-c", "pass")),
        Start(f"python -c '{libraries}'", (sys.executable, "-c", libraries)),
        Start("mlwf --help", (*_MLWF, "--help")),
        Start("mlwf projects", (*_MLWF, "projects", "--json")),
        Start("mlwf import, unchanged", (*_MLWF, "import", str(tree), "p")),
        Start("mlwf status", (*_MLWF, "status", str(checkout))),
        Start("mlwf sync, unchanged", (*_MLWF, "sync", str(checkout))),
        Start("mlwf checkout, unchanged", (*_MLWF, "checkout", "p", str(checkout))),
        Start("mlwf verify", (*_MLWF, "verify")),
        Start("a hand that reads YOLO", reader, _greet_reader("yolo", tree)),
        Start("a hand that reads VOC", reader, _greet_reader("voc", tree)),
        Start("a hand that writes", writer, _greet_writer(folder / "written")),
    ]


def _greet_reader(importer: str, tree: Path) -> tuple[bytes, ...]:
    setup = ReadingSetup(importer, os.fsencode(tree), None)
    no_tasks = msgspec.msgpack.encode([])
    return msgspec.msgpack.encode(setup), no_tasks


def _greet_writer(folder: Path) -> tuple[bytes, ...]:
    folder.mkdir()
    return (msgspec.msgpack.encode([os.fsencode(folder), True]),)


def _measure(start: Start, folder: Path, environment: Mapping[str, str]) -> tuple[float, float]:
    """Return the CPU seconds and the wall seconds of one run."""
    began = time.perf_counter()
    process = subprocess.Popen(
        start.command, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None  # asked for
    assert process.stdout is not None
    with process.stdin as source, process.stdout as sink:
        if start.messages:
            _greet(start, source, sink)
        else:
            sink.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)  # so that it is not waited for again
    if process.returncode:
        raise SystemExit(f"{start.name} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime, wall_s


def _greet(start: Start, source: IO[bytes], sink: IO[bytes]) -> None:
    for message in start.messages:
        send(source, message)
    send(source, b"")
    for _ in (*start.messages, b""):  # who it is, and the farewell; the setup is not answered
        receive(sink)


def _print_table(times: Mapping[str, Times]) -> None:
    limit = median(next(iter(times.values())).cpu_s)
    print(f"{'':44}{'CPU ms':>8}{'ratio':>8}{'wall ms':>9}")
    for name, taken in times.items():
        cpu_s = median(taken.cpu_s)
        print(f"{name:44}{cpu_s * 1e3:8.0f}{cpu_s / limit:8.1f}{median(taken.wall_s) * 1e3:9.0f}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
