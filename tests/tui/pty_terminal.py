"""The app in a process of its own on a pseudo-terminal, and what can be read there."""

from __future__ import annotations

import os
import pty
import select
import struct
import sys
import termios
from collections.abc import Callable, Mapping, Sequence
from fcntl import ioctl
from pathlib import Path
from time import monotonic

import pyte


class Terminal:
    """The app in a process of its own on a pseudo-terminal; `arguments` are Python's."""

    def __init__(
        self,
        home: Path,
        columns: int = 120,
        rows: int = 40,
        *,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        cell_px: tuple[int, int] = (0, 0),
    ) -> None:
        self.written = b""
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._fed = 0
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            size_px = columns * cell_px[0], rows * cell_px[1]
            ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, *size_px))
            given = environment or {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
            code = "import sys; from pathlib import Path; from mlwf_tui.tui.app import run_app; "
            code += f"sys.exit(run_app(Path({str(home)!r})))"
            # Readline puts COLUMNS and LINES where processes inherit them, and they are believed.
            kept = {name: os.environ[name] for name in os.environ.keys() - {"COLUMNS", "LINES"}}
            known = {**kept, **given}
            os.execve(sys.executable, [sys.executable, *(arguments or ("-c", code))], known)

    def read_until(self, mark: bytes, limit_s: float = 30.0) -> int:
        """Read until `mark` was written and return how many bytes that were."""
        before, deadline = len(self.written), monotonic() + limit_s
        while mark not in self.written[before:]:
            assert monotonic() < deadline, self.written[-500:]
            if select.select([self.fd], [], [], 0.1)[0]:
                self.written += os.read(self.fd, 65536)
        return len(self.written) - before

    def see(self, text: str, holds: Callable[[str], bool] = lambda _: True, *, limit_s: float = 30.0) -> str:
        """Read until the terminal shows `text` and what `holds` of it, and return the whole picture."""
        deadline = monotonic() + limit_s
        while text not in (picture := self.draw()) or not holds(picture):
            assert monotonic() < deadline, picture
            if select.select([self.fd], [], [], 0.1)[0]:
                self.written += os.read(self.fd, 65536)
        return picture

    def draw(self) -> str:
        """Return what the terminal shows that has read everything written so far."""
        self._stream.feed(self.written[self._fed :])
        self._fed = len(self.written)
        return "\n".join(self._screen.display)

    def clear(self) -> None:
        """Let the terminal show nothing, as after another program has had it."""
        self.draw()
        self._screen.reset()

    def wait(self) -> int:
        """Read until the process has ended, and return its exit code."""
        while True:
            try:
                block = os.read(self.fd, 65536)
            except OSError:  # how Linux says that the other end is closed
                break
            if not block:
                break
            self.written += block
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
