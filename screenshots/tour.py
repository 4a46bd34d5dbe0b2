"""Records a tour of the real app as an asciinema cast: `python -m screenshots.tour HOME [FILE]`.

The app runs on a pseudo-terminal of its own; keys are typed as a person would, and all that it writes is kept
with its time. Play it by `asciinema play screenshots/tour.cast`.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from codecs import getincrementaldecoder
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

COLUMNS, ROWS = 120, 34
QUIET_S = 0.6  # the app has drawn what a key has led to once it is silent for so long
LIMIT_S = 20.0
PATH = Path(__file__).parent / "tour.cast"


class Stop(msgspec.Struct, frozen=True):
    """One key, or several, and how long a viewer looks at what they lead to."""

    keys: str
    looked_at_s: float = 2.0


TOUR: Sequence[Stop] = (
    Stop("", 2.0), Stop("j", 0.4), Stop("j", 0.4), Stop("l", 1.5), Stop("H", 2.5), Stop("\x1b", 1.0),
    Stop("L", 2.5), Stop("J", 2.5), Stop("\x1b", 1.0), Stop("\x05", 2.5), Stop("\x1b", 1.0), Stop("x", 2.0),
    Stop("\x1b", 1.0), Stop("?", 2.5), Stop("\x1b", 0.8),
)  # fmt: skip


def record(home: Path, tour: Sequence[Stop] = TOUR, *, columns: int = COLUMNS, rows: int = ROWS) -> str:
    """Take the app in `home` through a tour, and return the cast: JSON lines, version 2."""
    pid, terminal = pty.fork()
    if pid == 0:
        words = [sys.executable, "-m", "mlwf_tui", "--home", str(home)]
        kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "TMUX")}
        os.execve(sys.executable, words, {**kept, "TERM": "xterm-256color", "COLORTERM": "truecolor"})
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    header = {
        "version": 2,
        "width": columns,
        "height": rows,
        "title": "mlwf",
        "env": {"TERM": "xterm-256color"},
    }
    lines = [json.dumps(header)]
    decoder = getincrementaldecoder("utf-8")("replace")
    shown_at_s = 0.0
    try:
        for stop in tour:
            os.write(terminal, stop.keys.encode())
            for delay_s, written in _read_until_quiet(terminal):
                text = decoder.decode(written)
                lines.append(json.dumps([round(shown_at_s + delay_s, 3), "o", text], ensure_ascii=False))
            shown_at_s = max(shown_at_s, json.loads(lines[-1])[0] if len(lines) > 1 else 0) + stop.looked_at_s
    finally:
        os.kill(pid, signal.SIGTERM)
        os.close(terminal)
        os.waitpid(pid, 0)
    return "\n".join(lines) + "\n"


def _read_until_quiet(terminal: int) -> list[tuple[float, bytes]]:
    """Return what is written until nothing more comes for a while, with seconds since the beginning."""
    began = last = time.monotonic()
    found: list[tuple[float, bytes]] = []
    while time.monotonic() - began < LIMIT_S and (not found or time.monotonic() - last < QUIET_S):
        if select.select([terminal], [], [], 0.05)[0]:
            with suppress(OSError):  # the terminal of a process that has ended
                found.append((time.monotonic() - began, os.read(terminal, 65536)))
                last = time.monotonic()
    return found


def main() -> None:
    home, *rest = map(Path, sys.argv[1:])
    path = rest[0] if rest else PATH
    path.write_text(record(home), "utf-8")
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
