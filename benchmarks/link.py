"""How many bytes and how much CPU time a key press costs over a link, as Textual writes and as we do.

    python -m benchmarks.link

The same keys on the same home, on a real pseudo-terminal of 160 × 45: once with Textual's own output and
animations, once as the app comes. Then, for both, a terminal that stops reading for 8 s while a run goes on,
and the longest time that the app's loop was held meanwhile. Bytes are exact; CPU time is that of all threads.
"""

from __future__ import annotations

import os
import select
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlwf_tui.workflow.runs import list_runs
from mlwf_tui.workspace import open_workspace
from tests.tui.homes import fill_home, write_run_files
from tests.tui.pty_terminal import Terminal

COLUMNS, LINES = 160, 45
QUIET_S, LONGEST_S = 1.5, 12.0
STALL_S = 8.0
PROBED = str(Path("tests/tui/probed_app.py").resolve())
COLORS = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
STOCK = {**COLORS, "MLWF_PLAIN_OUTPUT": "1", "TEXTUAL_ANIMATIONS": "full"}
DOWN, PAGE_DOWN = b"\x1b[B", b"\x1b[6~"
STEPS = (
    ("Tab to the lineage", b"\t"),
    ("lineage: down", DOWN),
    ("lineage: page down", PAGE_DOWN),
    ("Tab to the details", b"\t"),
    ("1, the projects", b"1"),
    ("projects: down", DOWN),
    ("projects: page down", PAGE_DOWN),
    ("J, all runs", b"J"),
    ("runs: down", DOWN),
    ("m, the monitor", b"m"),
    ("zoom", b"z"),
    ("zoom back", b"z"),
    ("help", b"?"),
    ("help away", b"\x1b"),
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What was sent after a key, and the CPU time until the app was quiet again."""

    size_bytes: int
    cpu_ms: float


def measure(home: Path, environment: Mapping[str, str]) -> list[Cost]:
    """Return what the start costs, then what each of STEPS does."""
    with _start(home, environment) as terminal:
        terminal.see("1 running")
        _settle(terminal)
        costs = [Cost(len(terminal.written), _read_cpu_ms(terminal.pid))]
        for _, keys in STEPS:
            sent, cpu_ms = len(terminal.written), _read_cpu_ms(terminal.pid)
            os.write(terminal.fd, keys)
            _settle(terminal)
            costs.append(Cost(len(terminal.written) - sent, _read_cpu_ms(terminal.pid) - cpu_ms))
        return costs


def measure_stall(home: Path, environment: Mapping[str, str], gaps: Path) -> float:
    """Return the longest time in ms that the loop was held by a terminal that does not read for STALL_S."""
    with (
        open_workspace(home) as workspace,
        _start(home, environment, arguments=(PROBED, str(home), str(gaps))) as terminal,
    ):
        terminal.see("1 running")
        os.write(terminal.fd, b"m")
        _settle(terminal)
        run = next(run for run in list_runs(workspace) if not run.state.is_finished)
        began = time.monotonic()
        epochs = 40
        while time.monotonic() < began + STALL_S:
            epochs += 1
            write_run_files(workspace, run, epochs=epochs, total=epochs)
            time.sleep(0.1)
        ended = time.monotonic()
        _settle(terminal)
        moments = [tuple(map(float, line.split())) for line in gaps.read_text().splitlines()]
        return max(gap for at, gap in moments if at > began + 1 and at - gap < ended) * 1000


@contextmanager
def _start(home: Path, environment: Mapping[str, str], arguments: tuple[str, ...] = ()) -> Iterator[Terminal]:
    terminal = Terminal(home, COLUMNS, LINES, environment=environment, arguments=arguments)
    try:
        yield terminal
    finally:
        os.kill(terminal.pid, signal.SIGKILL)
        terminal.wait()
        os.close(terminal.fd)


def _settle(terminal: Terminal) -> None:
    """Read until nothing has come for QUIET_S."""
    deadline = time.monotonic() + LONGEST_S
    while time.monotonic() < deadline and select.select([terminal.fd], [], [], QUIET_S)[0]:
        terminal.written += os.read(terminal.fd, 65536)


def _read_cpu_ms(pid: int) -> float:
    """Return the CPU time of all threads that live."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e6


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="mlwf-link-") as scratch:
        home = Path(scratch, "home")
        with open_workspace(home) as workspace:
            fill_home(workspace, Path(scratch))
        measure(home, COLORS)  # what is read for the first time is read by neither of the two
        stock, ours = measure(home, STOCK), measure(home, COLORS)
        print(f"{'':<22}{'stock':>9}{'ours':>10}{'':>8}{'stock':>9}{'ours':>9}")
        for name, theirs, own in zip(("start", *(name for name, _ in STEPS)), stock, ours, strict=True):
            ratio = own.size_bytes / max(1, theirs.size_bytes)
            print(
                f"{name:<22}{theirs.size_bytes:>7,} B{own.size_bytes:>8,} B{ratio:>7.2f}×"
                f"{theirs.cpu_ms:>6.0f} ms{own.cpu_ms:>6.0f} ms"
            )
        held = [
            measure_stall(home, environment, Path(scratch, f"gaps-{n}"))
            for n, environment in enumerate((STOCK, COLORS))
        ]
        print(f"loop held by a terminal that stalls: stock {held[0]:,.0f} ms, ours {held[1]:,.0f} ms")


if __name__ == "__main__":
    main()
