"""How long until the app's first paint, and how many bytes it sends, next to an empty Textual app.

    python -m benchmarks.first_paint [HOME]

Both run on a real pseudo-terminal of 160 × 45; the limit is the empty app, the budget 0.35 s and 45 KB.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Sequence
from dataclasses import dataclass

COLUMNS, LINES = 160, 45
ROUNDS = 5
SETTLE_S = 1.0
EMPTY_APP = (
    "from textual.app import App\nfrom textual.widgets import Static\n"
    "class Empty(App):\n    def compose(self):\n        yield Static('lineage')\n"
    "Empty().run()\n"
)


@dataclass(frozen=True, slots=True)
class Paint:
    """One start: seconds until the sentinel was on the wire, and bytes sent until a second later."""

    seconds: float
    size_bytes: int


def measure(command: Sequence[str], sentinel: bytes) -> Paint:
    """Start `command` on a pseudo-terminal and wait until it has painted `sentinel`."""
    started = time.perf_counter()
    pid, descriptor = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
        os.execvp(command[0], list(command))
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    try:
        return _read_until_settled(descriptor, sentinel, started)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(descriptor)


def _read_until_settled(descriptor: int, sentinel: bytes, started: float) -> Paint:
    received = b""
    painted = 0.0
    deadline = started + 20
    while time.perf_counter() < deadline:
        if select.select([descriptor], [], [], 0.05)[0]:
            received += os.read(descriptor, 1 << 16)
        if not painted and sentinel in received:
            painted = time.perf_counter() - started
            deadline = time.perf_counter() + SETTLE_S
    if not painted:
        raise SystemExit(f"{sentinel!r} was never painted; the last bytes were {received[-300:]!r}")
    return Paint(painted, len(received))


def main() -> None:
    with tempfile.TemporaryDirectory() as empty_home:
        home = sys.argv[1] if len(sys.argv) > 1 else empty_home
        ours = [sys.executable, "-m", "mlwf_tui", "--home", home]
        theirs = [sys.executable, "-c", EMPTY_APP]
        pairs = [(measure(ours, b"Projects"), measure(theirs, b"lineage")) for _ in range(ROUNDS)]
    for name, paints in (("mlwf", [a for a, _ in pairs]), ("empty Textual app", [b for _, b in pairs])):
        seconds = statistics.median(paint.seconds for paint in paints)
        size = statistics.median(paint.size_bytes for paint in paints)
        print(f"{name:<18} first paint {seconds:.3f} s   {size / 1000:.1f} KB sent")
    ratio = statistics.median(a.seconds / b.seconds for a, b in pairs)
    print(f"{'ratio':<18} {ratio:.2f} × the empty app")


if __name__ == "__main__":
    main()
